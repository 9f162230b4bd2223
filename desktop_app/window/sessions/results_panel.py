"""The history: every result that finished, by analysis, newest first; a click shows it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QStackedLayout,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.window.sessions.entries import (
    Entry,
    Group,
    analysis_title,
    entry_words,
    found_in,
    groups,
    moment,
    words,
)
from desktop_app.window.sessions.recent_list import StartPanel
from desktop_app.window.sessions.result_tree import ENTRY, GROUP, SHOWN, ResultTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PySide6.QtGui import QKeyEvent

    from desktop_app.session.store import SessionRow


@dataclass(frozen=True)
class _Line:
    """An entry with where it stands in the tree."""

    heading: QTreeWidgetItem
    item: QTreeWidgetItem
    entry: Entry


_SPOKEN = Qt.ItemDataRole.AccessibleTextRole
_ONE, _SEVERAL = "Delete…", "Delete all {} tries…"


class ResultsPanel(QWidget):
    """The results by analysis, and a field that searches them.

    Attributes:
        tree: The groups and their entries.
        start: What stands here while there are no results: the sessions of late.

    Signals:
        asked: (what is to be done, a code of the menu; id of the result).
        folds_changed: The analyses whose groups are folded (a tuple of names).
    """

    asked = Signal(str, int)
    folds_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[SessionRow, ...] = ()
        self._shown: int | None = None
        self._folded: set[str] = set()
        self._is_filling = False
        self._lines: list[_Line] = []
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search results")
        self.search.setAccessibleName("Search results")
        self.search.setToolTip("Words of titles, notes, models; #tag for tags; * for starred ones")
        self.search.setClearButtonEnabled(True)
        self.tree = ResultTree()
        self.start = StartPanel()
        self._nothing = EmptyState("search", "Nothing found", "No result has all of these words.")
        self._stack = QStackedLayout()
        for page in (self.start, self._nothing, self.tree):
            self._stack.addWidget(page)
        above = filled(QHBoxLayout(), self.search, margins=(10, 2, 10, 0))
        filled(QVBoxLayout(self), above, (self._stack, 1), spacing=4)
        self.search.setVisible(False)
        self.search.textChanged.connect(self._fill)
        self.tree.itemClicked.connect(self._on_item_chosen)
        self.tree.itemActivated.connect(self._on_item_activated)
        self.tree.itemExpanded.connect(self._on_folded)
        self.tree.itemCollapsed.connect(self._on_folded)
        self.setMinimumHeight(120)

    # What it is told.

    def set_rows(self, rows: Sequence[SessionRow]) -> None:
        """Show the history, given oldest first."""
        self._rows = tuple(rows)
        self.search.setVisible(bool(rows))
        self._fill()

    def show_shown(self, number: int | None) -> None:
        """Highlight the result that is on screen, and no other; None: none of them is.

        Where it is highlighted already, the keyboard stays where it is.
        """
        has_changed, self._shown = number != self._shown, number
        self._tell_shown()
        if has_changed:
            self.unmark()

    def unmark(self) -> None:
        """Mark the result that is on screen, and no other."""
        if not self._make_current(self._shown):
            self.tree.clearSelection()

    def select(self, number: int) -> None:
        """Bring the result of that id into sight; a search that hides it is given up."""
        if self.item_of(number) is None and any(row.id == number for row in self._rows):
            self.search.clear()
        for line in self._lines:
            if number in line.entry.ids:
                line.heading.setExpanded(True)
        self._make_current(number)

    def reveal(self, number: int) -> None:
        """Give up a search that hides the result of that id, which has just come."""
        if self.item_of(number) is None and any(row.id == number for row in self._rows):
            self.search.clear()

    def fold(self, analyses: Iterable[str]) -> None:
        """Fold the groups of these analyses, and no others."""
        self._folded = set(analyses)
        self._fill()

    # What it tells.

    def current_id(self) -> int | None:
        """Return the id of the marked result."""
        entry = self._entry(self.tree.currentItem())
        return None if entry is None else entry.row(self._shown).id

    def shown_id(self) -> int | None:
        """Return the id of the result that is highlighted."""
        return self._shown if self.item_of(self._shown) is not None else None

    def marked(self) -> list[SessionRow]:
        """Return the results that are selected, in the order of the panel."""
        return [line.entry.row(self._shown) for line in self._lines if line.item.isSelected()]

    def tries_of(self, number: int) -> tuple[int, ...]:
        """Return the ids of all tries on the line of a result, oldest first."""
        entries = (line.entry.ids for line in self._lines if number in line.entry.ids)
        return next(entries, (number,))

    def lines(self) -> list[tuple[str, list[str]]]:
        """Return what is listed: the heading of each group, and the names beneath it."""
        found: dict[str, list[str]] = {}
        for line in self._lines:
            title = analysis_title(line.entry.analysis)
            found.setdefault(title, []).append(entry_words(line.entry, self._shown)[0])
        return list(found.items())

    def listed(self) -> list[int]:
        """Return the ids of the results that the lines stand for, from top to bottom."""
        return [line.entry.row(self._shown).id for line in self._lines]

    def folded(self) -> tuple[str, ...]:
        """Return the analyses whose groups are folded."""
        return tuple(sorted(self._folded))

    def highlighted(self) -> list[int]:
        """Return the ids of the lines that are drawn as the one on screen."""
        lines = [line for line in self._lines if line.item.data(0, SHOWN) is not None]
        return [line.entry.row(self._shown).id for line in lines]

    def item_of(self, number: int | None) -> QTreeWidgetItem | None:
        """Return the line of a result, where it is listed."""
        return next((line.item for line in self._lines if number in line.entry.ids), None)

    # Qt.

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        port = self.tree.viewport()
        place = port.mapFromGlobal(event.globalPos())
        item = self.tree.currentItem() if by_key else self.tree.itemAt(place)
        entry = self._entry(item)
        if item is None or entry is None:
            return
        where = event.globalPos()
        if by_key:
            where = port.mapToGlobal(self.tree.visualItemRect(item).center())
        row = entry.row(self._shown)
        chosen = self.menu_of(row).exec(where)
        if chosen is not None:
            self.asked.emit(chosen.data(), row.id)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = self.current_id()
        if event.key() == Qt.Key.Key_Delete and number is not None and self.tree.hasFocus():
            self.asked.emit("delete", number)
        else:
            super().keyPressEvent(event)

    def menu_of(self, row: SessionRow) -> QMenu:
        """Return what can be done with a result; each action's data is its code."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        tries = len(self.tries_of(row.id))
        for code, text in (
            ("show", "Show"),
            ("reuse", "Put its prompts into the table"),
            ("", ""),
            ("star", "Remove star" if row.star else "Star"),
            ("rename", "Rename…"),
            ("details", "Notes, tags, settings…"),
            ("export", "Export data…"),
            ("compare", "Compare…"),
            ("", ""),
            ("delete", _ONE if tries == 1 else _SEVERAL.format(tries)),
        ):
            if code:
                menu.addAction(text).setData(code)
            else:
                menu.addSeparator()
        return menu

    # Within.

    def _fill(self) -> None:
        current, bar = self.current_id(), self.tree.verticalScrollBar()
        height = bar.value()
        self._is_filling = True
        self.tree.clear()
        self._lines = []
        found = tuple(found_in(self._rows, self.search.text()))
        for group in groups(found):
            self._add_group(group)
        self._is_filling = False
        bar.setValue(height)
        if not self._rows:
            self._stack.setCurrentWidget(self.start)
        else:
            self._stack.setCurrentWidget(self.tree if found else self._nothing)
        self._tell_shown()
        self._make_current(self._shown if self.shown_id() is not None else current)

    def _make_current(self, number: int | None) -> bool:
        """Mark a result alone; return whether it is listed. Of a folded group, the heading."""
        for line in self._lines:
            if number not in line.entry.ids:
                continue
            if line.heading.isExpanded():
                # Whichever keys are held: by itself Qt heeds those of a shortcut.
                alone = QItemSelectionModel.SelectionFlag.ClearAndSelect
                self.tree.setCurrentItem(line.item, 0, alone)
            else:  # to make what is folded away the current one would open it
                self.tree.clearSelection()
                self.tree.setCurrentItem(
                    line.heading, 0, QItemSelectionModel.SelectionFlag.NoUpdate
                )
            return True
        return False

    def _add_group(self, group: Group) -> None:
        heading = QTreeWidgetItem()
        heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
        heading.setData(0, GROUP, group)
        count = len(group.entries)
        told = f"{group.title}, {count} result{'' if count == 1 else 's'}"
        heading.setData(0, _SPOKEN, told)
        self.tree.addTopLevelItem(heading)
        for entry in group.entries:
            item = QTreeWidgetItem(heading)
            item.setData(0, ENTRY, entry)
            self._lines.append(_Line(heading, item, entry))
        # A search opens what it has found.
        is_open = group.analysis not in self._folded or bool(self.search.text().strip())
        heading.setExpanded(is_open)

    def _tell_shown(self) -> None:
        """Say of each line whether it is the one on screen, to the eye and to a reader."""
        for line in self._lines:
            line.heading.setData(0, SHOWN, None)
        for line in self._lines:
            row, is_shown = line.entry.row(self._shown), self._shown in line.entry.ids
            line.item.setData(0, SHOWN, self._shown if is_shown else None)
            if is_shown:
                line.heading.setData(0, SHOWN, self._shown)
            title, facts = entry_words(line.entry, self._shown)
            signs = f"{'shown, ' if is_shown else ''}{'starred, ' if row.star else ''}"
            line.item.setData(0, _SPOKEN, f"{signs}{title}, {facts}")
            full = words(row)[0], facts, moment(row.created, full=True), clipped(row.notes)
            line.item.setToolTip(0, plain_tip("\n".join(told for told in full if told)))

    @staticmethod
    def _entry(item: QTreeWidgetItem | None) -> Entry | None:
        found = item.data(0, ENTRY) if item is not None else None
        return found if isinstance(found, Entry) else None

    def _on_item_chosen(self, item: QTreeWidgetItem) -> None:
        """Show what was clicked; a click that marks several for a comparison shows none."""
        entry = self._entry(item)
        if entry is None:
            item.setExpanded(not item.isExpanded())
        elif len(self.tree.selectedItems()) <= 1:
            self.asked.emit("show", entry.row(self._shown).id)

    def _on_item_activated(self, item: QTreeWidgetItem) -> None:
        entry = self._entry(item)
        if entry is not None:
            self.asked.emit("show", entry.row(self._shown).id)

    def _on_folded(self, item: QTreeWidgetItem) -> None:
        group = item.data(0, GROUP)
        if self._is_filling or not isinstance(group, Group) or self.search.text().strip():
            return
        (self._folded.discard if item.isExpanded() else self._folded.add)(group.analysis)
        self.folds_changed.emit(self.folded())
