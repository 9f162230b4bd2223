"""Candidate words from the command line, to the letter of the contract."""

from __future__ import annotations

import json
import shutil

import pytest

from desktop_app.cli import main
from desktop_app.support.paths import resource

MODEL = ("--model", "toy", "--device", "cpu", "--offline")
PROMPT = ("--prompt", "one two three four")


def run(capsys, *options, code=0):
    assert main(["run", "candidates", *MODEL, *options]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_the_options_are_the_keys_of_params(capsys, tmp_path):
    text = tmp_path / "words.txt"
    text.write_text("two two six", encoding="utf-8")
    options = ("--replace", "two", "--with", "six| ten|", "--head", "1.2", "--text", str(text))
    found = json.loads(run(capsys, *PROMPT, *options, "--json"))
    params = found["params"]
    assert (params["replace"], params["with"], params["head"]) == ("two", ["six", " ten"], "1.2")
    assert (params["occurrence"], params["pair"], params["text"]) == (0, 0, str(text))
    assert found["result"]["words"] == ["two", "six", " ten"]
    assert found["result"]["frequency_rank"] == [0, 1, None]
    assert found["result"]["kl"][0] == 0
    assert found["result"]["kl"][2] is None
    assert [w["code"] for w in found["warnings"]] == [
        "candidate_length",
        "candidate_space",
        "candidate_uncounted",
    ]


def test_out_and_export(capsys, tmp_path):
    session = tmp_path / "s.lens"
    run(capsys, *PROMPT, "--replace", "two", "--with", "six", "--out", str(session))
    for ending in ("json", "npz", "csv", "py", "ipynb"):
        out = tmp_path / f"r.{ending}"
        assert main(["export", str(session), "--result", "1", "--out", str(out)]) == 0
        assert out.stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "No word is named (--replace)"),
        (("--replace", "two"), "No candidate is named (--with)"),
        (("--replace", "seven", "--with", "six"), "“seven” does not stand in prompt 1"),
        (("--replace", "two", "--with", "six", "--head", "x"), "--head: “x” is not a head"),
        (("--replace", "two", "--with", "six", "--text", "gone.txt"), "--text gone.txt is not"),
        (("--replace", "two", "--with", "six", "--pair", "-1"), "--pair"),
        (("--replace", "two", "--with", "|".join(map(str, range(1_100)))), "--with"),
    ],
)
def test_bad_input_is_one_line_that_names_the_option(capsys, options, told):
    said = run(capsys, *PROMPT, *options, code=2)
    assert told in said
    assert said.count("\n") == 1


def chatty(tmp_path, template):
    """Return the options that name a toy with a chat template."""
    folder = shutil.copytree(resource("toy"), tmp_path / "chatty")
    path = folder / "tokenizer_config.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**told, "chat_template": template}), encoding="utf-8")
    return "--model", str(folder), "--chat"


@pytest.mark.parametrize(
    ("message", "prompt", "after"),
    [
        ("{{ messages[0].content }}", "one two three", " two four"),
        ("{{ messages[0].content }}", "  two ", " two four"),
        ("{{ messages[0].content | trim }}", "  two ", " two four"),
        ("{{ messages[0].content | trim }}", "two", ""),
    ],
)
def test_chat_keeps_the_template_out_of_it(capsys, tmp_path, message, prompt, after):
    """It holds the word before the message and behind it, and more than the message is."""
    options = chatty(tmp_path, f"one two {message}{after}")
    words = ("--prompt", prompt, "--replace", "two", "--with", "six")
    found = json.loads(run(capsys, *words, *options, "--json"))
    (record,), data = found["prompts"], found["result"]
    given = prompt.strip() if "trim" in message else prompt
    assert record["text"] == f"one two {given}{after}"
    before = f"one two {given.partition('two')[0]}"
    (first, stop), _other = data["span"]
    texts = record["tokens"]["texts"]
    assert "".join(texts[:first]).split() == before.split()
    assert "".join(texts[first:stop]).strip() == "two"
    assert data["start"] == prompt.index("two")


@pytest.mark.parametrize(
    "template",
    [
        "one {{ messages[0].content | upper }}",
        "{{ messages[0].content }} {{ messages[0].content }}",
        "one two",
    ],
)
def test_a_template_in_which_the_message_is_not_found_is_refused(capsys, tmp_path, template):
    options = chatty(tmp_path, template)
    said = run(capsys, *PROMPT, "--replace", "two", "--with", "six", *options, code=2)
    assert "The chat template changes the prompt" in said
    assert "leave --chat out" in said


def test_a_model_without_a_chat_template_says_so(capsys):
    said = run(capsys, *PROMPT, "--replace", "two", "--with", "six", "--chat", code=2)
    assert "This model has no chat template: run without --chat" in said
