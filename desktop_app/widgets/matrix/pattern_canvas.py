"""The matrix of an attention pattern: a canvas whose axis labels answer the pointer too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QPainter, QPen, QPolygonF
from typing_extensions import override

from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QMouseEvent, QPaintEvent

    from desktop_app.pictures.matrix import Cell


class PatternCanvas(MatrixCanvas):
    """Cells of (query, key), and tokens along both sides.

    A token's label chooses the strongest pair of its row (at the left) or its column (on top).

    Signals:
        token_hovered: The position of the label under the pointer; −1 when it leaves.
    """

    token_hovered = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._token = -1
        self.stripe: Sequence[tuple[Cell, Cell]] = ()

    def set_stripe(self, runs: Sequence[tuple[Cell, Cell]]) -> None:
        """Outline straight runs of cells, from the first to the last of each."""
        self.stripe = runs
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        frame = self.frame
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(frame.plot.adjusted(-1, -1, 1, 1))
        painter.setPen(QPen(theme_hub().current.color("mark"), 1.4))
        for first, last in self.stripe:
            if frame.holds(first) and frame.holds(last):
                a, b = frame.cell_rect(*first), frame.cell_rect(*last)
                corners = [a.topLeft(), a.topRight(), b.topRight()]
                corners += [b.bottomRight(), b.bottomLeft(), a.bottomLeft()]
                painter.drawPolygon(QPolygonF(corners))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        super().mouseMoveEvent(event)
        pair = self._pair_at_label(event.position())
        if event.buttons() == Qt.MouseButton.NoButton and pair is not None:
            self._set_hover(pair)
        token = -1 if pair is None else self._label_at(event.position())[1]
        if token != self._token:
            self._token = token
            self.token_hovered.emit(token)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Answer a click."""
        pair = self._pair_at_label(event.position())
        if pair is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = None
            self._choose(pair)
            return
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Answer a double click."""
        if self._pair_at_label(event.position()) is None:
            super().mouseDoubleClickEvent(event)

    def _label_at(self, point: QPointF) -> tuple[str, int]:
        """Return which side (`row`, `col` or none) and position a label under a point has."""
        plot = self.frame.plot
        if self.values is None:
            return "", -1
        if point.x() < plot.left() and plot.top() <= point.y() < plot.bottom():
            return "row", int(self.frame.to_cells(point)[1])
        if point.y() < plot.top() and plot.left() <= point.x() < plot.right():
            return "col", int(self.frame.to_cells(point)[0])
        return "", -1

    def _pair_at_label(self, point: QPointF) -> tuple[int, int] | None:
        """Return the strongest pair of the token whose label is under a point, or None."""
        side, position = self._label_at(point)
        if self.values is None or not side:
            return None
        line = self.values[position] if side == "row" else self.values[:, position]
        best = int(np.nan_to_num(np.abs(line), nan=-1.0).argmax())
        return (position, best) if side == "row" else (best, position)
