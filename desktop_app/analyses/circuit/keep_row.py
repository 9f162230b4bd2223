"""The set as a line to type, paste or open, and the ways to take it from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton, QSizePolicy, QWidget

from desktop_app.analyses.circuit.keeping import read_file, read_text
from desktop_app.pictures.words import clipped
from desktop_app.support.errors import BadInputError
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip

# A line of Qt's own cuts lists off at a sixth of this.
_LONGEST = 200_000
_KINDS = "Lists and results (*.txt *.csv *.json);;All files (*)"
_SAID = 240
_HINT = "all, none, or 5.3, m4, 6.1@-1"


def ask_file(parent: QWidget) -> Path | None:
    """Ask for a file that holds a list, or the JSON of a circuit's result."""
    name, _kind = QFileDialog.getOpenFileName(parent, "Open a list of parts", "", _KINDS)
    return Path(name) if name else None


class KeepRow(QWidget):
    """The kept set in a line; buttons beside it.

    Signals:
        list_given: A text that `--keep` reads.
        undo_wanted, redo_wanted: The set before, or the one that was taken back.
        take_wanted: The set is to be taken from another result.
    """

    list_given = Signal(str)
    undo_wanted = Signal()
    redo_wanted = Signal()
    take_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.line.setMaxLength(_LONGEST)
        self.line.setPlaceholderText(_HINT)
        self.line.setAccessibleName("Kept parts")
        self.line.setToolTip(
            "The parts that stay: heads as 5.3 or L5H3, the MLP of layer 4 as m4, 5.3@-1 for a "
            "head at the last position alone; Enter scores them"
        )
        self.line.setMinimumWidth(90)
        self.line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.all = _quiet("All", "Keep every part")
        self.none = _quiet("None", "Keep no part")
        self.take = _quiet("From…", "Take the set from another result: an ablation, a circuit")
        self.open = icon_button("folder", "Open a list, or the JSON of a circuit's result")
        self.undo = icon_button("undo", "The set before")
        self.redo = icon_button("redo", "The set that was taken back")
        self._said = label("", "small", wrap=True)
        line = row_in(None, label("Keep", "small"), (self.line, 1), self.open, spacing=6)
        ways = self.all, self.none, self.take, None, self.undo, self.redo
        column_in(self, line, row_in(None, *ways, spacing=2), self._said, spacing=3)
        self._connect()
        self.say("")
        self.offer(undo=False, redo=False)

    def _connect(self) -> None:
        self.line.returnPressed.connect(self._on_returned)
        self.line.textEdited.connect(self._on_edited)
        self.all.clicked.connect(self._on_all)
        self.none.clicked.connect(self._on_none)
        self.take.clicked.connect(self.take_wanted)
        self.open.clicked.connect(self._on_open)
        self.undo.clicked.connect(self.undo_wanted)
        self.redo.clicked.connect(self.redo_wanted)

    def show_text(self, text: str) -> None:
        """Show a set as settings write it; what is being typed stays."""
        if not (self.line.hasFocus() and self.line.isModified()):
            self.line.setText(text.replace(",", ", "))
            self.line.setCursorPosition(0)
            self.say("")

    def offer(self, *, undo: bool, redo: bool) -> None:
        """Offer the way back, and forth again."""
        for button, there in ((self.undo, undo), (self.redo, redo)):
            button.setEnabled(there)

    def say(self, text: str) -> None:
        """Say what is wrong with what was typed, or nothing."""
        self._said.setText(text)
        self._said.setVisible(bool(text))

    def refuse(self, text: str) -> None:
        """Say why a set cannot be kept, and leave what was typed to be mended."""
        self.line.setModified(True)
        self.say(clipped(text, _SAID))

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "list": self.line.text(),
            "said": self._said.text(),
            "undo": self.undo.isEnabled(),
            "redo": self.redo.isEnabled(),
        }

    def _on_edited(self, _text: str) -> None:
        self.say("Enter keeps these parts and scores them.")

    def _on_returned(self) -> None:
        try:
            text = read_text(self.line.text())
        except ValueError as error:
            self.refuse(f"{error}.")
            return
        self.line.setModified(False)
        self.list_given.emit(text)

    def _give(self, text: str) -> None:
        self.line.setModified(False)
        self.list_given.emit(text)

    def _on_all(self) -> None:
        self._give("all")

    def _on_none(self) -> None:
        self._give("none")

    def _on_open(self) -> None:
        path = ask_file(self)
        if path is None:
            return
        try:
            text = read_file(path)
        except BadInputError as error:
            self.refuse(str(error))
            return
        self._give(text)


def _quiet(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(plain_tip(tip))
    button.setAccessibleName(tip)
    set_role(button, "quiet")
    return button
