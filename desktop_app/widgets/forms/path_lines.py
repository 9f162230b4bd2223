"""The name of a file or a folder, typed or chosen from the disk."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QLineEdit, QToolButton

from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.menus import new_menu, open_menu

FOLDER, EITHER = "FOLDER", "FILE|FOLDER"
"""What a setting's `metavar` says where a folder can be meant; else it is a file."""


class PathLine(QLineEdit):
    """A name, and the dialogs that choose one.

    Signals:
        edited: The user named another one.
    """

    edited = Signal()

    def __init__(self, what: str, kind: str = "", *, new: bool = False) -> None:
        """Make one.

        Args:
            what: What the setting is called.
            kind: `FOLDER` or `EITHER`; anything else: a file.
            new: Whether it names what is yet to be written.
        """
        super().__init__()
        self._title, self._kind, self._new = f"Choose the {what}", kind, new
        self.button: QToolButton = icon_button("folder", f"{self._title}…")
        self.textEdited.connect(self.edited)
        self.button.clicked.connect(self.ask)

    @Slot()
    def ask(self) -> None:
        """Let the user choose one from the disk; where both can be meant, which of them first."""
        if self._kind == EITHER:
            menu = new_menu(self)
            menu.addAction("A file…").triggered.connect(self._ask_file)
            menu.addAction("A folder…").triggered.connect(self._ask_folder)
            open_menu(menu, self.button.mapToGlobal(self.button.rect().bottomLeft()))
        elif self._kind == FOLDER and not self._new:
            self._ask_folder()
        else:
            self._ask_file()

    @Slot()
    def _ask_file(self) -> None:
        if self._new:  # what may be written over is settled by what writes there
            keep = QFileDialog.Option.DontConfirmOverwrite
            name = QFileDialog.getSaveFileName(self, self._title, self.text(), options=keep)[0]
        else:
            name = QFileDialog.getOpenFileName(self, self._title)[0]
        self._take(name)

    @Slot()
    def _ask_folder(self) -> None:
        self._take(QFileDialog.getExistingDirectory(self, self._title))

    def _take(self, name: str) -> None:
        if name:
            self.setText(name)
            self.edited.emit()
