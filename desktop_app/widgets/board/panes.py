"""One grid of a board: what of it is in sight, its colours, and the texts in its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPolygonF

from desktop_app.widgets.basics.colormaps import contrast_text, diverging_map, sequential_map
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.matrix_cells import MatrixImage
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame
from desktop_app.widgets.matrix.zooming import Zooming

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QWidget

    from desktop_app.pictures.boards import Cell, Cells
    from desktop_app.widgets.basics.theme import Theme

# Cells that are smaller have no text: nobody could read it.
_LEAST_WIDTH, _LEAST_HEIGHT = 19.0, 11.0
_SMALLEST, _LARGEST = 9, 13
_SIDES = 4.0
_MOST_TEXTS = 6_000
_CORNER_FROM, _CORNER_LEAST, _CORNER_MOST, _EDGE = 8.0, 4.0, 8.0, 2.5


class Pane:
    """A grid: its window onto the cells, and how these are inked.

    Attributes:
        frame: What is in sight, and where.
        zooming: What wheel, keys and dragging do to that.
        cells: What stands in the cells; None: nothing.
    """

    def __init__(self, owner: QWidget) -> None:
        self.frame = MatrixFrame()
        self.zooming = Zooming(owner, self.frame)
        self.cells: Cells | None = None
        self._image: MatrixImage | None = None
        self._inked: Theme | None = None
        self._fitted: dict[str, str] = {}
        self._fit_for: tuple[int, int] = (0, 0)

    def rect_of(self, cell: Cell) -> QRectF:
        """Return where a cell of this grid lies."""
        return self.frame.cell_rect(cell.layer, cell.position)

    def set_cells(self, cells: Cells | None) -> None:
        """Take what stands in the cells; what does not fit the grid is left out."""
        self.cells, self._image, self._inked = cells, None, None
        if cells is None or cells.values is None:
            return
        if cells.values.shape == (self.frame.rows, self.frame.cols):
            self._image = MatrixImage(
                cells.values, cells.limits, diverging=cells.diverging, stretch=cells.stretch
            )

    def image(self, theme: Theme) -> MatrixImage | None:
        """Return the colours in those of a theme, or None where there are none."""
        if self._image is not None and self.cells is not None and self._inked is not theme:
            colours = diverging_map(theme) if self.cells.diverging else sequential_map(theme)
            self._image.set_colours(colours, theme.color("token"))
            self._inked = theme
        return self._image

    def value(self, row: int, position: int) -> float | None:
        """Return the number behind a colour, or None where there is none."""
        shown = self._image is not None and self.frame.holds((row, position))
        values = self.cells.values if self.cells is not None else None
        return float(values[row, position]) if shown and values is not None else None

    def has_colours(self) -> bool:
        """Return whether the cells have colours."""
        return self._image is not None

    def has_texts(self) -> bool:
        """Return whether texts stand in the cells, where these are large enough."""
        return self.cells is not None and self.cells.texts is not None and self.font() is not None

    def text(self, row: int, position: int) -> str:
        """Return what is written into a cell, where there is room."""
        texts = None if self.cells is None else self.cells.texts
        if texts is None or row >= len(texts) or position >= len(texts[row]):
            return ""
        return texts[row][position]

    def font(self) -> QFont | None:
        """Return the face of the texts, None where cells are too small for any."""
        wide, high = self.frame.cell_width(), self.frame.cell_height()
        seen = len(self.frame.rows_seen()) * len(self.frame.cols_seen())
        if wide < _LEAST_WIDTH or high < _LEAST_HEIGHT or seen > _MOST_TEXTS:
            return None
        return mono_font(min(max(int(high * 0.72), _SMALLEST), _LARGEST))

    def paint_texts(self, painter: QPainter, theme: Theme) -> None:
        """Write the texts into the cells in sight, each in an ink that its ground bears."""
        if self.cells is None or self.cells.texts is None or (font := self.font()) is None:
            return
        image, frame = self.image(theme), self.frame
        metrics = QFontMetricsF(font)
        room = frame.cell_width() - _SIDES
        if self._fit_for != (fit := (round(room), font.pixelSize())):
            self._fit_for, self._fitted = fit, {}
        drop = (metrics.ascent() - metrics.descent()) / 2
        plain, inks = contrast_text(theme.color("token")), dict[int, QColor]()
        painter.setFont(font)
        for row in frame.rows_seen():
            for col in frame.cols_seen():
                text = self._fitting(self.text(row, col), metrics, room)
                if not text:
                    continue
                ink = plain
                if image is not None:
                    back = image.colour(row, col)
                    ink = inks.setdefault(back.rgb(), contrast_text(back))
                painter.setPen(ink)
                middle = frame.cell_rect(row, col).center()
                left = middle.x() - metrics.horizontalAdvance(text) / 2
                painter.drawText(QPointF(left, middle.y() + drop), text)

    def paint_corners(self, painter: QPainter, theme: Theme) -> None:
        """Mark the cells that have a mark in their upper right corner."""
        marked = None if self.cells is None else self.cells.marked
        wide, high = self.frame.cell_width(), self.frame.cell_height()
        if marked is None or min(wide, high) < _CORNER_FROM:
            return
        side = min(max(min(wide, high) / 3, _CORNER_LEAST), _CORNER_MOST)
        painter.setPen(Qt.PenStyle.NoPen)
        for row in self.frame.rows_seen():
            for col in self.frame.cols_seen():
                if row < marked.shape[0] and col < marked.shape[1] and marked[row, col]:
                    at = self.frame.cell_rect(row, col).topRight()
                    # On an edge of the panel's own, green is found on every ground.
                    for ink, reach in (("panel", side + _EDGE), ("good", side)):
                        painter.setBrush(theme.color(ink))
                        down, left = at + QPointF(0, reach), at - QPointF(reach, 0)
                        painter.drawPolygon(QPolygonF([at, down, left]))

    def small_picture(self) -> QImage | None:
        """Return a coarse picture of all cells for the small map."""
        image = self.image(theme_hub().current)
        return image.small() if image is not None and self.frame.is_zoomed() else None

    def take_seen(self, other: Pane) -> None:
        """Show the same part as another grid of the same shape."""
        here, there = self.frame, other.frame
        if (here.rows, here.cols) == (there.rows, there.cols):
            here.seen = QRectF(there.seen)

    def _fitting(self, text: str, metrics: QFontMetricsF, room: float) -> str:
        if text not in self._fitted:
            cut = Qt.TextElideMode.ElideRight
            # A lone “…” says nothing: rather the first sign, cut by nothing.
            short = metrics.elidedText(text, cut, room)
            self._fitted[text] = short if short != "…" else text[:1]
        return self._fitted[text]
