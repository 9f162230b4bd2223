"""Circuits on the command line: what may be written for `--keep`, and what is refused."""

from __future__ import annotations

import json

import pytest

from desktop_app import cli
from desktop_app.contract.kept import check_kept, parse_kept, written_kept
from desktop_app.contract.params import PromptRow
from desktop_app.support.errors import BadInputError
from desktop_app.text.kept_files import read_keep, read_trail
from desktop_app.text.prompts import read_rows, write_prompts

ASKED = ("--model", "toy", "--prompt", "1 2 3 4", "--answer", " 5", "--wrong", " 4", "--json")


@pytest.fixture
def command(capfd):
    """Return a function that runs a command line: exit code, result object and errors."""

    def call(*given):
        code = cli.main(["run", "circuit", *map(str, given)])
        out, errors = capfd.readouterr()
        return code, json.loads(out) if code == 0 else None, errors

    return call


@pytest.fixture
def run(command):
    """Return the same for one prompt of the toy."""
    return lambda *given: command(*ASKED, *given)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5.3", ("5.3",)),
        ("m4, 5.3 L4H0;4.1", ("4.0", "4.1", "m4", "5.3")),
        ("5.3@0@-1", ("5.3@0@-1",)),
        ("5.3@-1 5.3@2,5.3@-1", ("5.3@2@-1",)),
        ("5.3@1,5.3", ("5.3",)),
        ("M4@2", ("m4@2",)),
    ],
)
def test_lists_are_read_whatever_stands_between(written, meant):
    assert written_kept(parse_kept(written)) == meant
    assert check_kept(written) == ",".join(meant)


@pytest.mark.parametrize("bad", ["", "5", "5.3@", "5.3@x", "@1", "5.3@@1", "all,5.3", "5.3@1.5"])
def test_what_names_no_part_is_refused(bad):
    with pytest.raises(ValueError, match=r"write|neither"):
        check_kept(bad)


def test_words_are_understood_in_any_spelling():
    assert (check_kept(" ALL "), check_kept("None")) == ("all", "none")


def test_keep_takes_words_lists_files_and_results(run, tmp_path):
    code, found, _errors = run("--keep", "1.0,0.1@-1")
    assert code == 0
    kept = ["0.1@-1", "1.0"]
    assert found["result"]["kept"] == kept
    assert found["params"]["keep"] == "0.1@-1,1.0"
    lines, result = tmp_path / "kept.txt", tmp_path / "result.json"
    lines.write_text("1.0\n\n0.1@-1\n", "utf-8")
    result.write_text(json.dumps(found), "utf-8")
    for file in (lines, result):
        code, again, _errors = run("--keep", file)
        assert code == 0
        assert again["result"]["kept"] == kept
        assert again["result"]["score"] == found["result"]["score"]
    code, none, _errors = run("--keep", "none")
    assert none["result"]["kept"] == []
    result.write_text(json.dumps(none), "utf-8")
    assert read_keep(str(result)) == "none"


def test_names_of_the_contract_stand_in_the_result(run):
    code, found, _errors = run("--mlps", "--minus", "--prune", "20", "--controls", "3")
    assert code == 0
    data = found["result"]
    count = len(data["kept"])
    assert len(data["minus"]) == count < 15
    assert {"score", "percent", "faithfulness", "kept", "trail", "full", "empty"} <= set(data)
    assert data["trail"][0][:2] == [1, "m2"]
    assert all(step[4] in {"kept", "dropped"} for step in data["trail"])
    assert found["params"]["prune"] == 20
    assert found["params"]["controls"] == 3


