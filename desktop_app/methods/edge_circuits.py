"""Circuits of edges, run: what is left of a metric where all other edges are exchanged.

Circuits of prompts of one length are rows of shared passes, as many at once as memory allows. A
circuit of all edges is the untouched run and is not run again; equal circuits are run once.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from desktop_app.contract.report import ShareReporter
from desktop_app.engine.memory import budget_bytes, row_bytes
from desktop_app.engine.receivers import Inputs, Runs, run_inputs
from desktop_app.methods.exchanged import Exchanged
from desktop_app.methods.watching import in_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.edges import Graph
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.senders import Senders

# A CPU gains nothing from more tokens at once, and each pass is a step at which it can be stopped.
_CPU_TOKENS, _GPU_TOKENS = 4096, 131_072
_COPIES = 3  # of what the inputs of a layer are given: offsets, the rows, what a part makes of them
_FLOAT = 4


class Side(Protocol):
    """One prompt and what its parts put out elsewhere, as circuits need it."""

    @property
    def ids(self) -> torch.Tensor:
        """Its token ids `[1, S]`."""
        ...

    @property
    def entering(self) -> torch.Tensor:
        """What enters the first block in its untouched run, `[S, d_model]`."""
        ...

    @property
    def own(self) -> torch.Tensor:
        """What each sender adds there, float32 `[senders, S, d_model]`."""
        ...

    @property
    def other(self) -> torch.Tensor:
        """What each adds elsewhere, alike."""
        ...

    @property
    def read(self) -> int | None:
        """Where the metric is read; None where it is given the logits of all positions."""
        ...

    @property
    def score(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """From logits, `[runs, V]` or `[runs, S, V]`, to the metric of each run `[runs]`."""
        ...

    @property
    def base(self) -> float:
        """The metric of the untouched run."""
        ...


def score_circuits(
    model: LoadedModel,
    senders: Senders,
    graph: Graph,
    sides: Sequence[Side],
    circuits: Sequence[np.ndarray],
    report: Reporter,
) -> np.ndarray:
    """Return the metric of each circuit on prompts of one length, float64 `[circuits, prompts]`.

    Args:
        model: The model.
        senders: How its parts add to the stream.
        graph: Its edges.
        sides: The prompts.
        circuits: The numbers of the edges that each keeps, from the lowest.
        report: Told at every layer; may cancel there.

    Raises:
        MemoryExhaustedError: Not even one circuit at a time fits.
    """
    base = np.array([side.base for side in sides], dtype=np.float64)
    found = np.tile(base, (len(circuits), 1))
    places: dict[bytes, list[int]] = {}
    for number, edges in enumerate(circuits):
        if len(edges) < len(graph):
            places.setdefault(np.asarray(edges, dtype=np.int64).tobytes(), []).append(number)
    cells = [(prompt, numbers) for prompt in range(len(sides)) for numbers in places.values()]
    if not cells:
        return found

    def some(rows: slice) -> np.ndarray:
        runs = [(sides[prompt], circuits[numbers[0]]) for prompt, numbers in cells[rows]]
        share = ShareReporter(report, rows.start / len(cells), len(runs) / len(cells))
        return run_circuits(model, senders, graph, runs, share)

    limit = circuits_per_pass(model, graph, sides[0])
    for rows, values in in_batches(model, len(cells), limit, some):
        for (prompt, numbers), value in zip(cells[rows], values, strict=True):
            found[numbers, prompt] = value
    return found


def circuits_per_pass(model: LoadedModel, graph: Graph, side: Side) -> int:
    """Return how many circuits of prompts like this one fit into a pass, at least one."""
    length = side.ids.shape[1]
    rows = 1 + len(Inputs.of(model))
    stream = length * model.info.d_model * _FLOAT
    each = rows * row_bytes(model, length, length, read_all=False)
    each += (2 * graph.n_senders + _COPIES * rows) * stream + len(graph)
    each += rows * graph.n_senders * _FLOAT
    if side.read is None:
        each += 2 * _FLOAT * length * model.info.d_vocab
    most = _CPU_TOKENS if model.device.type == "cpu" else _GPU_TOKENS
    return max(1, min(int(budget_bytes(model) / each), most // (rows * length)))


def run_circuits(
    model: LoadedModel,
    senders: Senders,
    graph: Graph,
    runs: Sequence[tuple[Side, np.ndarray]],
    report: Reporter,
) -> np.ndarray:
    """Return the metric of circuits, each on its prompt; those of one prompt follow each other."""
    removed = torch.ones(len(runs), len(graph), dtype=torch.bool)
    for row, (_side, edges) in enumerate(runs):
        removed[row, torch.from_numpy(np.asarray(edges, dtype=np.int64))] = False
    sides = [side for side, _edges in runs]
    first = sides[0]
    alone = all(side is first for side in sides)
    other = first.other if alone else torch.stack([side.other for side in sides])
    entering = torch.stack([side.entering for side in sides])
    read = None if first.read is None else [side.read or 0 for side in sides]
    offsets = Exchanged(senders, graph, entering, other, removed.to(other.device))
    ids = torch.cat([side.ids for side in sides])
    with torch.no_grad():
        logits = run_inputs(model, Runs(ids, entering, read), offsets, report=report)
        parts, start = [], 0
        for _prompt, group in groupby(sides, key=id):
            count = len(list(group))
            parts.append(sides[start].score(logits[start : start + count]))
            start += count
        return torch.cat(parts).cpu().double().numpy()


def faithfulness(
    circuit: np.ndarray, other: np.ndarray, base: np.ndarray, least: float
) -> np.ndarray:
    """Return (circuit − other) / (base − other); NaN where nothing is to be explained.

    Args:
        circuit: The metric of circuits `[..., N]`.
        other: The metric with every edge exchanged `[N]`.
        base: The metric untouched `[N]`.
        least: A difference of the two up to which a share of it means nothing.
    """
    with np.errstate(invalid="ignore"):  # infinite numbers have no difference
        whole, kept = np.asarray(base - other, dtype=np.float64), circuit - other
        found = np.full(np.broadcast_shapes(np.shape(circuit), whole.shape), np.nan)
        np.divide(kept, whole, out=found, where=np.abs(whole) > least)
    return found


def areas(curve: np.ndarray, fractions: Sequence[float]) -> tuple[float, float]:
    """Return CPR and CMD of a curve: the areas under it, and between it and 1.

    Trapezoids over the fraction, from the first one to the last, as MIB's evaluation takes them.
    """
    return (
        float(np.trapezoid(curve, fractions)),
        float(np.trapezoid(np.abs(1.0 - curve), fractions)),
    )
