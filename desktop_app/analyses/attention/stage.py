"""One head, or two beside each other: what is done to one is seen on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.attention.pane import HeadPane
from desktop_app.views.frame import gap_splitter
from desktop_app.widgets.basics.layouts import column_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.attention.pane import Shown


class HeadStage(QWidget):
    """Two panes that share pairs, pointer, zoom and the way they are looked at.

    Signals:
        pair_hovered: (query, key) under the pointer, (−1, −1) when it leaves.
        pair_selected: (query, key) that was chosen.
        token_hovered: A position under the pointer, −1 when it leaves.
        token_chosen: A position was chosen, from which the head looks.
        closed: The second head is not wanted any more.
    """

    pair_hovered = Signal(int, int)
    pair_selected = Signal(int, int)
    token_hovered = Signal(int)
    token_chosen = Signal(int)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panes = (HeadPane(), HeadPane(closable=True))
        self.panes[1].setVisible(False)
        shares = ((self.panes[0], 1, 1), (self.panes[1], 1, 1))
        self._split = gap_splitter(Qt.Orientation.Horizontal, *shares)
        column_in(self, self._split)
        self.panes[1].closed.connect(self.closed)
        for pane in self.panes:
            pane.pair_hovered.connect(self.pair_hovered)
            pane.pair_selected.connect(self.pair_selected)
            pane.token_hovered.connect(self.token_hovered)
            pane.token_chosen.connect(self.token_chosen)
            pane.habits_changed.connect(self._on_habits_changed)
            pane.pattern.canvas.view_changed.connect(self._on_seen_changed)

    def show_heads(self, heads: Sequence[Shown | tuple[str, str]]) -> None:
        """Show one head or two; a title and a sentence where there is no pattern yet."""
        self.panes[1].setVisible(len(heads) > 1)
        for pane, head in zip(self.panes, heads, strict=False):
            if isinstance(head, tuple):
                pane.say_instead(*head)
            else:
                pane.show_head(head)

    def say_instead(self, words: str) -> None:
        """Say why there is no pattern where there is none."""
        for pane in self.panes:
            if pane.shown is None:
                pane.say_instead(pane.title.full_text(), words)

    def set_stacked(self, *, stacked: bool) -> None:
        """Let two heads stand above each other, where there is no room beside each other."""
        ways = Qt.Orientation
        self._split.setOrientation(ways.Vertical if stacked else ways.Horizontal)

    def set_mode(self, mode: str) -> None:
        """Turn both to the matrix, the text or the arcs."""
        for pane in self.panes:
            pane.set_mode(mode)

    def show_pair(self, query: int, key: int, *, chosen: bool) -> None:
        """Speak of a pair in both; a chosen one is outlined."""
        for pane in self.panes:
            pane.show_pair(query, key, chosen=chosen)

    def point_at(self, query: int, key: int) -> None:
        """Let both say what they hold under the pointer of either; −1 where it has gone."""
        for pane in self.panes:
            pane.pattern.point_at(query, key)

    def _on_habits_changed(self, way: str, each: int) -> None:
        """Show as many arcs of both heads, and both texts the same way round."""
        for pane in self.panes:
            pane.set_habits(way, each)

    def _on_seen_changed(self) -> None:
        """Show the same part of both heads."""
        canvas = self.sender()
        patterns = [pane.pattern for pane in self.panes]
        seen = next((p.canvas.frame.seen for p in patterns if p.canvas is canvas), QRectF())
        for pattern in patterns:
            if pattern.canvas is not canvas and pattern.canvas.frame.fits(seen):
                pattern.show_seen(seen)
