"""Whole nodes exchanged: what a head, an MLP or the embeddings put out reaches nobody.

A node alone is exchanged in an untouched run, where its own output is the clean one; so the
difference of its two outputs is added where it adds to the stream, and everything after it is
computed anew: an ordinary row of a sweep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.engine.interventions import Add, Edit, Variant
from desktop_app.engine.sweep import sweep
from desktop_app.engine.sweep_pass import Loss, SweepPlan

if TYPE_CHECKING:
    import numpy as np

    from desktop_app.contract.edges import Graph
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.edge_circuits import Side


def node_effects(model: LoadedModel, graph: Graph, side: Side, report: Reporter) -> np.ndarray:
    """Return changed − base with each node exchanged as a whole, on one prompt `[senders]`."""
    change = side.other - side.own
    runs = [
        Variant((Edit(layer, site, Add(change[number])),))
        for number, (layer, site) in enumerate(_places(graph))
    ]
    if side.read is None:
        plan = SweepPlan((side.ids.shape[1] - 1,), loss=Loss(side.ids.cpu()))
    else:
        plan = SweepPlan((side.read,), lambda logits, _row, _base: side.score(logits))
    found = sweep(model, side.ids, runs, plan, report)
    return (found.values.cpu().double() - side.base).numpy()


def _places(graph: Graph) -> list[tuple[int, Site]]:
    """Return where each sender adds to the stream."""
    found: list[tuple[int, Site]] = [(0, "resid_pre")]
    for layer in range(graph.layers):
        found += [(layer, "attn_out")] * graph.heads
        found.append((layer, "mlp_out"))
    return found
