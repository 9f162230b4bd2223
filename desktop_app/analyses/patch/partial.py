"""The maps of a patching sweep while it runs: cells without a value yet, no tokens known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.patch.picture import (
    SHARES,
    cells,
    directions,
    fields_of,
    flat,
    head_columns,
    layer_axis,
    maps,
    shape_of,
)
from desktop_app.pictures.matrix import Axis, centred_limits, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.patch.picture import Quantity
    from desktop_app.pictures.matrix import Matrix


def partial_picture(
    data: Mapping[str, Any], params: Mapping[str, Any], prompt: int, quantity: Quantity = "share"
) -> tuple[Matrix, ...] | None:
    """Return the cells known so far, or None where there are none.

    Args:
        data: Fields of a partial answer.
        params: The settings it runs with, which name its axes.
        prompt: Which prompt is shown where no mean exists.
        quantity: What is shown.
    """
    there = directions(data)
    if not there or "layers" not in data:
        return None
    one = _prompt(data, there[0], prompt)
    # The settings may have been changed since: then the axes are those of the arrays.
    shape = shape_of(params)
    if cells(data, there[0], one).ndim == 3 and not shape.stacked:
        shape = shape_of({"site": "head_z"})
    names = fields_of(data, quantity)
    values = {name: flat(data, name, one, None) for name in names}
    count = values[names[0]].shape[1]
    if shape.heads:
        above = head_columns(shape, count)
    elif count == 1:
        above = Axis("", ["all positions"])
    else:
        above = numbered("Position", count)
    # The metric of both runs comes with the result; until then the middle is that of the cells.
    centre = _middle(list(values.values())) if quantity == "raw" else 0.0
    limits = centred_limits(*values.values(), centre=centre)
    return maps(values, layer_axis(data), above, limits)


def _middle(values: list[np.ndarray]) -> float:
    known = np.concatenate([v[np.isfinite(v)] for v in values])
    return float(known.min() + known.max()) / 2 if known.size else 0.0


def _prompt(data: Mapping[str, Any], name: str, prompt: int) -> int | None:
    """Return None where there is a mean, else a prompt that there is."""
    if name not in SHARES or f"{name}_mean" in data:
        return None
    return min(prompt, len(data[name]) - 1)
