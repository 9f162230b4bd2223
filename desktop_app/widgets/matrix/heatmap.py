"""Maps of one number per cell, such as the effect of every head of every layer."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolButton, QWidget

from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QResizeEvent

    from desktop_app.pictures.matrix import Cell, Matrix

_BRACKETS = re.compile(r" \([^)]*\)")
WORD = 22
LINE = 17
_FOOTER_GAPS = 16
_GAP = 6


class MapPane(QWidget):
    """A map that can show the same place as its neighbours; `Heatmap` holds them together.

    Attributes:
        beside: All maps that stand in its row, itself among them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = MatrixCanvas()
        self.beside: tuple[Matrix, ...] = ()
        self.canvas.setAccessibleName("Cells of the heatmap")
        self.word, self.line = plain_label("heading"), plain_label("small")
        self.readout, self._name = plain_label("small"), plain_label("small")
        self.reset = reset_button("Show all cells (0)", self.canvas)
        self.word.setFixedHeight(WORD)
        self.line.setFixedHeight(LINE)
        footer = row_in(None, (self.readout, 1), self.reset, self._name, spacing=6)
        column_in(self, self.word, self.line, (self.canvas, 1), footer, spacing=0)
        footer.setContentsMargins(0, 2, 0, 0)
        self.canvas.view_changed.connect(self._on_view_changed)
        self.canvas.plot_moved.connect(self._write_words)
        self.setFocusProxy(self.canvas)

    def show_map(self, matrix: Matrix | None) -> None:
        """Show a map, or nothing."""
        self.canvas.show_matrix(matrix)
        titled = matrix is not None and bool(matrix.title)
        self.word.setVisible(titled)
        self.line.setVisible(titled)
        self._name.setText("" if matrix is None or titled else matrix.name)
        if matrix is not None:
            self.line.setToolTip(plain_tip(matrix.sentence))
            self.setAccessibleName(f"{matrix.title}: {matrix.sentence}" if titled else "Heatmap")
            self.word.setToolTip(plain_tip(matrix.title))
        self._write_words()
        self.describe()

    def words_height(self) -> int:
        """Return what the words above the cells take, in pixels."""
        matrix = self.canvas.matrix
        return WORD + LINE if matrix is not None and matrix.title else 0

    def pointed(self) -> Cell | None:
        """Return the cell under the cursor, else the selected one."""
        return self.canvas.hover or self.canvas.selected

    def show_hover(self, cell: Cell | None) -> None:
        """Outline and describe the cell under the pointer of a neighbour, without a signal."""
        if cell != self.canvas.hover:
            self.canvas.hover = cell
            self.canvas.update()
        self.describe()

    def show_seen(self, seen: QRectF) -> None:
        """Show the part of the map that a neighbour shows."""
        if seen != self.canvas.frame.seen:
            self.canvas.frame.seen = QRectF(seen)
            self.canvas.update()
            self._on_view_changed()

    def describe(self) -> None:
        """Write the cell under the cursor, else the selected one, in words that have room."""
        cell, matrix = self.pointed(), self.canvas.matrix
        text = self._fitting(matrix, cell) if matrix is not None and cell is not None else ""
        self.readout.setText(text)
        if matrix is not None and cell is not None:
            picked = ", picked" if cell in self.canvas.picked else ""
            self.canvas.setAccessibleDescription(f"{matrix.cell_text(*cell)}{picked}")
        # The read-out goes first where both have no room.
        room = self._room() - self.readout.sizeHint().width()
        self._name.setVisible(self._name.sizeHint().width() < room)

    def _fitting(self, matrix: Matrix, cell: Cell) -> str:
        row, column = cell
        value, label = matrix.value_text(*cell), matrix.columns.labels[column].partition(":")[0]
        short = f"{matrix.rows.name[:1]}{matrix.rows.labels[row]} · {label}    {value}"
        for text in (matrix.cell_text(*cell), short):
            if self.readout.fontMetrics().horizontalAdvance(text) < self._room():
                return text
        return value

    def _room(self) -> int:
        return self.width() - self.reset.width() - _FOOTER_GAPS

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.describe()

    @Slot()
    def _write_words(self) -> None:
        """Write what stands above the cells, shorter where it does not fit."""
        matrix = self.canvas.matrix
        if matrix is None or not matrix.title:
            return
        left, room = round(self.canvas.left_room()), round(self.canvas.frame.plot.width())
        for label, ways in ((self.word, _titles), (self.line, _sentences)):
            label.setIndent(left)
            metrics = label.fontMetrics()
            # Maps beside each other are named in one way, which has room over each of them.
            together = zip(*map(ways, self.beside or (matrix,)), strict=True)
            fits = (all(metrics.horizontalAdvance(t) <= room for t in one) for one in together)
            own = ways(matrix)
            text = next((text for text, fit in zip(own, fits, strict=True) if fit), own[-1])
            label.setText(metrics.elidedText(text, Qt.TextElideMode.ElideRight, room))

    @Slot()
    def _on_view_changed(self) -> None:
        self.reset.setVisible(self.canvas.frame.is_zoomed())


