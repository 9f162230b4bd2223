"""What a page of steering would show, and the button that has it computed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.words import plain_tip

_TITLE = 21


class Offer(QWidget):
    """One sentence and one button; a reason stands in the sentence's place where there is one.

    Signals:
        wanted: The button was clicked.
    """

    wanted = Signal()

    def __init__(self, words: str, button: str, *beside: QWidget) -> None:
        super().__init__()
        self._own = words
        self._words = label(words, "muted", wrap=True)
        self.button = QPushButton(button)
        bind_icon(self.button, "run")
        # Beside fields the button stands beside their controls, not their titles.
        above = _TITLE if beside else 0
        place = column_in(None, above, self.button, None, spacing=0)
        line = row_in(None, *((part, 0) for part in beside), place, None, spacing=12)
        column_in(self, self._words, line, spacing=6)
        self.button.clicked.connect(self.wanted)

    def allow(self, why: str) -> None:
        """Let the button be pressed, or say why it cannot; an empty text: it can."""
        self.button.setEnabled(not why)
        self.button.setToolTip(plain_tip(why))
        self._words.setText(why or self._own)

    def say(self, words: str) -> None:
        """Say something else of what it computes."""
        self._own = words
        if self.button.isEnabled():
            self._words.setText(words)

    def read(self) -> dict[str, Any]:
        """Return what is said, and whether the button can be pressed."""
        return {"said": self._words.text(), "can": self.button.isEnabled()}
