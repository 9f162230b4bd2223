"""The search over all actions: type a few letters, choose, done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import set_role, theme_hub

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

    from desktop_app.window.frame.actions import ActionBook

_ACTION = Qt.ItemDataRole.UserRole
_MENU = Qt.ItemDataRole.UserRole + 1
_ROW_HEIGHT = 32
_SHOWN_ROWS = 12
Index = QModelIndex | QPersistentModelIndex


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


class _ActionDelegate(QStyledItemDelegate):
    """Draws an action's icon, name, menu and shortcut on one line."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Return the height of a row."""
        return QSize(200, _ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        action: QAction = index.data(_ACTION)
        theme = theme_hub().current
        area = option.rect
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            chosen = bool(state & QStyle.StateFlag.State_Selected)
            painter.setBrush(theme.color("accent_soft" if chosen else "hover"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(area.adjusted(4, 1, -4, -1), 5, 5)
        box = area.adjusted(14, 0, -14, 0)
        if not action.icon().isNull():
            action.icon().paint(painter, box.x(), box.y() + 8, 16, 16)
        painter.setPen(theme.color("text" if action.isEnabled() else "text_muted"))
        painter.setFont(ui_font(13))
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        name = action.text().replace("&", "")
        painter.drawText(box.adjusted(26, 0, 0, 0), left, name)
        width = painter.fontMetrics().horizontalAdvance(name)
        painter.setPen(theme.color("text_muted"))
        painter.setFont(ui_font(11))
        painter.drawText(box.adjusted(26 + width + 10, 0, 0, 0), left, str(index.data(_MENU)))
        painter.drawText(box, right, action.shortcut().toString())
        painter.restore()


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
        column = QVBoxLayout(self._popup)
        column.setContentsMargins(0, 4, 0, 4)
        column.addWidget(self.list)
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
