"""Continuations as texts to be read and copied, the prompt before them in a quieter ink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QPlainTextEdit

from desktop_app.analyses.steer.said import NAMES, TOLD
from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.long_text import shown_notes
from desktop_app.widgets.basics.theme import colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.said import Continuation, Partings

_PROMPT = 1_000
_REPAINTED = {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}


class ReadingPane(QPlainTextEdit):
    """All texts one below the other; they can be selected."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, Sequence[Continuation], Partings] = ("", (), {})
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setFont(ui_font(14))
        self.setAccessibleName("Continuations as text")

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(220, 120)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in _REPAINTED and self._shown[1]:
            self._write()

    def show_runs(self, prompt: str, told: Sequence[Continuation], partings: Partings) -> None:
        """Show these behind their prompt; the first token where one parts is marked."""
        self._shown = prompt, tuple(told), dict(partings)
        self._write()

    def _write(self) -> None:
        prompt, told, partings = self._shown
        bar = self.verticalScrollBar()
        place, at_end = bar.value(), bar.value() >= bar.maximum() > 0
        self.clear()
        cursor = self.textCursor()
        heads = len(told) > 1
        for number, one in enumerate(told):
            if number:
                cursor.insertText("\n\n", QTextCharFormat())
            if heads:
                cursor.insertText(f"{NAMES[one.run]}: {TOLD[one.run]}\n", _ink("text_muted", 12))
            before = one.prompt or prompt
            cursor.insertText(clipped(before, _PROMPT), _ink("text_muted"))
            self._write_tokens(cursor, one, partings.get(one.run))
        bar.setValue(bar.maximum() if at_end else place)

    @staticmethod
    def _write_tokens(cursor: QTextCursor, one: Continuation, parting: int | None) -> None:
        plain = _ink("text")
        if parting is None or parting >= len(one.tokens):
            cursor.insertText(shown_notes(one.text), plain)
            return
        texts = [token.text for token in one.tokens]
        head = "".join(texts[:parting])
        mark = texts[parting]
        tail = "".join(texts[parting + 1 :])
        if head + mark + tail != one.text:  # tokens that are no whole characters alone
            cursor.insertText(shown_notes(one.text), plain)
            return
        cursor.insertText(shown_notes(head), plain)
        marked = _ink("text")
        marked.setBackground(QColor(colour("warn_soft")))
        cursor.insertText(mark, marked)
        cursor.insertText(shown_notes(tail), plain)


def _ink(name: str, pixels: int = 14) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(QColor(colour(name)))
    made.setFont(ui_font(pixels))
    return made
