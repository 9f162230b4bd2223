"""An attribution as one table for a spreadsheet: a row per part, in the order of writing. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.attribute.split import Split, mean, sem, share
from desktop_app.pictures.certainty import SPREAD, spread_of
from desktop_app.pictures.statistics import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result

_HEADINGS = ["part", "layer", "head", "adds", "standard error", "share in percent"]


def table(
    result: Result,
    _prompt: int = 0,
    _head: tuple[int, int] | None = None,
) -> tuple[list[str], list[list[str]]]:
    """Return every part with its mean, error and share, and a column per prompt; the sum last.

    From 5 prompts on with the interval and q of heads and MLPs.
    """
    split = Split.of(result)
    whole = float(mean(split.base))
    several = split.count > 1
    known = {kind: Evidence(values) for kind, values in (("head", split.head), ("MLP", split.mlp))}
    spread = SPREAD if known["head"].offered else []
    names = [*_HEADINGS, *spread]
    headings = [*names, *(f"prompt {i + 1}" for i in range(split.count))] if several else None
    rows = []
    for name, layer, head, values in _parts(split):
        value = float(mean(values))
        own = [value, float(sem(values)), share(value, whole)]
        if spread:
            cell = tuple(int(place) for place in (layer, head) if place)
            own += spread_of(known[name], cell) if name in known else [np.nan] * len(spread)
        told = [*own, *(values.tolist() if several else ())]
        rows.append([name, layer, head, *map(_text, told)])
    return headings or _HEADINGS, rows


def _parts(split: Split) -> Iterator[tuple[str, str, str, np.ndarray]]:
    yield "embeddings", "", "", split.embed
    for layer in range(split.layers):
        for head in range(split.heads):
            yield "head", str(layer), str(head), split.head[layer, head]
        yield "attention biases", str(layer), "", split.attn_bias[layer]
        yield "MLP", str(layer), "", split.mlp[layer]
    yield "final bias", "", "", split.bias
    yield "sum of all parts", "", "", split.base + split.error
    yield "the model's own number", "", "", split.base


def _text(value: float) -> str:
    return repr(float(value)) if np.isfinite(value) else ""
