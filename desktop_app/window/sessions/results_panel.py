"""The history: every result that finished, newest first; a click shows it in its place again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QRect, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStackedLayout,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.registry import ANALYSES
from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import icon, icon_of
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.window.frame.parts import SMALL, RowDelegate, paint_ground, paint_line
from desktop_app.window.prompts.prompt_model import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem

    from desktop_app.session.store import SessionRow
    from desktop_app.window.frame.parts import Index
ROW = Qt.ItemDataRole.UserRole
_STAR = 13


class ResultsPanel(QWidget):
    """The list of results, and a field that searches it.

    Signals:
        asked: (what is to be done, a code of the menu; id of the result).
    """

    asked = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[SessionRow, ...] = ()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search results")
        self.search.setAccessibleName("Search results")
        self.search.setToolTip("Words of titles, notes, models; #tag for tags; * for starred ones")
        self.search.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.list.setItemDelegate(ResultDelegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.setAccessibleName("Results, newest first")
        kept = "Every finished run is kept here and can be shown again."
        self._empty = EmptyState("history", "No results yet", kept)
        self._nothing = EmptyState("search", "Nothing found", "No result has all of these words.")
        self._stack = QStackedLayout()
        for page in (self._empty, self._nothing, self.list):
            self._stack.addWidget(page)
        above = filled(QHBoxLayout(), self.search, margins=(10, 2, 10, 0))
        filled(QVBoxLayout(self), above, (self._stack, 1), spacing=4)
        self.search.setVisible(False)
        self.search.textChanged.connect(self._fill)
        self.list.itemClicked.connect(self._on_item_chosen)
        self.list.itemActivated.connect(self._on_item_chosen)
        self.setMinimumHeight(120)

    def set_rows(self, rows: Sequence[SessionRow]) -> None:
        """Show the history, given oldest first."""
        self._rows = tuple(rows)
        self.search.setVisible(bool(rows))
        self._fill()

    def select(self, number: int) -> None:
        """Mark the result of that id; a search that hides it is given up."""
        if not self._mark(number) and any(row.id == number for row in self._rows):
            self.search.clear()
            self._mark(number)

    def current_id(self) -> int | None:
        """Return the id of the marked result."""
        index = self.list.currentIndex()
        return int(index.data(ROW).id) if index.isValid() else None

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.list.indexAt(self.list.viewport().mapFromGlobal(event.globalPos()))
        if index.isValid():
            row: SessionRow = index.data(ROW)
            chosen = self.menu_of(row).exec(event.globalPos())
            if chosen is not None:
                self.asked.emit(chosen.data(), row.id)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = self.current_id()
        if event.key() == Qt.Key.Key_Delete and number is not None and self.list.hasFocus():
            self.asked.emit("delete", number)
        else:
            super().keyPressEvent(event)

    def menu_of(self, row: SessionRow) -> QMenu:
        """Return what can be done with a result; each action's data is its code."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
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
            ("delete", "Delete…"),
        ):
            if code:
                menu.addAction(text).setData(code)
            else:
                menu.addSeparator()
        return menu

    def _fill(self) -> None:
        current = self.current_id()
        self.list.clear()
        wanted = self.search.text()
        for row in reversed(self._rows):
            if not matches(row, wanted):
                continue
            item = QListWidgetItem()
            item.setData(ROW, row)
            title, facts = words(row)
            starred = "starred, " if row.star else ""
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{starred}{title}, {facts}")
            lines = [title, facts, moment(row.created, full=True), clipped(row.notes)]
            item.setToolTip(plain_tip("\n".join(line for line in lines if line)))
            self.list.addItem(item)
        if not self._rows:
            self._stack.setCurrentWidget(self._empty)
        else:
            self._stack.setCurrentWidget(self.list if self.list.count() else self._nothing)
        if current is not None:
            self._mark(current)

    def _mark(self, number: int) -> bool:
        for place in range(self.list.count()):
            if self.list.item(place).data(ROW).id == number:
                # Alone, whichever keys are held: by itself Qt heeds those of a shortcut.
                self.list.setCurrentRow(place, QItemSelectionModel.SelectionFlag.ClearAndSelect)
                return True
        return False

    def _on_item_chosen(self, item: QListWidgetItem) -> None:
        self.asked.emit("show", int(item.data(ROW).id))


class ResultDelegate(RowDelegate):
    """Draws a result as an icon, its title, a star where it is marked, and a line of facts."""

    height = 46

    @override
    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: SessionRow = index.data(ROW)
        box, state = option.rect.adjusted(4, 2, -4, -2), option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        ring = chosen and bool(state & QStyle.StateFlag.State_HasFocus)
        paint_ground(painter, box, state, chosen=chosen, ring=ring)
        name = icon_of(row.analysis) if row.analysis in ANALYSES else "history"
        icon(name, "accent").paint(painter, QRect(box.x() + 8, box.y() + 12, 18, 18))
        left, width = box.x() + 36, box.width() - 44
        if row.star:
            width -= _STAR + 5
            place = QRect(left + width + 5, box.y() + 7, _STAR, _STAR)
            icon("star", "warn").paint(painter, place)
        (title, facts), ink = words(row), "warn" if row.id < 0 else "text_muted"
        paint_line(painter, QRect(left, box.y() + 4, width, 19), title, look=(13, "medium"))
        paint_line(painter, QRect(left, box.y() + 22, box.width() - 44, 16), facts, ink, SMALL)


def words(row: SessionRow) -> tuple[str, str]:
    """Return a result's title and its line of facts."""
    facts = [visible(row.model), moment(row.created), *(f"#{visible(tag)}" for tag in row.tags)]
    if row.id < 0:
        facts.insert(0, "in memory only")
    return visible(row.title or kind(row)), clipped(" · ".join(facts))


def kind(row: SessionRow) -> str:
    """Return what the analysis of a result is called."""
    analysis = ANALYSES.get(row.analysis)
    return analysis.title if analysis is not None else visible(row.analysis)


def moment(created: str, *, full: bool = False) -> str:
    """Return when a result was made, in the local time of whoever looks."""
    try:
        when = datetime.fromisoformat(created).astimezone()
    except (ValueError, OverflowError, OSError):
        return visible(created)
    if full:
        return when.strftime("%Y-%m-%d %H:%M:%S")
    today = when.date() == datetime.now().astimezone().date()
    return when.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")


def matches(row: SessionRow, wanted: str) -> bool:
    """Return whether every word that is looked for is in a result's title, notes, tags or facts.

    A `#word` is looked for among the tags alone, and `*` is the star.
    """
    text = "\n".join((row.title, row.notes, kind(row), row.analysis, row.model)).casefold()
    tags = [f"#{tag.casefold()}" for tag in row.tags]
    for word in wanted.casefold().split():
        if word == "*":
            found = row.star
        elif word.startswith("#"):
            found = any(tag.startswith(word) for tag in tags)
        else:
            found = word in text or any(word in tag for tag in tags)
        if not found:
            return False
    return True
