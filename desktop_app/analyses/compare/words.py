"""What a comparison's numbers are called and how they are written: shared by its pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import MINUS, number, written

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_NORMS = {
    "keep": "with its norms",
    "eps": "without norms (eps)",
    "identity": "without norms (identity)",
    "constant": "with constant norms",
}


def whose(result: Result) -> tuple[str, str]:
    """Return what both models are called: where the files are the same, by what differs."""
    own, other = info_of(result)
    told = {
        "dtype": (str(own.get("dtype")), str(other.get("dtype"))),
        "layernorm": tuple(_NORMS.get(str(m.get("layernorm", "keep")), "?") for m in (own, other)),
        "weights": tuple(f"{m.get('weights', 'raw')} weights" for m in (own, other)),
    }
    differing = [pair for pair in told.values() if pair[0] != pair[1]]
    if not result.data.get("same_files"):
        names = [display_text(str(m.get("name"))) for m in (own, other)]
        if names[0] == names[1]:
            names[1] = f"{names[1]}, other files"
        shown = [(names[0], names[1]), *differing]
    elif differing:
        shown = differing
    else:
        shown = [("first run", "second run")]
    one, two = (" ".join(pair[side] for pair in shown) for side in (0, 1))
    return one, two


def info_of(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a result says of both models."""
    other = result.data.get("with_model")
    return vars(result.model), dict(other) if isinstance(other, dict) else {}


def small(value: float) -> str:
    """Write a number so that small ones stay readable: `0`, `4.1e−06`, `0.126`, `12.3`."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return number(value) if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    return written("{:.1e}" if abs(value) < 1e-3 else "{:.3g}", value)


def stream_name(index: int, count: int) -> str:
    """Name a stream in a sentence: `before layer 3`, `behind the last layer`."""
    return "behind the last layer" if index == count - 1 else f"before layer {index}"


def cosine_text(value: float) -> str:
    """Write a cosine; one that is nearly 1 by how far it is from it."""
    if math.isnan(value) or value == 1:
        return number(value, 0)
    return f"1 {MINUS} {small(1 - value)}" if value > 0.9995 else number(value, 4)


def streams(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Return relative error and cosine of the streams, `[L+1]` each."""
    found = (result.data["resid_relative_error"], result.data["resid_cosine"])
    errors, cosines = (np.asarray(values, dtype=float) for values in found)
    return errors, cosines


def numbers_at(result: Result, name: str, prompt: int) -> np.ndarray:
    """Return a number of every position of a prompt."""
    return np.asarray(by_prompt(result, name)[prompt], dtype=float)


def by_prompt(result: Result, name: str) -> list[np.ndarray]:
    """Return a field `[..., S, N]` prompt by prompt."""
    value = result.data[name]
    if isinstance(value, (list, tuple)):
        return [np.asarray(part) for part in value]
    table = np.asarray(value)
    return [table[..., prompt] for prompt in range(table.shape[-1])]


def token(result: Result, prompt: int, place: int) -> str:
    """Return a token of a prompt as it is shown."""
    return display_text(result.prompts[prompt].tokens.texts[place])
