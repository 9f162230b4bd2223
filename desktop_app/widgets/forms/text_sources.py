"""Where the texts of a setting may come from, beside the field that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.pictures.words import plural
from desktop_app.widgets.basics.icons import bind_icon, icon_button
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPlainTextEdit

FAMILY, FILE = "family", "file"
"""What the texts are asked from: the family of the prompts, a file."""
_NO_FAMILY = (
    "Make prompts of a family first (Make prompts…, above the prompt table): its reference set is "
    "then one click away."
)
_LEAST = 66


class TextSources(QWidget):
    """A button per source, and how many texts there are.

    Signals:
        asked: (name of the setting, `family` or `file`): it is to be filled from there.
    """

    asked = Signal(str, str)

    def __init__(self, edit: QPlainTextEdit) -> None:
        super().__init__()
        self._field = ""
        self._edit = edit
        self._family = QPushButton("Family's set")
        bind_icon(self._family, "table")
        self._file = icon_button("folder", "Take the prompts of a file…")
        self._count = PlainLabel()
        set_role(self._count, "small")
        self._count.setMinimumWidth(_LEAST)
        self.set_family("", _NO_FAMILY)
        line = row_in(None, self._file, self._count, None, spacing=6)
        column_in(self, self._family, line, None, spacing=4)
        self._family.clicked.connect(self._on_family)
        self._file.clicked.connect(self._on_file)
        edit.document().contentsChanged.connect(self._show_count)
        self._show_count()

    def name(self, field: str) -> None:
        """Say of which setting this is."""
        self._field = field

    def set_family(self, title: str, tip: str = "") -> None:
        """Offer the reference set of a family; without a title there is none, the tip says why."""
        self._family.setEnabled(bool(title))
        self._family.setToolTip(plain_tip(tip or _NO_FAMILY))
        words = f"Reference set of {title}" if title else "Reference set of the family"
        self._family.setAccessibleName(words)

    def words(self) -> str:
        """Return how many texts there are, in words."""
        return self._count.text()

    @Slot()
    def _on_family(self) -> None:
        self.asked.emit(self._field, FAMILY)

    @Slot()
    def _on_file(self) -> None:
        self.asked.emit(self._field, FILE)

    @Slot()
    def _show_count(self) -> None:
        count = sum(bool(line) for line in self._edit.toPlainText().split("\n"))
        self._count.setText(plural(count, "prompt") if count else "the given")
