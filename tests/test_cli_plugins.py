"""`lensbench plugins`: listed, added, switched and removed without a window."""

from __future__ import annotations

import io
import json

import pytest

from desktop_app import cli
from desktop_app.contract.registry import ANALYSES
from desktop_app.support.paths import HOME_VARIABLE
from desktop_app.support.plugin_state import keep, plugins_dir
from tests.plugins import python
from tests.wheels import files_of, own_plugins, sample_wheel, unpacked, write_wheel


class Terminal(io.StringIO):
    """A standard input at which somebody sits."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with own_plugins():
        yield tmp_path / "home"


@pytest.fixture
def call(capsys):
    def run(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_without_any_the_folder_is_told(call):
    code, out, err = call("plugins")
    assert (code, err) == (0, "")
    assert str(plugins_dir()) in out
    assert "lensbench plugins add FILE.whl" in out
    assert json.loads(call("plugins", "--json")[1]) == []


def test_one_is_added_switched_on_run_and_removed(call, tmp_path):
    code, out, err = call("plugins", "add", sample_wheel(tmp_path))
    assert (code, err) == (0, "")
    assert out.startswith("lensbench-weather 0.1.0 is added and off. A plug-in is a program")
    assert "weather" not in ANALYSES
    assert call("plugins")[1].startswith("off  lensbench-weather 0.1.0  How strong")
    assert call("plugins", "on", "lensbench-weather")[:2] == (
        0,
        "lensbench-weather 0.1.0 is on; then: lensbench run weather --help\n",
    )
    (row,) = json.loads(call("plugins", "--json")[1])
    assert (row["name"], row["version"], row["on"]) == ("lensbench-weather", "0.1.0", True)
    assert row["analyses"] == ["weather"]
    assert (row["problem"], row["lacks"], row["notes"]) == ("", [], [])
    assert "--site [resid_pre|resid_post]" in call("run", "weather", "--help")[1]
    assert call("plugins", "off", "lensbench-weather")[1] == "lensbench-weather 0.1.0 is off\n"
    assert call("plugins", "remove", "lensbench-weather", "--yes")[0] == 0
    assert json.loads(call("plugins", "--json")[1]) == []


@pytest.mark.model
@pytest.mark.slow
def test_a_process_of_its_own_runs_what_is_on(call, tmp_path, home):
    call("plugins", "add", sample_wheel(tmp_path))
    call("plugins", "on", "lensbench-weather")
    command = ("-m", "desktop_app", "run", "weather", "--model", "toy", "--prompt", "1 2", "--json")
    done = python(*command, **{HOME_VARIABLE: str(home)})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["analysis"] == "weather"


def test_it_is_replaced_and_removed_only_after_asking(call, tmp_path, monkeypatch):
    call("plugins", "add", write_wheel(tmp_path))
    newer = write_wheel(tmp_path, files_of(version="2.0"))
    question = "its-plugin 1.0 is there: let version 2.0 take its place?"
    assert call("plugins", "add", newer) == (2, "", f"lensbench: {question} Say so by --replace.\n")
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert call("plugins", "add", newer)[0] == cli.INTERRUPTED
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert call("plugins", "add", newer)[0] == 0
    assert call("plugins", "add", newer, "--replace")[0] == 0
    assert '"2.0"' in call("plugins", "--json")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = call("plugins", "remove", "its-plugin")
    assert (code, out) == (2, "")
    assert err.endswith("? Say so by --yes.\n")
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert call("plugins", "remove", "its-plugin")[1] == "its-plugin 2.0 is removed\n"


def test_what_is_to_be_known_is_a_warning(call, tmp_path):
    needs = ("Requires-Dist: no-such-library>=2",)
    modules = {"zeal/spec.py": "print('hello')\nimport no_such_library", "json.py": ""}
    call("plugins", "add", write_wheel(tmp_path, files_of(headers=needs, modules=modules)))
    code, out, err = call("plugins", "on", "its-plugin")
    assert (code, out) == (0, "its-plugin 1.0 is on\n")
    assert "warning: its-plugin lacks no-such-library >=2: it may not work.\n" in err
    assert "warning: its-plugin: It brings json, which the program has" in err
    assert "“zeal” of zeal cannot be loaded: ModuleNotFoundError" in err
    assert "hello" not in out
    listed = call("plugins")[1]
    assert "     lacks    no-such-library >=2\n" in listed


def test_refusals_are_one_sentence(call, tmp_path):
    for name in ("first", "second"):
        unpacked(files_of(name))
    call("plugins", "on", "first")
    for arguments, words in (
        (("on", "second"), "switch that off first"),
        (("on", "third"), "choose one of first, second"),
        (("off", "third"), "choose one of first, second"),
        (("remove", "third", "--yes"), "choose one of first, second"),
        (("add", tmp_path / "gone-1.0-py3-none-any.whl"), "cannot be read"),
        (("add", tmp_path / "gone.zip"), "is no wheel"),
        (("add", tmp_path), "is no wheel"),
        (("on",), "Missing argument"),
    ):
        code, out, err = call("plugins", *arguments)
        assert (code, out) == (2, "")
        assert err.startswith("lensbench: ")
        assert err.count("\n") == 1
        assert words in err


def test_words_of_others_do_not_steer_the_terminal(call):
    unpacked(files_of(headers=("Summary: \x1b[2J\x1b]0;title\x07 and more",)))
    assert "\x1b" not in call("plugins")[1]
    assert "\x1b" not in call("plugins", "--json")[1]


def test_one_that_is_gone_is_listed_and_can_be_switched_off(call):
    keep({"gone"})
    assert "It is switched on and no longer in " in call("plugins")[1]
    assert call("plugins", "off", "gone")[:2] == (0, "gone is off\n")
    assert json.loads(call("plugins", "--json")[1]) == []
