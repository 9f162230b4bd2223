"""Picking several cells of a map: Shift with click, drag, arrows or Enter; and their marks.

It listens beside the map and takes only what Shift is held for, so that clicks, double clicks, zoom
and pan stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen, QPolygonF

from desktop_app.support.guard import override
from desktop_app.widgets.basics.theme import colour

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from PySide6.QtWidgets import QWidget

    from desktop_app.pictures.matrix import Cell
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

    Box = tuple[Cell, Cell]

_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
_PRESSES = {QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick}
_LEFT, _SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
# Below this side a cell has no room for a mark in its corner and gets a dot.
_ROOMY = 10.0


class Picker(QObject):
    """Turns Shift with mouse or keys into picked cells.

    Shift+click picks one, Shift+drag a box; Shift with the arrow keys grows a box from the outlined
    cell, and Shift+Enter picks it. Who hears of cells that are all picked already lets them go.

    Attributes:
        box: The first and the last cell of the box that is being drawn, or None.

    Signals:
        cells_picked: A tuple of (row, column).
    """

    cells_picked = Signal(object)

    def __init__(
        self,
        shown: QWidget,
        area: QWidget,
        frame: MatrixFrame,
        outlined: Callable[[], Cell | None],
        choose: Callable[[Cell], None],
    ) -> None:
        super().__init__(shown)
        self.box: Box | None = None
        self._shown, self._area, self._frame = shown, area, frame
        self._outlined, self._choose = outlined, choose
        self._dragging = False
        for watched in {shown, area}:
            watched.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and watched is self._area:
            return self._on_mouse(event)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._on_key(event)
        if event.type() == QEvent.Type.FocusOut:
            self._dragging = False
            self._draw(None)
        return super().eventFilter(watched, event)

    def _on_mouse(self, event: QMouseEvent) -> bool:
        """Draw a box while the button is held that was pressed with Shift."""
        kind = event.type()
        if kind in _PRESSES:
            cell = self._frame.cell_at(event.position())
            shifted = event.button() == _LEFT and event.modifiers() == _SHIFT
            if not shifted or cell is None:
                self._draw(None)
                return False
            self._shown.setFocus(Qt.FocusReason.MouseFocusReason)
            self._dragging = True
            self._draw((cell, cell))
        elif not self._dragging or self.box is None:
            return False
        elif kind == QEvent.Type.MouseMove:
            self._draw((self.box[0], _nearest(self._frame, event.position())))
        elif kind == QEvent.Type.MouseButtonRelease and event.button() == _LEFT:
            self._dragging = False
            self._pick((self.box[0], _nearest(self._frame, event.position())))
        return True

    def _on_key(self, event: QKeyEvent) -> bool:
        key, outlined = Qt.Key(event.key()), self._outlined()
        shifted = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == _SHIFT
        if shifted and key in _STEPS and outlined is not None:
            first = outlined if self.box is None else self.box[0]
            last = self._frame.stepped(outlined, *_STEPS[key])
            self._choose(last)
            self._draw((first, last))
            return True
        if shifted and key in _ENTER and outlined is not None:
            self._pick(self.box or (outlined, outlined))
            return True
        if self.box is not None and key != Qt.Key.Key_Shift:
            self._dragging = False
            self._draw(None)
            return key == Qt.Key.Key_Escape
        return False

    def _pick(self, box: Box) -> None:
        self._draw(None)
        (top, bottom), (left, right) = (sorted(ends) for ends in zip(*box, strict=True))
        rows, columns = range(top, bottom + 1), range(left, right + 1)
        self.cells_picked.emit(tuple((row, column) for row in rows for column in columns))

    def _draw(self, box: Box | None) -> None:
        if box != self.box:
            self.box = box
            self._area.update()


def _nearest(frame: MatrixFrame, point: QPointF) -> Cell:
    """Return the cell in sight that is nearest to a point."""
    plot = frame.plot
    x = min(max(point.x(), plot.left()), plot.right() - 1)
    y = min(max(point.y(), plot.top()), plot.bottom() - 1)
    return frame.cell_at(QPointF(x, y)) or (0, 0)


def paint_picked(
    painter: QPainter, frame: MatrixFrame, picked: Collection[Cell], picker: Picker | None
) -> None:
    """Mark the picked cells in sight, readable on every colour, and the box that is drawn."""
    ink, halo = colour("text"), colour("panel")
    rows, columns = frame.rows_seen(), frame.cols_seen()
    for cell in picked:
        if cell[0] in rows and cell[1] in columns:
            _mark(painter, frame.cell_rect(*cell), QPen(halo, 1.5), QPen(ink, 1.5))
    if picker is None or picker.box is None:
        return
    one, other = picker.box
    rect = frame.cell_rect(*one).united(frame.cell_rect(*other))
    wash = colour("accent")
    painter.setPen(QPen(wash, 1.5, Qt.PenStyle.DashLine))
    wash.setAlpha(48)
    painter.setBrush(wash)
    painter.drawRect(rect)


def _mark(painter: QPainter, rect: QRectF, halo: QPen, ink: QPen) -> None:
    """Draw a frame with a filled corner, or a dot where there is no room, seen on every colour."""
    side = min(rect.width(), rect.height())
    painter.setPen(halo)
    painter.setBrush(ink.color())
    if side < _ROOMY:
        reach = max(2.5, min(4.0, side / 2))
        painter.drawEllipse(rect.center(), reach, reach)
        return
    arm = min(14.0, 0.55 * side)
    corner = rect.topRight() + QPointF(-1, 1)
    painter.drawPolygon(QPolygonF([corner, corner - QPointF(arm, 0), corner + QPointF(0, arm)]))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen, inset in ((halo, 2.5), (ink, 1.0)):
        painter.setPen(pen)
        painter.drawRect(rect.adjusted(inset, inset, -inset, -inset))
