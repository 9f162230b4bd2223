"""`lensbench prompts`: files, counts, one-line errors, and the gate."""

from __future__ import annotations

import json

import pytest

from desktop_app import cli
from desktop_app.support.paths import resource
from desktop_app.text.made.families import FAMILIES
from desktop_app.text.prompts import read_prompts, read_texts

NAMES = [
    "numbers",
    "words",
    "months",
    "days",
    "letters",
    "intervals",
    "fibonacci",
    "ioi",
    "greater-than",
    "repeats",
    "template",
]


@pytest.fixture
def call(capfd):
    """Return a function that runs a command line: (exit status, standard output, error)."""

    def run(*arguments):
        code = cli.main(["prompts", *(str(a) for a in arguments)])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def test_alone_it_lists_the_families(call):
    code, out, _err = call()
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == NAMES
    code, out, _err = call("--json")
    assert [row["name"] for row in json.loads(out)] == NAMES
    assert set(json.loads(out)[0]) == {"name", "title", "summary", "example"}


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_prompts_and_reference_come_as_files_that_every_analysis_reads(call, tmp_path, ending):
    prompts, reference = tmp_path / f"p{ending}", tmp_path / f"r{ending}"
    code, out, err = call(
        "numbers", "--out", prompts, "--reference-out", reference, "--references", 7
    )
    assert (code, out) == (0, "")
    rows = read_prompts(prompts)
    assert [row.text for row in rows] == [
        row.text for row in read_prompts(resource("prompts", "number_sequences.csv"))
    ]
    assert all(row.corrupt and row.answer and row.wrong and row.group == "bare" for row in rows)
    assert len(read_texts(reference)) == 7
    assert "5 of 5 prompts made, 7 for reference." in err
    assert "its own tokenizer counts" in err


@pytest.mark.parametrize("family", [f for f in NAMES if f != "numbers"])
def test_each_family_prints_its_table_where_no_file_is_named(call, tmp_path, family):
    code, out, err = call(family)
    assert code == 0
    assert err.splitlines()[0].endswith("for reference.")
    (tmp_path / "p.csv").write_text(out, encoding="utf-8")
    rows = read_prompts(tmp_path / "p.csv")
    assert f"{len(rows)} of" in err.splitlines()[0]


def test_json_holds_prompts_reference_counts_and_nothing_else_is_printed(call):
    code, out, _err = call("words", "--json", "--count", 11, "--references", 3)
    assert code == 0
    found = json.loads(out)
    assert found["family"] == "words"
    assert found["form"]["count"] == 11
    assert len(found["prompts"]) == len(found["tokens"]) == 9
    assert found["dropped"] == [{"reason": "the sequence runs past twelve", "count": 2}]
    assert (found["tried"], len(found["reference"])) == (11, 3)
    assert (found["measured"], found["done"]) == (False, None)
    assert set(found["prompts"][0]) == {"prompt", "corrupt", "answer", "wrong", "group"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["primes"], "no family of prompts “primes”"),
        (["numbers", "--stop", "9"], "--stop"),
        (["numbers", "--start", 10**9], "--start"),
        (["numbers", "--length", 1], "--length"),
        (["numbers", "--step", 0], "--step: 0 would repeat one member"),
        (["numbers", "--step", "x"], "--step"),
        (["numbers", "--count", 10**6], "--count"),
        (["numbers", "--references", -1], "--references"),
        (["numbers", "--start", 10], "numbers gives no prompt"),
        (["months", "--start", "Brumaire"], "--start"),
        (["intervals", "--step", 1], "--step"),
        (["repeats", "--shown", 10], "--shown"),
        (["template", "--template", "x"], "--template has no slot"),
        (["numbers", "--out", "p.txt"], "--out p.txt must end in .csv or .jsonl"),
        (["numbers", "--reference-out", "p.json"], "--reference-out p.json must end in"),
        (["numbers", "--out", "nowhere/p.csv"], "its folder does not exist"),
        (["numbers", "--out", "p.csv", "--reference-out", "./p.csv"], "the same file"),
        (["numbers", "--references", 0, "--reference-out", "p.csv"], "no reference prompts"),
        (["numbers", "extra"], "extra"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(call, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_slots_given_on_the_command_line_are_all_there_are(call):
    code, out, _err = call(
        *("template", "--template", "I like {a} and", "--slots", "a=tea|milk"),
        *("--answer", " {a}"),
    )
    assert code == 0
    assert out.splitlines()[1:] == [
        '"I like tea and","I like milk and"," tea"," milk","template"',
        '"I like milk and","I like tea and"," milk"," tea","template"',
    ]


@pytest.mark.model
def test_a_model_s_own_tokenizer_counts_and_only_what_it_does_is_kept(call, tmp_path):
    out_file = tmp_path / "p.jsonl"
    code, out, err = call("numbers", "--model", "toy", "--only-done", "--out", out_file, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["measured"] is True
    assert found["done"] == {"count": 5, "of": 5}
    assert found["tokens"] == [5] * 5  # BOS and four numbers, each with its space
    first = read_prompts(out_file)[0]
    assert (first.text, first.answer) == ("1 2 3 4", (" 5",))
    assert "toy does 5 of 5 of these." in err
    assert "more than twice as likely as the wrong one" in err


@pytest.mark.model
def test_the_files_are_what_an_ablation_with_means_needs(call, tmp_path):
    prompts, reference = tmp_path / "p.csv", tmp_path / "r.jsonl"
    code, _out, _err = call(
        *("months", "--model", "toy", "--template", "bare", "--between", "comma"),
        *("--out", prompts, "--reference-out", reference, "--references", 9),
    )
    assert code == 0
    arguments = [
        *("run", "ablate", "--model", "toy", "--layers", "0:1", "--out", tmp_path / "r.json"),
        *("--prompts", prompts, "--reference", reference),
    ]
    assert cli.main([str(a) for a in arguments]) == 0
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert found["params"]["mode"] == "auto"
    assert len(found["params"]["reference"]) == 9
    told = {notice["code"] for notice in found["warnings"]}
    assert not told & {"means_pooled", "lengths_differ", "task_not_done", "reference_is_self"}
    assert all(value > 0 for value in found["result"]["base"])


@pytest.mark.model
def test_a_task_that_the_model_cannot_do_is_refused_before_anything_is_written(call, tmp_path):
    out_file = tmp_path / "p.csv"
    code, out, err = call(
        "fibonacci", "--model", "toy", "--only-done", "--count", 4, "--out", out_file
    )
    assert (code, out) == (2, "")
    assert err == (
        "lensbench: --only-done keeps no prompt. toy does 0 of 4 of these. "
        "This model cannot do this: nothing to ablate.\n"
    )
    assert not out_file.exists()


def test_an_unknown_model_is_what_it_is_for_every_command(call):
    code, _out, err = call("numbers", "--model", "no/such-model", "--offline")
    assert code == 3
    assert err.count("\n") == 1


def test_help_names_every_field_of_a_family(call):
    for family in FAMILIES:
        code, out, _err = call(family.name, "--help")
        assert code == 0
        for name in family.form.stored_fields():
            assert f"--{name}" in out
