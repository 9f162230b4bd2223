"""Beside a pattern: the tokens that one looks at and those that look at it, the most first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QWidget

from desktop_app.pictures.ranking import Column, Ranking, ranked
from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QResizeEvent

    from desktop_app.pictures.matrix import Cell

# More would be no list of the strongest any more, and cost at every move of the pointer.
_LISTED = 100
_FEW, _LEAST = 3, 2
SIDE_WIDTH = 232


class Looks(QWidget):
    """Two lists, above each other beside a pattern or beside each other beneath it.

    They scroll: every token is in them, however small the room.

    Signals:
        key_chosen: A position of the upper list was chosen: where the query looks.
        query_chosen: A position of the lower one: who looks at the key.
    """

    key_chosen = Signal(int)
    query_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.looks_at, self.looked_at = _List("Looks at"), _List("Looked at by")
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._box.addWidget(self.looks_at, 1)
        self._box.addWidget(self.looked_at, 1)
        self._box.setSpacing(12)
        self.looks_at.list.row_selected.connect(self._on_key)
        self.looked_at.list.row_selected.connect(self._on_query)
        self.set_beside(beside=True)

    def set_beside(self, *, beside: bool, rows: int = _FEW) -> None:
        """Stand beside the pattern, or beneath it and so many rows high."""
        ways = QBoxLayout.Direction
        self._box.setDirection(ways.TopToBottom if beside else ways.LeftToRight)
        self._box.setContentsMargins(8 if beside else 0, 0, 0, 0)
        least, most = (SIDE_WIDTH, SIDE_WIDTH) if beside else (0, 16_777_215)
        self.setMinimumWidth(least)
        self.setMaximumWidth(most)
        vertical = QSizePolicy.Policy.Preferred if beside else QSizePolicy.Policy.Fixed
        self.setSizePolicy(QSizePolicy.Policy.Preferred, vertical)
        for shown in (self.looks_at, self.looked_at):
            shown.set_rows(*((_LEAST, 0) if beside else (rows, rows)))

    def show_pair(
        self, matrix: NDArray[np.float32], tokens: list[str], pair: Cell, *, diverging: bool
    ) -> None:
        """List where a query looks and who looks at a key."""
        query, key = pair
        for shown, place, verb, values in (
            (self.looks_at, query, "looks at", matrix[query]),
            (self.looked_at, key, "is looked at by", matrix[:, key]),
        ):
            shown.say(f"{tokens[place]} ({place}) {verb}")
            shown.list.set_ranking(_strongest(values, tokens, diverging=diverging))

    def show_nothing(self) -> None:
        """Speak of no token."""
        self.looks_at.show_nothing()
        self.looked_at.show_nothing()

    @Slot(object)
    def _on_key(self, position: object) -> None:
        if isinstance(position, int):
            self.key_chosen.emit(position)

    @Slot(object)
    def _on_query(self, position: object) -> None:
        if isinstance(position, int):
            self.query_chosen.emit(position)


class _List(QWidget):
    """The tokens that one joins most, under what is said of it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = self._said = name
        self.title = PlainLabel(name)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        set_role(self.title, "small")
        self.list = RankingList(name)
        self.list.horizontalHeader().hide()
        self.list.setMinimumWidth(60)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.set_empty_text("")
        column_in(self, self.title, (self.list, 1), spacing=4)

    def set_rows(self, least: int, most: int) -> None:
        """Keep room for so many rows, and take no more than the most; 0 is without bound."""
        height = self.list.full_height
        self.list.setMinimumHeight(height(least))
        self.list.setMaximumHeight(height(most) if most else 16_777_215)

    def say(self, words: str) -> None:
        """Say what the list is of, as far as there is room; the tooltip has it all."""
        self._said = words
        self.title.setAccessibleName(words)
        metrics, room = self.title.fontMetrics(), max(self.width(), 0)
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, room)
        self.title.setText(shown)
        self.title.setToolTip(plain_tip(words if shown != words else ""))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.say(self._said)

    def show_nothing(self) -> None:
        """Speak of no token."""
        self.say(self._name)
        self.list.set_ranking(Ranking())


def _strongest(values: NDArray[np.float32], tokens: list[str], *, diverging: bool) -> Ranking:
    """Return the tokens of the largest values, best first; keys are positions."""
    strength = np.where(np.isfinite(values), np.abs(values), -1.0)
    order = np.argsort(-strength, kind="stable")[:_LISTED]
    best = [int(i) for i in order if strength[i] > 0]
    most = max(float(strength.max()), 1e-9) if diverging else 1.0
    limits = (-most if diverging else 0.0, most)
    columns = (
        Column("token", "mono"),
        Column("share", "bar", signed=diverging, limits=limits, priority=1, least=36),
        Column("weight", "number", signed=diverging),
    )
    rows = ((f"{tokens[i]} ({i})", float(values[i]), float(values[i])) for i in best)
    return ranked(columns, rows, best)
