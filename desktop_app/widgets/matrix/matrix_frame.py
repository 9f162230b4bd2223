"""The part of a matrix that is in sight, and where its cells lie on the widget.

Cells are counted from 0 at the upper left; cell (r, c) covers r..r+1 and c..c+1.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF

_FEWEST_CELLS = 4.0


class MatrixFrame:
    """A window onto a matrix; it never shows anything outside it."""

    def __init__(self) -> None:
        self.rows = 0
        self.cols = 0
        self.plot = QRectF()
        self.seen = QRectF()

    def set_shape(self, rows: int, cols: int) -> None:
        """Take a matrix of another shape and show all of it."""
        self.rows, self.cols = rows, cols
        self.reset()

    def reset(self) -> None:
        """Show the whole matrix."""
        self.seen = QRectF(0, 0, self.cols, self.rows)

    def is_zoomed(self) -> bool:
        """Return whether a part of the matrix is out of sight."""
        return self.seen.width() < self.cols or self.seen.height() < self.rows

    def cell_width(self) -> float:
        """Return the width of a cell in pixels."""
        return self.plot.width() / self.seen.width() if self.seen.width() else 0.0

    def cell_height(self) -> float:
        """Return the height of a cell in pixels."""
        return self.plot.height() / self.seen.height() if self.seen.height() else 0.0

    def zoom(self, factor: float, at: QPointF) -> None:
        """Enlarge (factor over 1) or shrink, keeping the cell under a point in its place."""
        if not self.rows or self.plot.isEmpty():
            return
        x, y = self.to_cells(at)
        # Rows and columns keep their proportion, so both stop at whichever bound comes first.
        scale = (
            max(
                1.0 / factor,
                min(_FEWEST_CELLS, self.cols) / self.seen.width(),
                min(_FEWEST_CELLS, self.rows) / self.seen.height(),
            )
            if factor > 1
            else 1.0 / factor
        )
        if factor > 1 and scale >= 1.0:
            return
        width = min(self.seen.width() * scale, float(self.cols))
        height = min(self.seen.height() * scale, float(self.rows))
        left = x - (x - self.seen.left()) * width / self.seen.width()
        top = y - (y - self.seen.top()) * height / self.seen.height()
        self._place(left, top, width, height)

    def pan(self, dx: float, dy: float) -> None:
        """Move the matrix by pixels."""
        if self.rows and not self.plot.isEmpty():
            left = self.seen.left() - dx / self.cell_width()
            top = self.seen.top() - dy / self.cell_height()
            self._place(left, top, self.seen.width(), self.seen.height())

    def reveal(self, row: int, col: int) -> None:
        """Move so that a cell is in sight."""
        left, top = self.seen.left(), self.seen.top()
        left = min(max(left, col + 1 - self.seen.width()), float(col))
        top = min(max(top, row + 1 - self.seen.height()), float(row))
        self._place(left, top, self.seen.width(), self.seen.height())

    def holds(self, cell: tuple[int, int]) -> bool:
        """Return whether there is such a (row, column)."""
        return 0 <= cell[0] < self.rows and 0 <= cell[1] < self.cols

    def stepped(self, cell: tuple[int, int] | None, down: int, right: int) -> tuple[int, int]:
        """Return the neighbour of a cell as far as there is one; from none the first in sight."""
        if cell is None:
            return self.rows_seen().start, self.cols_seen().start
        row = min(max(cell[0] + down, 0), self.rows - 1)
        return row, min(max(cell[1] + right, 0), self.cols - 1)

    def to_cells(self, point: QPointF) -> tuple[float, float]:
        """Return the (column, row) coordinates under a point, in cells."""
        x = self.seen.left() + (point.x() - self.plot.left()) / self.cell_width()
        y = self.seen.top() + (point.y() - self.plot.top()) / self.cell_height()
        return x, y

    def cell_at(self, point: QPointF) -> tuple[int, int] | None:
        """Return the (row, col) under a point, or None outside the matrix."""
        if not self.rows or not self.cols or not self.plot.contains(point):
            return None
        x, y = self.to_cells(point)
        return min(int(y), self.rows - 1), min(int(x), self.cols - 1)

    def cell_rect(self, row: float, col: float, rows: float = 1, cols: float = 1) -> QRectF:
        """Return where a block of cells lies on the widget; it may be out of sight."""
        width, height = self.cell_width(), self.cell_height()
        left = self.plot.left() + (col - self.seen.left()) * width
        top = self.plot.top() + (row - self.seen.top()) * height
        return QRectF(left, top, cols * width, rows * height)

    def rows_seen(self) -> range:
        """Return the rows that are at least partly in sight."""
        return _span(self.seen.top(), self.seen.bottom(), self.rows)

    def cols_seen(self) -> range:
        """Return the columns that are at least partly in sight."""
        return _span(self.seen.left(), self.seen.right(), self.cols)

    def _place(self, left: float, top: float, width: float, height: float) -> None:
        left = min(max(left, 0.0), self.cols - width)
        top = min(max(top, 0.0), self.rows - height)
        self.seen = QRectF(left, top, width, height)


def _span(low: float, high: float, count: int) -> range:
    return range(max(0, int(low)), min(count, int(high - 1e-9) + 1))
