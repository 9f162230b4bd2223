"""Tables of what the inputs of layers make of exchanged senders, made by the model's own layers.

An entry is what a layer's queries, keys, values and MLP are when one sender put out its other
output: one row of a pass for each sender, and no run after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_app.contract.report import ShareReporter
from desktop_app.engine.interventions import FromTable
from desktop_app.engine.memory import BYTES_PER_ITEM, budget_bytes, rows_per_pass
from desktop_app.engine.receivers import make_inputs
from desktop_app.engine.sweep_pass import SweepPlan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.receivers import Kind, Made
    from desktop_app.methods.edge_sides import Sides

CPU_TOKENS = 2048
"""Tokens of a pass on the CPU: more do not stay in its cache, of fewer the calls cost more."""
# Of the memory that a pass may take, what tables may.
_SHARE_OF_TABLES = 0.3
_FLOAT = 4


class Tables:
    """What senders' exchanges make of the inputs of layers, on one prompt."""

    def __init__(self, sides: Sides, prompt: int, edges: np.ndarray, report: Reporter) -> None:
        graph, model = sides.graph, sides.model
        self._places: dict[tuple[int, bool], dict[int, int]] = {}
        wanted: dict[int, tuple[list[int], list[int]]] = {}
        for layer, numbers in _by_layer(sides, edges).items():
            attention, mlp = numbers
            if layer in graph.parallel:
                attention = mlp = sorted({*attention, *mlp})
            wanted[layer] = (attention, mlp)
            self._places[layer, False] = {n: i for i, n in enumerate(attention)}
            self._places[layer, True] = {n: i for i, n in enumerate(mlp)}
        side = sides.side(prompt)
        most = max((max(map(len, pair)) for pair in wanted.values()), default=0)
        plan = SweepPlan((0,), tokens=CPU_TOKENS)
        length = side.ids.shape[1]
        limit = max(1, rows_per_pass(model, length, (1, length), plan) - 1)
        starts = range(0, most, limit)
        parts: dict[tuple[int, Kind], list[torch.Tensor]] = {}
        for number, start in enumerate(starts):
            some = slice(start, start + limit)
            share = ShareReporter(report, number / len(starts), 1 / len(starts))
            made = make_inputs(model, side.ids, side.apart, _cut(wanted, some), report=share)
            for layer, of_layer in made.items():
                _gather(parts, layer, of_layer)
        self._tables = {place: torch.cat(found) for place, found in parts.items()}

    def entry(self, layer: int, kind: Kind, sender: int) -> FromTable:
        """Return what an input is when a sender is exchanged for it."""
        return FromTable(self._tables[layer, kind], self._places[layer, kind == "mlp"][sender])


class Shelf:
    """Tables of prompts: made once and kept where those of all edges fit into memory.

    Args:
        sides: The prompts.
        edges: The edges whose tables are kept, if they fit; none keeps none.
    """

    def __init__(self, sides: Sides, edges: np.ndarray) -> None:
        self.sides = sides
        inner = np.sort(edges[edges < sides.graph.first_edges[-2]])
        whole = sum(self._bytes(inner, prompt) for prompt in range(len(sides)))
        fits = whole <= _SHARE_OF_TABLES * budget_bytes(sides.model)
        self._edges = inner if fits else inner[:0]
        self._kept: dict[int, Tables] = {}

    @property
    def keeps(self) -> bool:
        """Whether tables are made once."""
        return len(self._edges) > 0

    def parts(self, group: Sequence[int], edges: np.ndarray) -> Iterator[tuple[slice, float]]:
        """Yield which edges, in their order, have tables that fit together; and their share."""
        if self.keeps:
            yield slice(0, len(edges)), 1.0
            return
        pairs = _pairs_before(self.sides, edges)
        each = _bytes_of_entry(self.sides.model, self.sides.lengths[group[0]]) * len(group)
        most = max(1, int(_SHARE_OF_TABLES * budget_bytes(self.sides.model) / each))
        start = 0
        while start < len(edges):
            stop = int(np.searchsorted(pairs, pairs[start] + most, side="right"))
            stop = min(max(stop, start + 1), len(edges))
            yield slice(start, stop), (stop - start) / len(edges)
            start = stop

    def tables(self, prompt: int, edges: np.ndarray, report: Reporter) -> Tables:
        """Return a prompt's tables, which have the entries of these edges."""
        if not self.keeps:
            return Tables(self.sides, prompt, edges, report)
        if prompt not in self._kept:
            self._kept[prompt] = Tables(self.sides, prompt, self._edges, report)
        return self._kept[prompt]

    def held(self, group: Sequence[int], edges: np.ndarray) -> int:
        """Return the memory of the tables, and of the sides that they are made of, in bytes."""
        some = self._kept if self.keeps else group
        which = self._edges if self.keeps else edges
        found = sum(self._bytes(which, prompt) for prompt in some)
        return found + sum(map(self.sides.bytes_of, group))

    def _bytes(self, edges: np.ndarray, prompt: int) -> int:
        if not len(edges):
            return 0
        entries = int(_pairs_before(self.sides, edges)[-1])
        return entries * _bytes_of_entry(self.sides.model, self.sides.lengths[prompt])


def _pairs_before(sides: Sides, edges: np.ndarray) -> np.ndarray:
    """Return how many tables' entries the edges up to each one need, `[edges]`."""
    graph = sides.graph
    layers = np.array([r.layer for r in graph.receivers])[graph.inputs_of[edges]]
    keys = layers.astype(np.int64) * graph.n_senders + graph.senders_of[edges]
    _unique, first = np.unique(keys, return_index=True)
    new = np.zeros(len(edges), dtype=np.int64)
    new[first] = 1
    return np.cumsum(new)


def _bytes_of_entry(model: LoadedModel, length: int) -> int:
    """Return the memory of what one sender's exchange makes of the inputs of one layer."""
    info = model.info
    width = max(info.d_head, model.widest_head)
    numbers = (info.n_heads + 2 * info.n_kv_heads) * width + info.d_model
    return length * numbers * BYTES_PER_ITEM.get(info.dtype, _FLOAT)


def _by_layer(sides: Sides, edges: np.ndarray) -> dict[int, tuple[list[int], list[int]]]:
    """Return by layer the senders that attention and MLP need, each in order."""
    receivers = sides.graph.receivers
    found: dict[int, tuple[set[int], set[int]]] = {}
    for number, sender in zip(
        sides.graph.inputs_of[edges].tolist(), sides.graph.senders_of[edges].tolist(), strict=True
    ):
        pair = found.setdefault(receivers[number].layer, (set(), set()))
        pair[receivers[number].kind == "in"].add(sender)
    return {layer: (sorted(one), sorted(two)) for layer, (one, two) in found.items()}


def _cut(
    wanted: dict[int, tuple[list[int], list[int]]], some: slice
) -> dict[int, tuple[list[int], list[int]]]:
    cut = {layer: (one[some], two[some]) for layer, (one, two) in wanted.items()}
    return {layer: pair for layer, pair in cut.items() if any(pair)}


def _gather(parts: dict[tuple[int, Kind], list[torch.Tensor]], layer: int, made: Made) -> None:
    for kind, table in made.by_kind.items():
        if len(table):
            parts.setdefault((layer, kind), []).append(table)
