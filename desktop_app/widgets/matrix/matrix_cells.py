"""How the cells of a matrix are drawn.

They become pictures at several resolutions, by hand and not through an `ImageItem`: seen from
afar, a thin stripe of attention must stay visible, so every coarser level keeps the *strongest* of
four cells where an image item would take their mean or drop three of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QImage, QPainter, QPen

from desktop_app.pictures.matrix import signed
from desktop_app.pictures.words import ABOUT
from desktop_app.widgets.basics.colormaps import contrast_ratio, contrast_text, lookup
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import colour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from desktop_app.pictures.matrix import Matrix
    from desktop_app.pictures.stretch import Stretch
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

_STEPS = 255
_CENTRE = 128
_GAPS_FROM = 9.0
# The small map is made of a picture of about as many elements a side.
_MAP_ELEMENTS = 256
_NUMBERS_MOST = 1200
_NEAR_PANEL = 1.1
# How strongly what is not sure is washed out and hatched, of 255.
_WASH, _HATCH = 90, 70
# How strongly what may be a chance find is.
_FAINT = 190


class MatrixImage:
    """Values turned into colour numbers once, and into pictures when they are asked for.

    What is not finite has a colour of its own, what lies beyond the limits that of the end; on a
    diverging map strength is the distance from the middle of the limits.
    """

    def __init__(
        self,
        values: NDArray[Any],
        limits: tuple[float, float],
        *,
        diverging: bool,
        stretch: Stretch | None = None,
    ) -> None:
        self._levels = [_colour_numbers(values, limits, stretch)]
        self._diverging = diverging
        self._pictures: dict[int, QImage] = {}
        self._table = np.zeros(_STEPS + 1, dtype=np.uint32)

    def set_colours(self, colours: NDArray[np.uint8], missing: QColor) -> None:
        """Choose the colour map and the colour of what is missing."""
        rgb = lookup(colours, _STEPS).astype(np.uint32)
        self._table[0] = missing.rgb() & 0xFFFFFFFF
        self._table[1:] = 0xFF000000 | (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2]
        self._pictures.clear()

    def level_for(self, pixels_per_cell: float) -> int:
        """Return the level at which one picture element is about one pixel of the screen."""
        rows, cols = self._levels[0].shape
        level = 0
        while pixels_per_cell * 2 ** (level + 1) <= 1.0 and max(rows, cols) >> (level + 1) > 1:
            level += 1
        return level

    def picture(self, level: int) -> QImage:
        """Return a level's picture; its elements are 2**level cells wide."""
        if level not in self._pictures:
            while len(self._levels) <= level:
                self._levels.append(_coarser(self._levels[-1], self._diverging))
            pixels = np.ascontiguousarray(self._table[self._levels[level]])
            rows, cols = pixels.shape
            shown = QImage(pixels.data, cols, rows, 4 * cols, QImage.Format.Format_RGB32)
            self._pictures[level] = shown.copy()  # which owns its pixels
        return self._pictures[level]

    def small(self) -> QImage:
        """Return a coarse picture of all cells, for a small map."""
        return self.picture(self.level_for(_MAP_ELEMENTS / max(self._levels[0].shape)))

    def colour(self, row: int, col: int) -> QColor:
        """Return the colour of one cell."""
        return QColor.fromRgb(int(self._table[self._levels[0][row, col]]))


def _colour_numbers(
    values: NDArray[Any], limits: tuple[float, float], stretch: Stretch | None
) -> NDArray[np.uint8]:
    """Return uint8 [rows, cols]: 0 for what is not finite, else 1..255 along the colours."""
    low, high = limits
    scale = (_STEPS - 1) / ((high - low) or 1.0)
    finite = np.isfinite(values)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is at an end
        if stretch is None:
            share = np.nan_to_num((np.asarray(values, dtype=np.float32) - low) * scale)
        else:
            share = np.nan_to_num(stretch.share(values)) * (_STEPS - 1)
    numbers = np.rint(np.clip(share, 0, _STEPS - 1)).astype(np.uint8) + np.uint8(1)
    return np.where(finite, numbers, np.uint8(0))


def _coarser(numbers: NDArray[np.uint8], diverging: bool) -> NDArray[np.uint8]:
    """Return a quarter of the cells, each the strongest of the four it stands for."""
    rows, cols = numbers.shape
    even = np.pad(numbers, ((0, rows % 2), (0, cols % 2)))
    across = _stronger(even[0::2], even[1::2], diverging)
    return _stronger(across[:, 0::2], across[:, 1::2], diverging)


def _stronger(
    one: NDArray[np.uint8], other: NDArray[np.uint8], diverging: bool
) -> NDArray[np.uint8]:
    if not diverging:
        return np.maximum(one, other)
    return np.where(_strength(one) >= _strength(other), one, other)


def _strength(numbers: NDArray[np.uint8]) -> NDArray[np.int16]:
    strength = np.abs(numbers.astype(np.int16) - _CENTRE)
    strength[numbers == 0] = -1
    return strength


