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
from desktop_app.widgets.basics.theme import colour

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from desktop_app.pictures.stretch import Stretch


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


@dataclass(frozen=True)
class Line:
    """One line of boxes: the positions start..stop−1, and where the line lies."""

    start: int
    stop: int
    top: int
    height: int


class TokenLayout:
    """Boxes of given widths flowed into lines as wide as `room`, or onto one where None.

    `rows` is 2 where a second strip lies beneath; `arrow` is the position that carries an arrow;
    after the positions of `ends` a new line begins.
    """

    def __init__(
        self,
        widths: Sequence[int],
        room: int | None,
        rows: int,
        arrow: int | None,
        ends: Collection[int] = (),
    ) -> None:
        self._widths = np.asarray(widths, dtype=np.int64)
        self._lefts = np.zeros(len(self._widths), dtype=np.int64)
        self.rows = rows
        self.lines: list[Line] = []
        self.width = 0
        self.height = MARGIN
        self._flow(room, arrow, ends)
        self._tops = [line.top for line in self.lines]
        self._starts = [line.start for line in self.lines]

    def _flow(self, room: int | None, arrow: int | None, ends: Collection[int]) -> None:
        count, start = len(self._widths), 0
        left = MARGIN
        for index in range(count):
            width = int(self._widths[index])
            full = room is not None and left + width + MARGIN > room
            if index > start and (full or index - 1 in ends):
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


@dataclass
class StripLook:
    """All that a strip shows at one moment.

    Attributes:
        cells: Its tokens.
        compare: Those of the row beneath, or None.
        values: What colours the boxes, float [S]; NaN has no colour.
        limits: Values at the ends of the colours.
        diverging: Whether 0 is their middle.
        stretch: How values are laid along the colours where that is not evenly.
        read: The position that carries the arrow.
        selected: The outlined position, or −1.
        hover: The position under the pointer, or −1.
    """

    cells: Sequence[TokenCell] = ()
    compare: Sequence[TokenCell] | None = None
    values: NDArray[np.float64] | None = None
    limits: tuple[float, float] = (0.0, 1.0)
    diverging: bool = True
    stretch: Stretch | None = None
    read: int | None = None
    selected: int = -1
    hover: int = -1

    @property
    def rows(self) -> list[Sequence[TokenCell]]:
        """Its tokens, and those beneath where there are such."""
        return [self.cells] if self.compare is None else [self.cells, self.compare]

    def __len__(self) -> int:
        return max(map(len, self.rows))

    def parts(self, position: int) -> bool:
        """Return whether the two rows hold different tokens at a position."""
        if self.compare is None:
            return False
        if position >= len(self.cells) or position >= len(self.compare):
            return True
        return self.cells[position].id != self.compare[position].id


def box_widths(look: StripLook) -> list[int]:
    """Return the width of every position's box in pixels; two strips share their columns."""
    metrics = QFontMetrics(mono_font(12))
    known: dict[str, int] = {}
    widths = [_LEAST_WIDTH] * len(look)
    for row in look.rows:
        for index, cell in enumerate(row):
            label = token_label(cell.piece, cell.text)
            if label not in known:
                known[label] = metrics.horizontalAdvance(label) + 2 * _PADDING
            widths[index] = max(widths[index], known[label])
    return widths


def _tints(look: StripLook) -> NDArray[np.uint8]:
    """Return the background of every token, uint8 [S, 4]; alpha 0 where it has no value."""
    if look.values is None:
        return np.zeros((0, 4), dtype=np.uint8)
    table = lookup(diverging_map() if look.diverging else sequential_map(), 257)
    low, high = look.limits
    share = np.clip((np.nan_to_num(look.values) - low) / ((high - low) or 1.0), 0.0, 1.0)
    if look.stretch is not None:
        share = np.nan_to_num(look.stretch.share(look.values))
    tints = table[np.rint(share * 256).astype(np.int64)].copy()
    tints[~np.isfinite(look.values), 3] = 0
    return tints


def paint_strip(painter: QPainter, area: QRect, layout: TokenLayout, look: StripLook) -> None:
    """Paint the boxes that touch `area`, in the strip's own coordinates."""
    tints = _tints(look)
    for line in layout.visible(area.top(), area.bottom()):
        for position in layout.between(line, area.left(), area.right()):
            valued = position < len(tints) and tints[position, 3]
            tint = QColor(*map(int, tints[position])) if valued else None
            for row, cells in enumerate(look.rows):
                if position < len(cells):
                    box = layout.box(position, row)
                    paint_box(painter, box, look, position, row, None if row else tint)
            if position == look.read:
                _paint_arrow(painter, layout.box(position, layout.rows - 1))


def paint_box(
    painter: QPainter, box: QRect, look: StripLook, position: int, row: int, tint: QColor | None
) -> None:
    """Paint a token in its box, in the colours of its value or of what sets it apart."""
    cell, differs = look.rows[row][position], look.parts(position)
    edge, width, ground = "token_border", 1.0, "token_special" if cell.special else "token"
    if differs:
        edge = "warn"
    if position == look.hover:
        edge = "text_muted"
    if position == look.selected and row == 0:
        edge, width, ground = "accent", 2.0, "token_selected"
    painter.setPen(QPen(colour(edge), width))
    ground = "token_differs" if differs else ground
    painter.setBrush(colour(ground) if tint is None else tint)
    inset = width / 2
    painter.drawRoundedRect(QRectF(box).adjusted(inset, inset, -inset, -inset), _RADIUS, _RADIUS)
    ink, mark = colour("text"), colour("mark")
    if tint is not None:
        ink = contrast_text(tint)
        mark = QColor(ink)
        mark.setAlphaF(0.75)
    _paint_label(painter, box, token_label(cell.piece, cell.text), ink, mark)


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


def _paint_arrow(painter: QPainter, box: QRect) -> None:
    """Draw the arrow of the read position beneath its box."""
    middle = box.left() + box.width() / 2
    top = box.bottom() + 4.0
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour("accent"))
    size = (ARROW - 4) / 2
    ends = [QPointF(middle + side * (size + 0.5), top + 1.6 * size) for side in (-1, 1)]
    painter.drawPolygon(QPolygonF([QPointF(middle, top), *ends]))
