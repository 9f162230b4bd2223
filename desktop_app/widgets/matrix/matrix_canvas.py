"""The painted matrix under the heatmap and the pattern view: cells, labels, zoom, selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
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
    paint_outline,
    paint_uncertain,
    paint_values,
)
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QResizeEvent

    from desktop_app.pictures.matrix import Cell, Matrix
    from desktop_app.widgets.basics.theme import Theme

_DRAG = 4
ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
_RESET = {Qt.Key.Key_Escape, Qt.Key.Key_0}


class MatrixCanvas(QWidget):
    """Paints a matrix and turns mouse and keys into cells.

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
        self.matrix: Matrix | None = None
        self.hover: Cell | None = None
        self.selected: Cell | None = None
        self.square = False
        self.cross = False
        self.missing = "hover"
        self.rows_shown = True
        self._image: MatrixImage | None = None
        self._inked: Theme | None = None
        self._pressed: QPointF | None = None
        self._panning = False
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
            self.hover = self.selected = None
            self.view_changed.emit()
        self.matrix, self._image, self._inked = matrix, None, None
        if matrix is not None:
            diverging = matrix.diverging
            self._image = MatrixImage(matrix.values, matrix.limits, diverging=diverging)
        self._arrange()
        self.update()

    def set_selected(self, cell: Cell | None) -> None:
        """Outline a cell without a signal; one outside the matrix selects nothing."""
        self.selected = cell if cell is not None and self.frame.holds(cell) else None
        if self.selected is not None:
            self.frame.reveal(*self.selected)
        self.update()

    def reset_view(self) -> None:
        """Show the whole matrix."""
        self.frame.reset()
        self._view_moved()

    def zoom_by(self, factor: float) -> None:
        """Zoom about the middle of the plot."""
        self.frame.zoom(factor, self.frame.plot.center())
        self._view_moved()

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
        paint_uncertain(painter, self.frame, matrix)
        paint_values(painter, self.frame, self._image, matrix)
        if self.cross:
            paint_cross(painter, self.frame, self.hover or self.selected)
        painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        painter.setClipRect(self.frame.plot.adjusted(-2, -2, 2, 2))
        paint_outline(painter, self.frame, self.hover, colour("text"), 1.5)
        paint_outline(painter, self.frame, self.selected, colour("accent"), 2.5)
        painter.restore()
        marked = [cell for cell in (self.hover, self.selected) if cell is not None]
        rows, cols = [row for row, _ in marked], [col for _, col in marked]
        if self.rows_shown:
            matrix_axes.paint_rows(painter, self.frame, matrix.rows, set(rows))
        if matrix.columns.pairs:
            names = self.rows_shown
            matrix_axes.paint_pairs(painter, self.frame, matrix.columns, cols, names=names)
        else:
            matrix_axes.paint_columns(painter, self.frame, matrix.columns, set(cols))

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell, text = self.frame.cell_at(event.pos().toPointF()), ""
            if self.matrix is not None and cell is not None:
                text = self.matrix.tip_text(*cell)
            QToolTip.showText(event.globalPos(), plain_tip(text), self)
            return True
        return super().event(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta().y() or event.angleDelta().x()
        if turn and self.frame.plot.contains(event.position()):
            self.frame.zoom(1.0015**turn, event.position())
            self._view_moved()
            self._set_hover(self.frame.cell_at(event.position()))
        event.accept()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in {Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton}:
            self._pressed, self._panning = event.position(), False

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and self.frame.is_zoomed():
            step = event.position() - self._pressed
            if self._panning or step.manhattanLength() > _DRAG:
                self._panning = True
                self._pressed = event.position()
                self.frame.pan(step.x(), step.y())
                self._view_moved()
            return
        self._set_hover(self.frame.cell_at(event.position()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if pressed is None or self._panning or event.button() != Qt.MouseButton.LeftButton:
            return
        cell = self.frame.cell_at(event.position())
        if cell is not None:
            self._choose(cell)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        cell = self.frame.cell_at(event.position())
        if cell is None:
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
        elif key in _RESET and self.frame.is_zoomed():
            self.reset_view()
        elif key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            self.zoom_by(1.5)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / 1.5)
        else:
            super().keyPressEvent(event)

    # Within.

    def _choose(self, cell: Cell) -> None:
        self.set_selected(cell)
        self.cell_clicked.emit(*cell)

    def _set_hover(self, cell: Cell | None) -> None:
        if cell != self.hover:
            self.hover = cell
            self.update()
            self.cell_hovered.emit(*(cell or (-1, -1)))

    def _view_moved(self) -> None:
        self.update()
        self.view_changed.emit()

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
        if self.square and self.frame.rows:
            side = min(room.width() / self.frame.cols, room.height() / self.frame.rows)
            room.setSize(QSizeF(side * self.frame.cols, side * self.frame.rows))
        self.frame.plot = room
        self.plot_moved.emit(room.top(), room.bottom())
