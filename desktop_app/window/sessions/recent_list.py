"""The sessions of late: what they are called where they are offered, and the panel of a start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedLayout,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import icon
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.window.frame.parts import (
    SMALL,
    RowDelegate,
    elided_folder,
    paint_ground,
    paint_line,
)
from desktop_app.window.prompts.prompt_model import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent, QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem

    from desktop_app.window.frame.parts import Index

_RECENT = Qt.ItemDataRole.UserRole
_ROW = 40


@dataclass(frozen=True)
class Recent:
    """A session of late.

    Attributes:
        path: Its file.
        is_there: Whether the file was there when it was last looked for.
    """

    path: str
    is_there: bool = True

    @property
    def name(self) -> str:
        """What it is called."""
        return visible(Path(self.path).stem)

    @property
    def folder(self) -> str:
        """Where it lies, its middle left out where that is long."""
        return visible(elided_folder(self.path))

    def words(self) -> str:
        """Return both in one line."""
        missing = "" if self.is_there else " (missing)"
        return f"{self.name}{missing}  ·  {self.folder}"


class _RecentDelegate(RowDelegate):
    """Draws a session's name and, beneath, where it lies or that it is missing."""

    height = _ROW

    @override
    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        recent: Recent = index.data(_RECENT)
        box, state = option.rect.adjusted(2, 1, -2, -1), option.state
        ring = bool(state & QStyle.StateFlag.State_HasFocus)
        paint_ground(painter, box, state, chosen=False, ring=ring)
        mark = icon("history" if recent.is_there else "warning", "accent")
        area = box.adjusted(8, 0, 0, 0)
        mark.paint(painter, area.x(), box.y() + 11, 16, 16)
        ink = "text" if recent.is_there else "text_muted"
        name = area.adjusted(26, 1, -8, 0)
        name.setHeight(19)
        paint_line(painter, name, recent.name, ink, (13, "medium"))
        facts = name.translated(0, 18)
        facts.setHeight(16)
        told = recent.folder if recent.is_there else f"missing · {recent.folder}"
        paint_line(painter, facts, told, "text_muted" if recent.is_there else "warn", SMALL)


class RecentList(QListWidget):
    """Sessions of late, one a line; a click or Enter opens, Delete takes one off the list.

    Signals:
        chosen: The path of a session that is to be opened.
        forgotten: The path of one that is to be taken off the list.
    """

    chosen = Signal(str)
    forgotten = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setItemDelegate(_RecentDelegate(self))
        self.setMouseTracking(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Recent sessions")
        self.itemClicked.connect(self._on_item_chosen)

    def show_recent(self, found: Sequence[Recent]) -> None:
        """List sessions, the one of last at first."""
        row = self.currentRow()
        self.clear()
        for recent in found:
            item = QListWidgetItem()
            item.setData(_RECENT, recent)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, recent.words())
            item.setToolTip(plain_tip(visible(recent.path)))
            self.addItem(item)
        self.setCurrentRow(max(0, min(row, self.count() - 1)))

    def texts(self) -> list[str]:
        """Return what is listed."""
        items = (self.item(place) for place in range(self.count()))
        return [item.data(_RECENT).words() for item in items]

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if index.isValid() and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.chosen.emit(index.data(_RECENT).path)
        elif index.isValid() and event.key() == Qt.Key.Key_Delete:
            self.forgotten.emit(index.data(_RECENT).path)
        else:
            super().keyPressEvent(event)

    def _on_item_chosen(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(_RECENT).path)


class StartPanel(QWidget):
    """Stands in the place of the results while there are none: the sessions of late.

    Signals:
        open_clicked: A session is to be looked for on the disk.
    """

    open_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        kept = "Every finished run is kept here and can be shown again."
        self.recent = RecentList()
        self._empty = EmptyState("history", "No results yet", kept)
        self._open = QPushButton("Open session…")
        set_role(self._open, "quiet")
        self._open.clicked.connect(self.open_clicked)
        above = filled(QHBoxLayout(), (label("Recent sessions", "heading"), 1), self._open)
        self._listed = QWidget()
        told = label(f"No results yet. {kept}", "small", wrap=True)
        parts = (told, above, (self.recent, 1))
        filled(QVBoxLayout(self._listed), *parts, margins=(10, 4, 8, 4), spacing=4)
        self._stack = QStackedLayout(self)
        for page in (self._empty, self._listed):
            self._stack.addWidget(page)

    def show_recent(self, found: Sequence[Recent]) -> None:
        """List the sessions of late; without any, say what will stand here."""
        self.recent.show_recent(found)
        self._stack.setCurrentWidget(self._listed if found else self._empty)
