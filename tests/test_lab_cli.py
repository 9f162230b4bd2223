"""The induction laboratory from the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from desktop_app.cli import main

TOY = ("--model", "toy", "--device", "cpu", "--offline")


def run(capsys, analysis, *options, code=0):
    assert main(["run", analysis, *TOY, *options]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_detect_needs_no_prompt_and_prints_the_result_object(capsys):
    found = json.loads(run(capsys, "detect", "--batch", "2", "--seq-len", "10", "--json"))
    assert np.shape(found["result"]["induction"]) == (3, 4)
    assert len(found["prompts"]) == 2
    assert len(found["prompts"][0]["tokens"]["ids"]) == 21
    assert found["params"]["on"] == "random"
    assert found["provenance"]["seed"] == 0


def test_detect_takes_prompts_where_they_are_given(capsys):
    options = ("--prompt", "one two one two", "--json")
    found = json.loads(run(capsys, "detect", *options))
    assert found["params"]["on"] == "prompts"
    assert found["prompts"][0]["text"] == "one two one two"


def test_detect_reads_a_painted_pattern(capsys, tmp_path):
    np.save(tmp_path / "p.npy", np.tril(np.ones((9, 9)), -1))
    options = ("--batch", "1", "--seq-len", "4", "--pattern", str(tmp_path / "p.npy"), "--json")
    found = json.loads(run(capsys, "detect", *options))
    target = np.array(found["result"]["target"])
    assert ((target > 0) & (target < 1)).all()


def test_repeat_prints_both_halves_beside_the_authors_numbers(capsys):
    text = run(capsys, "repeat", "--batch", "2", "--seq-len", "8")
    assert "log-probability" in text
    assert "−13.898, −0.644" in text


def test_compose_takes_a_pair_as_two_words(capsys):
    options = ("--full-circuit", "0.3", "1.3", "--ov", "1.3", "--tokens", "50", "--json")
    found = json.loads(run(capsys, "compose", *options))["result"]
    assert np.shape(found["score"]) == (3, 3, 4, 3, 4)
    assert np.shape(found["top1"]) == np.shape(found["ov_top5"]) == (2,)
    assert found["n"] == 50


@pytest.mark.parametrize(
    ("analysis", "options", "words"),
    [
        ("repeat", ("--prompt", "x"), "read no prompt"),
        ("compose", ("--prompt", "x"), "read no prompt"),
        ("detect", ("--on", "prompts"), "There is no prompt"),
        ("rank", (), "There is no prompt"),
        ("detect", ("--batch", "0"), "--batch"),
        ("detect", ("--pattern", "nothing.csv"), "--pattern nothing.csv"),
        ("compose", ("--full-circuit", "x", "y"), "--full-circuit"),
        ("detect", ("--card", "1.0,0.0"), "earlier layer"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(capsys, analysis, options, words):
    message = run(capsys, analysis, *options, code=2)
    assert words in message
    assert message.count("\n") == 1


def test_results_go_to_files_and_sessions(capsys, tmp_path):
    out = tmp_path / "a.npz"
    run(capsys, "detect", "--batch", "1", "--seq-len", "6", "--card", "auto", "--out", str(out))
    with np.load(out) as arrays:
        assert arrays["induction"].shape == (3, 4)
        assert arrays["card_induction_pattern"].shape == (13, 13)
    session = str(tmp_path / "a.lens")
    for analysis in ("detect", "repeat", "compose"):
        extra = () if analysis == "compose" else ("--batch", "1", "--seq-len", "6")
        run(capsys, analysis, *extra, "--out", session)
    assert main(["results", session, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["analysis"] for row in rows] == ["detect", "repeat", "compose"]
    for number in (1, 2, 3):
        target = str(tmp_path / f"{number}.csv")
        assert main(["export", session, "--result", str(number), "--out", target]) == 0
