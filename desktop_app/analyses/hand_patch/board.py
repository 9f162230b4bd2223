"""Two grids of layers × tokens; a cell dragged onto another is an activation put in there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from desktop_app.analyses.hand_patch.canvas import HandCanvas
from desktop_app.analyses.hand_patch.picture import OTHER, Board, Cell
from desktop_app.widgets.matrix.matrix_canvas import ARROWS

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent

    from desktop_app.analyses.hand_patch.spec import RunName

_DRAG = 5.0
_ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
_UNDO = {Qt.Key.Key_Backspace, Qt.Key.Key_Delete}


class HandBoard(HandCanvas):
    """Drag a cell onto a cell; or with the keys: Enter takes one, Enter again puts it in.

    The arrow keys go from the last column of one grid to the first of the other; Escape lets go;
    Backspace takes back; the wheel zooms.

    Signals:
        move_made: (source Cell, target Cell).
        cell_clicked: (layer, position).
        undo_asked: Backspace was pressed.
    """

    move_made = Signal(object, object)
    cell_clicked = Signal(int, int)
    undo_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pressed: QPointF | None = None
        self._run: RunName = "clean"
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Layers and tokens of both runs")

    def set_selected(self, layer: int | None, position: int | None) -> None:
        """Outline a cell of the run that was outlined last, without a signal."""
        self.cursor_cell, frame = None, self.frames[self._run]
        if layer is not None and position is not None and frame.holds((layer, position)):
            self.cursor_cell = Cell(self._run, layer, position)
        self.update()

    # Qt.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of a cell."""
        cell = self.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self.held = event.position(), cell

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer, with an arrow while a cell is held."""
        self.hover = self.cell_at(event.position())
        if self._pressed is not None:
            far = (event.position() - self._pressed).manhattanLength() > _DRAG
            if far or self.pointer is not None:
                self.pointer = event.position()
        self.setCursor(
            Qt.CursorShape.ArrowCursor
            if self.hover is None
            else Qt.CursorShape.ClosedHandCursor
            if self.pointer is not None
            else Qt.CursorShape.OpenHandCursor
        )
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Put a held cell in where it is let go, or choose the one that was clicked."""
        held, self.held, self._pressed = self.held, None, None
        dragged, self.pointer = self.pointer is not None, None
        cell = self.cell_at(event.position())
        if held is not None and cell is not None:
            if dragged and cell != held:
                self._put(held, cell)
            elif not dragged and self.picked is not None and cell != self.picked:
                self._put(self.picked, cell)
            elif not dragged:
                self._choose(cell)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self.hover = None
        self.update()
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom both grids about the pointer."""
        turn = event.angleDelta().y()
        for run, frame in self.frames.items():
            if turn and frame.plot.contains(event.position()):
                frame.zoom(1.0015**turn, event.position())
                self.frames[OTHER[run]].seen = QRectF(frame.seen)
                self.update()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer a key."""
        key = Qt.Key(event.key())
        if self.board is not None and key in ARROWS:
            self._step(self.board, *ARROWS[key])
        elif key in _ENTER and self.cursor_cell is not None:
            self._take_or_put(self.cursor_cell)
        elif key == Qt.Key.Key_Escape and (
            self.picked is not None or self.frames["clean"].is_zoomed()
        ):
            self._let_go()
        elif key in _UNDO:
            self.undo_asked.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Answer the wish for a tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == event.Type.ToolTip:
            cell = self.cell_at(event.pos().toPointF())
            text = self.cell_words(cell) if cell is not None else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    # Within.

    def _put(self, source: Cell, target: Cell) -> None:
        self.picked = None
        self.cursor_cell, self._run = target, target.run
        self.move_made.emit(source, target)

    def _choose(self, cell: Cell) -> None:
        self.cursor_cell, self._run = cell, cell.run
        self.setAccessibleDescription(self.cell_words(cell))
        self.cell_clicked.emit(cell.layer, cell.position)
        self.cursor_cell = cell  # who heard of it knows no runs
        self.update()

    def _take_or_put(self, cell: Cell) -> None:
        if self.picked is None:
            self.picked = cell
            self.setAccessibleDescription(f"taken: {self.cell_words(cell)}")
        elif self.picked != cell:
            self._put(self.picked, cell)
        else:
            self.picked = None
        self.update()

    def _let_go(self) -> None:
        if self.picked is not None:
            self.picked = None
        else:
            for frame in self.frames.values():
                frame.reset()
        self.update()

    def _step(self, board: Board, down: int, right: int) -> None:
        """Move the outline; beyond the edge towards the other grid lies that grid."""
        at = self.cursor_cell
        if at is None:
            self._choose(Cell("clean", 0, board.read))
            return
        run, position = at.run, at.position + right
        if position >= board.length and run == "clean":
            run, position = "corrupt", 0
        elif position < 0 and run == "corrupt":
            run, position = "clean", board.length - 1
        position = min(max(position, 0), board.length - 1)
        layer = min(max(at.layer + down, 0), board.layers - 1)
        for frame in self.frames.values():
            frame.reveal(layer, position)
        self._choose(Cell(run, layer, position))
