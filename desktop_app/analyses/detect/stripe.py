"""The stripe that a score is the attention to, drawn over a head's pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.detect.picture import runs
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.pattern_view import PatternView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.detect.picture import Cell
    from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas


class StripedPattern(PatternView):
    """A pattern with its stripe over it."""

    def __init__(self) -> None:
        super().__init__()
        self.set_side_visible(False)
        self.stripe = Stripe(self.canvas)


class Stripe(QWidget):
    """Outlines cells of a matrix, follows its zoom, and lets the pointer through."""

    def __init__(self, canvas: MatrixCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._runs: list[tuple[Cell, Cell]] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        canvas.installEventFilter(self)
        canvas.view_changed.connect(self._on_view_changed)
        canvas.plot_moved.connect(self._on_view_changed)
        self.setGeometry(canvas.rect())

    def set_cells(self, cells: Sequence[Cell]) -> None:
        """Outline these (row, column) cells."""
        self._runs = runs(cells)
        self.update()

    def run_count(self) -> int:
        """Return how many outlines are drawn."""
        return len(self._runs)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the size of the matrix."""
        if watched is self._canvas and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return super().eventFilter(watched, event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        frame = self._canvas.frame
        if not self._runs or not frame.rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(frame.plot.adjusted(-1, -1, 1, 1))
        painter.setPen(QPen(theme_hub().current.color("mark"), 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for first, last in self._runs:
            if max(first[0], last[0]) >= frame.rows or max(first[1], last[1]) >= frame.cols:
                continue
            a, b = frame.cell_rect(*first), frame.cell_rect(*last)
            painter.drawPolygon(
                QPolygonF(
                    [
                        *(a.topLeft(), a.topRight(), b.topRight()),
                        *(b.bottomRight(), b.bottomLeft(), a.bottomLeft()),
                    ]
                )
            )

    @Slot()
    def _on_view_changed(self) -> None:
        self.update()
