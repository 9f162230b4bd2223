"""How a cell of a circuit's map is drawn: its state, what is asked of it, what is laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.circuit.states import DROPPED, KEPT, OUTSIDE, PARTLY, STAYS, WORDS
from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import FlowLayout, row_in
from desktop_app.widgets.basics.theme import colour, set_role
from desktop_app.widgets.basics.words import PlainLabel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QColor, QPaintEvent

_GAP = 1.0
# Below this side a cell has no room for marks inside.
_ROOMY = 7.0
_SAMPLE = 13


def paint_state(painter: QPainter, rect: QRectF, state: int, fill: QColor | None = None) -> None:
    """Draw a cell: kept filled, in part half filled, outside empty, dropped crossed out.

    Args:
        painter: On the cells' ground.
        rect: The whole cell.
        state: One of `states`.
        fill: The colour of its number, where it has one.
    """
    inner = rect.adjusted(_GAP, _GAP, -_GAP, -_GAP)
    side = min(inner.width(), inner.height())
    edge = colour("border_strong" if side >= _ROOMY else "border")
    if state == KEPT:
        painter.setPen(QPen(colour("accent"), 1.5) if fill is not None else Qt.PenStyle.NoPen)
        painter.setBrush(fill if fill is not None else colour("accent"))
        painter.drawRect(inner if fill is None else inner.adjusted(0.75, 0.75, -0.75, -0.75))
        return
    if state == STAYS:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("accent_soft"))
        painter.drawRect(inner)
        return
    painter.setPen(QPen(edge, 1))
    painter.setBrush(colour("panel") if state != DROPPED else colour("hover"))
    painter.drawRect(inner.adjusted(0.5, 0.5, -0.5, -0.5))
    if state == PARTLY:
        _paint_half(painter, inner, fill)
    elif state == DROPPED and side >= _ROOMY:
        painter.setPen(QPen(colour("text_muted"), 1.2))
        mark = _square(inner, min(0.5 * side, 9.0))
        painter.drawLines(
            [QLineF(mark.topLeft(), mark.bottomRight()), QLineF(mark.topRight(), mark.bottomLeft())]
        )


def _paint_half(painter: QPainter, inner: QRectF, fill: QColor | None) -> None:
    painter.setPen(QPen(colour("accent"), 1.2))
    painter.setBrush(fill if fill is not None else colour("accent"))
    corners = [inner.bottomLeft(), inner.bottomRight(), inner.topLeft()]
    painter.drawPolygon(QPolygonF(corners))


def paint_asked(painter: QPainter, rect: QRectF) -> None:
    """Mark a cell whose state is another than the one that is asked for."""
    pen = QPen(colour("mark"), 2)
    pen.setDashPattern([2.0, 1.5])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(2, 2, -2, -2))


def paint_ring(painter: QPainter, rect: QRectF) -> None:
    """Mark a cell of a circuit that is laid over the map."""
    reach = min(rect.width(), rect.height()) / 2 - 2.5
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for ink, width in ((colour("panel"), 3.5), (colour("mark"), 1.8)):
        painter.setPen(QPen(ink, width))
        painter.drawEllipse(rect.center(), max(reach, 2.0), max(reach, 2.0))


def _square(rect: QRectF, side: float) -> QRectF:
    middle = rect.center()
    return QRectF(middle.x() - side / 2, middle.y() - side / 2, side, side)


class _Sample(QWidget):
    """A cell of a legend."""

    def __init__(self, state: int | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        return QSize(_SAMPLE, _SAMPLE)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect())
        paint_state(painter, rect, OUTSIDE if self._state is None else self._state)
        if self._state is None:
            paint_ring(painter, rect)


class StateLegend(QWidget):
    """What the cells of the map are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = FlowLayout(self, 12)
        self._shown: tuple[tuple[int | None, str], ...] = ()
        self._entries: list[QWidget] = []

    def show_states(self, states: Iterable[int], ringed: str = "") -> None:
        """Name these states, and what is laid over the map."""
        wanted: list[tuple[int | None, str]] = [(state, WORDS[state]) for state in states]
        wanted += [(None, ringed)] if ringed else []
        if tuple(wanted) == self._shown:
            return
        self._shown = tuple(wanted)
        for entry in self._entries:
            self._flow.removeWidget(entry)
            entry.hide()
            entry.deleteLater()
        self._entries = []
        for state, words in wanted:
            entry, told = QWidget(), PlainLabel(words)
            set_role(told, "small")
            row_in(entry, _Sample(state), told, spacing=5)
            self._flow.addWidget(entry)
            entry.show()
            self._entries.append(entry)
        self.updateGeometry()

    def texts(self) -> list[str]:
        """Return what is named."""
        return [words for _state, words in self._shown]
