"""Two grids of layers × tokens; a cell dragged onto another is an activation put in there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.analyses.hand_patch.paint import paint_arrow, paint_frame, paint_grid
from desktop_app.analyses.hand_patch.picture import OTHER, RUNS, Board, Cell, cone
from desktop_app.pictures.matrix import numbered
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import diverging_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix.matrix_axes import (
    paint_read,
    paint_rows,
    paint_tokens,
    tokens_height,
)
from desktop_app.widgets.matrix.matrix_canvas import ARROWS
from desktop_app.widgets.matrix.matrix_cells import MatrixImage
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

if TYPE_CHECKING:
    import numpy as np
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from desktop_app.contract.moves import HandSite, RunName
    from desktop_app.pictures.moves import MoveMap
    from desktop_app.widgets.basics.theme import Theme

_LEFT = 46.0
_BETWEEN = 34.0
_TITLE = 22.0
_ARROW = 10.0
_DRAG = 5.0
_ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
_UNDO = {Qt.Key.Key_Backspace, Qt.Key.Key_Delete}


class HandBoard(QWidget):
    """Two grids of layers × tokens, what is put where, and how far that reaches.

    Drag a cell onto a cell; or with the keys: Enter takes one, Enter again puts it in.

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
        self.board: Board | None = None
        # What a move under way would exchange; it decides how far that reaches.
        self.site: HandSite = "resid_post"
        self.frames: dict[RunName, MatrixFrame] = {run: MatrixFrame() for run in RUNS}
        # The cell that is outlined, taken by key, under the pointer, dragged; and where to.
        self.cursor_cell: Cell | None = None
        self.picked: Cell | None = None
        self._hover: Cell | None = None
        self._held: Cell | None = None
        self._pointer: QPointF | None = None
        self._pressed: QPointF | None = None
        self._run: RunName = "clean"
        # What is known of putting the other run's activations into each cell of the changed run.
        self.known: MoveMap | None = None
        self._image: MatrixImage | None = None
        self._inked: Theme | None = None
        self._token_height = 20.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Layers and tokens of both runs")

    def show_board(self, board: Board) -> None:
        """Show both grids; the zoom stays where the shape stays."""
        for frame in self.frames.values():
            if (frame.rows, frame.cols) != (board.layers, board.length):
                frame.set_shape(board.layers, board.length)
                self.cursor_cell = None
        self.board, self.picked, self._held, self._pointer = board, None, None, None
        self._run = "clean" if board.alone else self._run
        self._arrange()
        self.update()

    def show_known(self, known: MoveMap | None) -> None:
        """Colour the cells of the changed run by what is known of them; None: by nothing."""
        self.known, self._image, self._inked = known, None, None
        if known is not None:
            self._image = MatrixImage(known.values, known.limits, diverging=True)
        self.update()

    def cell_center(self, cell: Cell) -> QPointF:
        """Return the middle of a cell on this widget."""
        return self.rect_of(cell).center()

    def cell_words(self, cell: Cell) -> str:
        """Return a cell in words."""
        if self.board is None:
            return ""
        token = self.board.tokens[cell.run][cell.position]
        words = f"{cell.run}, layer {cell.layer}, position {cell.position}: {token}"
        words += self._known_words(cell)
        targets = [m for m in self.board.moves if m.target == (cell.layer, cell.position)]
        if cell.run == self.board.run and targets:
            return f"{words}\ntaken from {', '.join(str(m).split('>')[0] for m in targets)}"
        if cell.run == self.board.run and self.board.reach[cell.layer, cell.position]:
            return f"{words}\ncan change for what was put in"
        return words

    def _known_words(self, cell: Cell) -> str:
        known = self.known
        if known is None or self.board is None or cell.run != self.board.run:
            return ""
        value = float(known.values[cell.layer, cell.position])
        told = "not computed" if math.isnan(value) else number(value, sign=True)
        return f"\n{known.name} by the other run's: {told}"

    def rect_of(self, cell: Cell) -> QRectF:
        """Return where a cell lies on this widget."""
        return self.frames[cell.run].cell_rect(cell.layer, cell.position)

    def cell_at(self, point: QPointF) -> Cell | None:
        """Return the cell under a point, or None."""
        for run, frame in self.frames.items():
            found = frame.cell_at(point)
            if found is not None:
                return Cell(run, *found)
        return None

    def set_selected(self, layer: int | None, position: int | None) -> None:
        """Outline a cell of the run that was outlined last, without a signal."""
        self.cursor_cell, frame = None, self.frames[self._run]
        if layer is not None and position is not None and frame.holds((layer, position)):
            self.cursor_cell = Cell(self._run, layer, position)
        self.update()

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(640, 440)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(250, 190)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        board = self.board
        if board is None:
            return
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, run in enumerate(RUNS[:1] if board.alone else RUNS):
            self._paint_run(painter, board, run, theme, rows=place == 0)
        self._paint_marks(painter, board, theme)
        if self._held is not None and self._pointer is not None:
            start = self.rect_of(self._held).center()
            paint_arrow(painter, start, self._pointer, theme.color("accent_hover"))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._held = event.position(), cell

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover = self.cell_at(event.position())
        if self._pressed is not None:
            far = (event.position() - self._pressed).manhattanLength() > _DRAG
            if far or self._pointer is not None:
                self._pointer = event.position()
        self.setCursor(
            Qt.CursorShape.ArrowCursor
            if self._hover is None
            else Qt.CursorShape.ClosedHandCursor
            if self._pointer is not None
            else Qt.CursorShape.OpenHandCursor
        )
        self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        # Put a held cell in where it is let go, or choose the one that was clicked.
        held, self._held, self._pressed = self._held, None, None
        dragged, self._pointer = self._pointer is not None, None
        cell = self.cell_at(event.position())
        if held is not None and cell is not None:
            if dragged and cell != held:
                self._put(held, cell)
            elif not dragged and self.picked is not None and cell != self.picked:
                self._put(self.picked, cell)
            elif not dragged:
                self._choose(cell)
        self.update()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._hover = None
        self.update()
        super().leaveEvent(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta().y()
        for run, frame in self.frames.items():
            if turn and frame.plot.contains(event.position()):
                frame.zoom(1.0015**turn, event.position())
                self.frames[OTHER[run]].seen = QRectF(frame.seen)
                self.update()
        event.accept()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
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

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == event.Type.ToolTip:
            cell = self.cell_at(event.pos().toPointF())
            text = self.cell_words(cell) if cell is not None else ""
            QToolTip.showText(event.globalPos(), plain_tip(text), self)
            return True
        return super().event(event)

    # Within.

    def _arrange(self) -> None:
        """Give both grids the same room."""
        if self.board is None:
            return
        width = max((self.width() - _LEFT - _BETWEEN - 6) / 2, 1.0)
        if self.board.alone:
            width = max(self.width() - _LEFT - 6.0, 1.0)
        pitch = width / self.board.length
        texts = [text for run in RUNS for text in self.board.tokens[run]]
        self._token_height = tokens_height(texts, pitch)
        top = _TITLE + _ARROW + self._token_height + 6
        height = max(self.height() - top - 4, 1.0)
        for place, run in enumerate(RUNS):
            left = _LEFT + place * (width + _BETWEEN)
            away = self.board.alone and place > 0
            self.frames[run].plot = QRectF() if away else QRectF(left, top, width, height)

    def _paint_run(
        self, painter: QPainter, board: Board, run: RunName, theme: Theme, *, rows: bool
    ) -> None:
        frame, changed = self.frames[run], run == board.run
        title = f"{run.capitalize()} run" + (", changed" if changed else "")
        painter.setFont(ui_font(13, "semibold"))
        if painter.fontMetrics().horizontalAdvance(title) > frame.plot.width():
            title = title.replace(" run", "")
        wide = round(frame.plot.width())
        title = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, wide)
        painter.setPen(theme.color("accent" if changed else "text"))
        box = QRectF(frame.plot.left(), 0, frame.plot.width(), _TITLE)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        marked = [cell for cell in (self._hover, self.cursor_cell) if cell is not None]
        columns = {cell.position for cell in marked if cell.run == run}
        top = frame.plot.top() - 4 - self._token_height
        tokens = list(zip(board.tokens[run], board.differs, strict=True))
        paint_tokens(painter, frame, tokens, (top, self._token_height), columns)
        paint_read(painter, frame, board.read, top - _ARROW + 1)
        self._ink(theme)
        image = self._image if run == board.run else None
        paint_grid(painter, frame, self._reach(board, run), theme, image)
        if rows:
            layers = numbered("Layer", board.layers)
            paint_rows(painter, frame, layers, {cell.layer for cell in marked})

    def _ink(self, theme: Theme) -> None:
        """Give the colours of what is known those of the theme."""
        if self._image is not None and self._inked is not theme:
            self._image.set_colours(diverging_map(), theme.color("token"))
            self._inked = theme

    def _reach(self, board: Board, run: RunName) -> np.ndarray | None:
        """Return what the moves reach, and what the one under way would."""
        reached = board.reach if run == board.run else None
        source = self._held if self._pointer is not None else self.picked
        target = self._hover
        if self.picked is not None and target in {None, self.picked}:
            target = self.cursor_cell
        if source is None or target is None or target.run != run or target == source:
            return reached
        would = cone(board, self.site, target.layer, target.position)
        return would if reached is None else would | reached

    def _paint_marks(self, painter: QPainter, board: Board, theme: Theme) -> None:
        """Outline and join the cells of the moves, then what is pointed at."""
        accent = theme.color("accent")
        for move in board.moves:
            source, target = Cell(move.run, *move.source), Cell(board.run, *move.target)
            paint_frame(painter, self.rect_of(source), accent, 2.0, dashed=False)
            painter.fillRect(self.rect_of(target), accent)
            start, end = self.rect_of(source).center(), self.rect_of(target).center()
            paint_arrow(painter, start, end, accent)
        for cell, ink, width, dashed in (
            (self._hover, theme.color("text"), 1.5, False),
            (self.cursor_cell, theme.color("accent"), 2.5, False),
            (self.picked, theme.color("warn"), 2.5, True),
        ):
            if cell is not None:
                paint_frame(painter, self.rect_of(cell), ink, width, dashed=dashed)

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
        if position >= board.length and run == "clean" and not board.alone:
            run, position = "corrupt", 0
        elif position < 0 and run == "corrupt":
            run, position = "clean", board.length - 1
        position = min(max(position, 0), board.length - 1)
        layer = min(max(at.layer + down, 0), board.layers - 1)
        for frame in self.frames.values():
            frame.reveal(layer, position)
        self._choose(Cell(run, layer, position))
