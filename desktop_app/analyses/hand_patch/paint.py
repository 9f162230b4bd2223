"""How the two grids of patching by hand are drawn: cells, reach, tokens, arrows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.matrix.matrix_axes import spread, thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from PySide6.QtGui import QColor

    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

_LINES_FROM = 5.0
_HEAD = 8.0
LONGEST = 58.0
# Tokens above a grid are upright where they are given more height than this.
_UPRIGHT = 24.0


def paint_grid(
    painter: QPainter, frame: MatrixFrame, reach: np.ndarray | None, theme: Theme
) -> None:
    """Draw the cells of a run; those that the moves can change are tinted."""
    plot = frame.plot
    painter.save()
    painter.setClipRect(plot)
    painter.fillRect(plot, theme.color("token"))
    if reach is not None:
        for row in frame.rows_seen():
            _paint_reach(painter, frame, row, reach[row], theme)
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
    painter.restore()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("border_strong"), 1))
    painter.drawRect(plot)


def _paint_reach(
    painter: QPainter, frame: MatrixFrame, row: int, reached: np.ndarray, theme: Theme
) -> None:
    """Fill stretches of one row; there is one for each gap between them."""
    start = None
    for col in range(len(reached) + 1):
        inside = col < len(reached) and bool(reached[col])
        if inside and start is None:
            start = col
        elif not inside and start is not None:
            rect = frame.cell_rect(row, start, 1, col - start)
            painter.fillRect(rect, theme.color("accent_soft"))
            start = None


def paint_rows(painter: QPainter, frame: MatrixFrame, theme: Theme, strong: set[int]) -> None:
    """Write the layers' numbers left of a grid."""
    painter.setFont(ui_font(11))
    metrics = QFontMetricsF(painter.font())
    painter.setPen(theme.color("text_muted"))
    name = QRectF(frame.plot.left() - 46, frame.plot.top() - 24, 40, 18)
    painter.drawText(name, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "layer")
    shown = set(thinned(frame.rows_seen(), frame.cell_height(), metrics.height()))
    near = metrics.height()
    pitch = frame.cell_height()
    kept = {r for r in shown if all(abs(r - s) * pitch >= near for s in strong if s != r)}
    for row in kept | strong:
        middle = frame.cell_rect(row, 0).center().y()
        if frame.plot.top() <= middle <= frame.plot.bottom():
            painter.setPen(theme.color("text" if row in strong else "text_muted"))
            box = QRectF(frame.plot.left() - 40, middle - 9, 34, 18)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, flags, str(row))


def token_height(tokens: Sequence[str], pitch: float) -> float:
    """Return the height of the tokens above a grid, upright ones being as high as they are long."""
    metrics = QFontMetricsF(mono_font(11))
    widest = max((metrics.horizontalAdvance(t) for t in tokens), default=0.0)
    return 20.0 if widest + 4 <= pitch or pitch >= 44 else min(widest, LONGEST) + 8


def paint_tokens(
    painter: QPainter,
    frame: MatrixFrame,
    tokens: Sequence[tuple[str, bool]],
    height: float,
    theme: Theme,
    strong: set[int],
) -> None:
    """Write a run's tokens above its grid; those that differ (True) are tinted."""
    font = mono_font(11)
    painter.setFont(font)
    metrics, pitch = painter.fontMetrics(), frame.cell_width()
    seen = frame.cols_seen()
    wanted = [*strong, *(col for col in seen if tokens[col][1])]
    shown = spread(seen, pitch, metrics.height() - 2 if height > _UPRIGHT else 0.0, wanted)
    for col in seen:
        cell = frame.cell_rect(0, col)
        if not frame.plot.left() <= cell.center().x() <= frame.plot.right():
            continue
        token, differs = tokens[col]
        box = QRectF(cell.left() + 1, frame.plot.top() - 4 - height, pitch - 2, height)
        if col in shown:
            grow = max(0.0, (metrics.height() - 3 - box.width()) / 2)
            box.adjust(-grow, 0, grow, 0)
        if differs:
            painter.setPen(QPen(theme.color("warn"), 1))
            painter.setBrush(theme.color("token_differs"))
            painter.drawRoundedRect(box, 3, 3)
        painter.setPen(theme.color("text" if differs or col in strong else "text_muted"))
        if col not in shown:
            continue
        if metrics.horizontalAdvance(token) <= box.width() + 2:
            wide = QRectF(box.center().x() - 60, box.top(), 120, box.height())
            painter.drawText(wide, Qt.AlignmentFlag.AlignCenter, token)
            continue
        upright = height > _UPRIGHT
        room = int((height if upright else box.width()) - 4)
        text = metrics.elidedText(token, Qt.TextElideMode.ElideRight, max(room, 0))
        painter.save()
        painter.translate(box.center())
        if upright:
            painter.rotate(-90)
        painter.drawText(QRectF(-60, -10, 120, 20), Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()


def paint_read(
    painter: QPainter, frame: MatrixFrame, col: int, height: float, theme: Theme
) -> None:
    """Point at the token that the metric is read after."""
    x = frame.cell_rect(0, col).center().x()
    if not frame.plot.left() <= x <= frame.plot.right():
        return
    y = frame.plot.top() - 6 - height
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accent"))
    points = [QPointF(x - 4, y - 7), QPointF(x + 4, y - 7), QPointF(x, y - 1)]
    painter.drawPolygon(QPolygonF(points))


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
