"""Results as plain text, for terminals; what is told of each comes from its slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.contract.registry import hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result

_TOP = 10


def as_text(result: Result) -> str:
    """Return a result as readable text: its model and its most telling table."""
    model = result.model
    head = f"{result.analysis} · {model.label} · {model.device} · {model.dtype} · {model.weights}"
    lines = hook(result.analysis, "picture", "lines") or _fields
    partial = [f"partial: {result.partial}"] if result.partial else []
    return "\n".join([head, *partial, *lines(result)])


def show_space(text: str) -> str:
    """Return a token's text with what cannot be seen drawn."""
    drawn = text.replace(" ", "␠").replace("\n", "↵").replace("\t", "⇥").replace("\r", "␍")
    return drawn or "∅"


def lowest(cost: np.ndarray, most: int | None = _TOP) -> Iterator[tuple[int, ...]]:
    """Yield the places of the lowest values, the lowest first; missing ones come last."""
    known = np.where(np.isfinite(cost), cost, np.inf)
    for flat in np.argsort(known, axis=None, kind="stable")[:most]:
        yield tuple(int(i) for i in np.unravel_index(flat, known.shape))


def most_harmful(effect: np.ndarray, count: int, *, harm: int = -1) -> list[tuple[int, int]]:
    """Return the heads whose removal hurts most, the worst first.

    Args:
        effect: `[L, H]`; what is not finite is passed over.
        count: How many.
        harm: The sign of a change that hurts: −1 of a logit, +1 of a loss.
    """
    places = lowest(-harm * effect, None)
    known = [(layer, head) for layer, head in places if np.isfinite(effect[layer, head])]
    return known[:count]


def _fields(result: Result) -> Iterator[str]:
    for name, value in result.data.items():
        shape = getattr(value, "shape", None)
        yield f"  {name}: {value if shape in {None, ()} else list(shape)}"
