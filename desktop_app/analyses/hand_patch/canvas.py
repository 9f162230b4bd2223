"""The picture of patching by hand: where both grids stand, and how their marks are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.hand_patch import paint
from desktop_app.analyses.hand_patch.picture import RUNS, Board, Cell, cone
from desktop_app.pictures.matrix import numbered
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.matrix_axes import (
    paint_read,
    paint_rows,
    paint_tokens,
    tokens_height,
)
from desktop_app.widgets.matrix.matrix_cells import MatrixFrame

if TYPE_CHECKING:
    import numpy as np
    from PySide6.QtGui import QResizeEvent

    from desktop_app.analyses.hand_patch.spec import HandSite, RunName
    from desktop_app.widgets.basics.theme import Theme

_LEFT = 46.0
_BETWEEN = 34.0
_TITLE = 22.0
_ARROW = 10.0


class HandCanvas(QWidget):
    """Two grids of layers × tokens with what is put where, and how far that reaches.

    Attributes:
        board: What is shown, or None.
        site: What a move under way would exchange; it decides how far that reaches.
        cursor_cell: The outlined cell.
        picked: The cell taken by key.
        hover: The cell under the pointer.
        held: The cell that is being dragged.
        pointer: Where it is dragged to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board: Board | None = None
        self.site: HandSite = "resid_post"
        self.frames: dict[RunName, MatrixFrame] = {run: MatrixFrame() for run in RUNS}
        self.cursor_cell: Cell | None = None
        self.picked: Cell | None = None
        self.hover: Cell | None = None
        self.held: Cell | None = None
        self.pointer: QPointF | None = None
        self._token_height = 20.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_board(self, board: Board) -> None:
        """Show both grids; the zoom stays where the shape stays."""
        for frame in self.frames.values():
            if (frame.rows, frame.cols) != (board.layers, board.length):
                frame.set_shape(board.layers, board.length)
                self.cursor_cell = None
        self.board, self.picked, self.held, self.pointer = board, None, None, None
        self._arrange()
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
        targets = [m for m in self.board.moves if m.target == (cell.layer, cell.position)]
        if cell.run == self.board.run and targets:
            return f"{words}\ntaken from {', '.join(str(m).split('>')[0] for m in targets)}"
        if cell.run == self.board.run and self.board.reach[cell.layer, cell.position]:
            return f"{words}\ncan change for what was put in"
        return words

    def holds(self, layer: int, position: int) -> bool:
        """Return whether there is such a cell."""
        return self.frames["clean"].holds((layer, position))

    def is_zoomed(self) -> bool:
        """Return whether a part of the grids is out of sight."""
        return self.frames["clean"].is_zoomed()

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

    # Qt.

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(640, 440)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which nothing is cut."""
        return QSize(300, 190)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew for the new size."""
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        board = self.board
        if board is None:
            return
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, run in enumerate(RUNS):
            self._paint_run(painter, board, run, theme, rows=place == 0)
        self._paint_marks(painter, board, theme)
        if self.held is not None and self.pointer is not None:
            start = self.rect_of(self.held).center()
            paint.paint_arrow(painter, start, self.pointer, theme.color("accent_hover"))

    # Within.

    def _arrange(self) -> None:
        """Give both grids the same room."""
        if self.board is None:
            return
        width = max((self.width() - _LEFT - _BETWEEN - 6) / 2, 1.0)
        pitch = width / self.board.length
        texts = [text for run in RUNS for text in self.board.tokens[run]]
        self._token_height = tokens_height(texts, pitch)
        top = _TITLE + _ARROW + self._token_height + 6
        height = max(self.height() - top - 4, 1.0)
        for place, run in enumerate(RUNS):
            left = _LEFT + place * (width + _BETWEEN)
            self.frames[run].plot = QRectF(left, top, width, height)

    def _paint_run(
        self, painter: QPainter, board: Board, run: RunName, theme: Theme, *, rows: bool
    ) -> None:
        frame, changed = self.frames[run], run == board.run
        title = f"{run.capitalize()} run" + (", changed" if changed else "")
        painter.setFont(ui_font(13, "semibold"))
        painter.setPen(theme.color("accent" if changed else "text"))
        box = QRectF(frame.plot.left(), 0, frame.plot.width(), _TITLE)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        marked = [cell for cell in (self.hover, self.cursor_cell) if cell is not None]
        columns = {cell.position for cell in marked if cell.run == run}
        top = frame.plot.top() - 4 - self._token_height
        tokens = list(zip(board.tokens[run], board.differs, strict=True))
        paint_tokens(painter, frame, tokens, (top, self._token_height), columns)
        paint_read(painter, frame, board.read, top - _ARROW + 1)
        paint.paint_grid(painter, frame, self._reach(board, run), theme)
        if rows:
            layers = numbered("Layer", board.layers)
            paint_rows(painter, frame, layers, {cell.layer for cell in marked})

    def _reach(self, board: Board, run: RunName) -> np.ndarray | None:
        """Return what the moves reach, and what the one under way would."""
        reached = board.reach if run == board.run else None
        source = self.held if self.pointer is not None else self.picked
        target = self.hover
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
            paint.paint_frame(painter, self.rect_of(source), accent, 2.0, dashed=False)
            painter.fillRect(self.rect_of(target), accent)
            start, end = self.rect_of(source).center(), self.rect_of(target).center()
            paint.paint_arrow(painter, start, end, accent)
        for cell, ink, width, dashed in (
            (self.hover, theme.color("text"), 1.5, False),
            (self.cursor_cell, theme.color("accent"), 2.5, False),
            (self.picked, theme.color("warn"), 2.5, True),
        ):
            if cell is not None:
                paint.paint_frame(painter, self.rect_of(cell), ink, width, dashed=dashed)
