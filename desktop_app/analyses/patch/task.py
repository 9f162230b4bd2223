"""One patching run, settled, and what it has found so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.analyses.patch.spec import HEADED, KEY_VALUE, PatchParams
from desktop_app.contract.grammar import resolve_range
from desktop_app.engine.abilities import acts
from desktop_app.engine.metrics import Target, make_target
from desktop_app.engine.model import site_hook
from desktop_app.methods.estimates import refuse_flat
from desktop_app.methods.pairs import first_difference, twins_of
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared

# Below this share of its size a difference between the two runs is rounding.
_SAME = 1e-6


@dataclass(frozen=True)
class Task:
    """One patching run, settled.

    Attributes:
        layers: The layers swept.
        heads: The heads of the site, or None alone.
        directions: `denoise`, `noise` or both.
        first: First position where each pair parts.
    """

    params: PatchParams
    prepared: Prepared
    twins: tuple[tuple[int, ...], ...]
    targets: list[Target]
    layers: list[int]
    heads: list[int | None]
    directions: tuple[str, ...]
    first: tuple[int, ...]

    def positions(self, length: int) -> list[int | None]:
        """Return the positions patched one by one, or None alone for all at once."""
        return [None] if self.params.by == "all" else list(range(length))

    def shape(self, length: int) -> tuple[int, int, int]:
        """Return how many layers, heads and positions there are, 1 for an axis left out."""
        return len(self.layers), len(self.heads), len(self.positions(length))


@dataclass
class Found:
    """Metrics of all prompts: their runs untouched, and every cell each way.

    Attributes:
        clean: `[N]`.
        corrupt: `[N]`.
        cells: Per direction and prompt `[L, H, S]`, axes that are left out of length 1.
        logits: Clean logits at the read position, per prompt.
    """

    clean: np.ndarray
    corrupt: np.ndarray
    cells: dict[str, list[np.ndarray]]
    logits: list[torch.Tensor]


def settle(model: LoadedModel, params: PatchParams, prepared: Prepared) -> Task:
    """Return the task with every setting checked."""
    twins = twins_of(prepared, "patching")
    layers = list(resolve_range(params.layers, model.info.n_layers))
    if not all(model.has_hook(site_hook(layer, params.site)) for layer in layers):
        raise BadInputError(
            f"{model.info.name} has no {params.site}: its blocks do not compute it, or compute "
            "attention and MLP side by side; choose another --site."
        )
    if params.site == "pattern" and not acts(model, params.site):
        raise BadInputError(
            f"{model.info.name} only shows its patterns, and goes on with its own whatever is put "
            "in: choose head_z, head_q, head_k or head_v as --site."
        )
    heads: list[int | None] = [None]
    if params.site in HEADED:
        count = model.info.n_kv_heads if params.site in KEY_VALUE else model.info.n_heads
        heads = list(range(count))
    if params.preview:
        refuse_flat(params.metric)
    records = prepared.records
    targets = [make_target(r, params.metric, i) for i, r in enumerate(records)]
    ids = tuple(twin.ids for twin in twins)
    first = tuple(first_difference(r.tokens.ids, t) for r, t in zip(records, ids, strict=True))
    directions = ("denoise", "noise") if params.direction == "both" else (params.direction,)
    return Task(params, prepared, ids, targets, layers, heads, directions, first)


def refuse_equal(clean: float, corrupt: float, index: int) -> None:
    """Refuse a pair whose runs have one metric: there is nothing to restore or to break."""
    if abs(clean - corrupt) <= _SAME * max(abs(clean), abs(corrupt)):
        raise BadInputError(
            f"Prompt {index + 1} and its corrupt twin have the same metric, {clean:.4g}: choose a "
            "twin on which the model answers otherwise."
        )
