"""Tokens as the text they are: lines end where it has line ends, and arrow keys go up and down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.support.guard import override
from desktop_app.widgets.tokens.token_paint import TokenLayout
from desktop_app.widgets.tokens.token_strip import TokenStrip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent

    from desktop_app.widgets.tokens.token_paint import TokenCell

_LINES = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


class TokenText(TokenStrip):
    """A strip that takes the room there is and scrolls; a token with a line end ends its line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ends: frozenset[int] = frozenset()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @override
    def set_tokens(self, cells: Sequence[TokenCell]) -> None:
        self._ends = frozenset(i for i, cell in enumerate(cells) if "\n" in cell.text)
        super().set_tokens(cells)

    def lines(self) -> list[range]:
        """Return the positions of each line."""
        return [range(line.start, line.stop) for line in self._layout.lines]

    @override
    def hasHeightForWidth(self) -> bool:
        return False

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, 80)

    @override
    def sizeHint(self) -> QSize:
        return QSize(420, 320)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _LINES.get(Qt.Key(event.key()))
        chosen = self.selected()
        if step is None or chosen is None:
            super().keyPressEvent(event)
            return
        line = self._layout.line_of(chosen) + step
        if 0 <= line < len(self._layout.lines):
            middle = self._layout.box(chosen).center().x()
            there = self.lines()[line]
            self._choose(min(there, key=lambda at: abs(self._layout.box(at).center().x() - middle)))

    @override
    def _room(self) -> int:
        return self.viewport().width()  # a text takes the room that it is given, and scrolls

    @override
    def _make_layout(self, room: int) -> TokenLayout:
        if room not in self._known:
            self._known.clear()
            layout = TokenLayout(self._widths, room, 1, self._look.read, self._ends)
            self._known[room] = layout
        return self._known[room]
