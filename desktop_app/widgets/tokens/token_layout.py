"""Where the boxes of a token strip lie; no painting.

Boxes flow into lines of one height; only the visible lines are ever looked at, so that a strip of
thousands of tokens costs what one screen costs.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRect

if TYPE_CHECKING:
    from collections.abc import Sequence

BOX = 28
GAP = 4
ROW_GAP = 4
LINE_GAP = 8
ARROW = 12
MARGIN = 4


@dataclass(frozen=True)
class Line:
    """One line of boxes: the positions start..stop−1, and where the line lies."""

    start: int
    stop: int
    top: int
    height: int


class TokenLayout:
    """Boxes of given widths flowed into lines.

    Args:
        widths: Width of every box in pixels, int [S].
        room: Pixels to flow within; None puts all boxes on one line.
        rows: 1, or 2 where a second strip lies beneath.
        arrow: Position that carries the arrow of the read position, or None.
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
