"""Two grids of layers × tokens; a cell dragged onto another is an activation put in there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QToolTip, QWidget

from desktop_app.pictures.boards import OTHER, Cell
from desktop_app.support.guard import override
from desktop_app.widgets.basics.menus import new_menu, open_menu
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.board.grids import Grids
from desktop_app.widgets.matrix.matrix_canvas import ARROWS, ENDS, ENTER, FAR, PAGES
from desktop_app.widgets.matrix.zooming import MAP_TIP

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QWheelEvent

    from desktop_app.contract.moves import RunName
    from desktop_app.pictures.boards import Board

_DRAG = 5.0
_UNDO = {Qt.Key.Key_Backspace, Qt.Key.Key_Delete}


class HandBoard(Grids):
    """Two grids of layers × tokens, what stands in them, what is put where, how far that reaches.

    Drag a cell onto a cell; or with the keys: Enter takes one, Enter again puts it in. What does
    not fit is zoomed and moved as `Zooming` says. The arrow keys go from the last column of one
    grid to the first of the other; Escape lets go; Backspace takes back.

    Attributes:
        enter_takes: Whether Enter takes a cell; else it activates it, as a double click does, and
            Shift+Enter takes it.

    Signals:
        move_made: (source Cell, target Cell).
        cell_clicked: (layer, position); which grid, `cursor_cell` says.
        cell_hovered: The Cell under the pointer, or None.
        cell_activated: The Cell that was double-clicked, where Enter does not take it.
        cell_entered: The Cell that Enter was pressed on, where Enter does not take it.
        menu_asked: (Cell, QMenu): a menu of that cell opens, and takes what can be done with it.
        undo_asked: Backspace was pressed.
    """

    move_made = Signal(object, object)
    cell_clicked = Signal(int, int)
    cell_hovered = Signal(object)
    cell_activated = Signal(object)
    cell_entered = Signal(object)
    menu_asked = Signal(object, object)
    undo_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.enter_takes = True
        self._pressed: QPointF | None = None

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        pane = self._pane_at(event.position())
        if pane is not None and self.panes[pane].zooming.press(event):
            return
        cell = self.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self.held = event.position(), cell

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        # Each hears of it, whatever the others say.
        panning = [pane.zooming.move(event) for pane in self.panes.values()]
        if any(panning):
            self._let_fall()
            self._set_hover(None)
            return
        self._set_hover(self.cell_at(event.position()))
        if self._pressed is not None and self.can_move:
            far = (event.position() - self._pressed).manhattanLength() > _DRAG
            if far or self.pointer is not None:
                self.pointer = event.position()
                self.update()
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self.can_move and self.hover is not None:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.unsetCursor()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        # Put a held cell in where it is let go, or choose the one that was clicked.
        moved = [pane.zooming.release() for pane in self.panes.values()]
        held, dragged = self.held, self.pointer is not None
        self._let_fall()
        cell = self.cell_at(event.position())
        if not any(moved) and held is not None and cell is not None:
            if dragged and cell != held:
                self._put(held, cell)
            elif not dragged and self.picked is not None and cell != self.picked:
                self._put(self.picked, cell)
            elif not dragged:
                self._choose(cell)
        self.update()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        left = event.button() == Qt.MouseButton.LeftButton
        if left and cell is None and not self._over_map(event.position()):
            self._fit()
        elif left and cell is not None and not self.enter_takes:
            self.cell_activated.emit(cell)
        else:  # no more than a second press, and what it begins may be a drag
            self.mousePressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = event.pos().toPointF()
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            cell = self.cell_at(at)
        else:
            cell = self.cursor_cell
            at = at if cell is None else self.cell_center(cell)
        menu = new_menu(self)
        if cell is not None:
            self.menu_asked.emit(cell, menu)
        event.setAccepted(open_menu(menu, self.mapToGlobal(at.toPoint())))

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(None)
        super().leaveEvent(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        pane = self._pane_at(event.position())
        done = pane is not None and self.panes[pane].zooming.wheel(event)
        event.setAccepted(done)
        if done:
            self._set_hover(self.cell_at(event.position()))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, board = Qt.Key(event.key()), self.board
        if board is None or not (self._goes(key, board, event) or self._acts(key, event)):
            super().keyPressEvent(event)

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        done = [pane.zooming.key_released(event) for pane in self.panes.values()]
        if not any(done):
            super().keyReleaseEvent(event)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        for pane in self.panes.values():
            pane.zooming.let_go()
        super().focusOutEvent(event)

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == event.Type.ToolTip:
            at = event.pos().toPointF()
            cell = self.cell_at(at)
            text = self.cell_words(cell) if cell is not None else ""
            if self._over_map(at):
                text = MAP_TIP
            QToolTip.showText(event.globalPos(), plain_tip(text), self)
            return True
        if event.type() in {QEvent.Type.NativeGesture, QEvent.Type.Gesture}:
            pane = self._pane_at(QPointF(self.mapFromGlobal(self.cursor().pos())))
            return self.panes[pane or "clean"].zooming.gesture(event)
        return super().event(event)

    def _set_hover(self, cell: Cell | None) -> None:
        if cell != self.hover:
            self.hover = cell
            self.cell_hovered.emit(cell)
            self.update()

    def _let_fall(self) -> None:
        self.held, self._pressed, self.pointer = None, None, None

    def _goes(self, key: Qt.Key, board: Board, event: QKeyEvent) -> bool:
        """Move the outline by a key; return whether it does."""
        if key in ARROWS:
            self._step(board, *ARROWS[key])
        elif key in ENDS:
            whole = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            far = ENDS[key] * FAR
            self._jump(board, far if whole else 0, far)
        elif key in PAGES:
            page = max(len(self.panes[self._run].frame.rows_seen()) - 1, 1)
            self._jump(board, PAGES[key] * page, 0)
        else:
            return False
        return True

    def _acts(self, key: Qt.Key, event: QKeyEvent) -> bool:
        """Do what a key says with the outlined cell; return whether it says anything."""
        zoomed = any(frame.is_zoomed() for frame in self.frames.values())
        if key in ENTER and self.cursor_cell is not None:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            takes = self.enter_takes or shift or self.picked is not None
            if takes and self.can_move:
                self._take_or_put(self.cursor_cell)
            else:
                self.cell_entered.emit(self.cursor_cell)
        elif key == Qt.Key.Key_Escape and (self.picked is not None or zoomed):
            self._let_go()
        elif key in _UNDO:
            self.undo_asked.emit()
        else:
            return self._zooms(event)
        return True

    def _zooms(self, event: QKeyEvent) -> bool:
        """Zoom by a key; what Space holds, it holds over both grids."""
        pane = self.panes[self._run if self.hover is None else self.hover.run]
        about = pane.frame.plot.center()
        for cell in (self.hover, self.cursor_cell):
            if cell is not None and pane.frame.plot.contains(self.cell_center(cell)):
                about = self.cell_center(cell)
                break
        space = event.key() == Qt.Key.Key_Space
        asked = self.panes.values() if space else (pane,)
        done = [one.zooming.key(event, about) for one in asked]
        return any(done)

    def _put(self, source: Cell, target: Cell) -> None:
        self.picked = None
        self.cursor_cell, self._run = target, target.run
        self.move_made.emit(source, target)

    def _choose(self, cell: Cell) -> None:
        self.set_selected(cell.layer, cell.position, cell.run)
        self.setAccessibleDescription(self.cell_words(cell))
        self.cell_clicked.emit(cell.layer, cell.position)
        # Who heard of it knows no runs.
        self.set_selected(cell.layer, cell.position, cell.run)

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
            self.update()
        else:
            self._fit()

    def _step(self, board: Board, down: int, right: int) -> None:
        """Move the outline; beyond the edge towards the other grid lies that grid."""
        at = self.cursor_cell
        if at is None:
            self._choose(Cell("clean", 0, min(board.read, board.length - 1)))
            return
        run, position = at.run, at.position + right
        if position >= board.length_of(run) and run == "clean" and not board.alone:
            run, position = "corrupt", 0
        elif position < 0 and run == "corrupt":
            run, position = "clean", board.length_of("clean") - 1
        self._reveal(board, run, at.layer + down, position)

    def _jump(self, board: Board, down: int, right: int) -> None:
        """Move the outline within its grid."""
        at = self.cursor_cell or Cell("clean", 0, min(board.read, board.length - 1))
        self._reveal(board, at.run, at.layer + down, at.position + right)

    def _reveal(self, board: Board, run: RunName, layer: int, position: int) -> None:
        position = min(max(position, 0), board.length_of(run) - 1)
        layer = min(max(layer, 0), board.layers - 1)
        self.panes[run].frame.reveal(layer, position)
        self.panes[OTHER[run]].take_seen(self.panes[run])
        self._choose(Cell(run, layer, position))
