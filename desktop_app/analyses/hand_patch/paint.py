"""How the two grids of patching by hand are drawn: cells, reach, outlines, arrows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF

from desktop_app.widgets.matrix.matrix_cells import paint_cells

if TYPE_CHECKING:
    from PySide6.QtGui import QColor

    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.matrix.matrix_cells import MatrixImage
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame


_LINES_FROM = 5.0
_HEAD = 8.0


def paint_grid(
    painter: QPainter,
    frame: MatrixFrame,
    reach: np.ndarray | None,
    theme: Theme,
    image: MatrixImage | None = None,
) -> None:
    """Draw the cells of a run; those that the moves can change are tinted.

    Cells that have colours of their own keep them: there the cone is drawn by its edge.
    """
    plot = frame.plot
    painter.save()
    painter.setClipRect(plot)
    painter.fillRect(plot, theme.color("token"))
    if image is not None:
        paint_cells(painter, frame, image, painter.device().devicePixelRatioF())
    elif reach is not None:
        for row in frame.rows_seen():
            edges = np.flatnonzero(np.diff(np.pad(reach[row].astype(np.int8), 1)))
            for start, stop in edges.reshape(-1, 2).tolist():
                stretch = frame.cell_rect(row, start, 1, stop - start)
                painter.fillRect(stretch, theme.color("accent_soft"))
    width, height = frame.cell_width(), frame.cell_height()
    lines = []
    if width >= _LINES_FROM:
        for col in range(frame.cols_seen().start + 1, frame.cols_seen().stop):
            x = round(frame.cell_rect(0, col).left()) + 0.5
            lines.append(QLineF(x, plot.top(), x, plot.bottom()))
    if height >= _LINES_FROM:
        for row in range(frame.rows_seen().start + 1, frame.rows_seen().stop):
            y = round(frame.cell_rect(row, 0).top()) + 0.5
            lines.append(QLineF(plot.left(), y, plot.right(), y))
    painter.setPen(QPen(theme.color("panel"), 1))
    painter.drawLines(lines)
    if image is not None and reach is not None:
        painter.setPen(QPen(theme.color("accent"), 2.5))
        painter.drawLines(_edges(frame, reach))
    painter.restore()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("border_strong"), 1))
    painter.drawRect(plot)


def _edges(frame: MatrixFrame, reach: np.ndarray) -> list[QLineF]:
    """Return the lines between what is reached and what is not."""
    padded, found = np.pad(reach.astype(np.int8), 1), []
    for row, col in np.argwhere(np.diff(padded, axis=1)[1:-1]).tolist():
        rect = frame.cell_rect(row, col)
        found.append(QLineF(rect.topLeft(), rect.bottomLeft()))
    for row, col in np.argwhere(np.diff(padded, axis=0)[:, 1:-1]).tolist():
        rect = frame.cell_rect(row, col)
        found.append(QLineF(rect.topLeft(), rect.topRight()))
    return found


def paint_frame(
    painter: QPainter, rect: QRectF, ink: QColor, width: float, *, dashed: bool
) -> None:
    """Outline a cell, at least 8 pixels wide so that it can be found."""
    grow_x, grow_y = max(0.0, (8 - rect.width()) / 2), max(0.0, (8 - rect.height()) / 2)
    pen = QPen(ink, width)
    if dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(-grow_x, -grow_y, grow_x, grow_y), 2, 2)


def paint_arrow(painter: QPainter, start: QPointF, end: QPointF, ink: QColor) -> None:
    """Draw a bow from one cell to another, with a head at its end."""
    across = end.x() - start.x()
    rise = -min(46.0, 14 + 0.12 * math.hypot(across, end.y() - start.y()))
    middle = QPointF((start.x() + end.x()) / 2, (start.y() + end.y()) / 2 + 2 * rise)
    path = QPainterPath(start)
    path.quadTo(middle, end)
    painter.setPen(QPen(ink, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawEllipse(start, 3.0, 3.0)
    angle = math.atan2(end.y() - middle.y(), end.x() - middle.x())
    wings = [
        QPointF(end.x() - _HEAD * math.cos(angle + t), end.y() - _HEAD * math.sin(angle + t))
        for t in (0.45, -0.45)
    ]
    painter.drawPolygon(QPolygonF([end, *wings]))
