"""The map of a circuit: every part a cell, kept or not, switched by click, drag or Space."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.circuit.cells import (
    StateLegend,
    paint_asked,
    paint_ring,
    paint_state,
)
from desktop_app.analyses.circuit.states import KEPT, PARTLY, STAYS, WORDS, shown_states
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.colormaps import colour_at, contrast_text, diverging_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import colour
from desktop_app.widgets.matrix import matrix_axes
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.heatmap import plain_label, reset_button
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from desktop_app.widgets.matrix.matrix_cells import paint_outline
from desktop_app.widgets.matrix.picking import paint_picked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPaintEvent

    from desktop_app.analyses.circuit.states import Board
    from desktop_app.pictures.matrix import Cell

_INSIDE = {KEPT, PARTLY, STAYS}
_NUMBERS_FROM = (44.0, 18.0)
_NOTHING = "Click or drag over cells to keep or remove parts"


class KeepCanvas(MatrixCanvas):
    """Paints the states of a board, and turns clicks, drags and Space into switched cells.

    A drag gives every cell that it passes the state that the first one gets. Where the map is
    enlarged a drag moves it, as it does every map; Shift picks.

    Signals:
        switched: (cells, whether they are kept from now on).
    """

    switched = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board: Board | None = None
        self.asked: np.ndarray | None = None
        self._stroke: dict[Cell, None] = {}
        self._keeps = False
        self.setAccessibleName("Parts of the circuit")

    def show_board(self, board: Board | None) -> None:
        """Show a board, or nothing."""
        self.board, self.asked, self._stroke = board, None, {}
        self.show_matrix(None if board is None else board.matrix)

    def show_asked(self, states: np.ndarray | None) -> None:
        """Show what was asked for and has not come yet; None: nothing was."""
        board = self.board
        self.asked = None
        if board is not None and states is not None and states.shape == board.states.shape:
            self.asked = states
        self.update()

    def state_at(self, cell: Cell) -> int:
        """Return the state that a cell has, or gets."""
        if self.board is None:
            return 0
        return int((self.board.states if self.asked is None else self.asked)[cell])

    def stroke(self) -> tuple[Cell, ...]:
        """Return the cells that a drag has passed."""
        return tuple(self._stroke)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.key() == Qt.Key.Key_Space and plain and self.selected is not None:
            if not event.isAutoRepeat():
                self.switched.emit((self.selected,), self.state_at(self.selected) not in _INSIDE)
            return
        super().keyPressEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        cell = self.frame.cell_at(event.position())
        left = event.button() == Qt.MouseButton.LeftButton and not event.modifiers()
        on_map = self.zooming.map_rect().contains(event.position())
        if left and cell is not None and not on_map:
            self._keeps = self.state_at(cell) not in _INSIDE
            self._stroke = {cell: None}
            self.update()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if self.frame.is_zoomed() and self.zooming.panning:
            self._stroke = {}
        cell = self.frame.cell_at(event.position())
        held = event.buttons() & Qt.MouseButton.LeftButton
        if held and self._stroke and cell is not None and cell not in self._stroke:
            self._stroke |= dict.fromkeys(_between(next(reversed(self._stroke)), cell))
            self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        stroke, self._stroke = self._stroke, {}
        panned = self.zooming.panning
        super().mouseReleaseEvent(event)
        if stroke and not panned and event.button() == Qt.MouseButton.LeftButton:
            self.switched.emit(tuple(stroke), self._keeps)
        self.update()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open what a double click opens; the first click is taken back."""
        cell = self.frame.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.switched.emit((cell,), self.state_at(cell) not in _INSIDE)
        super().mouseDoubleClickEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        board, matrix = self.board, self.matrix
        if board is None or matrix is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        painter.setClipRect(self.frame.plot.adjusted(-2, -2, 2, 2))
        self._paint_cells(painter, board)
        paint_picked(painter, self.frame, self.picked, self.picker)
        paint_outline(painter, self.frame, self.hover, colour("text"), 1.5)
        self._paint_selected(painter)
        painter.restore()
        marked = [cell for cell in (self.hover, self.selected) if cell is not None]
        matrix_axes.paint_rows(painter, self.frame, matrix.rows, {row for row, _ in marked})
        self.zooming.paint_map(painter, None)
        matrix_axes.paint_columns(painter, self.frame, matrix.columns, {c for _, c in marked})

    def _paint_selected(self, painter: QPainter) -> None:
        """Outline the chosen cell so that it is found on a filled one as well."""
        if self.selected is None:
            return
        rect = self.frame.cell_rect(*self.selected)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for ink, width in ((colour("panel"), 4.5), (colour("text"), 2.5)):
            painter.setPen(QPen(ink, width))
            painter.drawRoundedRect(rect, 2, 2)

    def _paint_cells(self, painter: QPainter, board: Board) -> None:
        rows, columns = self.frame.rows_seen(), self.frame.cols_seen()
        numbers = self._writes_numbers(board)
        for row in rows:
            for column in columns:
                cell = row, column
                rect, state = self.frame.cell_rect(row, column), int(board.states[cell])
                fill = self._fill(board, cell)
                paint_state(painter, rect, state, fill)
                if numbers and fill is not None:
                    self._write(painter, board, cell)
                if cell in board.ringed:
                    paint_ring(painter, rect)
                if self._is_asked(cell):
                    paint_asked(painter, rect)

    def _is_asked(self, cell: Cell) -> bool:
        """Return whether a cell gets another state than it has."""
        if self.board is None:
            return False
        now = int(self.board.states[cell])
        if cell in self._stroke:
            return (now in _INSIDE) != self._keeps
        return self.asked is not None and int(self.asked[cell]) != now

    def _fill(self, board: Board, cell: Cell) -> QColor | None:
        value = float(board.matrix.values[cell])
        if not math.isfinite(value):
            return None
        low, high = board.matrix.limits
        return colour_at(diverging_map(), (value - low) / ((high - low) or 1.0))

    def _writes_numbers(self, board: Board) -> bool:
        wide, high = _NUMBERS_FROM
        large = self.frame.cell_width() >= wide and self.frame.cell_height() >= high
        return large and bool(np.isfinite(board.matrix.values).any())

    def _write(self, painter: QPainter, board: Board, cell: Cell) -> None:

        back = self._fill(board, cell)
        if back is not None:
            painter.setFont(ui_font(11))
            painter.setPen(contrast_text(back))
            text = board.matrix.value_text(*cell)
            painter.drawText(self.frame.cell_rect(*cell), Qt.AlignmentFlag.AlignCenter, text)