def paint_cells(painter: QPainter, frame: MatrixFrame, image: MatrixImage, ratio: float) -> None:
    """Draw the colours of what is in sight, with hairline gaps once the cells are large enough."""
    width, height = frame.cell_width(), frame.cell_height()
    level = image.level_for(min(width, height) * ratio)
    scale = 2.0**level
    picture = image.picture(level)
    first_row = math.floor(frame.seen.top() / scale)
    first_col = math.floor(frame.seen.left() / scale)
    rows = min(math.ceil(frame.seen.bottom() / scale), picture.height()) - first_row
    cols = min(math.ceil(frame.seen.right() / scale), picture.width()) - first_col
    target = frame.cell_rect(first_row * scale, first_col * scale, rows * scale, cols * scale)
    painter.drawImage(target, picture, QRectF(first_col, first_row, cols, rows))
    painter.setPen(QPen(colour("panel"), 1))
    if width >= _GAPS_FROM and height >= _GAPS_FROM:
        painter.drawLines(_gaps(frame))


def paint_uncertain(painter: QPainter, frame: MatrixFrame, matrix: Matrix) -> None:
    """Wash out and hatch what is in sight of the cells that are not sure."""
    marked = matrix.uncertain
    if marked is None or not marked.any():
        return
    wash, ink = colour("panel"), colour("text")
    wash.setAlpha(_WASH)
    ink.setAlpha(_HATCH)
    hatch = QBrush(ink, Qt.BrushStyle.BDiagPattern)
    for rect in _runs(frame, marked & np.isfinite(matrix.values)):
        painter.fillRect(rect, wash)
        painter.fillRect(rect, hatch)


def paint_faint(painter: QPainter, frame: MatrixFrame, matrix: Matrix) -> None:
    """Wash out what is in sight of the cells that step back."""
    if matrix.faint is not None and matrix.faint.any():
        wash = colour("panel")
        wash.setAlpha(_FAINT)
        for rect in _runs(frame, matrix.faint & np.isfinite(matrix.values)):
            painter.fillRect(rect, wash)


def _runs(frame: MatrixFrame, marked: NDArray[np.bool_]) -> Iterator[QRectF]:
    """Yield the runs of marked cells along the rows in sight."""
    cols = frame.cols_seen()
    for row in frame.rows_seen():
        seen = marked[row, cols.start : cols.stop]
        ends = np.flatnonzero(np.diff(seen, prepend=False, append=False))
        for first, last in ends.reshape(-1, 2).tolist():
            yield frame.cell_rect(row, cols.start + first, 1, last - first)


def paint_values(
    painter: QPainter,
    frame: MatrixFrame,
    image: MatrixImage,
    matrix: Matrix,
) -> None:
    """Write the numbers into the cells where all of them have room."""
    rows, cols = frame.rows_seen(), frame.cols_seen()
    font = ui_font(11)
    metrics = QFontMetricsF(font)
    widest = matrix.value_format.format(-0.888)
    if matrix.uncertain is not None and matrix.uncertain.any():
        widest = f"{ABOUT} {widest}"
    least = metrics.horizontalAdvance(widest) + 10
    roomy = frame.cell_width() >= least and frame.cell_height() >= metrics.height() + 6
    if not roomy or len(rows) * len(cols) > _NUMBERS_MOST:
        return
    painter.setFont(font)
    panel, muted = colour("panel"), colour("text_muted")
    for row in rows:
        for col in cols:
            value = float(matrix.values[row, col])
            if math.isfinite(value):
                mark, back = matrix.mark(row, col), image.colour(row, col)
                back = _mixed(back, panel, _WASH / 255) if mark else back
                if matrix.faint is not None and matrix.faint[row, col]:
                    back = _mixed(back, panel, _FAINT / 255)
                faint = contrast_ratio(back, panel) < _NEAR_PANEL
                painter.setPen(muted if faint else contrast_text(back))
                rect = frame.cell_rect(row, col)
                text = mark + signed(matrix.value_format, value)
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    """Return a colour with a share of another laid over it."""
    kinds = (QColor.red, QColor.green, QColor.blue)
    return QColor(*(round(k(one) + (k(other) - k(one)) * share) for k in kinds))


def paint_outline(
    painter: QPainter, frame: MatrixFrame, cell: tuple[int, int] | None, ink: QColor, width: float
) -> None:
    """Draw a frame around a cell, at least 6 pixels wide so that it can be found."""
    if cell is None:
        return
    rect = frame.cell_rect(*cell)
    grow_x, grow_y = max(0.0, (6 - rect.width()) / 2), max(0.0, (6 - rect.height()) / 2)
    painter.setPen(QPen(ink, width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(-grow_x, -grow_y, grow_x, grow_y), 2, 2)


def paint_cross(painter: QPainter, frame: MatrixFrame, cell: tuple[int, int] | None) -> None:
    """Tint the row and the column of a cell."""
    if cell is None:
        return
    row, col = cell
    painter.setPen(Qt.PenStyle.NoPen)
    wash = colour("accent")
    wash.setAlpha(34)
    painter.setBrush(wash)
    painter.drawRect(frame.cell_rect(row, 0, 1, frame.cols))
    painter.drawRect(frame.cell_rect(0, col, frame.rows, 1))


def _gaps(frame: MatrixFrame) -> list[QLineF]:
    """Return the lines between the cells in sight."""
    plot, lines = frame.plot, []
    for col in range(frame.cols_seen().start + 1, frame.cols_seen().stop):
        x = round(frame.cell_rect(0, col).left()) + 0.5
        lines.append(QLineF(x, plot.top(), x, plot.bottom()))
    for row in range(frame.rows_seen().start + 1, frame.rows_seen().stop):
        y = round(frame.cell_rect(row, 0).top()) + 0.5
        lines.append(QLineF(plot.left(), y, plot.right(), y))
    return lines
