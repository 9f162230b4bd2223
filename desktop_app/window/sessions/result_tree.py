"""How the history is drawn and how keys move in it: headings that fold, and results beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QTreeWidget,
)

from desktop_app.contract.registry import ANALYSES
from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import icon, icon_of
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.window.frame.parts import SMALL, RowDelegate, paint_ground, paint_line
from desktop_app.window.sessions.entries import entry_words

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QPainter, QResizeEvent
    from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

    from desktop_app.window.frame.parts import Index
    from desktop_app.window.sessions.entries import Entry, Group

ENTRY = Qt.ItemDataRole.UserRole
GROUP = Qt.ItemDataRole.UserRole + 1
SHOWN = Qt.ItemDataRole.UserRole + 2
_STAR = 13
_HEADING, _ENTRY = 30, 42
_LEFT = 30


class ResultTree(QTreeWidget):
    """A tree of two floors that is drawn as one list; Left and Right fold, Enter shows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderHidden(True)
        self.setColumnCount(1)
        self.setIndentation(0)
        self.setRootIsDecorated(False)
        self.setExpandsOnDoubleClick(False)  # a click folds; the second would undo it
        self.setItemDelegate(ResultDelegate(self))
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Results by analysis, newest first")

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scrollTo(self.currentIndex())  # what is on screen stays in sight here

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        heading = item.parent() if item is not None else None
        is_heading = item is not None and heading is None
        enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}
        if item is not None and is_heading and enter:
            item.setExpanded(not item.isExpanded())
        elif item is not None and enter and not event.modifiers():
            self.itemActivated.emit(item, 0)
        elif event.key() == Qt.Key.Key_Left and heading is not None:
            self.setCurrentItem(heading)
        else:
            super().keyPressEvent(event)


class ResultDelegate(RowDelegate):
    """Draws a heading as icon, name and count; a result as its name, a star, a line of facts."""

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, _ENTRY if index.parent().isValid() else _HEADING)

    @override
    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        if index.parent().isValid():
            self._paint_entry(painter, option, index)
        else:
            self._paint_heading(painter, option, index)

    @staticmethod
    def _paint_heading(painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        group: Group = index.data(GROUP)
        box, state = option.rect.adjusted(4, 1, -4, -1), option.state
        is_open = bool(state & QStyle.StateFlag.State_Open)
        # Of a group that is folded the heading stands for what is beneath.
        chosen = index.data(SHOWN) is not None and not is_open
        ring = bool(state & QStyle.StateFlag.State_HasFocus)
        paint_ground(painter, box, state, chosen=chosen, ring=ring)
        arrow = icon("chevron-down" if is_open else "chevron-right", "text_muted")
        arrow.paint(painter, QRect(box.x() + 4, box.y() + 8, 12, 12))
        name = icon_of(group.analysis) if group.analysis in ANALYSES else "history"
        icon(name, "accent").paint(painter, QRect(box.x() + 20, box.y() + 6, 16, 16))
        left, right = box.x() + 42, 44
        title = QRect(left, box.y(), box.width() - left + box.x() - right, box.height())
        paint_line(painter, title, group.title, look=(13, "semibold"))
        count = QRect(box.right() - right, box.y(), right - 6, box.height())
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        paint_line(painter, count, f"{len(group.entries):,}", "text_muted", SMALL, align)

    def _paint_entry(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: Entry = index.data(ENTRY)
        tree = self.parent()
        shown = index.data(SHOWN)
        row = entry.row(shown)
        box, state = option.rect.adjusted(4, 1, -4, -1), option.state
        several = isinstance(tree, QTreeWidget) and len(tree.selectedIndexes()) > 1
        marked = several and bool(state & QStyle.StateFlag.State_Selected)
        ring = marked or bool(state & QStyle.StateFlag.State_HasFocus)
        paint_ground(painter, box, state, chosen=shown is not None, ring=ring)
        if shown is not None:
            bar = QRect(box.x() + 2, box.y() + 7, 3, box.height() - 14)
            painter.setPen(QPen(Qt.PenStyle.NoPen))
            painter.setBrush(theme_hub().current.color("accent"))
            painter.drawRoundedRect(bar, 1.5, 1.5)
        if marked:
            icon("check", "accent").paint(painter, QRect(box.x() + 10, box.y() + 5, 14, 14))
        left, width = box.x() + _LEFT, box.width() - _LEFT - 8
        if row.star:
            place = QRect(left + width - _STAR, box.y() + 5, _STAR, _STAR)
            icon("star", "warn").paint(painter, place)
        named = width - (_STAR + 5 if row.star else 0)
        (title, facts), ink = entry_words(entry, row.id), "warn" if row.id < 0 else "text_muted"
        paint_line(painter, QRect(left, box.y() + 2, named, 19), title, look=(13, "medium"))
        paint_line(painter, QRect(left, box.y() + 21, width, 16), facts, ink, SMALL)
