"""All prompts of a ranking as one table: where each answer stands, computed without Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from desktop_app.pictures.predictions import token_text
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import clipped, number, plural, probability, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.ranking import Emphasis

# What all prompts begin with, as examples before the question, is left out from so many characters.
_SHARED, _KEPT = 24, 8
_LONGEST, _LONGEST_ANSWER, _LONGEST_TIP = 160, 18, 400


def _signed(value: float) -> str:
    return number(value, sign=True)


def rank_text(rank: int) -> str:
    """Write a rank: `0 (top)`, `1,203`."""
    return f"{rank:,}" + (" (top)" if rank == 0 else "")


COLUMNS = (
    Column("place", "mono", "#", align="right", width=42, muted=True, format=str, priority=2),
    Column("prompt", "mono", width="stretch", least=70),
    Column("answer", "token", priority=3, tooltip="The answer; of several the likeliest"),
    Column(
        "rank",
        "number",
        width=72,
        format=rank_text,
        tooltip="Of the answer's first token among all tokens; 0 is the top",
    ),
    Column(
        "probability",
        "number",
        "prob",
        width=62,
        format=probability,
        bar=True,
        limits=(0.0, 1.0),
        priority=1,
        tooltip="Probability of the answer's first token",
    ),
    Column(
        "difference",
        "number",
        width=78,
        format=_signed,
        bar=True,
        tooltip="logit(answer) − logit(wrong): positive where the model prefers the answer",
    ),
    Column("top token", "mono", width=92, priority=4, tooltip="What the model finds likeliest"),
)


def has_many(result: Result) -> bool:
    """Return whether there are prompts to compare with one another."""
    return len(result.prompts) > 1


def table(result: Result) -> Ranking:
    """Return a row per prompt, in their order; keys are the numbers of the prompts."""
    texts = _told_apart([display_text(prompt.text) for prompt in result.prompts])
    return Ranking(COLUMNS, tuple(_row(result, n, text) for n, text in enumerate(texts)))


def share_sentence(result: Result) -> str:
    """Say how many prompts have their answer on top: `4 of 5 prompts have their answer on top`."""
    ranks = [_number(first.get("rank")) for first in _firsts(result)]
    known = [rank for rank in ranks if not math.isnan(rank)]
    count, on_top = len(ranks), sum(rank == 0 for rank in known)
    if not any(prompt.answers for prompt in result.prompts):
        return f"{plural(count, 'prompt')}: give answers to see where they stand"
    if len(known) == count:
        verb = "has its" if on_top == count == 1 else "have their"
        return f"{on_top:,} of {plural(count, 'prompt')} {verb} answer on top"
    verb, without = "has" if len(known) == 1 else "have", count - len(known)
    return (
        f"{on_top:,} of {plural(len(known), 'prompt')} with an answer {verb} it on top · "
        f"{without:,} {'has' if without == 1 else 'have'} none"
    )


def _row(result: Result, prompt: int, text: str) -> Row:
    first, answers = _best(result, prompt), _entries(result, "answers", prompt)
    top = result.data["top"][prompt]
    says = token_text(top[0]) if top else ""
    rank, prob = _number(first.get("rank")), _number(first.get("prob"))
    difference = _number(result.data["logit_diff"][prompt])
    values = (
        prompt + 1,
        text,
        _answer(first, len(answers)),
        None if math.isnan(rank) else int(rank),
        None if math.isnan(prob) else prob,
        None if math.isnan(difference) else difference,
        says,
    )
    emphasis: Emphasis = "" if math.isnan(rank) else "good" if rank == 0 else "bad"
    return Row(prompt, values, _tip(result, prompt, says), emphasis)


def _firsts(result: Result) -> list[Mapping[str, Any]]:
    return [_best(result, prompt) for prompt in range(len(result.prompts))]


def _best(result: Result, prompt: int) -> Mapping[str, Any]:
    """Return the first token of the likeliest answer, with its text; empty without one."""
    entries = _entries(result, "answers", prompt)
    found = [{**entry["rows"][0], "answer": entry["text"]} for entry in entries if entry["rows"]]
    # Of a prediction that is no number there is no rank either.
    real = [row for row in found if not math.isnan(_number(row.get("prob")))]
    return min(real, key=lambda row: int(row["rank"]), default={})


def _entries(result: Result, field: str, prompt: int) -> Sequence[Mapping[str, Any]]:
    per_prompt = result.data.get(field)
    return per_prompt[prompt] if per_prompt else ()


def _answer(first: Mapping[str, Any], count: int) -> str:
    if not first:
        return ""
    more = f" +{count - 1}" if count > 1 else ""
    return clipped(display_text(str(first["answer"])), _LONGEST_ANSWER) + more


def _tip(result: Result, prompt: int, says: str) -> str:
    """Say all of a row: the whole prompt, every answer and wrong one, and what the model says."""
    told = [shorten(display_text(result.prompts[prompt].text), _LONGEST_TIP)]
    for field, name in (("answers", "answer"), ("wrong", "wrong")):
        for entry in _entries(result, field, prompt):
            rows = entry["rows"]
            if rows:
                of = f", the first of {len(rows)} tokens" if len(rows) > 1 else ""
                rank, prob = rank_text(int(rows[0]["rank"])), _number(rows[0]["prob"])
                shown = display_text(str(entry["text"]))
                told.append(f"{name} “{shown}”{of}: rank {rank}, probability {prob:.6f}")
    told.append(f"likeliest: “{says}”")
    return "\n".join(told)


def _told_apart(texts: list[str]) -> list[str]:
    """Return texts without the long beginning that all of them share, and none too long."""
    # The first and the last in order differ earliest.
    pairs = zip(min(texts, default=""), max(texts, default=""), strict=False)
    shared = next((i for i, (one, other) in enumerate(pairs) if one != other), 0)
    cut = shared - _KEPT if shared >= _SHARED else 0
    return [clipped(f"…{text[cut:]}" if cut else text, _LONGEST) for text in texts]


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
