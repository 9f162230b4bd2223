"""Where two models part: curves over layers and bars over tokens, computed without Qt."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial as bind
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.compare.words import (
    by_prompt,
    cosine_text,
    small,
    stream_name,
    streams,
    token,
)
from desktop_app.pictures.curves import Curves, Line, Mark, Scale
from desktop_app.pictures.token_text import display_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result

_DECADES = 3
# Cosines nearer to 1 than this look like 1.
_FLAT = 0.99


def _stream_scale(count: int) -> Scale:
    labels = (*(str(i) for i in range(count - 1)), "end")
    return Scale("stream before layer", labels=labels, whole=True)


def error_curves(result: Result, prompt: int | None = None) -> Curves:
    """Return the relative error of the streams over layers, and that of one of several prompts."""
    errors, _cosines = streams(result)
    name, axis = "mean" if prompt is not None else "", Scale("relative error", log=True)
    lines = [Line(name, errors, dots=_has_lone(axis, errors))]
    if prompt is not None and "resid_error" in result.data:
        own = np.asarray(by_prompt(result, "resid_error")[prompt], dtype=float).mean(-1)
        lone = _has_lone(axis, own)
        lines.append(Line(f"prompt {prompt + 1}", own, tone="warn", thin=True, dots=lone))
    allowed = float(result.data["tolerance"]["stream"])
    shown = [v for line in lines for v in line.values if v > 0]
    return Curves(
        tuple(lines),
        _stream_scale(len(errors)),
        replace(axis, limits=decades([*shown, allowed])),
        tip=bind(_stream_tip, result),
        marks=(Mark(allowed, f"tolerance {small(allowed)}"),),
    )


def _has_lone(axis: Scale, values: np.ndarray) -> bool:
    """Return whether a place has a number and none beside it has: no line leads there."""
    known = np.isfinite(axis.placed(values))
    ends = np.concatenate(([False], known, [False]))
    return bool((known & ~ends[:-2] & ~ends[2:]).any())


def decades(values: Sequence[float]) -> tuple[float, float]:
    """Return ends of a log axis that hold values, and ticks at three powers of ten at least.

    What overflowed has no place on it.
    """
    values = [v for v in values if math.isfinite(v)] or [1.0]
    low, high = (math.log10(v) for v in (min(values), max(values)))
    first, last = math.floor(low), math.ceil(high)
    while last - first < _DECADES:
        first, last = (first - 1, last) if low - first < last - high else (first, last + 1)
    return 10.0 ** (first - 0.15), 10.0 ** (last + 0.15)


def cosine_curves(result: Result) -> Curves:
    """Return the cosine of both streams over layers."""
    _errors, cosines = streams(result)
    known = cosines[np.isfinite(cosines)]
    low = float(known.min()) if known.size else 0.0
    low = min(low, _FLAT)
    room = (1 - low) * 0.05
    axis = Scale("cosine", limits=(low - room, 1 + room))
    return Curves(
        (Line("", cosines, dots=_has_lone(axis, cosines)),),
        _stream_scale(len(cosines)),
        axis,
        tip=bind(_stream_tip, result),
    )


def _stream_tip(result: Result, index: int) -> str:
    errors, cosines = streams(result)
    return (
        f"{stream_name(index, len(errors))}\nrelative error {small(float(errors[index]))}\n"
        f"cosine {cosine_text(float(cosines[index]))}"
    )


PLACES = (("kl", "KL"), ("logprob_difference", "Δ log-prob"), ("logit_shift", "Logit shift"))
_UNITS = {
    "kl": "KL(first ‖ second), nats",
    "logprob_difference": "largest |Δ log-probability|, nats",
    "logit_shift": "shift of the logits",
}


def place_bars(result: Result, name: str, prompt: int) -> Curves:
    """Return a number of every position of a prompt as bars, over its tokens."""
    values = np.asarray(by_prompt(result, name)[prompt], dtype=float)
    texts = tuple(display_text(text) for text in result.prompts[prompt].tokens.texts)
    return Curves(
        (Line("", values, bars=True),),
        Scale("token", labels=texts, whole=True),
        Scale(_UNITS[name], limits=None if values.any() else (0.0, 1.0)),
        tip=bind(place_text, result, prompt),
    )


def place_text(result: Result, prompt: int, place: int) -> str:
    """Say all numbers of a position."""
    value = {
        name: by_prompt(result, name)[prompt][place]
        for name in ("kl", "logprob_difference", "logit_difference", "logit_shift", "top1_same")
    }
    top = "the same" if value["top1_same"] else "another"
    return "\n".join(
        (
            f"position {place} “{token(result, prompt, place)}”",
            f"KL {small(float(value['kl']))} nats",
            f"largest |Δ log-probability| {small(float(value['logprob_difference']))}",
            f"largest |Δ logit| {small(float(value['logit_difference']))}",
            f"logits shift by {small(float(value['logit_shift']))}",
            f"top token: {top}",
        )
    )
