"""Texts of any length in widgets that would lay all of it out: what nobody reads is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPlainTextEdit

from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtWidgets import QWidget

MOST_IN_NOTES = 100_000
_LONGEST_LINE = 5_000


def shown_notes(text: str) -> str:
    """Return as much of a text as an editor lays out at once: its beginning, long lines cut."""
    lines = text[:MOST_IN_NOTES].split("\n")
    return "\n".join(clipped(line, _LONGEST_LINE) for line in lines)


class NotesEdit(QPlainTextEdit):
    """Plain text to write in; one that is too long is shown as far as it goes, and stays whole.

    Pasting is bounded likewise.

    Signals:
        shortened: A sentence on what was left out of a text that was pasted.
    """

    shortened = Signal(str)

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole: str | None = None
        self.setTabChangesFocus(True)  # notes are no code: who goes through the window gets out
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show a text; what is not shown cannot be changed either."""
        shown = shown_notes(text)
        self._whole = text if shown != text else None
        self.setReadOnly(self._whole is not None)
        told = f"Only the beginning is shown: these notes have {len(text):,} characters."
        told = "" if self._whole is None else f"{told} They are kept as they are."
        self.setToolTip(plain_tip(told))
        self.setPlainText(shown)

    def text(self) -> str:
        """Return the whole text."""
        return self.toPlainText() if self._whole is None else self._whole

    @override
    def insertFromMimeData(self, source: QMimeData) -> None:
        room = MOST_IN_NOTES - self.document().characterCount()
        pasted = source.text()
        kept = shown_notes(pasted[: max(0, room)])
        self.textCursor().insertText(kept)
        if kept != pasted:
            self.shortened.emit(
                f"The pasted text was cut: {len(kept):,} of its {len(pasted):,} characters are in "
                f"the notes, which hold {MOST_IN_NOTES:,}, and {_LONGEST_LINE:,} in one line."
            )
