"""How the board is painted: layers, edges by what they carry, nodes with their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainterPath, QPen

from desktop_app.widgets.basics.colormaps import colour_at, diverging_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import colour
from desktop_app.widgets.graph.geometry import LABEL_HEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QPainter

    from desktop_app.pictures.graph import BoardPicture
    from desktop_app.pictures.graph_nodes import Node
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

GUTTER, LEGEND, TOP = 34.0, 22.0, 18.0
LEGEND_LINE = 16.0
DOT = 4.0
_THIN, _WIDE = 0.8, 7.0
_ESTIMATED = 0.55
_POINTED, _CHOSEN = 0.45, 0.75
_NARROWEST = 13.0
_PAD = 7.0


@dataclass(frozen=True)
class Spoken:
    """The nodes that are spoken of, by their places.

    Attributes:
        chosen: The selected one.
        hovered: The one under the pointer.
        near: Those that stand out; all where None.
    """

    chosen: int | None = None
    hovered: int | None = None
    near: frozenset[int] | None = None

    @property
    def less(self) -> float:
        """How strongly the others are drawn: fainter while one is pointed at."""
        return _POINTED if self.hovered is not None else _CHOSEN

    def has(self, place: int) -> bool:
        """Return whether a node stands out."""
        return self.near is None or place in self.near

    def how(self, place: int) -> str:
        """Return whether a node is `chosen`, `hovered`, or neither."""
        return "chosen" if place == self.chosen else "hovered" if place == self.hovered else ""


def label_widths(nodes: Sequence[Node]) -> NDArray[np.float64]:
    """Return how wide the box of each node's name is."""
    metrics = QFontMetricsF(ui_font(11, "medium"))
    return np.array([metrics.horizontalAdvance(told(node)) + 2 * _PAD for node in nodes])


def told(node: Node) -> str:
    """Return what stands in a node's box: its name, and its role where one is known."""
    role = node.role or node.published
    return f"{node.name} · {role}" if role else node.name


def edge_ink(value: float, limit: float) -> QColor:
    """Return the colour of an effect: the maps' own, never so pale that it is lost."""
    if not np.isfinite(value):
        return colour("text_muted")
    share = min(abs(value) / limit, 1.0) ** 0.5
    ink = colour_at(diverging_map(), 0.5 + 0.5 * np.sign(value) * (0.45 + 0.55 * share))
    ink.setAlphaF(0.45 + 0.55 * share)
    return ink


def edge_width(value: float, limit: float) -> float:
    """Return the width of an edge, which grows with its effect."""
    if not np.isfinite(value):
        return _THIN
    return max(_THIN, _WIDE * min(abs(value) / limit, 1.0))


def paint_bands(painter: QPainter, picture: BoardPicture, frame: MatrixFrame) -> None:
    """Draw the layers as bands, with their numbers at the left where there is room."""
    plot = frame.plot
    painter.setFont(ui_font(11))
    last = plot.bottom() + 100
    for number, (_layer, top, bottom) in enumerate(picture.bands):
        band = frame.cell_rect(top, 0, bottom - top, 1)
        upper, lower = max(band.top(), plot.top()), min(band.bottom(), plot.bottom())
        if lower <= upper:
            continue
        if number % 2:
            area = QRectF(plot.left() - GUTTER, upper, plot.width() + GUTTER, lower - upper)
            painter.fillRect(area, colour("grid"))
    for layer, top, bottom in reversed(picture.bands):
        middle = frame.cell_rect((top + bottom) / 2, 0, 0, 0).top()
        if plot.top() <= middle <= plot.bottom() and last - middle >= _NARROWEST:
            last = middle
            painter.setPen(colour("text_muted"))
            where = QRectF(plot.left() - GUTTER, middle - 8, GUTTER - 6, 16)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(where, flags, f"L{layer}")


def paint_columns(painter: QPainter, picture: BoardPicture, frame: MatrixFrame) -> None:
    """Write above the columns which head stands in each, as far as there is room."""
    painter.setFont(ui_font(11))
    painter.setPen(colour("text_muted"))
    plot, last = frame.plot, -100.0
    for head, column in picture.columns:
        x = frame.cell_rect(0, column, 0, 0).left()
        if plot.left() <= x <= plot.right() and x - last >= 2 * _NARROWEST:
            last = x
            where = QRectF(x - 20, plot.top() - TOP, 40, TOP - 2)
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, f"H{head}")


