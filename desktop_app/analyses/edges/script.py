"""What the script of edges prints of them: the largest ones, run one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.edges import Graph
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.analyses.edges.spec import EdgesParams
    from desktop_app.contract.result import Result

MOST = 20
"""How many edges a script runs: two runs each, and two more for each step of an estimate."""


def facts(result: Result, params: EdgesParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings.

    Raises:
        BadInputError: Nothing is known of any edge.
    """
    graph = _graph(result)
    largest = _largest(result, len(graph))
    if not largest:
        raise BadInputError(
            "A circuit that was only scored has no effects for a script to repeat: run edges with "
            "--method exact."
        )
    estimated = "estimate" in result.data
    return {
        "edges": [_edge(graph, number) for number in largest],
        "heads": graph.heads,
        "exact": bool(np.isfinite(np.asarray(result.data["effect"])).any()),
        "estimate_steps": (1 if params.method == "eap" else params.steps) if estimated else 0,
        "chat": params.chat,
    }


def _graph(result: Result) -> Graph:
    """Return the edges of the result's model, as many as it has rows."""
    shape, rows = result.data["layers"], len(result.data["effect"])
    layers, heads, shared = (int(shape[name]) for name in ("layers", "heads", "kv_heads"))
    # Each input has a sender at least: what is claimed of a model costs no more than what there is.
    if not 0 < layers * (heads + 2 * shared + 1) <= rows:
        raise ValueError("its edges are not those of its model")
    graph = Graph(layers, heads, shared, frozenset(int(layer) for layer in shape["parallel"]))
    if len(graph) != rows:
        raise ValueError("its edges are not those of its model")
    return graph


def _largest(result: Result, count: int) -> list[int]:
    """Return the edges of largest mean effect, where none is known of largest mean estimate."""
    size = np.full(count, np.nan)
    for name in ("effect", "estimate"):
        if name in result.data and not np.isfinite(size).any():
            size = (
                np.abs(np.asarray(result.data[name], dtype=np.float64)).reshape(count, -1).mean(-1)
            )
    known = np.flatnonzero(np.isfinite(size))
    return [int(n) for n in known[np.argsort(-size[known], kind="stable")][:MOST]]


def _edge(graph: Graph, number: int) -> list[Any]:
    """Return an edge: its names, its sender's number, and its receiver's layer, input and head."""
    receiver = graph.receivers[int(graph.inputs_of[number])]
    sender = int(graph.senders_of[number])
    names = [graph.sender_names[sender], graph.receiver_names[int(graph.inputs_of[number])]]
    return [number, *names, sender, receiver.layer, str(receiver.kind), receiver.head]
