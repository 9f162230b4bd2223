"""The painted matrix under the heatmap and the pattern view: cells, labels, zoom, selection."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import diverging_map, sequential_map
from desktop_app.widgets.basics.theme import colour, theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix import matrix_axes
from desktop_app.widgets.matrix.matrix_cells import (
    MatrixImage,
    paint_cells,
    paint_cross,
    paint_faint,
    paint_outline,
    paint_uncertain,
    paint_values,
)
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame
from desktop_app.widgets.matrix.picking import Picker, paint_picked
from desktop_app.widgets.matrix.zooming import MAP_TIP, Zooming

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from PySide6.QtGui import QFocusEvent, QResizeEvent

    from desktop_app.pictures.matrix import Cell, Matrix
    from desktop_app.widgets.basics.theme import Theme

ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
# Further than any matrix goes: whoever steps there stops at its end.
FAR = 2**31
ENDS = {Qt.Key.Key_Home: -1, Qt.Key.Key_End: 1}
PAGES = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}


class MatrixCanvas(QWidget):
    """Paints a matrix and turns mouse and keys into cells.

    What does not fit is zoomed and moved as `Zooming` says; keys zoom about the cell under the
    pointer, else about the chosen one.

    Signals:
        cell_hovered: (row, col) under the pointer; (−1, −1) when it leaves.
        cell_clicked: (row, col) chosen by click or arrow keys.
        cell_activated: (row, col) double-clicked, or Enter.
        view_changed: The visible part changed.
        plot_moved: Top and bottom of the cells on this widget changed.
    """

    cell_hovered = Signal(int, int)
    cell_clicked = Signal(int, int)
    cell_activated = Signal(int, int)
    view_changed = Signal()
    plot_moved = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.frame = MatrixFrame()
        self.zooming = Zooming(self, self.frame)
        self.zooming.moved.connect(self._view_moved)
        self.matrix: Matrix | None = None
        self.hover: Cell | None = None
        self.selected: Cell | None = None
        self.square = False
        self.cross = False
        self.missing = "hover"
        self.rows_shown = True
        self.picked: frozenset[Cell] = frozenset()
        self.picker: Picker | None = None
        self._image: MatrixImage | None = None
        self._inked: Theme | None = None
        self._pressed = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def values(self) -> NDArray[Any] | None:
        """What is shown, float [rows, columns], or None."""
        return None if self.matrix is None else self.matrix.values

    def show_matrix(self, matrix: Matrix | None) -> None:
        """Show a map, or nothing; the view is kept where the shape is kept."""
        shape = (0, 0) if matrix is None else matrix.values.shape
        if shape != (self.frame.rows, self.frame.cols):
            self.frame.set_shape(*shape)
            self.hover = self.selected = self.zooming.chosen = None
            self.view_changed.emit()
        self.matrix, self._image, self._inked = matrix, None, None
        if matrix is not None:
            self._image = MatrixImage(
                matrix.values, matrix.limits, diverging=matrix.diverging, stretch=matrix.stretch
            )
        self._arrange()
        self.update()

    def set_selected(self, cell: Cell | None) -> None:
        """Outline a cell without a signal; one outside the matrix selects nothing."""
        self.selected = cell if cell is not None and self.frame.holds(cell) else None
        self.zooming.chosen = self.selected
        if self.selected is not None:
            self.frame.reveal(*self.selected)
        self.update()

    def outlined(self) -> Cell | None:
        """Return the selected cell, or None."""
        return self.selected

    def let_pick(self) -> Picker:
        """Let cells be picked with Shift, and return what says which."""
        if self.picker is None:
            self.picker = Picker(self, self, self.frame, self.outlined, self._choose)
        return self.picker

    def set_picked(self, cells: Iterable[Cell]) -> None:
        """Mark the picked cells."""
        self.picked = frozenset(cells)
        self.update()

    def reset_view(self) -> None:
        """Show the whole matrix."""
        self.zooming.fit()

    def zoom_by(self, factor: float) -> None:
        """Zoom about the cell under the pointer, else the chosen one, else the middle."""
        self.zooming.zoom(factor, self._about())

    def cell_center(self, row: int, col: int) -> QPointF:
        """Return the middle of a cell on this widget."""
        return self.frame.cell_rect(row, col).center()

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(560, 420)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(200, 140)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        matrix = self.matrix
        if self._image is None or matrix is None:
            return
        theme = theme_hub().current
        if self._inked is not theme:
            colours = diverging_map() if matrix.diverging else sequential_map()
            self._image.set_colours(colours, colour(self.missing))
            self._inked = theme
        painter = QPainter(self)
        painter.save()
        painter.setClipRect(self.frame.plot.toAlignedRect())
        paint_cells(painter, self.frame, self._image, self.devicePixelRatioF())
        paint_faint(painter, self.frame, matrix)
        paint_uncertain(painter, self.frame, matrix)
        paint_values(painter, self.frame, self._image, matrix)
        if self.cross:
            paint_cross(painter, self.frame, self.hover or self.selected)
        painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        painter.setClipRect(self.frame.plot.adjusted(-2, -2, 2, 2))
        paint_picked(painter, self.frame, self.picked, self.picker)
        paint_outline(painter, self.frame, self.hover, colour("text"), 1.5)
        paint_outline(painter, self.frame, self.selected, colour("accent"), 2.5)
        painter.restore()
        marked = [cell for cell in (self.hover, self.selected) if cell is not None]
        rows, cols = [row for row, _ in marked], [col for _, col in marked]
        if self.rows_shown:
            matrix_axes.paint_rows(painter, self.frame, matrix.rows, set(rows))
        small = self._image.small() if self.frame.is_zoomed() else None
        self.zooming.paint_map(painter, small)
        if matrix.columns.pairs:
            names = self.rows_shown
            matrix_axes.paint_pairs(painter, self.frame, matrix.columns, cols, names=names)
        else:
            matrix_axes.paint_columns(painter, self.frame, matrix.columns, set(cols))

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell, text = self.frame.cell_at(event.pos().toPointF()), ""
            if self.zooming.map_rect().contains(event.pos().toPointF()):
                text = MAP_TIP
            elif self.matrix is not None and cell is not None:
                text = self.matrix.tip_text(*cell)
            QToolTip.showText(event.globalPos(), plain_tip(text), self)
            return True
        if event.type() in {QEvent.Type.NativeGesture, QEvent.Type.Gesture}:
            return self.zooming.gesture(event)
        return super().event(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        done = self.matrix is not None and self.zooming.wheel(event)
        event.setAccepted(done)
        if done:
            self._set_hover(self._under(event.position()))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = not self.zooming.press(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.zooming.move(event):
            self._set_hover(None)
        else:
            self._set_hover(self._under(event.position()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, False
        if self.zooming.release() or not pressed or event.button() != Qt.MouseButton.LeftButton:
            return
        cell = self.frame.cell_at(event.position())
        if cell is not None:
            self._choose(cell)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        cell, at = self.frame.cell_at(event.position()), event.position()
        if self.zooming.map_rect().contains(at) or event.button() != Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)  # no more than a second press: it may begin a drag
        elif cell is None or (self.frame.is_zoomed() and self._is_empty(cell)):
            self.reset_view()
        else:
            self.cell_activated.emit(*cell)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(None)
        super().leaveEvent(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in ARROWS and self.frame.rows:
            self._choose(self.frame.stepped(self.selected, *ARROWS[key]))
        elif key in ENTER and self.selected is not None:
            self.cell_activated.emit(*self.selected)
        elif key in ENDS and self.frame.rows:
            down = event.modifiers() & Qt.KeyboardModifier.ControlModifier
            way = ENDS[key] * FAR
            self._choose(self.frame.stepped(self.selected, way if down else 0, way))
        elif key in PAGES and self.frame.rows:
            page = max(len(self.frame.rows_seen()) - 1, 1)
            self._choose(self.frame.stepped(self.selected, PAGES[key] * page, 0))
        elif self.matrix is None or not self.zooming.key(event, self._about()):
            super().keyPressEvent(event)

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.zooming.key_released(event):
            super().keyReleaseEvent(event)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.zooming.let_go()
        super().focusOutEvent(event)

    # Within.

    def _choose(self, cell: Cell) -> None:
        self.set_selected(cell)
        self.cell_clicked.emit(*cell)

    def _set_hover(self, cell: Cell | None) -> None:
        if cell != self.hover:
            self.hover = cell
            self.update()
            self.cell_hovered.emit(*(cell or (-1, -1)))

    @Slot()
    def _view_moved(self) -> None:
        self.update()
        self.view_changed.emit()

    def _under(self, point: QPointF) -> Cell | None:
        """Return the cell that the pointer is over; the small map covers those beneath it."""
        covered = self.zooming.map_rect().contains(point)
        return None if covered else self.frame.cell_at(point)

    def _about(self) -> QPointF:
        """Return what keys zoom about: the cell under the pointer, the chosen one, the middle."""
        for cell in (self.hover, self.selected):
            middle = None if cell is None else self.cell_center(*cell)
            if middle is not None and self.frame.plot.contains(middle):
                return middle
        return self.frame.plot.center()

    def _is_empty(self, cell: Cell) -> bool:
        return self.matrix is not None and not math.isfinite(float(self.matrix.values[cell]))

    def left_room(self) -> float:
        """Return what the labels of the rows take, in pixels."""
        if self.matrix is None or not self.rows_shown:
            return float(matrix_axes.PAD)
        left = matrix_axes.rows_width(self.matrix.rows)
        return max(left, matrix_axes.names_width()) if self.matrix.columns.pairs else left

    def _arrange(self) -> None:
        """Give the plot the room that the labels leave."""
        left, top = self.left_room(), 0.0
        width = max(self.width() - left - 4, 1.0)
        if self.matrix is not None:
            axis = self.matrix.columns
            above = matrix_axes.pairs_height if axis.pairs else matrix_axes.columns_height
            top = above(axis, width)
        room = QRectF(left, top, width, max(self.height() - top - 4, 1.0))
        square = self.square or (self.matrix is not None and self.matrix.square)
        self.frame.set_room(room, square=square and self.frame.rows > 0)
        self.plot_moved.emit(self.frame.plot.top(), self.frame.plot.bottom())
