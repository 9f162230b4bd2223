"""Columns that are positions of two prompts: the clean token stands above the corrupt one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPen, QPolygonF

from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.matrix.matrix_axes import PAD, spread

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from PySide6.QtGui import QPainter

    from desktop_app.pictures.matrix import Axis
    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

LINE = 19.0
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
    differs = [pair.differs for pair in axis.pairs]
    for row, texts in enumerate(zip(*((p.clean, p.corrupt) for p in axis.pairs), strict=True)):
        band = (_token_top(row, height), height)
        paint_tokens(painter, frame, list(zip(texts, differs, strict=True)), band, theme, marked)
    if axis.read is not None:
        paint_read(painter, frame, axis.read, 1, theme)


def tokens_height(texts: Sequence[str], pitch: float) -> float:
    """Return the room that a line of tokens needs above columns of some width, in pixels."""
    return _longest(texts) + 8 if _stand(texts, pitch) else LINE


def paint_tokens(
    painter: QPainter,
    frame: MatrixFrame,
    tokens: Sequence[tuple[str, bool]],
    band: tuple[float, float],
    theme: Theme,
    marked: Collection[int],
) -> None:
    """Write a token above each column.

    Args:
        painter: Of the whole widget.
        frame: Where the cells lie.
        tokens: A text for each column, and whether it differs, which tints it.
        band: Top and height of the line; tokens that need more than one line's height stand.
        theme: For the colours.
        marked: Columns in full ink, whose labels come first.
    """
    top, height = band
    font = mono_font(11)
    painter.setFont(font)
    metrics, pitch = QFontMetricsF(font), frame.cell_width()
    standing, seen = height != LINE, frame.cols_seen()
    wanted = [*marked, *(col for col in seen if tokens[col][1])]
    shown = spread(seen, pitch, metrics.height() - 2 if standing else 0.0, wanted)
    for col in seen:
        cell = frame.cell_rect(0, col)
        if not frame.plot.left() <= cell.center().x() <= frame.plot.right():
            continue
        text, differs = tokens[col]
        box = QRectF(cell.left() + 1, top, pitch - 2, height)
        if col in shown:
            # A label that is wider than its column covers what its neighbours leave free.
            grow = max(0.0, (metrics.height() - 3 - box.width()) / 2)
            box.adjust(-grow, 0, grow, 0)
        if differs:
            painter.setPen(QPen(theme.color("warn"), 1))
            painter.setBrush(theme.color("token_differs"))
            painter.drawRoundedRect(box, 3, 3)
        if col in shown:
            painter.setPen(theme.color("text" if differs or col in marked else "text_muted"))
            _write(painter, box, text, standing=standing)


def paint_read(
    painter: QPainter, frame: MatrixFrame, column: int, top: float, theme: Theme
) -> None:
    """Point at the token that the metric is read after, from `top` on."""
    x = frame.cell_rect(0, column).center().x()
    if not frame.plot.left() <= x <= frame.plot.right():
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accent"))
    points = [QPointF(x - 4, top), QPointF(x + 4, top), QPointF(x, top + _ARROW - 3)]
    painter.drawPolygon(QPolygonF(points))


def _longest(texts: Sequence[str]) -> float:
    metrics = QFontMetricsF(mono_font(11))
    longest = sorted(texts, key=len)[-12:]
    return min(max((metrics.horizontalAdvance(text) for text in longest), default=0.0), _LONGEST)


def _stand(texts: Sequence[str], pitch: float) -> bool:
    return _longest(texts) + 8 > pitch and pitch < 44


def _token_height(axis: Axis, width: float) -> float:
    texts = [text for pair in axis.pairs for text in (pair.clean, pair.corrupt)]
    return tokens_height(texts, width / max(1, len(axis.pairs)))


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
