"""The line of the search, and below it what was found; it asks others what there is to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import icon
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.theme import set_role
from desktop_app.window.frame.parts import SMALL, RowDelegate, paint_ground, paint_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QFocusEvent, QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem

    from desktop_app.window.frame.found import Found
    from desktop_app.window.frame.parts import Index

_FOUND = Qt.ItemDataRole.UserRole
_ROW_HEIGHT = 32
_SHOWN_ROWS, _MOST_ROWS = 12, 200
_WIDTH = 620
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


class _FoundDelegate(RowDelegate):
    """Draws icon, name and more words of what was found; at the right its keys and what it is."""

    height = _ROW_HEIGHT

    @override
    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        found: Found | None = index.data(_FOUND)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        paint_ground(painter, option.rect.adjusted(4, 1, -4, -1), option.state, chosen=chosen)
        box = option.rect.adjusted(14, 0, -14, 0)
        if found is None:
            paint_line(painter, box, str(index.data()), "text_muted")
            return
        if found.icon:
            icon(found.icon).paint(painter, box.x(), box.y() + 8, 16, 16)
        box.setLeft(box.left() + 26)
        said = f"{found.keys}    {found.kind}" if found.keys else found.kind
        taken = paint_line(painter, box, said, "text_muted", SMALL, _RIGHT)
        room = box.adjusted(0, 0, -taken - 14, 0)
        ink = "text" if found.choose is not None else "text_muted"
        width = paint_line(painter, room, found.text, ink)
        more = QRect(room.adjusted(width + 12, 0, 0, 0))
        if found.detail and more.width() > 40:
            paint_line(painter, more, found.detail, "text_muted", SMALL)


class SearchBox(QLineEdit):
    """A line that lists below itself what answers to what is typed.

    Attributes:
        finder: Gives what answers to a query, best first.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.finder: Callable[[str], Sequence[Found]] = _nothing
        self._before: QWidget | None = None
        self.setPlaceholderText("Search  (Ctrl+K)")
        self.setAccessibleName("Search")
        self.setToolTip("Actions, analyses, settings, exports, help, heads, prompts and results")
        self.setClearButtonEnabled(True)
        self.setMinimumWidth(180)
        self.setMaximumWidth(420)
        self._popup = QFrame(self, Qt.WindowType.ToolTip)
        set_role(self._popup, "card")
        self.list = QListWidget()
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setItemDelegate(_FoundDelegate(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.setMinimumSize(1, 1)
        self.list.setAccessibleName("What was found")
        filled(QVBoxLayout(self._popup), self.list, margins=(0, 4, 0, 4))
        self.textEdited.connect(self._show_found)
        self.list.itemClicked.connect(self._on_item_clicked)

    def open(self) -> None:
        """Take the keyboard and list everything."""
        before = QApplication.focusWidget()
        if before is not self:
            self._before = before
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()
        self._show_found()

    def matches(self) -> list[str]:
        """Return what is listed now, by name."""
        return [self.list.item(place).text() for place in range(self.list.count())]

    def kinds(self) -> list[str]:
        """Return what each of what is listed is."""
        found = (self.list.item(place).data(_FOUND) for place in range(self.list.count()))
        return [one.kind for one in found if one is not None]

    def details(self) -> list[str]:
        """Return the words behind the names."""
        found = (self.list.item(place).data(_FOUND) for place in range(self.list.count()))
        return [one.detail for one in found if one is not None]

    def is_open(self) -> bool:
        """Return whether the list is shown."""
        return self._popup.isVisible()

    def close_list(self) -> None:
        """Hide the list and forget what was typed."""
        self._popup.hide()
        self.clear()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._popup.hide()
        super().focusOutEvent(event)

    @override
    def event(self, event: QEvent) -> bool:
        escapes = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if escapes and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # it closes the search and does nothing else
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape:
                self.close_list()
                self._give_focus_back()
            case Qt.Key.Key_Down | Qt.Key.Key_Up:
                if not self.is_open():
                    self._show_found()
                self._step(1 if event.key() == Qt.Key.Key_Down else -1)
            case Qt.Key.Key_PageDown | Qt.Key.Key_PageUp:
                pages = 1 if event.key() == Qt.Key.Key_PageDown else -1
                row = self.list.currentRow() + pages * _SHOWN_ROWS
                self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                if self.is_open():
                    self._on_item_clicked(self.list.currentItem())
            case _:
                super().keyPressEvent(event)

    def _step(self, step: int) -> None:
        count = max(1, self.list.count())
        self.list.setCurrentRow((self.list.currentRow() + step) % count)

    def _show_found(self) -> None:
        query = self.text()
        self.list.clear()
        for found in self.finder(query)[:_MOST_ROWS]:
            item = QListWidgetItem(found.text)
            item.setData(_FOUND, found)
            told = ", ".join(filter(None, (found.text, found.detail, found.kind, found.keys)))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, told)
            item.setToolTip("")
            self.list.addItem(item)
        if not self.list.count():
            nothing = QListWidgetItem(f"Nothing is called “{query.strip()[:60]}”.")
            nothing.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.list.addItem(nothing)
        else:
            self.list.setCurrentRow(0)
        self.setAccessibleDescription(self.list.item(0).text())
        self._place()

    def _place(self) -> None:
        """Put the list below the line, within the window."""
        rows = min(self.list.count(), _SHOWN_ROWS)
        width = min(max(self.width(), _WIDTH), self.window().width() - 16)
        self._popup.resize(width, rows * _ROW_HEIGHT + 12)
        left = self.mapTo(self.window(), QPoint(self.width() - width, 0)).x()
        right_shift = max(0, 8 - left)
        corner = QPoint(self.width() - width + right_shift, self.height() + 4)
        self._popup.move(self.mapToGlobal(corner))
        self._popup.show()

    def _give_focus_back(self) -> None:
        before, self._before = self._before, None
        there = before is not None and isValid(before) and before.isVisible()
        (before if there else self.window()).setFocus()  # type: ignore[union-attr]

    def _on_item_clicked(self, item: QListWidgetItem | None) -> None:
        found: Found | None = None if item is None else item.data(_FOUND)
        if found is None or found.choose is None:
            return
        self.close_list()
        self.clearFocus()
        found.choose()


def _nothing(_query: str) -> Sequence[Found]:
    return ()
