"""`answer_not_near`: what the model would hardly say is told, with the likelier spelling."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.hand_patch import run as hand_patch
from desktop_app.analyses.hand_patch.spec import HandPatchParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import Params, PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.engine.tokenizers.tokenizing import TextTokenizer
from desktop_app.methods.nearness import near_notices
from desktop_app.methods.prepare import prepare
from desktop_app.text.answers import fixed_row
from tests.engine import token_files as made
from tests.models import named, tiny

ROW = PromptRow(text="ab cd", answer="x", wrong="y")
SPACED = PromptRow(text="ab cd", corrupt="cd cd", answer=" x", wrong=" y")


@cache
def speller():
    """A tiny model whose tokenizer has `x` and `y` with and without a space in front."""
    plain = made.byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    raw = PreTrainedTokenizerFast(tokenizer_object=plain)
    return replace(tiny("gpt2"), tokenizer=TextTokenizer(raw))


def near(model, logits, row, **settings):
    params = Params(prompts=(row,), **settings)
    return near_notices(model, params, prepare(model, params), [(0, logits)])


def told(likely, row=ROW):
    """Return the notices where the model says tokens with the given logits, all others −20."""
    model = speller()
    logits = torch.full((model.info.d_vocab,), -20.0)
    for text, value in likely.items():
        logits[model.tokenizer.encode(text, "no").ids[0]] = value
    return near(model, logits, row)


def test_answers_among_the_likeliest_are_left_alone():
    assert told({"x": 5.0, "y": 1.0}) == []
    assert told({"x": 5.0, "y": 1.0, " x": -5.0}) == []
    assert told({" x": 5.0, " y": 1.0, "x": -5.0}, SPACED) == []


def test_one_answer_among_the_likeliest_is_enough():
    assert told({"y": 5.0}) == []


def test_both_spellings_of_an_answer_may_be_given():
    row = ROW.model_copy(update={"answer": ("x", " x"), "wrong": (" y", "y")})
    assert told({" x": 9.0, " y": 6.0, "x": -5.0, "y": -5.0}, row) == []


def test_where_neither_is_near_it_is_said():
    """Twenty other tokens come first, and no spelling is better."""
    model = speller()
    logits = torch.zeros(model.info.d_vocab)
    logits[list(model.tokenizer.encode("xy", "no").ids)] = -0.5
    (notice,) = near(model, logits, ROW)
    assert notice.code == "answer_not_near"
    assert "neither “x” nor “y” is among the 20 likeliest next tokens" in notice.message
    assert (notice.prompt, notice.fix["answer"]) == (0, " x")  # likelier, if not by much


@pytest.mark.parametrize(("row", "answer", "wrong"), [(ROW, " x", " y"), (SPACED, "x", "y")])
def test_the_same_word_spelt_likelier_is_the_fix(row, answer, wrong):
    likely = {answer: 9.0, wrong: 2.0, row.answer[0]: 0.0, row.wrong[0]: 0.0}
    (notice,) = told(likely, row)
    assert notice.code == "answer_not_near"
    assert notice.fix == {
        "index": 0, "prompt": "ab cd", "corrupt": row.corrupt, "answer": answer, "wrong": wrong,
    }  # fmt: skip
    assert notice.message.endswith(f"use “{answer}” and “{wrong}” instead (--fix, or one click).")


def test_a_wrong_alone_that_is_misspelt_is_said():
    row = ROW.model_copy(update={"answer": (" x",)})
    (notice,) = told({" x": 9.0, " y": 6.0, "y": 0.0}, row)
    assert (notice.fix["answer"], notice.fix["wrong"]) == (" x", " y")


def test_spellings_that_begin_with_one_token_move_the_space_into_the_prompt():
    """The tiny model's own tokenizer has the space as a token of its own."""
    model = tiny("gpt2")
    logits = torch.full((model.info.d_vocab,), -20.0)
    logits[model.tokenizer.encode(" ", "no").ids[0]] = 9.0
    (notice,) = near(model, logits, ROW)
    assert (notice.fix["prompt"], notice.fix["answer"], notice.fix["wrong"]) == ("ab cd ", "x", "y")
    assert "use the prompt “ab cd ” with “x” and “y” instead" in notice.message


