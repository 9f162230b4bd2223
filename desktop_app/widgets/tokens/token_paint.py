"""How a token strip is drawn: boxes, their labels with the spaces in another ink, the arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen, QPolygonF

from desktop_app.pictures.token_text import RETURN, SPACE, TAB, token_label
from desktop_app.widgets.basics.colormaps import (
    contrast_text,
    diverging_map,
    lookup,
    sequential_map,
)
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.tokens.token_layout import ARROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.tokens.token_cell import TokenCell
from desktop_app.widgets.tokens.token_layout import TokenLayout

_RADIUS = 5.0
_PADDING = 7
_LEAST_WIDTH = 20
_MARKS = {SPACE, RETURN, TAB}


@dataclass(frozen=True)
class StripLook:
    """All that a strip shows at one moment; `tints` is uint8 [S, 4] with alpha 0 for none."""

    theme: Theme
    cells: Sequence[TokenCell]
    compare: Sequence[TokenCell] | None
    tints: NDArray[np.uint8] | None
    read: int | None
    selected: int
    hover: int
    focused: bool


def box_widths(cells: Sequence[TokenCell], compare: Sequence[TokenCell] | None) -> list[int]:
    """Return the width of every position's box in pixels; two strips share their columns."""
    metrics = QFontMetrics(mono_font(12))
    known: dict[str, int] = {}
    widths = [_LEAST_WIDTH] * max(len(cells), len(compare or ()))
    for row in (cells, compare or ()):
        for index, cell in enumerate(row):
            label = token_label(cell.piece, cell.text)
            if label not in known:
                known[label] = metrics.horizontalAdvance(label) + 2 * _PADDING
            widths[index] = max(widths[index], known[label])
    return widths


def tint_table(
    values: NDArray[np.float64] | None, limits: tuple[float, float], diverging: bool
) -> NDArray[np.uint8] | None:
    """Return the background of every token, uint8 [S, 4]; alpha 0 where the value is NaN."""
    if values is None:
        return None
    table = lookup(diverging_map() if diverging else sequential_map(), 257)
    low, high = limits
    span = (high - low) or 1.0
    share = np.clip((np.nan_to_num(values) - low) / span, 0.0, 1.0)
    tints = table[np.rint(share * 256).astype(np.int64)].copy()
    tints[~np.isfinite(values), 3] = 0
    return tints


def paint_strip(painter: QPainter, area: QRect, layout: TokenLayout, look: StripLook) -> None:
    """Paint the boxes that touch `area`, in the strip's own coordinates."""
    for line in layout.visible(area.top(), area.bottom()):
        for position in layout.between(line, area.left(), area.right()):
            if position < len(look.cells):
                _paint_box(painter, layout.box(position), look.cells[position], position, look)
            if look.compare is not None and position < len(look.compare):
                box = layout.box(position, 1)
                _paint_box(painter, box, look.compare[position], position, look, second=True)
            if position == look.read:
                _paint_arrow(painter, layout.box(position, layout.rows - 1), look.theme)


def _paint_box(
    painter: QPainter,
    box: QRect,
    cell: TokenCell,
    position: int,
    look: StripLook,
    *,
    second: bool = False,
) -> None:
    theme = look.theme
    fill, tinted = _background(cell, position, look, second)
    edge, width = theme.color("token_border"), 1.0
    if _parts(position, look):
        edge = theme.color("warn")
    if position == look.hover:
        edge = theme.color("text_muted")
    if position == look.selected and not second:
        edge, width = theme.color("accent"), 2.0
    painter.setPen(QPen(edge, width))
    painter.setBrush(fill)
    inset = width / 2
    painter.drawRoundedRect(QRectF(box).adjusted(inset, inset, -inset, -inset), _RADIUS, _RADIUS)
    ink = contrast_text(fill) if tinted else theme.color("text")
    mark = QColor(ink) if tinted else theme.color("mark")
    if tinted:
        mark.setAlphaF(0.75)
    _paint_label(painter, box, token_label(cell.piece, cell.text), ink, mark)


def _background(
    cell: TokenCell, position: int, look: StripLook, second: bool
) -> tuple[QColor, bool]:
    """Return the fill, and whether it stands for a value."""
    theme = look.theme
    if look.tints is not None and not second and position < len(look.tints):
        red, green, blue, alpha = (int(part) for part in look.tints[position])
        if alpha:
            return QColor(red, green, blue), True
    if _parts(position, look):
        return theme.color("token_differs"), False
    if position == look.selected and not second:
        return theme.color("token_selected"), False
    return theme.color("token_special" if cell.special else "token"), False


def _parts(position: int, look: StripLook) -> bool:
    """Return whether the two strips hold different tokens at a position."""
    if look.compare is None:
        return False
    if position >= len(look.cells) or position >= len(look.compare):
        return True
    return look.cells[position].id != look.compare[position].id


def _paint_label(painter: QPainter, box: QRect, label: str, ink: QColor, mark: QColor) -> None:
    """Write a label in the middle of its box, signs of spaces and line ends in their own ink."""
    metrics = painter.fontMetrics()
    left = box.left() + (box.width() - metrics.horizontalAdvance(label)) / 2
    base = box.top() + (box.height() + metrics.ascent() - metrics.descent()) / 2
    start = 0
    while start < len(label):
        marked = label[start] in _MARKS
        stop = start + 1
        while stop < len(label) and (label[stop] in _MARKS) == marked:
            stop += 1
        run = label[start:stop]
        painter.setPen(mark if marked else ink)
        painter.drawText(QPointF(left, base), run)
        left += metrics.horizontalAdvance(run)
        start = stop


def _paint_arrow(painter: QPainter, box: QRect, theme: Theme) -> None:
    """Draw the arrow of the read position beneath its box."""
    middle = box.left() + box.width() / 2
    top = box.bottom() + 4.0
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accent"))
    size = (ARROW - 4) / 2
    painter.drawPolygon(
        QPolygonF(
            [
                QPointF(middle, top),
                QPointF(middle - size - 0.5, top + 1.6 * size),
                QPointF(middle + size + 0.5, top + 1.6 * size),
            ]
        )
    )