def _titles(matrix: Matrix) -> tuple[str, ...]:
    """Return a map's title, ever shorter; what is left out the tooltip tells."""
    named = f"{matrix.title} · {matrix.name}" if matrix.name else matrix.title
    return named, matrix.title, _BRACKETS.sub("", matrix.title)


def _sentences(matrix: Matrix) -> tuple[str, ...]:
    return matrix.sentence, matrix.short or matrix.sentence


def plain_label(role: str) -> QLabel:
    """Return a line of text in one of the theme's roles, which may be cut by its room."""
    made = PlainLabel()
    made.setMinimumWidth(1)
    set_role(made, role)
    return made


def reset_button(text: str, canvas: MatrixCanvas) -> QToolButton:
    """Return the button that shows all of a map; it keeps its room while it is hidden."""
    button = icon_button("reset", text, "text_muted", words=text.partition(" (")[0])
    button.setFixedSize(24, 24)
    button.setVisible(False)
    policy = button.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    button.setSizePolicy(policy)
    button.clicked.connect(canvas.reset_view)
    return button


def _on_scale_of(first: Matrix, other: Matrix) -> Matrix:
    """Return a map in the colours of the first: one bar speaks for all of them."""
    same = (other.limits, other.diverging) == (first.limits, first.diverging)
    if same and other.stretch is first.stretch:
        return other
    scale, stretch = first.limits, first.stretch
    return replace(other, scale=scale, diverging=first.diverging, seen=first.seen, stretch=stretch)


