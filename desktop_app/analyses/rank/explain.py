"""What the numbers of a ranking are, with the selected prompt's own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.explained import difference
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, plural, probability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("logit_diff", "prob", "logprob", "logit", "rank", "surprise")
_KEYS = {
    "share": "prob",
    "log prob": "logprob",
    "place": "rank",
    "bar": "surprise",
    "nats": "surprise",
    "difference": "logit_diff",
    "probability": "prob",
}
_PAGE, _DEFINITIONS = "rank", "Definitions"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, of the selected prompt's likeliest token or its answer."""
    what = _KEYS.get(what, what)
    prompt = min(place.prompt, len(result.prompts) - 1)
    if what == "logit_diff":
        return _logit_diff(result, prompt)
    if what == "surprise":
        return _surprise(result, prompt, place.position)
    return _score(result, what, prompt)


def _first(result: Result, field: str, prompt: int) -> list[Mapping[str, Any]]:
    """Return the first row of each continuation of a kind."""
    entries = result.data.get(field)
    return [entry["rows"][0] for entry in entries[prompt] if entry["rows"]] if entries else []


def _logit_diff(result: Result, prompt: int) -> Explained:
    answer, wrong = (
        float(np.mean([row["logit"] for row in rows])) if rows else math.nan
        for rows in (_first(result, "answers", prompt), _first(result, "wrong", prompt))
    )
    working, told = "", difference(answer, wrong)
    values = np.asarray(result.data.get("logit_diff", ()), dtype=float)
    # A difference is read at the first token that tells both apart, which need not be the first.
    own = float(values[prompt]) if prompt < values.size else math.nan
    if told and abs(answer - wrong - own) < 5e-4:
        working = told
    elif math.isfinite(own):
        working = number(own)
    if values.size > 1 and math.isfinite(float(result.data.get("logit_diff_mean", math.nan))):
        mean = number(float(result.data["logit_diff_mean"]))
        working += f"   (prompt {prompt + 1}; mean of {plural(values.size, 'prompt')}: {mean})"
    return Explained(
        "Logit difference",
        "logit difference = logit(answer) − logit(wrong)",
        working,
        "Positive: the model prefers the answer; d means odds of e^d to 1. A third token may beat "
        "both.",
        _PAGE,
        _DEFINITIONS,
    )


def _surprise(result: Result, prompt: int, position: int | None) -> Explained:
    values, working = np.asarray(result.data["prompt_logprob"][prompt], dtype=float), ""
    if position is not None and 1 <= position <= len(values):
        logprob = float(values[position - 1])
        token = display_text(result.prompts[prompt].tokens.texts[position])
        working = (
            f"−ln {probability(math.exp(logprob))} = {number(-logprob)} nats   (“{token}”, "
            f"position {position})"
        )
    return Explained(
        "Surprise",
        "surprise = −log p of a prompt's token, given those before it",
        working,
        "0: the model was sure of it. Large: it expected something else.",
        _PAGE,
        _DEFINITIONS,
    )


_SCORES = {
    "prob": ("Probability", "p = exp(logit) / Σ exp(logits)", "Between 0 and 1; all sum to 1."),
    "logprob": (
        "Log-probability",
        "log p = logit − log Σ exp(logits), in nats",
        "Never above 0; the nearer to 0, the likelier.",
    ),
    "logit": (
        "Logit",
        "the model's raw score of a token",
        "Only differences of logits mean something: all may be shifted alike.",
    ),
    "rank": (
        "Rank",
        "how many tokens have a larger logit",
        "0 is the top; ties share the smaller rank.",
    ),
}


def _score(result: Result, what: str, prompt: int) -> Explained | None:
    if what not in _SCORES:
        return None
    name, formula, sign = _SCORES[what]
    answers = _first(result, "answers", prompt)
    row = answers[0] if answers else dict(result.data["top"][prompt][0], rank=0)
    whose = f"   (“{display_text(str(row['text']))}”)"
    working = {
        "prob": f"exp({number(row['logprob'])}) = {probability(float(row['prob']))}",
        "logprob": f"ln {probability(float(row['prob']))} = {number(row['logprob'])} nats",
        "logit": number(row["logit"]),
        "rank": f"{int(row['rank']):,}",
    }[what]
    return Explained(name, formula, working + whose, sign, _PAGE, _DEFINITIONS)
