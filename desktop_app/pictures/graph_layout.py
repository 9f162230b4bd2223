"""Where the nodes of a drawn graph lie, in columns and rows.

Layers go upward: embeddings at the bottom, logits at the top. Embeddings, MLPs and logits stand in
a spine at the left, heads in columns of their number at its right, so that nothing moves where
edges come and go; key-value heads lie below their layer's heads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.contract.edges import Graph
    from desktop_app.pictures.graph_nodes import Node

# The spine's place, and the first column of heads.
_SPINE, _HEADS = 2.0, 3.6
_FEWEST_COLUMNS, _BESIDE = 3, 0.2
_MARGIN = 0.5


def columns_of(nodes: Iterable[Node]) -> tuple[tuple[int, float], ...]:
    """Return the heads' numbers that are there, and the column of each."""
    heads = sorted({node.head for node in nodes if node.kind == "head" and node.head is not None})
    room = max(len(heads), _FEWEST_COLUMNS)
    step, last = room / max(len(heads), 1), _HEADS + room + _BESIDE
    wider = np.ceil(last) / last
    return tuple((head, (_HEADS + (at + 0.5) * step) * wider) for at, head in enumerate(heads))


def lay_out(
    graph: Graph, nodes: tuple[Node, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[float, float], tuple[tuple[int, float, float], ...]]:
    """Return columns and rows of the nodes, how many there are, and the layers' bands."""
    columns = dict(columns_of(nodes))
    last = _HEADS + max(len(columns), _FEWEST_COLUMNS) + _BESIDE
    size = graph.heads // graph.kv_heads
    known, at = list(columns) or [0], list(columns.values()) or [(_HEADS + last) / 2]
    steps: dict[int, list[str]] = {}
    order = {"kv": 0, "head": 1, "mlp": 2, "embed": 0, "logits": 0}
    for node in nodes:
        rows = steps.setdefault(node.layer, [])
        both = node.layer in graph.parallel and node.kind != "kv"
        row: str = "both" if both else node.kind
        if row not in rows:
            rows.append(row)
    height: dict[tuple[int, str], float] = {}
    bands: list[tuple[int, float, float]] = []
    low = _MARGIN
    for layer in sorted(steps):
        rows = sorted(steps[layer], key=lambda kind: order.get(kind, 1))
        start = low - 0.5
        for row in rows:
            height[layer, row] = low
            low += 0.7
        low += 0.45
        if 0 <= layer < graph.layers:
            bands.append((layer, start - 0.075, low - 0.5 - 0.075))
    rows_in_all = low - 0.45 - 0.7 + _MARGIN
    x, y = np.empty(len(nodes)), np.empty(len(nodes))
    for place, node in enumerate(nodes):
        level = (node.layer, node.kind if (node.layer, node.kind) in height else "both")
        y[place] = rows_in_all - height[level]
        x[place] = _SPINE
        if node.kind == "head":
            x[place] = columns[node.head or 0]
        elif node.kind == "kv":
            x[place] = np.interp((node.head or 0) * size + (size - 1) / 2, known, at)
    shown = tuple(
        (layer, rows_in_all - top, rows_in_all - bottom) for layer, bottom, top in reversed(bands)
    )
    # Whole columns and rows, filled to their ends.
    size_in_all = (float(np.ceil(last)), float(np.ceil(rows_in_all)))
    wider, higher = size_in_all[0] / last, size_in_all[1] / rows_in_all
    shown = tuple((layer, top * higher, bottom * higher) for layer, top, bottom in shown)
    x[x == _SPINE] *= wider  # the columns are as wide already
    return x, y * higher, size_in_all, shown