def paint_edges(
    painter: QPainter,
    picture: BoardPicture,
    curves: NDArray[np.float64],
    which: Iterable[int],
    *,
    strong: bool = False,
) -> None:
    """Draw edges, the weakest first: outside the circuit grey and dotted, unsure ones dashed."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for edge in sorted(which, reverse=True):
        value, outside = float(picture.values[edge]), False
        ink, width = edge_ink(value, picture.limit), edge_width(value, picture.limit)
        pen = QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
        if picture.inside is not None and not picture.inside[edge]:
            outside = True
            ink = colour("border_strong")
            pen = QPen(ink, max(_THIN, 0.5 * width), Qt.PenStyle.DotLine)
        elif picture.sure is not None and not picture.sure[edge]:
            pen.setStyle(Qt.PenStyle.DashLine)
        if not picture.exact[edge]:
            ink.setAlphaF(ink.alphaF() * _ESTIMATED)
        if strong:
            ink.setAlphaF(1.0)
            pen.setWidthF(max(pen.widthF(), 1.8) + (0.0 if outside else 0.6))
        pen.setColor(ink)
        painter.setPen(pen)
        a, b, c, d = (QPointF(float(x), float(y)) for x, y in curves[edge])
        path = QPainterPath(a)
        path.cubicTo(b, c, d)
        painter.drawPath(path)


def paint_groups(painter: QPainter, picture: BoardPicture, points: NDArray[np.float64]) -> None:
    """Join each key-value head with the query heads that it serves."""
    painter.setPen(QPen(colour("border_strong"), 1.0))
    for start, end in picture.groups:
        one, other = (QPointF(*map(float, points[place])) for place in (start, end))
        painter.drawLine(one, other)


def paint_nodes(
    painter: QPainter,
    picture: BoardPicture,
    points: NDArray[np.float64],
    middles: NDArray[np.float64],
    named: Sequence[int],
    spoken: Spoken,
) -> None:
    """Draw nodes: those that have room with their names, the others as dots.

    Args:
        painter: What draws.
        picture: What is drawn.
        points: Where nodes lie.
        middles: The middle of each one's box, and how wide it is, `[nodes, 2]`.
        named: Those whose names are written.
        spoken: Which of them are spoken of.
    """
    boxes = [node_box(points, middles, place) for place in named]
    for place in range(len(picture.nodes)):
        at = QPointF(*map(float, points[place]))
        if place in named or any(box.contains(at) for box in boxes):
            continue
        painter.setOpacity(1.0 if spoken.has(place) else spoken.less)
        _paint_dot(painter, picture.nodes[place], at)
    for place in named:
        painter.setOpacity(1.0 if spoken.has(place) else spoken.less)
        box = node_box(points, middles, place)
        _paint_box(painter, picture.nodes[place], box, spoken.how(place))
    painter.setOpacity(1.0)


def node_box(points: NDArray[np.float64], middles: NDArray[np.float64], place: int) -> QRectF:
    """Return the box of a node's name."""
    (x, width), y = map(float, middles[place]), float(points[place, 1])
    return QRectF(x - width / 2, y - LABEL_HEIGHT / 2, width, LABEL_HEIGHT)


def _paint_dot(painter: QPainter, node: Node, at: QPointF) -> None:
    painter.setPen(QPen(colour("panel"), 1.0))
    ink = colour("mark" if node.published else "accent" if node.pinned else "text_muted")
    if node.kept is False:
        painter.setPen(QPen(colour("border_strong"), 1.2))
        painter.setBrush(colour("panel"))
    else:
        painter.setBrush(ink)
    painter.drawEllipse(at, DOT, DOT)


def _paint_box(painter: QPainter, node: Node, box: QRectF, how: str) -> None:
    edge = QPen(colour("border_strong"), 1.0)
    if node.kept is False:
        edge = QPen(colour("border_strong"), 1.0, Qt.PenStyle.DotLine)
    if node.pinned:
        edge = QPen(colour("accent"), 1.4)
    if how:
        edge = QPen(colour("accent"), 2.0 if how == "chosen" else 1.4)
    painter.setPen(edge)
    painter.setBrush(colour({"chosen": "accent_soft", "hovered": "hover"}.get(how, "panel")))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
    if node.published:
        painter.setPen(QPen(colour("mark"), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(-2, -2, 2, 2), 7, 7)
    painter.setFont(ui_font(11, "medium"))
    painter.setPen(colour("text_muted" if node.kept is False else "text"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, told(node))


def paint_legend(painter: QPainter, place: QRectF, entries: Sequence[tuple[str, str]]) -> None:
    """Draw what colours and strokes mean: (`low`, `high`, `dashed`, `outside`, `mark`) and words.

    What has no room beside the others begins another line, above which the board ends.
    """
    painter.setFont(ui_font(11))
    metrics = QFontMetricsF(ui_font(11))
    left, y = place.left(), place.top() + LEGEND / 2
    for drawn, words in entries:
        width = metrics.horizontalAdvance(words)
        if left + 24 + width > place.right() and left > place.left():
            left, y = place.left(), y + LEGEND_LINE
        painter.setPen(_legend_pen(drawn))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if drawn == "mark":
            painter.drawRoundedRect(QRectF(left + 2, y - 5, 14, 10), 4, 4)
        else:
            painter.drawLine(QPointF(left, y), QPointF(left + 18, y))
        painter.setPen(colour("text_muted"))
        painter.drawText(QPointF(left + 24, y + metrics.ascent() / 2 - 1), words)
        left += 24 + width + 18


def legend_height(width: float, entries: Sequence[tuple[str, str]]) -> float:
    """Return how high the legend is where it is so wide."""
    metrics = QFontMetricsF(ui_font(11))
    left, lines = 0.0, 1
    for _drawn, words in entries:
        needed = 24 + metrics.horizontalAdvance(words)
        if left + needed > width and left:
            left, lines = 0.0, lines + 1
        left += needed + 18
    return LEGEND + (lines - 1) * LEGEND_LINE


def _legend_pen(drawn: str) -> QPen:
    flat = Qt.PenCapStyle.FlatCap
    if drawn == "estimated":
        ink = edge_ink(-1.0, 1.0)
        ink.setAlphaF(_ESTIMATED)
        return QPen(ink, 4.0, Qt.PenStyle.SolidLine, flat)
    if drawn in {"low", "high"}:
        ink = edge_ink(-1.0 if drawn == "low" else 1.0, 1.0)
        return QPen(ink, 4.0, Qt.PenStyle.SolidLine, flat)
    if drawn == "mark":
        return QPen(colour("mark"), 1.6)
    if drawn == "outside":
        return QPen(colour("border_strong"), 1.6, Qt.PenStyle.DotLine)
    return QPen(colour("text_muted"), 2.0, Qt.PenStyle.DashLine, flat)
