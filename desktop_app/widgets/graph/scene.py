"""What lies on the board and where: for painting it, for the pointer, and for the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.graph import BoardPicture
from desktop_app.widgets.graph import paint
from desktop_app.widgets.graph.geometry import (
    LABEL_HEIGHT,
    along,
    edge_curves,
    labelled,
    nearest_curve,
    node_points,
    within,
)

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

Thing = tuple[str, int]
"""`node` or `edge`, and its place among those that are drawn."""

OVER = 11.0
"""Half a name: what lies at an end of the plot reaches so far beyond it."""
_NEAR_EDGE, _NEAR_NODE = 6.0, 9.0
_APART, _ASIDE = 0.5, 8.0  # of rows; how much farther beside counts


class Scene:
    """A picture in its frame.

    Attributes:
        picture: What is drawn.
        points: Where its nodes lie, `[nodes, 2]`.
        curves: The control points of its edges, `[edges, 4, 2]`.
        samples: Points along them, `[edges, samples, 2]`.
        boxes: The middle of the box of each name, and how wide it is, `[nodes, 2]`: those at the
            sides are moved inwards.
        named: The nodes whose names have room.
    """

    def __init__(self, frame: MatrixFrame) -> None:
        self._frame = frame
        self.picture = BoardPicture()
        self.points = np.empty((0, 2))
        self.curves = np.empty((0, 4, 2))
        self.samples = np.empty((0, 0, 2))
        self._widths = np.empty(0)
        self.boxes = np.empty((0, 2))
        self.named: list[int] = []

    def take(self, picture: BoardPicture) -> None:
        """Take another picture, before it is arranged."""
        self.picture = picture
        self._widths = paint.label_widths(picture.nodes)

    def arrange(self, chosen: int | None) -> None:
        """Compute where all lies; the chosen node, by its number, is named first."""
        self.points = node_points(self.picture, self._frame)
        self.boxes = within(self.points[:, 0], self._widths, self._frame.plot)
        self.curves = edge_curves(self.picture, self.points, self._frame)
        self.samples = along(self.curves)
        self.name(chosen)

    def name(self, chosen: int | None) -> None:
        """Choose whose names have room: the chosen, the pinned, then by what they carry."""
        nodes, plot = self.picture.nodes, self._frame.plot
        self.named = []
        if len(self.points) != len(nodes) or not nodes:
            return
        first = [node.number != chosen for node in nodes]
        second = [not node.pinned for node in nodes]
        third = [node.kind not in {"embed", "logits"} for node in nodes]
        order = np.lexsort(np.array([-self.picture.weights, third, second, first], dtype=float))
        x, y = self.points[order, 0], self.points[order, 1]
        seen = (x >= plot.left()) & (x <= plot.right())
        order = order[seen & (y >= plot.top()) & (y <= plot.bottom())]
        self.named = labelled(self.boxes, self.points[:, 1], order, LABEL_HEIGHT)

    def at(self, point: QPointF) -> Thing | None:
        """Return the node or the edge at a point."""
        reach = self._frame.plot.adjusted(-4, -OVER, 6, OVER)
        if not self.picture.nodes or not reach.contains(point):
            return None
        for place in self.named:
            if paint.node_box(self.points, self.boxes, place).contains(point):
                return "node", place
        away = np.hypot(self.points[:, 0] - point.x(), self.points[:, 1] - point.y())
        if away.min() <= _NEAR_NODE:
            return "node", int(away.argmin())
        edge = nearest_curve(self.samples, point.x(), point.y(), _NEAR_EDGE)
        return None if edge is None else ("edge", edge)

    def around(self, thing: Thing | None) -> tuple[frozenset[int] | None, tuple[int, ...]]:
        """Return the nodes and edges that stand out with something; None: nothing does."""
        if thing is None:
            return None, ()
        kind, place = thing
        edges = self.picture.edges_of(place) if kind == "node" else np.array([place])
        nodes = {*self.picture.start[edges].tolist(), *self.picture.end[edges].tolist()}
        nodes |= {place} if kind == "node" else set()
        return frozenset(nodes), tuple(edges.tolist())

    def beside(self, place: int | None, right: int, down: int) -> int | None:
        """Return the nearest node in a direction; from none the one that carries most."""
        if not self.picture.nodes:
            return None
        if place is None:
            return int(self.picture.weights.argmax())
        step = self.points - self.points[place]
        ahead = step @ np.array([right, down], dtype=float)
        aside = np.abs(step @ np.array([down, right], dtype=float))
        there = ahead > _APART
        if not there.any():
            return None
        if down:  # the next row, and there the nearest
            there &= ahead <= ahead[there].min() + _APART
            cost = aside
        else:  # of the row itself first
            cost = ahead + _ASIDE * aside
        return int(np.where(there, cost, np.inf).argmin())

    def next_edge(self, place: int | None, edge: int | None, by: int) -> int | None:
        """Return the edge after one, of a node or of all, by strength; all by their numbers."""
        edges = self.picture.edges
        some = edges if place is None else edges[self.picture.edges_of(place)]
        if not some.size:
            return None
        now = np.flatnonzero(some == edge)
        at = int(now[0]) + by if now.size else (0 if by > 0 else len(some) - 1)
        return int(some[min(max(at, 0), len(some) - 1)])
