"""What is told of a fitted lens, computed from a result without Qt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.words import number, plural
from desktop_app.support.lens_files import folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result

_NAME = 60


def place_of(result: Result) -> Path:
    """Return where the lens lies: as it was named, or among the lenses of Lensbench."""
    named_one = str(result.params.get("out_lens") or "")
    return Path(named_one).expanduser() if named_one else folder() / str(result.data["file"])


def sentence(result: Result) -> str:
    """Say what the lens was fitted on, and whether that was enough."""
    data = result.data
    told = f"Fitted on {plural(int(data['windows']), 'window')} of {data['corpus']}"
    agreement = np.asarray(data["agreement"], dtype=float)
    if not np.isfinite(agreement).any():
        return f"{told} · one window cannot tell whether it is enough"
    return f"{told} · agreement at least {number(float(np.nanmin(agreement)))}"


def about(result: Result) -> str:
    """Return what the lens was fitted on, for the history."""
    return str(result.data["corpus"])[:_NAME]


def named(result: Result) -> str:
    """Return how much of it was read, for the name of a result."""
    return plural(int(result.data["windows"]), "window")


def lines(result: Result) -> Iterator[str]:
    """Yield where the lens lies and how far each of its matrices is from the logit lens."""
    data = result.data
    windows, tokens = int(data["windows"]), int(data["tokens_read"])
    yield (
        f"fitted on {plural(windows, 'window')} ({tokens:,} tokens) of {data['corpus']}, "
        f"{number(float(data['seconds_each']))} s each"
    )
    yield f"written to {data['file']}"
    yield f"  {'behind block':<14} {'size':>8} {'from identity':>14} {'agreement':>10}"
    rows = zip(data["layers"], data["size"], data["from_identity"], data["agreement"], strict=True)
    for layer, size, apart, agreement in rows:
        agrees = number(float(agreement)) if np.isfinite(agreement) else "–"
        yield f"  {layer!s:<14} {number(float(size)):>8} {number(float(apart)):>14} {agrees:>10}"
