"""Circuits as published: means that hang on the order in which hooks were set.

In apartresearch/seqcont_circuits the means of MLPs are taken while the heads outside the circuit
are replaced already, and all templates are one group.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import override

from desktop_app.engine.model import site_hook
from desktop_app.methods.knockout import Knockout, Longer, putting
from desktop_app.methods.substitutes import MeanValues, extended, means_watched
from desktop_app.methods.watching import watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import torch

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.kept import Kept, Positions
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import HookFn, LoadedModel, Site
    from desktop_app.engine.standing import Standing
    from desktop_app.methods.grid import Group, Inputs
    from desktop_app.methods.substitutes import Substitutes


class PublishedKnockout(Knockout):
    """Circuits whose MLPs' means are taken while the heads outside are replaced already.

    That is the order of apartresearch/seqcont_circuits. Means then belong to a circuit, so that no
    two circuits share what they are replaced by.
    """

    def __init__(
        self,
        model: LoadedModel,
        inputs: Inputs,
        parts: Sequence[Part],
        substitutes: MeanValues,
    ) -> None:
        super().__init__(model, inputs, parts, substitutes)
        self._means = substitutes
        self._heads = tuple(part for part in self.parts if part[1] is not None)
        self._mlps = tuple(part[0] for part in self.parts if part[1] is None)
        self._known: dict[tuple[tuple[Part, Positions], ...], Substitutes] = {}

    @override
    def scores(
        self, base: Kept, circuits: Sequence[Kept], report: Reporter | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        if base == self.whole:
            return super().scores(base, circuits, report)
        _full, found = super().scores(self.whole, [base, *circuits], report)
        return found[0], found[1:]

    @override
    def substitutes_for(self, kept: Kept) -> Substitutes:
        heads = tuple((part, kept[part]) for part in self._heads if part in kept)
        if not self._mlps or heads == tuple((part, None) for part in self._heads):
            return self._means
        if heads not in self._known:
            self._edits.clear()  # they were of the means before
            self._known = {heads: _AsPublished(self._means, self._mlp_means(kept))}
        return self._known[heads]

    def _mlp_means(self, kept: Kept) -> dict[int, torch.Tensor]:
        """Return the mean of each MLP's output over reference runs that lack the same heads."""
        (references,), (pooled,) = self._means.references.values(), self._means.pooled.values()

        def watched(rows: Sequence[tuple[int, ...]]) -> dict[int, torch.Tensor]:
            ids = self.model.ids(rows)
            there = Longer(self.groups[0].prompts[:1] * len(rows), ids, ids.shape[1])
            here = _within(kept, there.length)
            lacks = {p: at for p, at in self.gone(here, there).items() if p[1] is not None}
            return self._watch(ids, self.standing(lacks, there, self._means))

        return means_watched(references, watched, pooled=pooled)

    def _watch(
        self, ids: torch.Tensor, standing: Mapping[tuple[int, Site], Standing]
    ) -> dict[int, torch.Tensor]:
        found: dict[int, torch.Tensor] = {}

        def keep(x: torch.Tensor, hook: object, layer: int) -> None:
            found[layer] = (x.view(*ids.shape, -1) if x.ndim == 2 else x).clone()

        hooks: list[tuple[str, HookFn]] = [
            (site_hook(*place), putting(change, ids.shape)) for place, change in standing.items()
        ]
        hooks += [(site_hook(n, "mlp_out"), partial(keep, layer=n)) for n in self._mlps]
        watch(self.model, ids, hooks)
        return found


def _within(kept: Kept, length: int) -> Kept:
    """Return a circuit whose parts stay at those of their positions that a text has."""
    return {
        part: None if at is None else tuple(p for p in at if -length <= p < length)
        for part, at in kept.items()
    }


class _AsPublished(MeanValues):
    """The means of one circuit: of heads as ever, of MLPs beside replaced heads."""

    def __init__(self, intact: MeanValues, mlps: Mapping[int, torch.Tensor]) -> None:
        self.__dict__ |= intact.__dict__
        self._intact, self._mlps = intact, mlps

    @override
    def table(self, group: Group, layer: int, site: Site) -> torch.Tensor:
        if site == "head_z":
            return self._intact.table(group, layer, site)
        own, values = self._lengths[group.prompts[0]], self._mlps[layer]
        (pooled,) = self.pooled.values()
        return extended(
            (values.expand(own, *values.shape) if pooled else values)[None], group.length
        )