def test_references_keep_their_groups(command, tmp_path):
    rows = (
        PromptRow(text="1 3 5 2", group="A"),
        PromptRow(text="9 8 7 1", group="B"),
    )
    table, prompts = tmp_path / "reference.csv", tmp_path / "prompts.csv"
    write_prompts(table, rows)
    asked = PromptRow(text="1 2 3 4", answer=" 5", wrong=" 4")
    groups = "AB"
    write_prompts(prompts, [asked.model_copy(update={"group": name}) for name in groups])
    given = ("--model", "toy", "--json", "--keep", "none")
    _code, found, _errors = command(*given, "--prompts", prompts, "--reference", table)
    assert found["params"]["reference"] == [row.text for row in rows]
    assert found["params"]["reference_groups"] == ["A", "B"]
    assert [g["group"] for g in found["result"]["groups"]] == ["A", "B"]
    assert found["result"]["score"][0] != pytest.approx(found["result"]["score"][1], abs=1e-3)


def test_a_text_file_of_references_has_no_groups(run, tmp_path):
    file = tmp_path / "reference.txt"
    file.write_text("1 3 5 2\n9 8 7 1\n", "utf-8")
    assert [row.text for row in read_rows(file)] == ["1 3 5 2", "9 8 7 1"]
    code, found, _errors = run("--keep", "none", "--reference", file)
    assert (code, found["params"]["reference_groups"]) == (0, [])
    assert found["result"]["reference_size"] == 2


def test_a_stopped_pruning_goes_on_from_a_file(run, tmp_path):
    _code, whole, _errors = run("--prune", "20", "--mlps", "--controls", "0")
    file = tmp_path / "part.json"
    part = {**whole, "result": {**whole["result"], "trail": whole["result"]["trail"][:4]}}
    file.write_text(json.dumps(part), "utf-8")
    code, on, _errors = run("--prune", "20", "--mlps", "--controls", "0", "--resume", file)
    assert code == 0
    assert on["result"]["kept"] == whole["result"]["kept"]
    assert len(on["result"]["trail"]) == len(whole["result"]["trail"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--keep", "nowhere.txt"), "there is no file"),
        (("--keep", "5..3"), "there is no file"),
        (("--keep", "5..3,m1"), "and as a list “5..3” is neither a head nor an MLP"),
        (("--keep", "quite wrong"), "is neither a head nor an MLP"),
        (("--keep", "9.9"), "layer 9 does not exist"),
        (("--keep", "m1"), "choose --mlps"),
        (("--keep", "0.1@9"), "prompt 1 has 5 tokens"),
        (("--prune", "x"), "prune"),
        (("--prune", "101"), "prune"),
        (("--resume", "nowhere.json", "--prune", "1"), "there is no file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, given, words):
    code, _found, errors = run(*given)
    assert code == 2
    assert words in errors
    assert "Traceback" not in errors


def test_files_of_strangers_are_read_with_care(tmp_path):
    bad = {
        "deep.json": "[" * 100_000,
        "numbers.json": '{"result": {"kept": [1, 2]}}',
        "words.json": '{"result": {"kept": "all other heads"}}',
        "parts.json": '{"result": {"kept": ["5.x"]}}',
        "none.json": "null",
        "all.txt": "1.0\nall\n",
        "parts.txt": "1.0\nfive\n",
        "empty.txt": "\n\n",
    }
    for name, text in bad.items():
        file = tmp_path / name
        file.write_text(text, "utf-8")
        with pytest.raises(BadInputError, match="--keep"):
            read_keep(str(file))
        if name.endswith(".json"):
            with pytest.raises(BadInputError, match="--resume"):
                read_trail(str(file))
    (tmp_path / "all.lens").write_bytes(b"PK\x03\x04")
    for read in (read_keep, read_trail):
        with pytest.raises(BadInputError, match=r"is a session: export the result as \.json"):
            read(str(tmp_path / "all.lens"))
    (tmp_path / "raw.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="UTF-8"):
        read_keep(str(tmp_path / "raw.txt"))
    with pytest.raises(BadInputError, match="cannot be read"):
        read_keep(str(tmp_path))
    with pytest.raises(BadInputError, match="as a list “x9” is neither"):  # longer than a name
        read_keep(", ".join(f"{n}.3" for n in range(80)) + ", x9")
