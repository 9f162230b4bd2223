"""The licences of all that the program consists of: a list to be searched, and each one's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QSplitter, QVBoxLayout, QWidget

from desktop_app.pictures.ranking import Column
from desktop_app.pictures.words import plural
from desktop_app.support.guard import override
from desktop_app.support.licences import KIND_NAMES, shipped
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QShowEvent

    from desktop_app.support.licences import Licence

_COLUMNS = (
    Column("name", "name", "What", width="stretch", least=150),
    Column("licence", "text", "Licence", width=130),
    Column("version", "text", "Version", width=84, priority=1, muted=True),
)
_WIDTHS = (320, 612)  # most licences are 80 letters wide
_GAP, _LEAST = 8, 300


class LicencesPage(QWidget):
    """Lists what is shipped; read when it is first shown, since that takes a moment."""

    def __init__(self) -> None:
        super().__init__()
        self._listed: tuple[Licence, ...] = ()
        self.search = _Search()
        self.search.setPlaceholderText("Search names and licences")
        self.search.setAccessibleName("Search names and licences")
        self.search.setClearButtonEnabled(True)
        self.table = RankingList("What is shipped", _COLUMNS, sortable=True)
        self.table.set_empty_text("Nothing of that name or licence is shipped.")
        self._count = label("", "small")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName("Text of the licence")
        set_role(self.text, "mono")
        self.search.below = self.table
        self._build()
        self.search.textChanged.connect(self._list)
        self.table.row_selected.connect(self._on_row_selected)

    def _build(self) -> None:
        left, right = QWidget(), QWidget()
        parts = (self.search, (self.table, 1), self._count)
        filled(QVBoxLayout(left), *parts, margins=(0, 0, _GAP, 0), spacing=8)
        filled(QVBoxLayout(right), self.text, margins=(_GAP, 0, 0, 0))
        both = QSplitter(Qt.Orientation.Horizontal)
        both.setChildrenCollapsible(False)
        for part in (left, right):
            both.addWidget(part)
        left.setMinimumWidth(_LEAST)
        both.setStretchFactor(1, 1)
        both.setSizes(list(_WIDTHS))
        filled(QVBoxLayout(self), (both, 1), margins=(16, 10, 16, 4))

    def listed(self) -> tuple[str, ...]:
        """Return the names that are listed."""
        return tuple(row[0] for row in self.table.texts())

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._listed:
            self._listed = shipped()
            self._list()

    def _list(self) -> None:
        words = self.search.text().lower().split()
        found = {
            place: licence
            for place, licence in enumerate(self._listed)
            if all(word in _words_of(licence) for word in words)
        }
        values = [(lic.name, lic.licence, lic.version) for lic in found.values()]
        self.table.set_rows(values, list(found))
        self._count.setText(plural(len(found), "part"))
        if found and self.table.selected_key() is None:
            self.table.select_key(next(iter(found)))
        self._show(self.table.selected_key())

    def _on_row_selected(self, key: object) -> None:
        self._show(key)

    def _show(self, key: object) -> None:
        text = "" if not isinstance(key, int) else _told(self._listed[key])
        if text != self.text.toPlainText():
            self.text.setPlainText(text)


class _Search(QLineEdit):
    """A line from which the down key leads into the list."""

    below: QWidget | None = None

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        into = event.key() in {Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if into and self.below is not None:
            self.below.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        super().keyPressEvent(event)


def _words_of(licence: Licence) -> str:
    return f"{licence.name} {licence.licence} {KIND_NAMES[licence.kind]}".lower()


def _told(licence: Licence) -> str:
    """Return what is said of one thing: what it is, our own words on it, and its texts."""
    head = " ".join(filter(None, (licence.name, licence.version)))
    lines = [head, f"{KIND_NAMES[licence.kind]} · {licence.licence}", licence.home, licence.note]
    return "\n".join(filter(None, lines)) + f"\n\n{licence.text()}\n"
