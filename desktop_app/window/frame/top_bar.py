"""The bar at the top: which model, run, stop, and the search over all actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.support.sizes import human_bytes
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.job_bar import duration
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.messages import Badge
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_on_button, plain_tip
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.frame.parts import (
    SMALL,
    RowDelegate,
    action_tip,
    human_count,
    paint_ground,
    paint_line,
)

if TYPE_CHECKING:
    from PySide6.QtGui import QAction, QFocusEvent, QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem

    from desktop_app.contract.requests import ModelReady, Parity
    from desktop_app.window.frame.actions import ActionBook, ActionSpec
    from desktop_app.window.frame.parts import Index

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
        box.setLeft(box.left() + 26)
        ink = "text" if action.isEnabled() else "text_muted"
        width = paint_line(painter, box, str(index.data()), ink)
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
        self.textEdited.connect(self._show_matches)
        self.list.itemClicked.connect(self._on_item_clicked)

    def open(self) -> None:
        """Take the keyboard and list everything."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()
        self._show_matches()

    def matches(self) -> list[str]:
        """Return the names listed now."""
        return [self.list.item(place).text() for place in range(self.list.count())]

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
        if escapes and event.type() == QEvent.Type.ShortcutOverride and self.is_open():
            event.accept()  # closes the list; it must not also stop the job
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape:
                self.close_list()
                self.window().setFocus()
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
                super().keyPressEvent(event)

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
        self._popup.move(self.mapToGlobal(QPoint(self.width() - width, self.height() + 4)))
        self._popup.setVisible(rows > 0)

    def _on_item_clicked(self, item: QListWidgetItem) -> None:
        action: QAction = item.data(_ACTION)
        self.close_list()
        self.clearFocus()
        if action.isEnabled():
            action.trigger()


class TopBar(QFrame):
    """Model button with parity badge, Run and Stop, search."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "bar")
        self.model_button = QPushButton("No model")
        set_role(self.model_button, "model")
        self.model_button.setMinimumHeight(32)
        self.model_button.setIconSize(QSize(16, 16))
        bind_icon(self.model_button, "model", "accent")
        self.badge = Badge("", "good", "")
        self.badge.hide()
        self.search = SearchBox()
        parts = (self.model_button, self.badge, 8, None, (self.search, 2))
        self._line = filled(QHBoxLayout(self), *parts, margins=(10, 6, 10, 6), spacing=8)
        self.show_no_model()

    def action_specs(self) -> list[ActionSpec]:
        """Return the search."""
        return in_menu(
            "&View", ("search", "Search actions", 20, self.search.open, "Ctrl+K", "search")
        )

    def take(self, book: ActionBook) -> None:
        """Put Run and Stop beside the model, and all actions into the search."""
        self._line.insertWidget(3, _button(book["run"], "primary"))
        self._line.insertWidget(4, _button(book["stop"], ""))
        self.search.book = book

    def show_no_model(self) -> None:
        """Say that no model is open."""
        self._say("Choose a model", "No model is open. Press to choose one.")
        self.badge.hide()

    def show_viewer(self) -> None:
        """Say that this installation can only show sessions."""
        self._say("Viewer", "This installation shows sessions; press to read what runs models.")

    def show_loading(self, name: str) -> None:
        """Say that a model is on its way."""
        self._say(f"Loading {name} …", f"{name} is being loaded; press to choose another model.")

    def show_model(self, ready: ModelReady) -> None:
        """Show the open model and how closely it follows plain Hugging Face."""
        info = ready.info
        size = human_bytes(ready.memory_bytes)
        tip = (
            f"{info.name}: {info.architecture}, {human_count(info.parameters)} parameters\n"
            f"{info.n_layers} layers × {info.n_heads} heads"
            f" ({info.n_kv_heads} key-value), d_model {info.d_model}, context {info.n_ctx:,}\n"
            f"on {info.device} as {info.dtype}, weights {info.weights}; loaded in "
            f"{duration(ready.seconds)}\nPress to choose another model."
        )
        self._say(f"{info.name} · {info.device} · {info.dtype} · {size}", tip)
        self._show_parity(ready.parity)

    def _say(self, text: str, tip: str) -> None:
        self.model_button.setText(f"{plain_on_button(text)}  ▾")
        self.model_button.setToolTip(plain_tip(tip))
        self.model_button.setAccessibleName(f"Model: {text}")

    def _show_parity(self, parity: Parity) -> None:
        measured = (
            ("to plain Hugging Face", parity.max_logprob_difference),
            ("left-padded against alone", parity.left_padding_difference),
            ("with one pad token", parity.single_pad_difference),
        )
        lines = [
            "Largest difference of log-probabilities, measured after loading:",
            *(f"{name} {value:.1e}" for name, value in measured if value is not None),
            f"equal means below {parity.tolerance:.0e}",
        ]
        failed = [value for _words, value in parity.failed()]
        text = f"parity off by {max(failed):.0e}" if failed else "✓ parity"
        self.badge.set_badge(text, "good" if parity.ok else "bad", "\n".join(lines))
        self.badge.show()


def _button(action: QAction, role: str) -> QPushButton:
    """Return a push button that stands for an action."""
    button = QPushButton(action.text().replace("&", ""))
    button.setMinimumHeight(32)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if role:
        set_role(button, role)
    bind_icon(button, action.objectName(), "accent_text" if role == "primary" else None)
    button.setToolTip(plain_tip(action_tip(action)))
    button.setAccessibleName(button.text())
    button.clicked.connect(action.trigger)
    button.setEnabled(action.isEnabled())
    action.enabledChanged.connect(button.setEnabled)
    return button
