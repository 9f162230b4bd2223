"""The search over all actions: type a few letters, choose, done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from desktop_app.widgets.basics.theme import set_role
from desktop_app.window.frame.parts import filled
from desktop_app.window.frame.rows import SMALL, RowDelegate, paint_ground, paint_line

if TYPE_CHECKING:
    from PySide6.QtGui import QAction, QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem

    from desktop_app.window.frame.actions import ActionBook
    from desktop_app.window.frame.rows import Index

_ACTION = Qt.ItemDataRole.UserRole
_MENU = Qt.ItemDataRole.UserRole + 1
_ROW_HEIGHT = 32
_SHOWN_ROWS = 12


def match_score(query: str, text: str) -> int | None:
    """Return how well a text answers a query, smaller is better, None where it does not.

    Whole words first, then parts of words, then the letters in their order.
    """
    needle, hay = query.lower().strip(), text.lower()
    if not needle:
        return 100
    if hay.startswith(needle):
        return 0
    words = needle.split()
    if all(any(part.startswith(w) for part in hay.split()) for w in words):
        return 1
    if all(w in hay for w in words):
        return 2
    letters = iter(hay)
    return 3 if all(c in letters for c in needle.replace(" ", "")) else None


class _ActionDelegate(RowDelegate):
    """Draws an action's icon, name, menu and shortcut on one line."""

    height = _ROW_HEIGHT

    @override
    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        action: QAction = index.data(_ACTION)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        paint_ground(painter, option.rect.adjusted(4, 1, -4, -1), option.state, chosen=chosen)
        box = option.rect.adjusted(14, 0, -14, 0)
        if not action.icon().isNull():
            action.icon().paint(painter, box.x(), box.y() + 8, 16, 16)
        ink, name = "text" if action.isEnabled() else "text_muted", action.text().replace("&", "")
        box.setLeft(box.left() + 26)
        width = paint_line(painter, box, name, ink)
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        keys = action.shortcut().toString()
        paint_line(painter, box, keys, "text_muted", SMALL, right)
        menu = box.adjusted(width + 10, 0, 0, 0)
        paint_line(painter, menu, str(index.data(_MENU)), "text_muted", SMALL)


class SearchBox(QLineEdit):
    """A line that lists the actions that match what is typed below itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.book: ActionBook | None = None
        self.setPlaceholderText("Search actions  (Ctrl+K)")
        self.setAccessibleName("Search actions")
        self.setClearButtonEnabled(True)
        self.setMinimumWidth(180)
        self.setMaximumWidth(420)
        self._popup = QFrame(self, Qt.WindowType.ToolTip)
        set_role(self._popup, "panel")
        self.list = QListWidget()
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setItemDelegate(_ActionDelegate(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName("Matching actions")
        filled(QVBoxLayout(self._popup), self.list, margins=(0, 4, 0, 4))
        self.textEdited.connect(self._on_text_edited)
        self.list.itemClicked.connect(self._on_item_clicked)
        self.installEventFilter(self)

    def open(self) -> None:
        """Take the keyboard and list everything."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()
        self._show_matches()

    def matches(self) -> list[str]:
        """Return the names listed now."""
        return [
            self.list.item(i).data(_ACTION).text().replace("&", "")
            for i in range(self.list.count())
        ]

    def is_open(self) -> bool:
        """Return whether the list is shown."""
        return self._popup.isVisible()

    def close_list(self) -> None:
        """Hide the list and forget what was typed."""
        self._popup.hide()
        self.clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys that belong to the list, while the line keeps the keyboard."""
        if watched is self and event.type() == QEvent.Type.FocusOut:
            self._popup.hide()
        if watched is self and event.type() == QEvent.Type.ShortcutOverride and self.is_open():
            key = event.key() if isinstance(event, QKeyEvent) else 0
            if key == Qt.Key.Key_Escape:  # closes the list; it must not also stop the job
                event.accept()
                return True
        if watched is self and isinstance(event, QKeyEvent) and self._takes(event):
            return True
        return super().eventFilter(watched, event)

    def _takes(self, event: QKeyEvent) -> bool:
        if event.type() != QEvent.Type.KeyPress:
            return False
        match event.key():
            case Qt.Key.Key_Escape:
                self.close_list()
                parent = self.window()
                parent.setFocus()
            case Qt.Key.Key_Down | Qt.Key.Key_Up:
                if not self.is_open():
                    self._show_matches()
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                count = max(1, self.list.count())
                self.list.setCurrentRow((self.list.currentRow() + step) % count)
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                item = self.list.currentItem()
                if item is not None:
                    self._on_item_clicked(item)
            case _:
                return False
        return True

    def _on_text_edited(self) -> None:
        self._show_matches()

    def _show_matches(self) -> None:
        found = []
        for place, (menu, action) in enumerate(self.book.all() if self.book else ()):
            name = action.text().replace("&", "")
            score = match_score(self.text(), name)
            if score is None and self.text():
                in_menu = match_score(self.text(), f"{menu.replace('&', '')} {name}")
                score = None if in_menu is None or in_menu == 3 else in_menu + 4
            if score is not None:
                found.append((score, place, menu.replace("&", ""), action))
        self.list.clear()
        for _, _, menu, action in sorted(found, key=lambda f: f[:2]):
            item = QListWidgetItem(action.text().replace("&", ""))
            item.setData(_ACTION, action)
            item.setData(_MENU, menu)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        rows = min(self.list.count(), _SHOWN_ROWS)
        width = max(self.width(), 400)
        self._popup.resize(width, rows * _ROW_HEIGHT + 12)
        corner = self.mapToGlobal(QPoint(self.width() - width, self.height() + 4))
        self._popup.move(corner)
        self._popup.setVisible(rows > 0)

    def _on_item_clicked(self, item: QListWidgetItem) -> None:
        action: QAction = item.data(_ACTION)
        self.close_list()
        self.clearFocus()
        if action.isEnabled():
            action.trigger()