class Heatmap(QWidget):
    """One map, or several of one shape side by side on one colour scale.

    Cells are coloured by value, with labelled axes, a colour bar and the value under the cursor.
    Row 0 is at the top. NaN is drawn muted. Cells are zoomed and moved as `Zooming` says; a double
    click beside them or 0 shows all; arrow keys move the selection, Enter activates it. Maps beside
    each other share rows, columns, selection, zoom and pointer.

    Signals:
        cell_hovered: (row, col) under the pointer; (−1, −1) when it leaves.
        cell_clicked: (row, col) chosen by click or arrow keys.
        cell_activated: (row, col) double-clicked, or Enter.
        cells_picked: A tuple of (row, col) picked with Shift, where `let_pick` was called.
    """

    cell_hovered = Signal(int, int)
    cell_clicked = Signal(int, int)
    cell_activated = Signal(int, int)
    cells_picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picks = False
        self.panes: list[MapPane] = []
        self._shown = 0
        self._bar = ColorBar(self)
        self._add_pane()
        self.panes[0].canvas.plot_moved.connect(self._on_plot_moved)
        self.setFocusProxy(self.canvas)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Heatmap")
        self.clear_values()

    @property
    def canvas(self) -> MatrixCanvas:
        """The cells of the first map."""
        return self.panes[0].canvas

    def show_maps(self, *maps: Matrix) -> None:
        """Show one map, or several of one shape; the scale of the first is that of all."""
        self._shown = len(maps)
        first = maps[0]
        maps = (first, *(_on_scale_of(first, other) for other in maps[1:]))
        while len(self.panes) < len(maps):
            self._add_pane()
        for place, pane in enumerate(self.panes):
            pane.beside = maps
            pane.show_map(maps[place] if place < len(maps) else None)
            pane.setVisible(place < len(maps))
        self._bar.set_scale(
            first.limits, diverging=first.diverging, seen=first.seen, stretch=first.stretch
        )
        self._bar.setVisible(True)
        self._arrange()
        self._point()

    def clear_values(self) -> None:
        """Take everything away."""
        self._shown = 1
        for pane in self.panes:
            pane.show_map(None)
        self._bar.setVisible(False)

    def maps(self) -> tuple[Matrix, ...]:
        """Return the maps that are shown, from the left."""
        found = (pane.canvas.matrix for pane in self.panes)
        return tuple(matrix for matrix in found if matrix is not None)

    def values(self, place: int = 0) -> NDArray[Any] | None:
        """Return what a map shows, float [rows, cols]; None where it is not shown."""
        maps = self.maps()
        return maps[place].values if place < len(maps) else None

    def set_selected(self, row: int | None, col: int | None) -> None:
        """Outline a cell in all maps, without a signal; None takes the outline away."""
        for pane in self.panes[: self._shown]:
            pane.canvas.set_selected(None if row is None or col is None else (row, col))
        self._point()

    def let_pick(self) -> None:
        """Let cells be picked with Shift: by click, by a box, by Enter."""
        self._picks = True
        for pane in self.panes:
            pane.canvas.let_pick().cells_picked.connect(self.cells_picked)

    def set_picked(self, cells: Iterable[Cell]) -> None:
        """Mark cells as picked in all maps."""
        known = tuple(cells)
        for pane in self.panes:
            pane.canvas.set_picked(known)
            pane.describe()

    def picked(self) -> frozenset[Cell]:
        """Return the cells that are marked as picked."""
        return self.canvas.picked

    def selected(self) -> Cell | None:
        """Return the outlined (row, col), or None."""
        return self.canvas.selected

    def cell_center(self, row: int, col: int) -> QPointF:
        """Return the middle of a cell, on the canvas of the first map."""
        return self.canvas.cell_center(row, col)

    def cell_text(self, row: int, col: int) -> str:
        """Return a cell in words: its place and its value."""
        maps = self.maps()
        return maps[0].cell_text(row, col) if maps else ""

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(640, 460)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(264 if len(self.panes) == 1 else 330, 176)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    # Within.

    def _add_pane(self) -> None:
        pane = MapPane(self)
        pane.canvas.rows_shown = not self.panes
        pane.canvas.cell_hovered.connect(self._on_hovered)
        pane.canvas.cell_clicked.connect(self._on_clicked)
        pane.canvas.cell_activated.connect(self.cell_activated)
        pane.canvas.view_changed.connect(self._on_view_changed)
        if self._picks:
            pane.canvas.let_pick().cells_picked.connect(self.cells_picked)
            pane.canvas.set_picked(self.canvas.picked)
        self.panes.append(pane)
        self.updateGeometry()

    def _arrange(self) -> None:
        """Give all cells the same room: only the first map has labels beside its rows."""
        bar = self._bar.sizeHint().width()
        shown = self.panes[: self._shown]
        beside = [pane.canvas.left_room() for pane in shown]
        room = self.width() - bar - len(shown) * _GAP - sum(beside)
        x = 0.0
        for pane, own in zip(shown, beside, strict=True):
            width = own + room / len(shown)
            pane.setGeometry(round(x), 0, round(width), self.height())
            x += width + _GAP
        self._bar.setGeometry(self.width() - bar, 0, bar, self.height())
        plot = self.canvas.frame.plot
        self._on_plot_moved(plot.top(), plot.bottom())

    def _on_plot_moved(self, top: float, bottom: float) -> None:
        """Let the colour bar reach as far as the cells do."""
        above = self.panes[0].words_height()
        self._bar.set_span(above + top, above + bottom)

    def _point(self, source: MapPane | None = None) -> None:
        """Say the cell under the cursor, or the selected one, in all maps and on the bar."""
        pane = source or self.panes[0]
        for other in self.panes[: self._shown]:
            other.show_hover(pane.canvas.hover)
        # Of several maps the bar can follow the pointer alone.
        cell = pane.pointed() if self._shown == 1 else pane.canvas.hover
        values = pane.canvas.values
        self._bar.set_value(None if cell is None or values is None else float(values[cell]))

    def _pane(self) -> MapPane:
        """Return the map whose cells have sent a signal."""
        sender = self.sender()
        return next(pane for pane in self.panes if pane.canvas is sender)

    @Slot(int, int)
    def _on_hovered(self, row: int, col: int) -> None:
        pane = self._pane()
        pane.show_hover(None if row < 0 else (row, col))
        self._point(pane)
        self.cell_hovered.emit(row, col)

    @Slot(int, int)
    def _on_clicked(self, row: int, col: int) -> None:
        self.set_selected(row, col)
        self.cell_clicked.emit(row, col)

    @Slot()
    def _on_view_changed(self) -> None:
        frame = self._pane().canvas.frame
        for pane in self.panes[: self._shown]:
            other = pane.canvas.frame
            if (other.rows, other.cols) == (frame.rows, frame.cols):
                pane.show_seen(frame.seen)
