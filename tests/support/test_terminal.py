"""Nothing of unknown origin steers a terminal."""

from __future__ import annotations

import ast
import io
import json
import logging
import sys
from pathlib import Path

import pytest

from desktop_app import cli, cli_options
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from desktop_app.support.logs import LogBook
from desktop_app.support.terminal import (
    one_line,
    prepare_streams,
    printable,
    printable_json,
    put_json,
    put_line,
)
from tests.samples import stored

ROOT = Path(__file__).parents[2] / "desktop_app"
EVIL = "a\x1b]0;owned\x07\x9b2J\x7f\r\u202eb\u2028c"


def is_harmless(text):
    return not any(
        (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" for c in text
    ) and not any(c in text for c in "\u202e\u2028\u2066")


def test_signs_stand_for_what_would_steer():
    assert printable(EVIL) == "a␛]0;owned␇\\u009b2J␡␍\\u202eb\\u2028c"
    assert printable("Wörter, 数字\t\n\u200dé") == "Wörter, 数字\t\n\u200dé"
    assert one_line("a\nb\x1b") == "a b␛"


def test_json_keeps_its_value():
    text = json.dumps({"text": EVIL}, ensure_ascii=False)
    assert is_harmless(printable_json(text))
    assert json.loads(printable_json(text)) == {"text": EVIL}


@pytest.mark.parametrize("arguments", [("results",), ("results", "--json"), ("diff",)])
def test_a_session_of_a_stranger_is_listed_without_harm(tmp_path, capfd, arguments):
    command, *rest = arguments
    paths = []
    for name in ("one", "two"):
        paths.append(tmp_path / f"{name}.lens")
        with Session.create(paths[-1]) as session:
            session.add(stored.result_of("rank", {EVIL.encode().hex(): 1}), title=EVIL)
            session.add(stored.rank_result() if name == "one" else stored.ablate_result(), EVIL)
    cli.main([command, *map(str, paths if command == "diff" else paths[:1]), *rest])
    out, err = capfd.readouterr()
    assert out + err
    assert is_harmless(out), out
    assert is_harmless(err), err


def test_errors_progress_and_logs_are_harmless(tmp_path, capfd, monkeypatch):
    assert cli.main(["results", str(tmp_path / f"{EVIL}.lens")]) == 2
    assert cli.main([f"{EVIL}"]) == 2
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    reporter = cli_options.TerminalReporter("run")
    reporter.step(0.5, EVIL)
    _out, err = capfd.readouterr()
    assert is_harmless(err.replace("\r\x1b[K", ""))
    with (tmp_path / "echo").open("w") as stream:
        book = LogBook(tmp_path / "log", stream)
        book.note(logging.WARNING, "x", EVIL)
        book.close()
    assert is_harmless((tmp_path / "echo").read_text())
    assert is_harmless((tmp_path / "log").read_text())


class Talker:
    """A service whose library writes what it found in a file."""

    def perform(self, _request, _report):
        sys.stdout.write(EVIL)
        sys.stderr.write(EVIL)
        raise BadInputError("No.")


def test_what_a_library_writes_is_harmless(capfd, monkeypatch):
    monkeypatch.setattr("desktop_app.jobs.service.Service", Talker)
    assert cli.main(["run", "tokens", "--prompt", "a"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count(printable(EVIL)) == 2
    assert is_harmless(err)


# What writes to the terminal, and the functions that make it harmless.
CALLS = {
    "print", "click.echo", "self._stream.write", "stream.write", "sys.stdout.write",
    "sys.stderr.write",
}  # fmt: skip
WRITERS = {
    "cli": {"_perform", "_say", "_show", "_warn"},
    "cli_options": {"step", "stores", "end"},
    "app": set(),
    "support/terminal": {"put_line", "write"},
}


@pytest.mark.parametrize("module", WRITERS)
def test_nothing_is_written_but_by_what_makes_it_harmless(module):
    tree = ast.parse((ROOT / f"{module}.py").read_text("utf-8"))
    found = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            if ast.unparse(call.func) in CALLS:
                found.add(function.name)
    assert found == WRITERS[module]


class Pipe:
    """Standard output as Windows gives it to a program that writes into a pipe."""

    def __enter__(self):
        self._before = sys.stdout  # pytest's own, put there when the test began
        sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", newline="")
        return self

    def __exit__(self, *_how):
        sys.stdout.flush()
        self.text = sys.stdout.buffer.getvalue().decode("cp1252")
        sys.stdout = self._before


def test_a_sign_that_a_pipe_cannot_take_is_replaced():
    with Pipe() as pipe:
        put_line("␠2 − é\x1b")
    assert pipe.text == "?2 ? é?\n"


def test_json_in_a_pipe_keeps_its_value():
    value = {"text": EVIL + "␠𝟙é"}
    with Pipe() as pipe:
        put_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(pipe.text) == value


def test_what_others_print_into_a_pipe_ends_nothing():
    with Pipe() as pipe:
        prepare_streams()
        sys.stdout.write("␠2\n")
    assert pipe.text == "?2\n"


def test_a_program_without_a_console_can_be_written_to(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    prepare_streams()
    made = sys.stdin, sys.stdout, sys.stderr
    put_line("␠2")
    sys.stderr.write("␠2")
    assert not sys.stderr.isatty()
    assert sys.stdin.read() == ""
    for stream in made:
        stream.close()
