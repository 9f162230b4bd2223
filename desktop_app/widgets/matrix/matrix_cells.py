"""How the cells of a matrix are drawn: colours, gaps, numbers where there is room, outlines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from desktop_app.pictures.matrix import signed
from desktop_app.widgets.basics.colormaps import contrast_ratio, contrast_text
from desktop_app.widgets.basics.fonts import ui_font

if TYPE_CHECKING:
    from desktop_app.pictures.matrix import Matrix
    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame
    from desktop_app.widgets.matrix.matrix_image import MatrixImage

_GAPS_FROM = 9.0
_NUMBERS_MOST = 1200
_NEAR_PANEL = 1.1


def paint_cells(
    painter: QPainter, frame: MatrixFrame, image: MatrixImage, theme: Theme, ratio: float
) -> None:
    """Draw the colours of what is in sight, with hairline gaps once the cells are large enough.

    Args:
        painter: Clipped to the plot.
        frame: Where the cells lie.
        image: Their colours.
        theme: For the gaps.
        ratio: Device pixels per logical pixel.
    """
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
    painter.setPen(QPen(theme.color("panel"), 1))
    if width >= _GAPS_FROM and height >= _GAPS_FROM:
        painter.drawLines(_gaps(frame))


def paint_values(
    painter: QPainter,
    frame: MatrixFrame,
    image: MatrixImage,
    matrix: Matrix,
    theme: Theme,
) -> None:
    """Write the numbers into the cells where all of them have room."""
    rows, cols = frame.rows_seen(), frame.cols_seen()
    font = ui_font(11)
    metrics = QFontMetricsF(font)
    least = metrics.horizontalAdvance(matrix.value_format.format(-0.888)) + 10
    roomy = frame.cell_width() >= least and frame.cell_height() >= metrics.height() + 6
    if not roomy or len(rows) * len(cols) > _NUMBERS_MOST:
        return
    painter.setFont(font)
    panel, muted = theme.color("panel"), theme.color("text_muted")
    for row in rows:
        for col in cols:
            value = float(matrix.values[row, col])
            if math.isfinite(value):
                back = image.colour(row, col)
                faint = contrast_ratio(back, panel) < _NEAR_PANEL
                painter.setPen(muted if faint else contrast_text(back))
                rect = frame.cell_rect(row, col)
                text = signed(matrix.value_format, value)
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


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


def paint_cross(
    painter: QPainter, frame: MatrixFrame, cell: tuple[int, int] | None, theme: Theme
) -> None:
    """Tint the row and the column of a cell."""
    if cell is None:
        return
    row, col = cell
    painter.setPen(Qt.PenStyle.NoPen)
    wash = theme.color("accent")
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
