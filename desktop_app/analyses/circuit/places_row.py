"""The token strip of a chosen part: at which positions it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from desktop_app.analyses.circuit.keeping import places_in
from desktop_app.analyses.circuit.names import name_of
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tokens.token_strip import TokenStrip, cells

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.kept import Positions
    from desktop_app.contract.result import PromptRecord

_LINES = 2


class PlacesStrip(TokenStrip):
    """Tokens of which each is kept or not; a click or Space switches one.

    Signals:
        place_switched: A position.
    """

    place_switched = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pressed = False
        self.setAccessibleName("Positions at which the part stays")
        self.set_most_lines(_LINES)
        policy = self.sizePolicy()
        policy.setVerticalPolicy(QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)
        self.token_clicked.connect(self._on_chosen)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = True
        super().mousePressEvent(event)
        self._pressed = False

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        chosen = self.selected()
        if event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            if chosen is not None:
                self.place_switched.emit(chosen)
            return
        super().keyPressEvent(event)

    def _on_chosen(self, position: int) -> None:
        if self._pressed:
            self.place_switched.emit(position)


class PlacesRow(QWidget):
    """What the chosen part is kept at, in words and on its prompt's tokens.

    Signals:
        place_switched: A position of the shown prompt is to be kept, or not.
        everywhere_wanted: All positions are to be kept.
        last_wanted: The last one alone is to be kept, of every prompt its own.
        position_chosen: A position was chosen, by click or arrow keys.
    """

    place_switched = Signal(int)
    everywhere_wanted = Signal()
    last_wanted = Signal()
    position_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ElidedLabel("", "small")
        self.strip = PlacesStrip()
        self.everywhere, self.last = QPushButton("Everywhere"), QPushButton("Last only")
        self.everywhere.setToolTip("Keep the chosen part at all positions")
        self.last.setToolTip("Keep the chosen part at each prompt's last position alone")
        for button in (self.everywhere, self.last):
            set_role(button, "quiet")
        buttons = row_in(None, self.everywhere, self.last, None, spacing=2)
        column_in(self, self._words, self.strip, buttons, spacing=2)
        self.strip.place_switched.connect(self.place_switched)
        self.strip.token_clicked.connect(self.position_chosen)
        self.everywhere.clicked.connect(self.everywhere_wanted)
        self.last.clicked.connect(self.last_wanted)

    def show_part(
        self, part: Part | None, places: Positions, record: PromptRecord | None, *, stays: bool
    ) -> None:
        """Show where a part stays on a prompt; no places: nowhere. None: no part is chosen."""
        shown = part is not None and record is not None and not stays
        for widget in (self.strip, self.everywhere, self.last):
            widget.setVisible(shown)
        if part is None or record is None:
            self._words.set_full_text("Choose a part to see, and say, at which positions it stays.")
            return
        if stays:
            self._words.set_full_text(f"{name_of(part)} stays everywhere, like all MLPs.")
            return
        length = len(record.tokens)
        kept = places_in(places, length)
        if self.strip.texts() != tuple(cell.text for cell in cells(record.tokens)):
            self.strip.set_tokens(cells(record.tokens))
        self.strip.set_read_position(record.read_position)
        flags = np.array([float(place in kept) for place in range(length)])
        self.strip.set_values(flags, (0.0, 1.4), diverging=False, value_name="kept")
        self._words.set_full_text(f"{name_of(part)} {_at(len(kept), length)}")
        self.everywhere.setEnabled(places is not None)

    def words(self) -> str:
        """Return what is said of the part."""
        return self._words.full_text()

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        shown = not self.strip.isHidden()
        return {"places": self.words(), "strip": self.strip.texts() if shown else ()}


def _at(kept: int, length: int) -> str:
    if kept == length:
        return f"stays at all {length} positions"
    return f"stays at {kept} of {length} positions: click a token to switch it"
