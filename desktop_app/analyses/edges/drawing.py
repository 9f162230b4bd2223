"""Which edges of a model are drawn, and what is said of what is drawn. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.edges.picture import edge_sentence
from desktop_app.pictures.graph import strongest
from desktop_app.pictures.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from desktop_app.analyses.edges.known import Known
    from desktop_app.pictures.graph import BoardPicture
    from desktop_app.pictures.graph_nodes import Node

USUAL = 300
"""How many edges are drawn unless more are asked for."""
_EXPANDED, _PINNED = 12, 4


def edges_of(known: Known, values: np.ndarray, node: int, count: int) -> np.ndarray:
    """Return the strongest edges that leave or enter a node, so many at most."""
    joined = (known.table.ends == node) | (known.table.graph.senders_of == node)
    return strongest(values, count, joined)


def chosen_edges(
    known: Known,
    values: np.ndarray,
    amount: int,
    inside: np.ndarray | None,
    by_hand: Sequence[Iterable[int]] = ((), (), ()),
) -> np.ndarray:
    """Return what is drawn, the strongest first.

    Args:
        known: The edges.
        values: Their effects.
        amount: How many of them at most, beside what was put there by hand.
        inside: The circuit, of which the strongest are drawn; beyond the usual amount what is
            outside it as well. None: there is no circuit.
        by_hand: Edges that were taken out or put in; nodes that were expanded; pinned ones.
    """
    if inside is None:
        found = strongest(values, amount)
    else:
        # A circuit that was only scored has no effects: then any of its edges.
        found = strongest(np.where(np.isfinite(values), values, 0.0), amount, inside)
        if amount > USUAL or not len(found):
            found = np.union1d(found, strongest(values, amount - len(found), ~inside))
    touched, expanded, pinned = by_hand
    extra = [np.array(list(touched), dtype=np.int64)]
    extra += [edges_of(known, values, node, _EXPANDED) for node in expanded]
    extra += [edges_of(known, values, node, _PINNED) for node in pinned]
    every = np.unique(np.concatenate([found, *extra]))
    return np.asarray(every[np.lexsort((every, -np.abs(np.nan_to_num(values[every]))))])


def node_words(known: Known, drawn: BoardPicture, node: Node) -> str:
    """Return what is said of a node: its name and roles, how many edges, the strongest of them."""
    told = [node.name]
    told += [node.role] if node.role else []
    told += [f"published: {node.published}"] if node.published else []
    place = drawn.place_of(node.number)
    edges = np.empty(0, dtype=np.int64) if place is None else drawn.edges_of(place)
    told.append(f"{plural(len(edges), 'edge')} drawn")
    if len(edges):
        told.append(f"strongest {edge_sentence(known, int(drawn.edges[edges[0]]))}")
    return " · ".join(told)


def legend_of(drawn: BoardPicture) -> tuple[tuple[str, str], ...]:
    """Return what the board's colours and strokes mean."""
    told: list[tuple[str, str]] = []
    if np.isfinite(drawn.values).any():
        told += [("low", "lowers the metric"), ("high", "raises it")]
        if 0 < drawn.exact.sum() < len(drawn.exact):
            told.append(("estimated", "paler: estimated"))
    if drawn.inside is not None and not drawn.inside.all():
        told.append(("outside", "outside the circuit"))
    if drawn.sure is not None and not drawn.sure.all():
        told.append(("dashed", "in under half of resamples"))
    if any(node.published for node in drawn.nodes):
        told.append(("mark", "published"))
    return tuple(told)
