"""The noise floor of a half-precision sweep in words: what lies below it means nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result
    from desktop_app.pictures.matrix import Matrix


def noise_of(data: Mapping[str, Any], prompt: int | None = None) -> float | None:
    """Return the noise floor of a prompt, or the mean of all; None in full precision."""
    if "noise" not in data:
        return None
    values = np.atleast_1d(np.asarray(data["noise"], dtype=float))
    if prompt is not None and prompt < len(values):
        return float(values[prompt])
    return float(values.mean())


def noise_mark(noise: float | None) -> str:
    """Return the noise floor for a legend, such as `noise floor 0.120`; empty without one."""
    return "" if noise is None else f"noise floor {number(noise)}"


def noise_sentence(result: Result) -> str:
    """Say how large the noise floor is and what follows; empty in full precision."""
    noise = noise_of(result.data)
    if noise is None:
        return ""
    return (
        f"Noise floor {number(noise)}: {result.model.dtype} rounds differently at other batch "
        "sizes, and what changes less means nothing."
    )


def with_noise(shown: Matrix, noise: float | None) -> Matrix:
    """Return a map with the noise floor beside its colours."""
    if noise is None:
        return shown
    return replace(shown, name=" · ".join(filter(None, (shown.name, noise_mark(noise)))))


def is_lost(value: float, noise: float | None) -> bool:
    """Return whether a change lies below the noise floor."""
    return noise is not None and abs(value) < noise
