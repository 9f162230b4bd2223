"""Columns that are positions of two prompts: the clean token stands above the corrupt one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPen, QPolygonF

from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.matrix.matrix_axes import PAD, spread

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from desktop_app.pictures.matrix import Axis
    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

_LINE = 19.0
_GAP = 3.0
_LONGEST = 62.0
_ARROW = 9.0
_ROW_NAMES = ("clean", "corrupt")


def names_width() -> float:
    """Return the room that the names of the two prompts need, in pixels."""
    return QFontMetricsF(ui_font(11)).horizontalAdvance(_ROW_NAMES[1]) + PAD + 2


def pairs_height(axis: Axis, width: float) -> float:
    """Return the room that the tokens need above a plot of some width, in pixels."""
    return 2 * _token_height(axis, width) + _GAP + PAD + _ARROW


def paint_pairs(
    painter: QPainter,
    frame: MatrixFrame,
    axis: Axis,
    theme: Theme,
    marked: list[int],
    *,
    names: bool,
) -> None:
    """Write both tokens above the columns, and dim what lies before the first difference.

    Args:
        painter: Of the whole widget.
        frame: Where the cells lie.
        axis: The columns.
        theme: For the colours.
        marked: Columns in full ink, whose labels come first.
        names: Whether the prompts are named at the left.
    """
    _paint_dimmed(painter, frame, axis.dimmed, theme)
    height = _token_height(axis, frame.plot.width())
    if names:
        _paint_names(painter, frame, height, theme)
    font = mono_font(11)
    painter.setFont(font)
    metrics, pitch = QFontMetricsF(font), frame.cell_width()
    standing, seen = _stands(axis, frame.plot.width()), frame.cols_seen()
    wanted = [*marked, *(col for col in seen if axis.pairs[col].differs)]
    shown = spread(seen, pitch, metrics.height() - 2 if standing else 0.0, wanted)
    for col in seen:
        cell = frame.cell_rect(0, col)
        middle = cell.center().x()
        if not frame.plot.left() <= middle <= frame.plot.right():
            continue
        pair = axis.pairs[col]
        for row, text in enumerate((pair.clean, pair.corrupt)):
            box = QRectF(cell.left() + 1, _token_top(row, height), pitch - 2, height)
            if col in shown:
                # A label that is wider than its column covers what its neighbours leave free.
                grow = max(0.0, (metrics.height() - 3 - box.width()) / 2)
                box.adjust(-grow, 0, grow, 0)
            if pair.differs:
                painter.setPen(QPen(theme.color("warn"), 1))
                painter.setBrush(theme.color("token_differs"))
                painter.drawRoundedRect(box, 3, 3)
            if col in shown:
                strong = pair.differs or col in marked
                painter.setPen(theme.color("text" if strong else "text_muted"))
                _write(painter, box, text, standing=standing)
        if col == axis.read:
            _paint_read(painter, middle, theme)


def _longest(axis: Axis) -> float:
    metrics = QFontMetricsF(mono_font(11))
    texts = sorted((t for p in axis.pairs for t in (p.clean, p.corrupt)), key=len)[-12:]
    widest = max((metrics.horizontalAdvance(text) for text in texts), default=0.0)
    return min(widest, _LONGEST)


def _stands(axis: Axis, width: float) -> bool:
    pitch = width / max(1, len(axis.pairs))
    return _longest(axis) + 8 > pitch and pitch < 44


def _token_height(axis: Axis, width: float) -> float:
    return _longest(axis) + 8 if _stands(axis, width) else _LINE


def _token_top(row: int, height: float) -> float:
    return _ARROW + row * (height + _GAP)


def _paint_dimmed(painter: QPainter, frame: MatrixFrame, columns: int, theme: Theme) -> None:
    if not columns:
        return
    rect = frame.cell_rect(0, 0, frame.rows, columns) & frame.plot
    wash = theme.color("panel")
    wash.setAlpha(150)
    painter.fillRect(rect, wash)
    hatch = theme.color("border_strong")
    hatch.setAlpha(110)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(hatch)
    brush = painter.brush()
    brush.setStyle(Qt.BrushStyle.BDiagPattern)
    painter.setBrush(brush)
    painter.drawRect(rect)


def _paint_names(painter: QPainter, frame: MatrixFrame, height: float, theme: Theme) -> None:
    painter.setFont(ui_font(11))
    painter.setPen(theme.color("text_muted"))
    for row, name in enumerate(_ROW_NAMES):
        box = QRectF(0, _token_top(row, height), frame.plot.left() - PAD, height)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)


def _paint_read(painter: QPainter, x: float, theme: Theme) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accent"))
    points = [QPointF(x - 4, 1), QPointF(x + 4, 1), QPointF(x, _ARROW - 2)]
    painter.drawPolygon(QPolygonF(points))


def _write(painter: QPainter, box: QRectF, text: str, *, standing: bool) -> None:
    """Write a token into its box, turned upright where its column is too narrow for it."""
    metrics = painter.fontMetrics()
    if metrics.horizontalAdvance(text) <= box.width() + 2:
        middle = box.center()
        wide = QRectF(middle.x() - 60, box.top(), 120, box.height())
        painter.drawText(wide, Qt.AlignmentFlag.AlignCenter, text)
        return
    room = int((box.height() if standing else box.width()) - 4)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(room, 0))
    if not standing:
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
        return
    painter.save()
    painter.translate(box.center())
    painter.rotate(-90)
    turned = QRectF(-box.height() / 2 + 3, -10, box.height() - 3, 20)
    painter.drawText(turned, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
    painter.restore()
