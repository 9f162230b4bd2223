"""The part of a matrix that is in sight, and where its cells lie on the widget.

Cells are counted from 0 at the upper left; cell (r, c) covers r..r+1 and c..c+1.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF

_FEWEST_CELLS = 4.0
_ROUNDING = 1e-6


class MatrixFrame:
    """A window onto a matrix; it never shows anything outside it.

    Attributes:
        rows: How many there are; `cols` likewise.
        plot: Where the cells in sight lie on the widget.
        seen: The part in sight, in cells.
        room: What the plot may take; without one the plot is what it is set to.
        square: Whether cells are as wide as high; the plot is then no more of the room than all
            cells fill, and stays so when they are enlarged.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.cols = 0
        self.plot = QRectF()
        self.seen = QRectF()
        self.room = QRectF()
        self.square = False

    def set_shape(self, rows: int, cols: int) -> None:
        """Take a matrix of another shape and show all of it."""
        self.rows, self.cols = rows, cols
        self.reset()

    def set_room(self, room: QRectF, *, square: bool = False) -> None:
        """Lie within a room; what is in sight stays so."""
        self.room, self.square = QRectF(room), square
        self.plot = QRectF(room)
        if square and self.rows and self.cols:
            side = min(room.width() / self.cols, room.height() / self.rows)
            self.plot.setSize(QSizeF(side * self.cols, side * self.rows))

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
        factor = min(factor, self._most())
        x, y = self.to_cells(at)
        width, height = self.seen.width(), self.seen.height()
        if self.cols > _FEWEST_CELLS:
            width = _up_to(width / factor, self.cols)
        if self.rows > _FEWEST_CELLS:
            height = _up_to(height / factor, self.rows)
        left = x - (x - self.seen.left()) * width / self.seen.width()
        top = y - (y - self.seen.top()) * height / self.seen.height()
        self._place(left, top, width, height)

    def _most(self) -> float:
        """Return how much larger cells may become: a few stay in sight along every long side.

        Rows and columns keep their proportion, so both stop at whichever bound comes first; a side
        of as few cells is not cut at all.
        """
        sides = ((self.seen.width(), self.cols), (self.seen.height(), self.rows))
        bounds = [seen / _FEWEST_CELLS for seen, count in sides if count > _FEWEST_CELLS]
        return max(min(bounds, default=1.0), 1.0)

    def pan(self, dx: float, dy: float) -> None:
        """Move the matrix by pixels."""
        if self.rows and not self.plot.isEmpty():
            left = self.seen.left() - dx / self.cell_width()
            top = self.seen.top() - dy / self.cell_height()
            self._place(left, top, self.seen.width(), self.seen.height())

    def centre_on(self, x: float, y: float) -> None:
        """Move so that a place, in cells, is in the middle as far as there are cells around it."""
        width, height = self.seen.width(), self.seen.height()
        self._place(x - width / 2, y - height / 2, width, height)

    def reveal(self, row: int, col: int) -> None:
        """Move so that a cell is in sight."""
        left, top = self.seen.left(), self.seen.top()
        left = min(max(left, col + 1 - self.seen.width()), float(col))
        top = min(max(top, row + 1 - self.seen.height()), float(row))
        self._place(left, top, self.seen.width(), self.seen.height())

    def holds(self, cell: tuple[int, int]) -> bool:
        """Return whether there is such a (row, column)."""
        return 0 <= cell[0] < self.rows and 0 <= cell[1] < self.cols

    def fits(self, seen: QRectF) -> bool:
        """Return whether there is such a part."""
        return not seen.isEmpty() and QRectF(0, 0, self.cols, self.rows).contains(seen)

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


def _up_to(cells: float, count: int) -> float:
    """Return so many cells, and all there are where no more than rounding is lacking."""
    return float(count) if cells > count * (1 - _ROUNDING) else cells
