"""The parts of a model and what leads from one to another, as a drawing: data, and where it lies.

Where query heads share keys and values, a node of its own stands for each key-value head. Where all
of it lies, `pictures.graph_layout` says. Of the edges of a model, which may be millions, only those
that are drawn become objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.graph_layout import columns_of, lay_out
from desktop_app.pictures.graph_nodes import Node, edge_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.pictures.graph_nodes import NodeTable

MOST_DRAWN = 5_000
"""How many edges are drawn at most."""


def strongest(values: np.ndarray, count: int, among: np.ndarray | None = None) -> np.ndarray:
    """Return the edges of largest size, the largest first; what has no value comes not at all.

    Args:
        values: One per edge.
        count: How many at most.
        among: A mask of those that may be taken; all where None.
    """
    if among is not None:  # of a few, the rest need not be sorted
        places = np.flatnonzero(among)
        return np.asarray(places[strongest(np.asarray(values)[places], count)])
    sizes = np.abs(np.asarray(values, dtype=np.float64))
    sizes = np.where(np.isfinite(sizes), sizes, -1.0)
    count = min(count, sizes.size)
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    best = np.argpartition(sizes, sizes.size - count)[sizes.size - count :]
    best = best[np.lexsort((best, -sizes[best]))]
    return np.asarray(best[sizes[best] >= 0])


@dataclass(frozen=True)
class Marks:
    """What is said of nodes beside their edges, by their numbers.

    Attributes:
        roles: What heads are known to do.
        published: Their roles in a published circuit that is laid over.
        pinned: Those put on the board by hand: they are shown without edges too.
    """

    roles: Mapping[int, str] = field(default_factory=dict)
    published: Mapping[int, str] = field(default_factory=dict)
    pinned: frozenset[int] = frozenset()


@dataclass(frozen=True)
class BoardPicture:
    """What is drawn: nodes in their places, and edges between them.

    Attributes:
        nodes: Those that are shown.
        x: Where each stands across, in columns.
        y: Where each stands from the top, in rows.
        size: Columns and rows in all.
        bands: Layer, and from where to where it reaches from the top, the uppermost first.
        edges: The numbers of the drawn edges, the strongest first.
        start: Per drawn edge, the place of its sender among `nodes`.
        end: That of its receiver.
        kinds: Which input it enters.
        values: Effects; NaN where nothing is known.
        exact: Which of them are exact.
        inside: Which belong to the circuit; None where there is no circuit.
        sure: Which are in most of the resamples' circuits; None where there are none.
        limit: The size that is drawn widest.
        groups: Pairs of places among `nodes`: a key-value head and a query head that it serves.
        columns: What the columns of heads are called, and where each stands.
    """

    nodes: tuple[Node, ...] = ()
    x: np.ndarray = field(default_factory=lambda: np.empty(0))
    y: np.ndarray = field(default_factory=lambda: np.empty(0))
    size: tuple[float, float] = (1.0, 1.0)
    bands: tuple[tuple[int, float, float], ...] = ()
    edges: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    start: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    end: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    kinds: tuple[str, ...] = ()
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    exact: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))
    inside: np.ndarray | None = None
    sure: np.ndarray | None = None
    limit: float = 1.0
    groups: tuple[tuple[int, int], ...] = ()
    columns: tuple[tuple[int, float], ...] = ()

    @cached_property
    def spine(self) -> np.ndarray:
        """Which nodes stand in the spine."""
        return np.array([n.kind in {"embed", "mlp", "logits"} for n in self.nodes], dtype=bool)

    @cached_property
    def weights(self) -> np.ndarray:
        """How much each node's drawn edges carry together."""
        found = np.zeros(len(self.nodes))
        sizes = np.abs(np.nan_to_num(self.values))
        np.add.at(found, self.start, sizes)
        np.add.at(found, self.end, sizes)
        return found

    def place_of(self, number: int) -> int | None:
        """Return where a node stands among `nodes`; None where it is not shown."""
        return self._places.get(number)

    @cached_property
    def _places(self) -> dict[int, int]:
        return {node.number: place for place, node in enumerate(self.nodes)}

    def edges_of(self, place: int) -> np.ndarray:
        """Return the drawn edges that leave or enter a node, the strongest first."""
        return np.flatnonzero((self.start == place) | (self.end == place))

    def words(self, table: NodeTable, drawn: int) -> str:
        """Return a drawn edge in words."""
        return edge_words(table, int(self.edges[drawn]))

    def summary(self) -> str:
        """Return the drawing in one sentence, for who does not see it."""
        kinds = ", ".join(
            f"{count} {noun}"
            for noun, count in (
                ("heads", sum(n.kind == "head" for n in self.nodes)),
                ("MLPs", sum(n.kind == "mlp" for n in self.nodes)),
            )
            if count
        )
        told = f"{len(self.edges):,} edges between {len(self.nodes):,} nodes"
        return f"{told}: {kinds}" if kinds else told


@dataclass(frozen=True)
class Drawn:
    """What is known of all edges, of which some are drawn; each `[edge]`.

    Attributes:
        values: Effects; NaN where nothing is known.
        exact: Which of them are exact.
        inside: Which belong to the circuit; None where there is no circuit.
        inclusion: The share of resamples whose circuit holds it; None where there are none.
    """

    values: np.ndarray
    exact: np.ndarray
    inside: np.ndarray | None = None
    inclusion: np.ndarray | None = None


def draw_graph(
    table: NodeTable, known: Drawn, edges: np.ndarray, marks: Marks | None = None
) -> BoardPicture:
    """Return the drawing of some edges, the strongest first, and of what is pinned.

    An edge is `sure` that at least half of the resamples' circuits hold.
    """
    told = marks or Marks()
    edges = np.asarray(edges, dtype=np.int64)[:MOST_DRAWN]
    starts, ends = table.graph.senders_of[edges], table.ends[edges]
    numbers = sorted({*starts.tolist(), *ends.tolist(), *told.pinned})
    place = {number: at for at, number in enumerate(numbers)}
    values = np.asarray(known.values)[edges]
    inside = None if known.inside is None else known.inside[edges]
    # With a circuit, a node belongs to it that one of its edges does.
    held = set() if inside is None else {*starts[inside].tolist(), *ends[inside].tolist()}
    nodes = tuple(
        _node(table, number, told, None if inside is None else number in held) for number in numbers
    )
    finite = np.abs(values[np.isfinite(values)])
    spread = lay_out(table.graph, nodes)
    kinds = tuple(table.graph.receivers[int(i)].kind for i in table.graph.inputs_of[edges])
    return BoardPicture(
        nodes,
        *spread,
        edges,
        np.array([place[int(n)] for n in starts], dtype=np.int64),
        np.array([place[int(n)] for n in ends], dtype=np.int64),
        kinds,
        values,
        np.asarray(known.exact)[edges],
        inside,
        None if known.inclusion is None else known.inclusion[edges] >= 0.5,
        float(finite.max()) if finite.size and finite.max() > 0 else 1.0,
        tuple(
            (place[number], place[head])
            for number in numbers
            for head in table.heads_of(number)
            if head in place
        ),
        columns_of(nodes),
    )


def _node(table: NodeTable, number: int, marks: Marks, kept: bool | None) -> Node:
    node = table.node(number)
    return Node(
        number,
        node.key,
        node.name,
        node.kind,
        node.layer,
        node.head,
        marks.roles.get(number, ""),
        kept,
        number in marks.pinned,
        marks.published.get(number, ""),
    )
