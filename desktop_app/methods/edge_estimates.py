"""What every edge does, estimated by gradients: attribution patching of edges.

EAP (Syed et al. 2023, arXiv:2310.10348) takes the gradient of the metric by what a receiver reads,
before its norm, in the untouched run; EAP-IG (Hanna et al. 2024, arXiv:2403.17806, `inputs`) its
mean over runs whose embeddings go straight from those elsewhere to the untouched ones, of which the
last one is the untouched run. The estimate of an edge is that gradient times what the sender puts
out elsewhere more than untouched, summed over positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_app.contract.report import ShareReporter
from desktop_app.engine.memory import budget_bytes, row_bytes
from desktop_app.engine.receivers import Inputs, Runs
from desktop_app.methods.exchanged import input_gradients
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.edges import Graph
    from desktop_app.contract.params import Metric
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.edge_sides import Sides, WholeSide

# What a pass keeps for the way back, in rows of a pass without one, for each layer.
_KEPT = 2.5
_FLOAT = 4
# A rank jumps, and a divergence from the untouched run is flat where it begins.
NO_SLOPE: frozenset[str] = frozenset({"rank"})
FLAT_AT_BASE: frozenset[str] = frozenset({"rank", "kl"})


def is_flat(metric: Metric, steps: int) -> bool:
    """Return whether a metric has no slope where an estimate takes it.

    Args:
        metric: The number that is watched.
        steps: How many runs EAP-IG averages: the only one is the untouched run; 0 for EAP alone.
    """
    return metric in (FLAT_AT_BASE if steps <= 1 else NO_SLOPE)


def refuse_flat(metric: Metric, steps: int) -> None:
    """Refuse to estimate a metric that has no slope where the estimate takes it.

    Raises:
        BadInputError: It names another metric.
    """
    if is_flat(metric, steps):
        where, more = "", ""
        if metric not in NO_SLOPE:
            where, more = " in the untouched run", "--method eap-ig of several --steps, "
        raise BadInputError(
            f"{metric} has no gradient to estimate by{where}: choose --metric logit_diff, {more}or "
            "--method exact."
        )


def estimates(sides: Sides, prompt: int, steps: int, report: Reporter) -> list[np.ndarray]:
    """Return EAP-IG and EAP of every edge on a prompt, float64 `[2, edge]`.

    Args:
        sides: The prompts.
        prompt: Which one.
        steps: How many runs EAP-IG averages; 0 for EAP alone, which is then both.
        report: Told at every layer; may cancel there.
    """
    side, model, graph = sides.side(prompt), sides.model, sides.graph
    count = max(1, steps)
    total: torch.Tensor | None = None
    last: torch.Tensor | None = None
    limit = _runs_at_once(model, side.ids.shape[1], len(graph.receivers))

    def some(rows: slice) -> torch.Tensor:
        numbers = range(rows.start + 1, rows.stop + 1)
        share = ShareReporter(report, rows.start / count, len(numbers) / count)
        return _gradients(model, side, [k / count for k in numbers], share)

    for rows, found in in_batches(model, count, limit, some):
        part = found.sum(1)
        total = part if total is None else total + part
        if rows.stop == count:
            last = found[:, -1]
    if total is None or last is None:
        raise ValueError("no run, no gradient")
    averaged = total / count
    return [_by_edge(graph, side.apart, gradient) for gradient in (averaged, last)]


def _gradients(
    model: LoadedModel, side: WholeSide, ways: list[float], report: Reporter
) -> torch.Tensor:
    """Return gradients of runs so far on the way from elsewhere, `[receivers, runs, S, d]`."""
    elsewhere, clean = side.other[0], side.entering.float()
    # The end of the way is the untouched run to the last bit.
    streams = [clean if way == 1 else elsewhere + way * (clean - elsewhere) for way in ways]
    entering = torch.stack(streams).to(side.entering)
    read = None if side.read is None else [side.read] * len(ways)
    runs = Runs(side.ids.expand(len(ways), -1), entering, read)
    return input_gradients(model, runs, side.score, report)


def _by_edge(graph: Graph, apart: torch.Tensor, gradient: torch.Tensor) -> np.ndarray:
    """Return the product of both for each edge, receivers of the same senders together."""
    senders = apart.flatten(1)
    table = gradient.flatten(1) @ senders.T  # [receivers, senders]
    found = table.double().cpu().numpy()
    return np.asarray(found[graph.inputs_of, graph.senders_of])


def _runs_at_once(model: LoadedModel, length: int, receivers: int) -> int:
    """Return how many runs' gradients fit into memory, at least one."""
    rows = 1 + len(Inputs.of(model))
    row = row_bytes(model, length, length, read_all=False)
    each = _KEPT * rows * row * model.info.n_layers
    each += 2 * _FLOAT * receivers * length * model.info.d_model
    return max(1, int(budget_bytes(model) / each))