def _between(first: Cell, last: Cell) -> list[Cell]:
    """Return the cells on the way from one to another: a fast pointer leaves none out."""
    steps = max(abs(last[0] - first[0]), abs(last[1] - first[1]), 1)
    rows, columns = (np.linspace(a, b, steps + 1) for a, b in zip(first, last, strict=True))
    return [(round(r), round(c)) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]


class KeepMap(QWidget):
    """The map with its scale, its legend, and the cell under the pointer in words.

    Signals:
        switched: (cells, whether they are kept from now on).
        cell_clicked: (row, column) chosen by click or arrow keys.
        cell_activated: (row, column) double-clicked, or Enter.
        cell_hovered: (row, column) under the pointer; (−1, −1) when it leaves.
        cells_picked: A tuple of (row, column) picked with Shift.
    """

    switched = Signal(object, bool)
    cell_clicked = Signal(int, int)
    cell_activated = Signal(int, int)
    cell_hovered = Signal(int, int)
    cells_picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas, self._bar = KeepCanvas(), ColorBar(self)
        self.legend = StateLegend()
        self._readout, self._name = ElidedLabel("", "small"), plain_label("small")
        self._reset = reset_button("Show all cells (0)", self.canvas)
        above = row_in(None, (self.canvas, 1), self._bar, spacing=6)
        foot = row_in(None, (self._readout, 1), self._reset, self._name, spacing=6)
        column_in(self, (above, 1), foot, self.legend, spacing=2)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Map of the circuit")
        self.setFocusProxy(self.canvas)
        self.canvas.switched.connect(self.switched)
        self.canvas.cell_clicked.connect(self.cell_clicked)
        self.canvas.cell_activated.connect(self.cell_activated)
        self.canvas.cell_hovered.connect(self._on_hovered)
        self.canvas.view_changed.connect(self._on_view_changed)
        self.canvas.plot_moved.connect(self._bar.set_span)
        self.canvas.let_pick().cells_picked.connect(self.cells_picked)

    def show_board(self, board: Board) -> None:
        """Show a board."""
        self.canvas.show_board(board)
        coloured = bool(np.isfinite(board.matrix.values).any())
        self._bar.setVisible(coloured)
        if coloured:
            self._bar.set_scale(board.matrix.limits, diverging=True)
        self._name.setText(board.matrix.name)
        self.legend.show_states(shown_states(board.states), board.told)
        self.describe()

    def show_ringed(self, cells: Iterable[Cell], told: str) -> None:
        """Lay another circuit over the map, or take it away."""
        board = self.canvas.board
        if board is not None:
            ringed = frozenset(cells)
            self.canvas.board = replace(board, ringed=ringed, told=told)
            self.legend.show_states(shown_states(board.states), told if ringed else "")
            self.canvas.update()

    def board(self) -> Board | None:
        """Return what is shown."""
        return self.canvas.board

    def set_selected(self, cell: Cell | None) -> None:
        """Outline a cell without a signal."""
        self.canvas.set_selected(cell)
        self.describe()

    def selected(self) -> Cell | None:
        """Return the outlined cell."""
        return self.canvas.selected

    def set_picked(self, cells: Iterable[Cell]) -> None:
        """Mark cells as picked."""
        self.canvas.set_picked(cells)

    def readout(self) -> str:
        """Return what is said of the cell under the pointer, else of the chosen one."""
        return self._readout.full_text()

    def describe(self) -> None:
        """Say the cell under the pointer, else the chosen one."""
        cell, board = self.canvas.hover or self.canvas.selected, self.canvas.board
        text = _NOTHING
        if board is not None and cell is not None:
            text = board.matrix.tip_text(*cell)
            now = self.canvas.state_at(cell)
            if now != int(board.states[cell]):
                text = f"{text.partition('  ')[0]}  {WORDS[now]}, being scored"
        self._readout.set_full_text(text)
        self.canvas.setAccessibleDescription(text)
        value = math.nan
        if board is not None and cell is not None:
            value = float(board.matrix.values[cell])
        self._bar.set_value(None if math.isnan(value) else value)

    @override
    def sizeHint(self) -> QSize:
        return QSize(560, 420)

    def _on_hovered(self, row: int, column: int) -> None:
        self.describe()
        self.cell_hovered.emit(row, column)

    def _on_view_changed(self) -> None:
        self._reset.setVisible(self.canvas.frame.is_zoomed())
