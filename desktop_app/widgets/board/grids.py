"""The grids of a board: what they show, where their cells lie, what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.pictures.boards import RUNS, Cell, cone
from desktop_app.pictures.words import choice_label
from desktop_app.support.guard import override
from desktop_app.widgets.board.layout import arrange
from desktop_app.widgets.board.paint import Pointed, paint_board
from desktop_app.widgets.board.panes import Pane

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from desktop_app.contract.moves import HandSite, Move, RunName
    from desktop_app.pictures.boards import Board, Cells
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame


class Grids(QWidget):
    """Two grids of layers × tokens as they are seen; hands and keys are `HandBoard`'s.

    Attributes:
        board: What is shown.
        site: What a move under way would exchange; it decides how far that reaches.
        can_move: Whether cells are dragged onto cells; else dragging moves what is zoomed.
        panes: The grids by the run, or the side, that each stands for.
        cursor_cell: The cell that is outlined.
        picked: The one taken by key.
        hover: The one under the pointer.
        held: The one that is dragged, and `pointer` where to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board: Board | None = None
        self.site: HandSite = "resid_post"
        self.can_move = True
        self.panes: dict[RunName, Pane] = {run: Pane(self) for run in RUNS}
        for pane in self.panes.values():
            pane.zooming.left_pans = False
            pane.zooming.moved.connect(self._on_moved)
        # The cell that is outlined, taken by key, under the pointer, dragged; and where to.
        self.cursor_cell: Cell | None = None
        self.picked: Cell | None = None
        self.hover: Cell | None = None
        self.held: Cell | None = None
        self.pointer: QPointF | None = None
        self.token_height = 20.0
        self._run: RunName = "clean"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Layers and tokens of both runs")

    @property
    def frames(self) -> dict[RunName, MatrixFrame]:
        """What is in sight of each grid."""
        return {run: pane.frame for run, pane in self.panes.items()}

    def show_board(self, board: Board) -> None:
        """Show both grids; the zoom stays where the shape stays."""
        for run, pane in self.panes.items():
            shape = (board.layers, board.length_of(run))
            if (pane.frame.rows, pane.frame.cols) != shape:
                pane.frame.set_shape(*shape)
                pane.set_cells(None)
                self.cursor_cell = None
        self.board, self.picked, self.held, self.pointer = board, None, None, None
        self._run = "clean" if board.alone else self._run
        self._arrange()
        self.update()

    def show_cells(self, cells: Mapping[RunName, Cells]) -> None:
        """Show what stands in the cells of each grid; of one that is not named nothing does."""
        for run, pane in self.panes.items():
            pane.set_cells(cells.get(run))
        self.update()

    def let_move(self, allowed: bool) -> None:
        """Let cells be dragged onto cells; else dragging moves what is zoomed."""
        self.can_move = allowed
        for pane in self.panes.values():
            pane.zooming.left_pans = not allowed
        if not allowed:
            self.picked = None

    def cell_center(self, cell: Cell) -> QPointF:
        """Return the middle of a cell on this widget."""
        return self.rect_of(cell).center()

    def cell_text(self, cell: Cell) -> str:
        """Return what is written into a cell."""
        return self.panes[cell.run].text(cell.layer, cell.position)

    def has_texts(self) -> bool:
        """Return whether texts stand in cells that are large enough for them."""
        shown = self.board.shown if self.board is not None else ()
        return any(self.panes[run].has_texts() for run in shown)

    def cell_words(self, cell: Cell) -> str:
        """Return a cell in words."""
        board, pane = self.board, self.panes[cell.run]
        if board is None:
            return ""
        if pane.cells is not None and pane.cells.tip is not None:
            told = pane.cells.tip(cell.layer, cell.position)
        else:
            token = board.tokens[cell.run][cell.position]
            told = f"{cell.run}, layer {cell.layer}, position {cell.position}: {token}"
        targets = [m for m in board.moves if m.target == (cell.layer, cell.position)]
        if cell.run == board.run and targets:
            return f"{told}\ntaken from {'; '.join(_source_words(board, m) for m in targets)}"
        if cell.run == board.run and self._reaches(cell):
            return f"{told}\ncan change for what was put in"
        return told

    def rect_of(self, cell: Cell) -> QRectF:
        """Return where a cell lies on this widget."""
        return self.panes[cell.run].rect_of(cell)

    def cell_at(self, point: QPointF) -> Cell | None:
        """Return the cell under a point, or None; the small map covers those beneath it."""
        pane = self._pane_at(point)
        if pane is None or self.panes[pane].zooming.map_rect().contains(point):
            return None
        found = self.panes[pane].frame.cell_at(point)
        return None if found is None else Cell(pane, *found)

    def set_selected(
        self, layer: int | None, position: int | None, run: RunName | None = None
    ) -> None:
        """Outline a cell of a grid, the one that was outlined last, without a signal."""
        self._run = run or self._run
        self.cursor_cell, frame = None, self.panes[self._run].frame
        if layer is not None and position is not None and frame.holds((layer, position)):
            self.cursor_cell = Cell(self._run, layer, position)
        for name, pane in self.panes.items():
            cell = self.cursor_cell if name == self._run else None
            pane.zooming.chosen = None if cell is None else (cell.layer, cell.position)
        self.update()

    def reaching(self, run: RunName) -> np.ndarray | None:
        """Return what the moves reach of a grid, and what the one under way would."""
        board = self.board
        if board is None:
            return None
        reached = board.reach if run == board.run and board.reach.any() else None
        source = self.held if self.pointer is not None else self.picked
        target = self.hover
        if self.picked is not None and target in {None, self.picked}:
            target = self.cursor_cell
        if source is None or target is None or target.run != run or target == source:
            return reached
        if board.length_of(run) != board.length:
            return reached
        would = cone(board, self.site, target.layer, target.position)
        return would if reached is None else would | reached

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
        if self.board is not None:
            marks = (self.hover, self.cursor_cell, self.picked, self.held, self.pointer)
            pointed = Pointed(*marks, self.reaching)
            paint_board(QPainter(self), self.board, self.panes, pointed, self.token_height)

    def _arrange(self) -> None:
        """Give both grids the same room."""
        if self.board is not None:
            self.token_height = arrange(self.board, self.frames, self.size())

    def _pane_at(self, point: QPointF) -> RunName | None:
        for run in self.board.shown if self.board is not None else ():
            pane = self.panes[run]
            if pane.frame.plot.contains(point) or pane.zooming.map_rect().contains(point):
                return run
        return None

    def _over_map(self, point: QPointF) -> bool:
        return any(pane.zooming.map_rect().contains(point) for pane in self.panes.values())

    def _reaches(self, cell: Cell) -> bool:
        reach = None if self.board is None else self.board.reach
        if reach is None or cell.layer >= reach.shape[0] or cell.position >= reach.shape[1]:
            return False
        return bool(reach[cell.layer, cell.position])

    @Slot()
    def _on_moved(self) -> None:
        """Show the same part of both grids, where they are of one shape."""
        sender = self.sender()
        moved = next((p for p in self.panes.values() if p.zooming is sender), None)
        if moved is not None:
            for pane in self.panes.values():
                pane.take_seen(moved)
        self.update()

    def _fit(self) -> None:
        for frame in self.frames.values():
            frame.reset()
        self.update()


def _source_words(board: Board, move: Move) -> str:
    """Say where a move takes from, by what the board calls its rows."""
    (row, position), labels = move.source, board.row_axis().labels
    layer = labels[row] if row < len(labels) else row  # a file may name any
    site = "" if move.site == "resid_post" else f"{choice_label(move.site)} at "
    return f"{site}{move.run}, layer {layer}, position {position}"
