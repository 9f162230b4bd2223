"""Panels give room in a window that becomes narrow, and take it back when there is enough again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from desktop_app.window.frame.edges import LEFT, RIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtWidgets import QDockWidget, QMainWindow

    from desktop_app.window.frame.edges import Edges

_NEARLY = 2
NEEDED = 718
"""Pixels that a picture with its list and a folded rail need beside the panels."""


class Fitting(QObject):
    """Keeps room for the picture between the panels of the left and the right.

    First panels become as narrow as they can be; where that is not enough, those of the right are
    folded away to their edge. Both are undone as far as a wider window allows, but for what the
    user has set otherwise meanwhile.
    """

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget], edges: Edges) -> None:
        super().__init__(window)
        self._window = window
        self._docks = docks
        self._edges = edges
        self._folded: tuple[str, ...] = ()
        # Brought back by hand although there is little room.
        self._kept: set[str] = set()
        self._is_folding = False
        # Of each side how wide it was before, and how wide it was made.
        self._before: dict[str, int] = {}
        self._made: dict[str, int] = {}

    def fit(self) -> None:
        """Fit the panels into a window that has just become narrower or wider."""
        if self._lack() > 0:
            self._narrow()
            if self._lack() > 0 and self._edges.shown_at(LEFT):
                self._fold()
            return
        self._kept = set()
        self._unfold()
        self._widen()

    def fit_new(self) -> None:
        """Fit panels that were shown by hand: these are never folded away again."""
        if self._lack() > 0 and not self._is_folding:
            self._narrow()
            self._kept = set(self._edges.shown_at(RIGHT))

    def forget(self, folded: Sequence[str] = ()) -> None:
        """Panels were placed anew: what was before counts no more, but that these gave room."""
        self._folded, self._kept, self._before, self._made = tuple(folded), set(), {}, {}

    def folded(self) -> tuple[str, ...]:
        """Return the panels that were folded away for want of room, and not by hand."""
        return tuple(key for key in self._folded if key in self._edges.folded())

    def _lack(self) -> int:
        """Return how many pixels the picture is short of; negative: has to spare."""
        taken = sum(self._width_of(side) for side in (LEFT, RIGHT))
        strips = self._edges.thickness(LEFT) + self._edges.thickness(RIGHT)
        return NEEDED - (self._window.width() - taken - strips)

    def _narrow(self) -> None:
        for side in (RIGHT, LEFT):
            lack, width = self._lack(), self._width_of(side)
            least = min(width, self._least_of(side))
            if lack > 0 and width > least:
                if not self._is_as_made(side):
                    self._before[side] = width
                self._set_width(side, max(least, width - lack))

    def _fold(self) -> None:
        right = [key for key in self._edges.shown_at(RIGHT) if key not in self._kept]
        if right:
            self._folded, self._is_folding = tuple(right), True
            self._edges.fold(*right)
            self._is_folding = False
            self._widen()

    def _unfold(self) -> None:
        away = [key for key in self._folded if key in self._edges.folded()]
        if not away:
            self._folded = ()
            return
        least = max(self._docks[key].minimumSizeHint().width() for key in away)
        if self._lack() + least <= 0:
            self._folded = ()
            self._edges.unfold(*away)

    def _widen(self) -> None:
        """Give sides back what they were made to give, as far as there is room."""
        for side in (LEFT, RIGHT):
            width, before = self._width_of(side), self._before.get(side, 0)
            if not self._is_as_made(side):  # drawn to another width by hand, or hidden
                if width:
                    self._before.pop(side, None)
                continue
            wider = min(before, width - self._lack())
            if wider > width:
                self._set_width(side, wider)

    def _is_as_made(self, side: str) -> bool:
        # Qt shares out whole pixels in its own way.
        return side in self._made and abs(self._made[side] - self._width_of(side)) <= _NEARLY

    def _shown(self, side: str) -> list[QDockWidget]:
        return [self._docks[key] for key in self._edges.shown_at(side)]

    def _width_of(self, side: str) -> int:
        docks = self._shown(side)
        # Of those behind a tab the width is an old one.
        widths = [dock.width() for dock in docks if dock.isVisible()] or [d.width() for d in docks]
        return max(widths, default=0)

    def _least_of(self, side: str) -> int:
        sizes = [(d.minimumSizeHint().width(), d.minimumWidth()) for d in self._shown(side)]
        return max((max(size) for size in sizes), default=0)

    def _set_width(self, side: str, width: int) -> None:
        docks = [dock for dock in self._shown(side) if dock.isVisible()] or self._shown(side)
        self._window.resizeDocks(docks[:1], [width], Qt.Orientation.Horizontal)
        self._made[side] = width
