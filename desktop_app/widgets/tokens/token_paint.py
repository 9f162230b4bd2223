"""How a token strip is drawn: where its boxes lie, their labels with the spaces in another ink.

Boxes flow into lines of one height; only the visible lines are ever looked at, so that a strip of
thousands of tokens costs what one screen costs.
"""

from __future__ import annotations

from bisect import bisect_right
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from desktop_app.widgets.basics.theme import Theme

BOX = 28
GAP = 4
ROW_GAP = 4
LINE_GAP = 8
ARROW = 12
MARGIN = 4
_RADIUS = 5.0
_PADDING = 7
_LEAST_WIDTH = 20
_MARKS = {SPACE, RETURN, TAB}


@dataclass(frozen=True)
class TokenCell:
    """One token of a strip.

    Attributes:
        id: Its number in the vocabulary.
        piece: The vocabulary's own string.
        text: The token decoded alone.
        special: Whether it stands for no text, such as a BOS.
    """

    id: int
    piece: str
    text: str
    special: bool = False


def describe(
    position: int,
    cells: Sequence[TokenCell],
    second: Sequence[TokenCell] | None,
    value: str,
    *,
    read: bool,
) -> str:
    """Return what is known of a position, in lines.

    Args:
        position: Counted from 0.
        cells: The strip.
        second: The strip beneath it, or None.
        value: The position's value with its name, or an empty text.
        read: Whether the model is read here.
    """
    lines = [f"position {position} of {len(cells)}" + (" · read here" if read else "")]
    for name, row in (("", cells), ("second: ", second or ())):
        if position < len(row):
            cell = row[position]
            kind = " · special" if cell.special else ""
            lines.append(f"{name}id {cell.id} · piece {cell.piece!r} · text {cell.text!r}{kind}")
    return "\n".join([*lines, value] if value else lines)


@dataclass(frozen=True)
class Line:
    """One line of boxes: the positions start..stop−1, and where the line lies."""

    start: int
    stop: int
    top: int
    height: int


class TokenLayout:
    """Boxes of given widths flowed into lines as wide as `room`, or onto one where None.

    `rows` is 2 where a second strip lies beneath; `arrow` is the position that carries an arrow.
    """

    def __init__(
        self, widths: Sequence[int], room: int | None, rows: int, arrow: int | None
    ) -> None:
        self._widths = np.asarray(widths, dtype=np.int64)
        self._lefts = np.zeros(len(self._widths), dtype=np.int64)
        self.rows = rows
        self.lines: list[Line] = []
        self.width = 0
        self.height = MARGIN
        self._flow(room, arrow)
        self._tops = [line.top for line in self.lines]
        self._starts = [line.start for line in self.lines]

    def _flow(self, room: int | None, arrow: int | None) -> None:
        count, start = len(self._widths), 0
        left = MARGIN
        for index in range(count):
            width = int(self._widths[index])
            if room is not None and index > start and left + width + MARGIN > room:
                self._close(start, index, arrow)
                start, left = index, MARGIN
            self._lefts[index] = left
            left += width + GAP
            self.width = max(self.width, left - GAP + MARGIN)
        if count:
            self._close(start, count, arrow)
        self.height += MARGIN - (LINE_GAP if count else 0)

    def _close(self, start: int, stop: int, arrow: int | None) -> None:
        height = self.rows * BOX + (self.rows - 1) * ROW_GAP
        if arrow is not None and start <= arrow < stop:
            height += ARROW
        self.lines.append(Line(start, stop, self.height, height))
        self.height += height + LINE_GAP

    def visible(self, top: int, bottom: int) -> list[Line]:
        """Return the lines that touch the band top..bottom."""
        first = max(0, bisect_right(self._tops, top) - 1)
        last = bisect_right(self._tops, bottom)
        return self.lines[first:last]

    def between(self, line: Line, left: int, right: int) -> range:
        """Return the positions of a line whose boxes touch the band left..right."""
        lefts = self._lefts[line.start : line.stop]
        first = int(np.searchsorted(lefts, left, side="right")) - 1
        last = int(np.searchsorted(lefts, right, side="right"))
        return range(line.start + max(0, first), line.start + last)

    def line_of(self, position: int) -> int:
        """Return the line that holds a position."""
        return bisect_right(self._starts, position) - 1

    def box(self, position: int, row: int = 0) -> QRect:
        """Return a token's box in the strip's own coordinates."""
        line = self.lines[self.line_of(position)]
        top = line.top + row * (BOX + ROW_GAP)
        return QRect(int(self._lefts[position]), top, int(self._widths[position]), BOX)

    def position_at(self, x: int, y: int) -> int:
        """Return the position whose column of boxes holds a point, or −1."""
        for line in self.visible(y, y):
            if not line.top <= y < line.top + line.height:
                continue
            for position in self.between(line, x, x):
                left = int(self._lefts[position])
                if left <= x < left + int(self._widths[position]):
                    return position
        return -1


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
