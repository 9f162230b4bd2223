"""What edges do, exactly: one input of one part gets a sender's other output, all else is clean.

An edge is a run of its own that is the untouched one up to its receiver: what a head's query, key
or value, or an MLP, makes of the exchanged stream is taken from a table, and goes into a row of the
one-pass sweep. The tables are made by the model's own layers, a row for each sender. Edges into the
logits need no run: the last stream is read again.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from typing_extensions import override

from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine.interventions import Edit, FromTable, Variant
from desktop_app.engine.memory import BYTES_PER_ITEM, budget_bytes, rows_per_pass
from desktop_app.engine.receivers import KIND_SITES, make_inputs
from desktop_app.engine.sweep import sweep
from desktop_app.engine.sweep_pass import Loss, SweepPlan, no_hooks_left
from desktop_app.methods.prepare import equal_length_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.receivers import Kind, Made
    from desktop_app.methods.edge_sides import Sides

CPU_TOKENS = 2048
"""Tokens of a pass on the CPU: more do not stay in its cache, of fewer the calls cost more."""
_LARGEST_GROUP = 8
# Of the memory that a pass may take, what the tables of a block may.
_SHARE_OF_TABLES = 0.3
_FLOAT = 4


def cost_of(sides: Sides, edges: np.ndarray) -> np.ndarray:
    """Return what each edge's runs cost, in tokens through one layer, float64 `[edges]`."""
    graph = sides.graph
    layers = np.array([r.layer for r in graph.receivers])[graph.inputs_of[edges]]
    tokens = sum(n - first for n, first in zip(sides.lengths, sides.firsts, strict=True))
    return np.asarray((graph.layers - layers) * float(max(1, tokens)))


def exact_effects(
    sides: Sides,
    edges: np.ndarray,
    effects: np.ndarray,
    report: Reporter,
    heard: Callable[[], None] | None = None,
) -> np.ndarray | None:
    """Find out what edges do to the metric of every prompt.

    Args:
        sides: The prompts.
        edges: The numbers of the edges.
        effects: changed − base, float64 `[edge, N]`, filled in as they come.
        report: Told at every layer; may cancel there.
        heard: Called after each pass.

    Returns:
        How far each prompt's untouched metric goes apart over batch sizes `[N]`; None in full
        precision and where nothing was run.

    Raises:
        MemoryExhaustedError: Not even a single edge at a time fits.
    """
    noise: np.ndarray | None = None
    last = sides.graph.first_edges[-2]
    for prompt in range(len(sides)):
        into = edges[edges >= last]
        effects[into, prompt] = _into_logits(sides, prompt, into - last)
    inner = np.sort(edges[edges < last])
    groups = equal_length_groups(sides.lengths, _LARGEST_GROUP) if len(inner) else []
    work = float(sum(len(group) * sides.lengths[group[0]] for group in groups)) or 1.0
    done = 0.0
    for group in groups:
        share = len(group) * sides.lengths[group[0]] / work
        for part, portion in _parts(sides, group, inner):
            told = ShareReporter(report, done, share * portion)
            found = _sweep(sides, (group, inner[part]), effects, told, heard)
            if found is not None:
                noise = np.full(len(sides), np.nan) if noise is None else noise
                noise[group] = np.fmax(noise[group], found)
            done += share * portion
    return noise


def _into_logits(sides: Sides, prompt: int, senders: np.ndarray) -> np.ndarray:
    """Return what edges into the logits do: the last stream with one sender exchanged, read."""
    if not len(senders):
        return np.zeros(0)
    side = sides.side(prompt)
    index = torch.from_numpy(senders.astype(np.int64)).to(side.own.device)
    streams = torch.cat([side.last.float()[None], side.last.float() + side.apart[index]])
    with torch.no_grad():
        found = sides.measured(streams, side.score, side.read)
    return np.asarray(found[1:] - found[0])


