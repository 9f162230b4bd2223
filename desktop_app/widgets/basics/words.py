"""Words on the screen, to the letter: Qt reads what looks like markup as markup.

In a tooltip or a label, a title such as `<img src="file:///…">` would make Qt open that file. What
a file, a model or a user says comes to the screen through here alone: `tests/test_plain_words.py`
holds all code to it.
"""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override

MOST_IN_LABEL = 4_000


def plain_tip(text: str) -> str:
    """Return a text as a tooltip that shows it to the letter, its end cut where it is very long."""
    text = clipped(text)
    if "<" not in text and "&" not in text:
        return text
    return f"<p style='white-space: pre-wrap'>{html.escape(text)}</p>"


def plain_on_button(text: str) -> str:
    """Return a text for a button or a menu, where & would mark the letter after it as a key."""
    return text.replace("&", "&&")


class PlainLabel(QLabel):
    """A label that never reads its text as markup, and lays out no more of it than can be read."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    @override
    def setText(self, text: str) -> None:
        super().setText(clipped(text, MOST_IN_LABEL))
