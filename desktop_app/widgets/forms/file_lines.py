"""A line for a text that may as well be taken from a file: what is read stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QLineEdit

from desktop_app.support.errors import BadInputError
from desktop_app.text.circuit_files import MAX_TEXT, read_circuit_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

READERS: Mapping[str, Callable[[str], str]] = {"circuit_file": read_circuit_file}
"""How a setting says that its text may be a file's, and what reads that."""


class FileLine(QLineEdit):
    """A text, typed or read from a file that is chosen.

    Signals:
        edited: The user gave another one.
        refused: (why) The file that was chosen holds none.
    """

    edited = Signal()
    refused = Signal(str)

    def __init__(self, what: str, kind: str) -> None:
        super().__init__()
        self._what, self._read = what, READERS[kind]
        self.setMaxLength(MAX_TEXT)
        self.textEdited.connect(self.edited)

    @Slot()
    def ask(self) -> None:
        """Let the user choose a file, and put what it holds into the line."""
        path = QFileDialog.getOpenFileName(self, f"Take the {self._what} of a file")[0]
        if not path:
            return
        try:
            text = self._read(path)
        except BadInputError as error:
            self.refused.emit(str(error))
            return
        self.setText(text)
        self.setCursorPosition(0)
        self.edited.emit()
