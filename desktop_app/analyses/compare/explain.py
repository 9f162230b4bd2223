"""What the numbers of a comparison are, with the values of the result on screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.compare.heads_picture import FIRST, SECOND, effects, matches
from desktop_app.analyses.compare.picture import has_heads
from desktop_app.analyses.compare.words import (
    cosine_text,
    numbers_at,
    small,
    stream_name,
    whose,
)
from desktop_app.pictures.explained import difference
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import metric_name, number, part_name

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("kl", "logprob", "shift", "error", "cosine", "effect", "spearman")


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart: of the selected token, layer or head where one is."""
    if what in {"kl", "logprob", "shift"}:
        return _of_token(result, what, place)
    if what in {"error", "cosine"}:
        return _of_stream(result, what, place)
    if what in {"effect", "spearman"} and has_heads(result):
        return _of_heads(result, what, place)
    return None


_TOKEN = {
    "kl": (
        "KL divergence",
        "KL(first ‖ second) = Σ p₁ (log p₁ − log p₂), of the next token",
        "0: both say the same. Of two distributions it is never below 0.",
        "kl",
    ),
    "logprob": (
        "Largest |Δ log-probability|",
        "max over the vocabulary of |log p₂ − log p₁|",
        "A constant added to all logits of a position changes nothing here.",
        "logprob_difference",
    ),
    "shift": (
        "Shift of the logits",
        "mean over the vocabulary of logit₂ − logit₁",
        "Where its spread is 0, all logits shift alike, and no probability changes.",
        "logit_shift",
    ),
}


def _of_token(result: Result, what: str, place: Place) -> Explained:
    name, formula, sign, field = _TOKEN[what]
    values = numbers_at(result, field, min(place.prompt, len(result.prompts) - 1))
    working = ""
    if place.position is not None and place.position < len(values):
        working = f"{small(float(values[place.position]))}   (position {place.position})"
    else:
        at = int(np.nanargmax(np.abs(values))) if np.isfinite(values).any() else 0
        working = f"at most {small(float(values[at]))}   (position {at})"
    return Explained(name, formula, working, sign, "compare", "The numbers")


def _of_stream(result: Result, what: str, place: Place) -> Explained:
    field = "resid_relative_error" if what == "error" else "resid_cosine"
    values = np.asarray(result.data[field], dtype=float)
    at = place.layer if place.layer is not None and place.layer < len(values) else len(values) - 1
    value = float(values[at])
    text = small(value) if what == "error" else cosine_text(value)
    told = "" if math.isnan(value) else f"{text}   ({stream_name(at, len(values))})"
    if what == "error":
        return Explained(
            "Relative error of the stream",
            "‖second − first‖ / ‖first‖, mean over all positions of all prompts",
            told,
            "0: the same stream. 1: as far apart as the first is long.",
            "compare",
            "The numbers",
        )
    return Explained(
        "Cosine of the streams",
        "first · second / (‖first‖ ‖second‖), mean over all positions of all prompts",
        told,
        "1: the same direction, whatever the lengths.",
        "compare",
        "The numbers",
    )


def _of_heads(result: Result, what: str, place: Place) -> Explained:
    if what == "spearman":
        return Explained(
            "Spearman correlation",
            "correlation of the ranks of all heads' mean effects in both models",
            number(float(result.data["head_spearman"])),
            "1: the same order. Most heads do little, and their order is noise.",
            "compare",
            "Ranking heads",
        )
    working, head = "", (place.layer, place.head)
    one, two = (effects(result, name) for name in (FIRST, SECOND))
    if None not in head and matches(result) and _is_there(one, head):
        values = float(one[head]), float(two[head])
        told = difference(values[1], values[0])
        names = whose(result)
        working = f"{told}   ({part_name(*head)}: {names[1]} − {names[0]})"  # type: ignore[arg-type]
    return Explained(
        "Effect of a head in both models",
        f"{metric_name(result)} with the head zeroed − untouched, second − first",
        working,
        "0: zeroing it costs both as much.",
        "compare",
        "Ranking heads",
    )


def _is_there(values: np.ndarray, head: tuple[int | None, int | None]) -> bool:
    layer, number_ = head
    return bool((layer or 0) < values.shape[0] and (number_ or 0) < values.shape[1])
