"""Maps of one number per cell, such as the effect of every head of every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.map_pane import MapPane

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QResizeEvent

    from desktop_app.pictures.matrix import Cell, Matrix
    from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas

_GAP = 6


class Heatmap(QWidget):
    """One map, or several of one shape side by side on one colour scale.

    Cells are coloured by value, with labelled axes, a colour bar and the value under the cursor.
    Row 0 is at the top. NaN is drawn muted. The wheel zooms, dragging pans, a double click beside
    the cells or Escape shows all; arrow keys move the selection, Enter activates it. Maps beside
    each other share rows, columns, selection, zoom and pointer.

    Signals:
        cell_hovered: (row, col) under the pointer; (−1, −1) when it leaves.
        cell_clicked: (row, col) chosen by click or arrow keys.
        cell_activated: (row, col) double-clicked, or Enter.
    """

    cell_hovered = Signal(int, int)
    cell_clicked = Signal(int, int)
    cell_activated = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
        while len(self.panes) < len(maps):
            self._add_pane()
        for place, pane in enumerate(self.panes):
            pane.show_map(maps[place] if place < len(maps) else None)
            pane.setVisible(place < len(maps))
        first = maps[0]
        self._bar.set_scale(first.limits, diverging=first.diverging, seen=first.seen)
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
        seen = self._pane().canvas.frame.seen
        for pane in self.panes[: self._shown]:
            pane.show_seen(seen)
