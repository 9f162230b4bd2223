"""Where the boxes of several continuations lie: one column per step, in bands that wrap."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect

if TYPE_CHECKING:
    from collections.abc import Sequence

GUTTER = 112
TOP = 18
BOX = 26
NUMBER = 15
ROW_GAP = 6
BAND_GAP = 14
GAP = 4
MARGIN = 4
LEAST_WIDTH = 44


@dataclass(frozen=True)
class Band:
    """Steps start..stop−1 of all runs, one run below the other."""

    start: int
    stop: int
    top: int


class StripLayout:
    """Columns of given widths flowed into bands as wide as the room beside the gutter."""

    def __init__(self, widths: Sequence[int], rows: int, room: int) -> None:
        self.rows = rows
        self.bands: list[Band] = []
        self._lefts: list[int] = []
        self._widths = list(widths)
        self.band_height = TOP + rows * (BOX + NUMBER + ROW_GAP)
        start, left, top = 0, GUTTER, MARGIN
        for step, width in enumerate(widths):
            if step > start and left + width + MARGIN > room:
                self.bands.append(Band(start, step, top))
                start, left, top = step, GUTTER, top + self.band_height + BAND_GAP
            self._lefts.append(left)
            left += width + GAP
        self.bands.append(Band(start, len(widths), top))
        self.height = top + self.band_height + MARGIN
        self._tops = [band.top for band in self.bands]
        self._starts = [band.start for band in self.bands]

    def band_of(self, step: int) -> Band:
        """Return the band that holds a step."""
        return self.bands[max(0, bisect_right(self._starts, step) - 1)]

    def visible(self, top: int, bottom: int) -> list[Band]:
        """Return the bands that touch top..bottom."""
        first = max(0, bisect_right(self._tops, top) - 1)
        return self.bands[first : bisect_right(self._tops, bottom)]

    def row_top(self, band: Band, row: int) -> int:
        """Return where a run's boxes begin."""
        return band.top + TOP + row * (BOX + NUMBER + ROW_GAP)

    def box(self, row: int, step: int) -> QRect:
        """Return a token's box."""
        top = self.row_top(self.band_of(step), row)
        return QRect(self._lefts[step], top, self._widths[step], BOX)

    def row_at(self, y: int) -> int | None:
        """Return the row at a height, or None."""
        for band in self.visible(y, y):
            row = (y - band.top - TOP) // (BOX + NUMBER + ROW_GAP)
            if y >= band.top + TOP and row < self.rows:
                return row
        return None

    def place_at(self, x: int, y: int) -> tuple[int, int] | None:
        """Return row and step of the token at a point, its number included, or None."""
        for band in self.visible(y, y):
            row, inside = divmod(y - band.top - TOP, BOX + NUMBER + ROW_GAP)
            if y < band.top + TOP or not 0 <= row < self.rows or inside >= BOX + NUMBER:
                continue
            for step in range(band.start, band.stop):
                if self._lefts[step] <= x < self._lefts[step] + self._widths[step]:
                    return row, step
        return None