@pytest.mark.model
@pytest.mark.parametrize(
    ("run", "params"),
    [
        (rank.run, RankParams(fix=True)),
        (ablate.run, AblateParams(layers="0:1", fix=True)),
        (patch.run, PatchParams(site="resid_post", fix=True)),
        (hand_patch.run, HandPatchParams(fix=True)),
    ],
)
def test_the_fix_is_applied_where_it_is_asked_for(run, params):
    """The toy says ` 5`, of which the space goes first; a row that is well stays as it is."""
    model = named("toy")
    rows = (
        PromptRow(text="1 2 3 4", corrupt="1 2 4 3", answer="5", wrong="q"),
        PromptRow(text="1 2 3 4", corrupt="1 2 4 3", answer=" 5", wrong=" 4"),
    )
    asked = params.model_copy(update={"prompts": rows})
    plain = run(model, asked.model_copy(update={"fix": False}), SilentReporter())
    (near,) = (n for n in plain.warnings if n.code == "answer_not_near")
    result = run(model, asked, SilentReporter())
    assert "answer_not_near" not in {n.code for n in result.warnings}
    (said,) = (n for n in result.warnings if n.code == "answer_respelt")
    assert (said.prompt, said.fix) == (0, None)
    assert said.message.endswith("instead (--fix).")
    first, second = result.prompts
    told = [first.text, "|".join(a.text for a in first.answers)]
    assert told == [near.fix["prompt"], near.fix["answer"]]
    assert second == plain.prompts[1]
    # The same numbers as of the table that the fix makes.
    fixed = fixed_row(rows[0], near.fix)
    again = run(model, params.model_copy(update={"prompts": (fixed, rows[1])}), SilentReporter())
    assert again.prompts == result.prompts


@pytest.mark.model
def test_a_fix_under_a_template_changes_the_row_and_not_the_template():
    import copy

    model = speller()
    raw = copy.deepcopy(model.tokenizer.raw)
    raw.chat_template = "{{ messages[0].content }}"
    raw.backend_tokenizer.decoder = None
    chatty = replace(model, tokenizer=TextTokenizer(raw))
    params = RankParams(prompts=(ROW, SPACED), chat=True, fix=True)
    plain = rank.run(chatty, params.model_copy(update={"fix": False}), SilentReporter())
    fixes = {n.prompt: n.fix for n in plain.warnings if n.code == "answer_not_near" and n.fix}
    result = rank.run(chatty, params, SilentReporter())
    for index, record in enumerate(result.prompts):
        row = params.prompts[index]
        wanted = fixes[index]["answer"] if index in fixes else row.answer[0]
        assert (record.text, record.answers[0].text) == (row.text, wanted)


def test_nothing_is_said_elsewhere_than_at_the_end():
    model = speller()
    params = Params(prompts=(ROW,))
    prepared = prepare(model, params, position=0)
    assert near_notices(model, params, prepared, [(0, torch.zeros(model.info.d_vocab))]) == []


def test_broken_and_missing_logits_are_passed_over():
    model = speller()
    for logits in (torch.empty(0), torch.full((model.info.d_vocab,), float("nan"))):
        assert near(model, logits, ROW) == []


@pytest.mark.model
@pytest.mark.parametrize(
    ("run", "params"),
    [
        (rank.run, RankParams()),
        (ablate.run, AblateParams(layers="0:1")),
        (patch.run, PatchParams(site="resid_post")),
        (hand_patch.run, HandPatchParams()),
    ],
)
def test_every_analysis_with_answers_says_it(run, params):
    """The toy counts: after `1 2 3 4` it says numbers, and hardly these letters."""
    row = PromptRow(text="1 2 3 4", corrupt="1 2 4 3", answer="q", wrong="z")
    said = run(named("toy"), params.model_copy(update={"prompts": (row,)}), SilentReporter())
    assert [n.prompt for n in said.warnings if n.code == "answer_not_near"] == [0]
    row = PromptRow(text="1 2 3 4", corrupt="1 2 4 3", answer=" 5", wrong=" 4")
    said = run(named("toy"), params.model_copy(update={"prompts": (row,)}), SilentReporter())
    assert "answer_not_near" not in {n.code for n in said.warnings}


@pytest.mark.pack
@pytest.mark.model
def test_the_capital_of_france(smollm2_folder):
    model = named("smollm2")
    row = PromptRow(text="The capital of France is", answer="Paris", wrong="Rome")
    result = rank.run(model, RankParams(prompts=(row,)), SilentReporter())
    (notice,) = (n for n in result.warnings if n.code == "answer_not_near")
    assert result.data["answers"][0][0]["rows"][0]["rank"] == 43
    assert result.data["top"][0][0]["text"] == " Paris"
    assert result.data["top"][0][0]["prob"] == pytest.approx(0.773, abs=1e-3)
    assert result.data["logit_diff"][0] == pytest.approx(5.548, abs=1e-3)
    assert (notice.fix["answer"], notice.fix["wrong"]) == (" Paris", " Rome")
    fixed = PromptRow(text=row.text, answer=notice.fix["answer"], wrong=notice.fix["wrong"])
    better = rank.run(model, RankParams(prompts=(fixed,)), SilentReporter())
    assert "answer_not_near" not in {n.code for n in better.warnings}
