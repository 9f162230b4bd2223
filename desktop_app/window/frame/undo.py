"""One stack of what can be undone, wherever the focus is, and the Edit menu.

A text field in which something was typed undoes that first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QUndoCommand, QUndoStack
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenu,
    QMenuBar,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override
from desktop_app.window.frame.actions import ActionSpec, in_menu

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtGui import QAction

    from desktop_app.window.frame.actions import ActionBook
    from desktop_app.window.frame.hall import Hall

_MOST_STEPS = 200
_NAME = 60
_UNDO, _REDO = "Ctrl+Z", "Ctrl+Shift+Z | Ctrl+Y"
_ALL = {
    "undo": [QKeySequence(_UNDO)],
    "redo": [QKeySequence(keys) for keys in _REDO.split(" | ")],
}
_CLIPBOARD = {
    "cut": (Qt.Key.Key_X, "Cut"),
    "copy": (Qt.Key.Key_C, "Copy"),
    "paste": (Qt.Key.Key_V, "Paste"),
    "select_all": (Qt.Key.Key_A, "Select all"),
}


class UndoDesk(QObject):
    """Undoes and does again the steps of all rooms, in the order in which they were made.

    Attributes:
        stack: Where the rooms push their steps.

    Signals:
        stepping: A step is about to be undone or done again: what is being typed becomes one first.
    """

    stepping = Signal()

    def __init__(self, hall: Hall) -> None:
        super().__init__(hall)
        self._hall = hall
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(_MOST_STEPS)
        self._actions: dict[str, QAction] = {}
        self._focus: QWidget | None = None
        self.stack.indexChanged.connect(self._on_index_changed)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus_changed)

    def action_specs(self) -> list[ActionSpec]:
        """Return the Edit menu."""
        slots: Mapping[str, Callable[[], object]] = {
            "cut": self._cut,
            "copy": self._copy,
            "paste": self._paste,
            "select_all": self._select_all,
        }
        return in_menu(
            "&Edit",
            ("undo", "Undo", 10, self.step_back, _UNDO, "undo", "Take the last step back"),
            ("redo", "Redo", 20, self.step_again, _REDO, "redo", "Take the step again"),
            *(
                (
                    *(key, text, 30 + place, slots[key], f"Ctrl+{chr(letter)}", "", ""),
                    key == "cut",
                )
                for place, (key, (letter, text)) in enumerate(_CLIPBOARD.items())
            ),
        )

    def take(self, book: ActionBook) -> None:
        """Take the menu's actions over: their names follow the steps."""
        self._actions = {key: book[key] for key in ("undo", "redo", *_CLIPBOARD)}
        for key in _CLIPBOARD:
            # The menu shows these keys; whatever has the focus answers them itself.
            self._actions[key].setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._name_actions()

    def offer(self) -> dict[str, tuple[str, Callable[[], object]]]:
        """Return the button of a banner that speaks of the step made last."""
        return {"undo": ("Undo", self.step_back)}

    def step_back(self) -> None:
        """Take back what was typed in the field that has the focus, else the last step."""
        field = _field(self._focus)
        if field is not None and _can(field, "undo"):
            field.undo()
            return
        self.stepping.emit()
        self._go("Undid", self.stack.undo, -1)

    def step_again(self) -> None:
        """Do again what was taken back."""
        field = _field(self._focus)
        if field is not None and _can(field, "redo"):
            field.redo()
            return
        self.stepping.emit()
        self._go("Did again:", self.stack.redo, 0)

    def forget(self, kind: type[QUndoCommand]) -> None:
        """Take steps of a kind for done with: they can no longer be undone."""
        for place in range(self.stack.count()):
            command = self.stack.command(place)
            if isinstance(command, kind):
                command.setObsolete(True)
        self._name_actions()

    def _go(self, said: str, move: Callable[[], None], side: int) -> None:
        """Go one step; those that are done with are passed over."""
        place = self._next(side)
        if place is None:
            self._hall.say(f"There is nothing to {'undo' if side else 'redo'}.", "info")
            return
        words = self.stack.text(place)
        for _ in range(abs(place - side - self.stack.index()) + 1):
            move()
        self._hall.say(f"{said} {words}.", "info")

    def _next(self, side: int) -> int | None:
        """Return the place of the next step that is not done with: before the index, or from it."""
        index = self.stack.index()
        order = range(index - 1, -1, -1) if side else range(index, self.stack.count())
        for place in order:
            if not self.stack.command(place).isObsolete():
                return place
        return None

    def _on_index_changed(self) -> None:
        # A banner's button speaks of the step that was the last when it came.
        self._hall.withdraw("undo")
        self._name_actions()

    def _name_actions(self) -> None:
        field = _field(self._focus)
        for key, side in (("undo", -1), ("redo", 0)):
            action = self._actions.get(key)
            if action is None:
                continue
            place, own = self._next(side), field is not None and _can(field, key)
            named = "" if place is None else f" {clipped(self.stack.text(place), _NAME)}"
            words = " typing" if own else named
            action.setText(f"{key.capitalize()}{words.replace('&', '&&')}")
            action.setEnabled(own or place is not None)

    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        if new is None or isinstance(new, (QMenu, QMenuBar)):
            return
        if self._focus is not None:
            self._focus.removeEventFilter(self)
            self._focus.destroyed.disconnect(self._on_destroyed)
        self._focus = new
        new.destroyed.connect(self._on_destroyed)
        if _field(new) is not None:
            new.installEventFilter(self)
        self._name_actions()

    def _on_destroyed(self) -> None:
        self._focus = None

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let a field that has nothing of its own to undo leave the key to the window."""
        kinds = {QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress}
        if event.type() in kinds and isinstance(event, QKeyEvent) and watched is self._focus:
            key = _asked(event)
            field = _field(self._focus)
            if key and field is not None:
                return self._answer(key, field, event)
        return super().eventFilter(watched, event)

    def _answer(self, key: str, field: QLineEdit | QPlainTextEdit, event: QKeyEvent) -> bool:
        own = _can(field, key)
        if event.type() == QEvent.Type.ShortcutOverride:
            event.setAccepted(own)
        elif own:
            (field.undo if key == "undo" else field.redo)()
        self._name_actions()
        return event.type() == QEvent.Type.ShortcutOverride or own

    # Whatever has the focus answers these as it answers their keys.

    def _cut(self) -> None:
        self._press("cut")

    def _copy(self) -> None:
        self._press("copy")

    def _paste(self) -> None:
        self._press("paste")

    def _select_all(self) -> None:
        self._press("select_all")

    def _press(self, key: str) -> None:
        if self._focus is None:
            return
        letter, control = _CLIPBOARD[key][0], Qt.KeyboardModifier.ControlModifier
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(self._focus, QKeyEvent(kind, letter, control))


def _asked(event: QKeyEvent) -> str:
    """Return what a key asks for: `undo`, `redo` or nothing."""
    pressed = QKeySequence(event.keyCombination())
    return next((key for key, sequences in _ALL.items() if pressed in sequences), "")


def _field(widget: QWidget | None) -> QLineEdit | QPlainTextEdit | None:
    """Return the text that one types into where a widget has the focus, or None."""
    field: object = widget
    if isinstance(widget, QAbstractSpinBox):
        field = widget.findChild(QLineEdit)
    elif isinstance(widget, QComboBox):
        field = widget.lineEdit()
    if isinstance(field, (QLineEdit, QPlainTextEdit, QTextEdit)) and not field.isReadOnly():
        return field  # type: ignore[return-value]  # a QTextEdit has the same names
    return None


def _can(field: QLineEdit | QPlainTextEdit, key: str) -> bool:
    """Return whether a field has something of its own to undo, or to do again."""
    owner = field if isinstance(field, QLineEdit) else field.document()
    return owner.isUndoAvailable() if key == "undo" else owner.isRedoAvailable()
