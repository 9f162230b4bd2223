"""A heatmap among others on one colour scale: tokens of two prompts above, no bar of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF

from desktop_app.widgets.matrix.heatmap import MISSING_TEXT, Heatmap
from desktop_app.widgets.matrix.matrix_cells import signed
from desktop_app.widgets.matrix.pair_canvas import PairCanvas

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent


class PairHeatmap(Heatmap):
    """A heatmap that shows the same place as its neighbours; `MapRow` holds them together."""

    canvas: PairCanvas

    def _build(self) -> None:
        self.canvas.deleteLater()
        self.canvas = PairCanvas()
        super()._build()
        # All share one bar beside the last of them; this one keeps no room.
        self._bar.setFixedWidth(0)
        grid = self.layout()
        if grid is not None:
            grid.setSpacing(2)

    def cell_text(self, row: int, col: int) -> str:
        """Return a cell in words, as many as there is room for: its place and its value."""
        full = super().cell_text(row, col)
        exact = float(self.canvas.values[row, col]) if self.canvas.values is not None else np.nan
        value = signed("{:+.4f}", exact) if np.isfinite(exact) else MISSING_TEXT
        full = f"{full.rsplit('    ', 1)[0]}    {value}"
        label = self._col_labels[col].partition(":")[0]
        room = self.width() - self._reset.width() - 10
        for text in (full, f"L{self._row_labels[row]} · {label}    {value}"):
            if self.fontMetrics().horizontalAdvance(text) < room:
                return text
        return value

    def show_hover(self, cell: tuple[int, int] | None) -> None:
        """Outline and describe the cell under the pointer of a neighbour, without a signal."""
        if cell != self.canvas.hover:
            self.canvas.hover = cell
            self.canvas.update()
            self._describe()

    def show_seen(self, seen: QRectF) -> None:
        """Show the part of the matrix that a neighbour shows."""
        if seen != self.canvas.frame.seen:
            self.canvas.frame.seen = QRectF(seen)
            self.canvas.update()
            self._on_view_changed()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say as much under the cells as there is room for now."""
        super().resizeEvent(event)
        self._describe()