def _parts(sides: Sides, group: Sequence[int], edges: np.ndarray) -> Iterator[tuple[slice, float]]:
    """Yield which edges, in their order, have tables that fit into memory together; and a share."""
    pairs = _pairs_before(sides, edges)
    each = _bytes_of_entry(sides.model, sides.lengths[group[0]]) * len(group)
    most = max(1, int(_SHARE_OF_TABLES * budget_bytes(sides.model) / each))
    start = 0
    while start < len(edges):
        stop = int(np.searchsorted(pairs, pairs[start] + most, side="right"))
        stop = min(max(stop, start + 1), len(edges))
        yield slice(start, stop), (stop - start) / len(edges)
        start = stop


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


class _Tables:
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


def _sweep(
    sides: Sides,
    what: tuple[Sequence[int], np.ndarray],
    effects: np.ndarray,
    report: Reporter,
    heard: Callable[[], None] | None,
) -> np.ndarray | None:
    """Run edges on prompts of one length; return how far their untouched metric goes apart."""
    (group, edges), model = what, sides.model

    def fill(base: torch.Tensor, values: torch.Tensor) -> None:
        changed = values.double().numpy().reshape(len(edges), len(group))
        effects[np.ix_(edges, np.array(group))] = changed - base.double().numpy()
        if heard is not None:
            heard()

    with no_hooks_left(model):
        tables = [_Tables(sides, prompt, edges, _Unheard(report)) for prompt in group]
        entries = int(_pairs_before(sides, edges)[-1]) * len(group)
        held = entries * _bytes_of_entry(model, sides.lengths[group[0]])
        held += sum(map(sides.bytes_of, group))
        with _beside(model, held):
            runs = list(_runs(sides, group, edges, tables))
            swept = sweep(model, sides.ids(group), runs, _plan(sides, group), report, fill)
    return None if swept.noise is None else swept.noise.double().numpy()


def _runs(
    sides: Sides, group: Sequence[int], edges: np.ndarray, tables: Sequence[_Tables]
) -> Iterator[Variant]:
    """Yield the run of each edge on each prompt."""
    graph = sides.graph
    length = sides.lengths[group[0]]
    spans = [None if not (f := sides.firsts[p]) else tuple(range(f, length)) for p in group]
    receivers, inputs = graph.receivers, graph.inputs_of[edges].tolist()
    for number, sender in zip(inputs, graph.senders_of[edges].tolist(), strict=True):
        receiver = receivers[number]
        kind: Kind = "mlp" if receiver.kind == "in" else receiver.kind
        head = None if kind == "mlp" else receiver.head
        for row, (table, span) in enumerate(zip(tables, spans, strict=True)):
            value = table.entry(receiver.layer, kind, sender)
            yield Variant((Edit(receiver.layer, KIND_SITES[kind], value, head, span),), row)


def _plan(sides: Sides, group: Sequence[int]) -> SweepPlan:
    read = tuple(sides.read[i] for i in group)
    if sides.metric == "loss":
        targets = torch.stack([sides.targets[i].ids for i in group])
        return SweepPlan(read, loss=Loss(targets), tokens=CPU_TOKENS)
    measures = [sides.side(i).score for i in group]

    def score_rows(logits: torch.Tensor, row: int, base: torch.Tensor | None) -> torch.Tensor:
        return measures[row](logits)

    return SweepPlan(read, score_rows, tokens=CPU_TOKENS)


@contextmanager
def _beside(model: LoadedModel, held: int) -> Iterator[None]:
    """Leave the rows of passes what a given budget has beside what is held already."""
    given = model.budget_bytes
    if given is None:
        yield
        return
    model.budget_bytes = max(given - held, given // 4)
    try:
        yield
    finally:
        model.budget_bytes = given


class _Unheard(Reporter):
    """Lets nothing be said, and can be cancelled."""

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner

    @override
    def step(self, fraction: float, note: str = "") -> None:
        """Say nothing."""
        self._inner.check()

    @override
    def check(self) -> None:
        """Stop where it is asked for."""
        self._inner.check()
