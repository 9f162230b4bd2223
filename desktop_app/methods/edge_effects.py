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

from desktop_app.contract.report import CheckingReporter, ShareReporter
from desktop_app.engine.interventions import Edit, Variant
from desktop_app.engine.receivers import KIND_SITES
from desktop_app.engine.sweep import sweep
from desktop_app.engine.sweep_pass import Loss, SweepPlan, no_hooks_left
from desktop_app.methods.edge_tables import CPU_TOKENS, Shelf
from desktop_app.methods.prepare import equal_length_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.receivers import Kind
    from desktop_app.methods.edge_sides import Sides
    from desktop_app.methods.edge_tables import Tables

_LARGEST_GROUP = 8


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
    *,
    heard: Callable[[], None] | None = None,
    shelf: Shelf | None = None,
) -> np.ndarray | None:
    """Find out what edges do to the metric of every prompt.

    Args:
        sides: The prompts.
        edges: The numbers of the edges.
        effects: changed − base, float64 `[edge, N]`, filled in as they come.
        report: Told at every layer; may cancel there.
        heard: Called after each pass.
        shelf: Keeps tables for further calls; None: they are made for this one alone.

    Returns:
        How far each prompt's untouched metric goes apart over batch sizes `[N]`; None in full
        precision and where nothing was run.

    Raises:
        MemoryExhaustedError: Not even a single edge at a time fits.
    """
    noise: np.ndarray | None = None
    shelf = shelf or Shelf(sides, edges[:0])
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
        for part, portion in shelf.parts(group, inner):
            told = ShareReporter(report, done, share * portion)
            found = _sweep(shelf, (group, inner[part]), effects, told, heard)
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


def _sweep(
    shelf: Shelf,
    what: tuple[Sequence[int], np.ndarray],
    effects: np.ndarray,
    report: Reporter,
    heard: Callable[[], None] | None,
) -> np.ndarray | None:
    """Run edges on prompts of one length; return how far their untouched metric goes apart."""
    (group, edges), sides = what, shelf.sides
    model = sides.model

    def fill(base: torch.Tensor, values: torch.Tensor) -> None:
        changed = values.double().numpy().reshape(len(edges), len(group))
        effects[np.ix_(edges, np.array(group))] = changed - base.double().numpy()
        if heard is not None:
            heard()

    with no_hooks_left(model):
        tables = [shelf.tables(prompt, edges, CheckingReporter(report)) for prompt in group]
        with _beside(model, shelf.held(group, edges)):
            runs = list(_runs(sides, group, edges, tables))
            swept = sweep(model, sides.ids(group), runs, _plan(sides, group), report, fill)
    return None if swept.noise is None else swept.noise.double().numpy()


def _runs(
    sides: Sides, group: Sequence[int], edges: np.ndarray, tables: Sequence[Tables]
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
