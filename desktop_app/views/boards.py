"""A board in a view: both grids, the colour bar beside them, and a line that says whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.board.board import HandBoard
from desktop_app.widgets.matrix.color_bar import ColorBar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.moves import RunName
    from desktop_app.pictures.boards import Cell, Cells


class BarredBoard(QWidget):
    """The grids with the scale of their colours, and a line beneath.

    Attributes:
        board: The grids.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board = HandBoard()
        self._bar, self._legend = ColorBar(), ElidedLabel("", "small")
        self._scaled: Cells | None = None
        column_in(self, (row_of((self.board, 1), self._bar, spacing=2), 1), self._legend, spacing=4)
        self.board.cell_hovered.connect(self._on_cell_hovered)
        self.show_cells({}, "")

    def show_cells(
        self, cells: Mapping[RunName, Cells], legend: str, scale_of: RunName = "corrupt"
    ) -> None:
        """Show what stands in the cells, what is said of them, and the scale of one grid.

        Where that grid has no colours, the scale is that of the other.
        """
        self.board.show_cells(cells)
        coloured = {run: own for run, own in cells.items() if own.values is not None}
        scaled = coloured.get(scale_of) or next(iter(coloured.values()), None)
        self._scaled = scaled
        self._bar.setVisible(scaled is not None)
        if scaled is not None:
            self._bar.set_scale(scaled.limits, diverging=scaled.diverging, stretch=scaled.stretch)
        self._legend.set_full_text(legend)
        self._legend.setVisible(bool(legend))

    def read(self) -> dict[str, Any]:
        """Return what is said of the colours, and their scale."""
        scale = None if self._bar.isHidden() else self._bar.read_out()["limits"]
        return {"colours": self._legend.full_text(), "scale": scale}

    def _on_cell_hovered(self, cell: Cell | None) -> None:
        self._bar.set_value(None if cell is None else self._value(cell))

    def _value(self, cell: Cell) -> float | None:
        """Return the value of a cell, where the scale is its own."""
        pane, scaled = self.board.panes[cell.run], self._scaled
        own = scaled is not None and pane.cells is not None and pane.cells.limits == scaled.limits
        return pane.value(cell.layer, cell.position) if own else None
