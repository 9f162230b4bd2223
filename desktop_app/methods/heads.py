"""Every head of a model replaced by zero in turn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.engine.interventions import Edit, Variant, Zero
from desktop_app.engine.sites import require_acting
from desktop_app.methods.grid import Cell, Grid, Group, Inputs, Readings, run_grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.params import Metric
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared

_PROMPTS_PER_GROUP = 16


def without_heads(
    model: LoadedModel, prepared: Prepared, metric: Metric, report: Reporter
) -> Readings:
    """Return a metric with each head's output replaced by zero, everything else intact.

    Of each prompt the cells are `[L, H]`; its metric untouched is in `base`.

    Raises:
        BadInputError: A prompt lacks what the metric needs, or heads cannot be changed.
    """
    layers, heads = model.info.n_layers, model.info.n_heads
    require_acting(model, range(layers), "head_z")
    grid = Grid(
        Inputs.of_prompts(prepared, metric),
        shape=lambda _length: (layers, heads),
        cells=partial(_cells, layers, heads),
        largest=_PROMPTS_PER_GROUP,
    )
    return run_grid(model, grid, report)


def head_effects(found: Readings) -> np.ndarray:
    """Return zeroed − untouched `[L, H, N]`."""
    return np.asarray(np.stack(found.cells, axis=-1) - found.base[0])


def _cells(layers: int, heads: int, group: Group) -> Iterator[Cell]:
    for layer in range(layers):
        for head in range(heads):
            for row, prompt in enumerate(group.prompts):
                edit = Edit(layer, "head_z", Zero(), head)
                yield Cell(prompt, (layer, head), Variant((edit,), row))
