"""The gate: whether a model does a task at all, by the fields of a ranking."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from desktop_app.contract.result import ModelInfo, PromptRecord, Result, TokenList
from desktop_app.pictures.gate import RULE, judge, summary

MODEL = ModelInfo("tiny", "", "", 1, 1, 1, 1, 1, 1, 1, 1, "", "cpu", "float32")


def entry(text, rank, prob, *further):
    rows = [{"text": text, "rank": rank, "prob": prob}, *further]
    return {"text": text, "rows": rows, "logprob_total": 0.0}


def ranked(*prompts):
    """Return a ranking of prompts, each its answers, its wrong ones and what is likeliest."""
    tokens = TokenList((1,), ("a",), ("a",))
    return Result(
        analysis="rank",
        params={},
        model=MODEL,
        prompts=tuple(PromptRecord("a", tokens, 0) for _ in prompts),
        data={
            "answers": tuple(answers for answers, _, _ in prompts),
            "wrong": tuple(wrong for _, wrong, _ in prompts),
            "top": tuple([{"text": top}] for _, _, top in prompts),
        },
    )


@pytest.mark.parametrize(
    ("answers", "wrong", "missing"),
    [
        ([entry("5", 0, 0.5)], [entry("4", 1, 0.2)], ""),
        ([entry("5", 0, 0.5)], [entry("4", 1, 0.25)], "only 2 times as likely as the wrong one"),
        ([entry("5", 0, 0.5)], [entry("4", 1, 0.4)], "only 1.2 times as likely"),
        ([entry("5", 1, 0.3)], [entry("4", 7, 0.0)], "rank 1: “␠x” is likelier"),
        ([entry("5", 0, 0.5)], [], ""),
        ([entry("5", 3, 0.1), entry("6", 0, 0.2)], [entry("4", 5, 0.1)], ""),
        # Several count together: 0.3 against 0.2 twice.
        ([entry("5", 0, 0.3)], [entry("4", 1, 0.2), entry("3", 2, 0.2)], "only 0.75 times"),
        ([], [entry("4", 0, 0.9)], "no answer to judge by"),
        ([entry("5", 0, math.nan)], [entry("4", 0, math.nan)], "no number"),
        ([entry("5", 0, None)], [], "no number"),
        ([entry("5", 0, 0.0)], [entry("4", 0, 0.0)], "no likelier than the wrong one"),
        # Further tokens of a long answer are not what is asked for first.
        ([entry("5", 0, 0.6, {"rank": 9, "prob": 0.0})], [entry("4", 1, 0.1)], ""),
    ],
)
def test_done_is_on_top_and_more_than_twice_as_likely(answers, wrong, missing):
    gate = judge(ranked((answers, wrong, " x")))
    assert gate.done == (missing == "",)
    assert missing in gate.why[0]


DONE = ([entry("5", 0, 0.5)], [entry("4", 1, 0.1)], "5")
NOT = ([entry("8", 3, 0.1)], [entry("7", 0, 0.4)], "7")


def test_a_task_that_is_never_done_is_nothing_to_ablate():
    gate = judge(ranked(NOT, NOT))
    assert gate.sentence == (
        "tiny does 0 of 2 of these. This model cannot do this: nothing to ablate."
    )
    assert summary(gate) == (
        gate.sentence,
        RULE,
        "2 prompts not done; of the first, the answer has rank 3: “7” is likelier.",
    )


def test_some_done_are_counted_and_all_done_need_no_more_words():
    some = judge(ranked(DONE, NOT, DONE))
    assert (some.count, some.sentence) == (2, "tiny does 2 of 3 of these.")
    assert some.why[0] == ""
    assert summary(judge(ranked(DONE))) == ("tiny does 1 of 1 of these.", RULE)


def test_a_changed_model_is_named_as_what_it_is():
    result = ranked(DONE)
    changed = replace(result, model=replace(MODEL, layernorm="identity"))
    assert judge(changed).sentence.startswith("tiny without LayerNorm (identity) does")


def test_a_ranking_without_its_fields_judges_nothing():
    bare = replace(ranked(DONE), data={})
    assert judge(bare).done == (False,)
    none = replace(ranked(), prompts=())
    assert judge(none).sentence == "tiny does 0 of 0 of these."
