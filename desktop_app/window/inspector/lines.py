"""Lines of names and values, each with its question mark where it can be taken apart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop_app.pictures.words import clipped
from desktop_app.views.frame import label
from desktop_app.widgets.basics.explained_card import WhatButton
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.pictures.facts import Fact

_LONGEST_VALUE = 200
# More letters of a name and its value stand on two lines.
_ON_ONE_LINE = 26
_VALUE_HEIGHT = 19  # room for accents above capitals, as in “Ġ”


class FactLines(QWidget):
    """Lines of names and values.

    Signals:
        asked: What a number is, and where on the screen that may be told.
    """

    asked = Signal(object, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[Fact, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)

    def told(self) -> list[tuple[str, str]]:
        """Return the names and values that are shown."""
        return [] if self.isHidden() else [(fact.name, fact.value) for fact in self._shown]

    def set_facts(self, facts: Sequence[Fact]) -> None:
        """Show these lines in place of the old ones."""
        self._shown = tuple(facts)
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        row = -1
        for fact in facts:
            row += 1
            name = label(clipped(fact.name, _LONGEST_VALUE), wrap=True)
            # Side by side in a narrow panel, a long name would be a column of single words.
            above = not fact.value or len(fact.name) + len(fact.value) > _ON_ONE_LINE
            self._grid.addWidget(name, row, 0, 1, 3 if above else 1)
            row += bool(fact.value and above)
            if fact.value:
                value = label(clipped(fact.value, _LONGEST_VALUE), "mono")
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                value.setToolTip(plain_tip(fact.tip))
                value.setMinimumHeight(_VALUE_HEIGHT)
                # On a line of its own it may not widen the column of the values beside names.
                self._grid.addWidget(value, row, 0 if above else 1, 1, 2 if above else 1)
                value.show()
            if fact.explained is not None:
                self._add_what(row, fact, name)
            name.setToolTip(plain_tip(fact.tip))
            name.show()  # now: a layout shows what it is given at its next turn only
        self.setVisible(bool(facts))

    def _add_what(self, row: int, fact: Fact, name: QWidget) -> None:
        """Let a question mark, and a right click on the line, ask what a number is."""
        what = WhatButton(clipped(fact.name, _LONGEST_VALUE))
        ask = partial(self.asked.emit, fact.explained)
        what.asked.connect(ask)
        self._grid.addWidget(what, row, 2)
        what.show()
        value = self._grid.itemAtPosition(row, 1)
        for part in (name, value.widget() if value is not None else None):
            if part is not None:
                part.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
                part.customContextMenuRequested.connect(what.click)
