"""Every action of the window by name: one place for menus, buttons, shortcuts and the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence

from desktop_app.widgets.basics.icons import bind_icon

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMenu, QMenuBar, QWidget


@dataclass(frozen=True)
class ActionSpec:
    """What an action is called, where it stands and what it does.

    Attributes:
        key: Its name in the code; a dash starts a new group in the menu.
        menu: The menu that it stands in.
        slot: Called without arguments, or with the new state where the action is checkable.
    """

    key: str
    text: str
    menu: str
    slot: Callable[..., object]
    shortcut: str = ""
    icon: str = ""
    tip: str = ""
    checkable: bool = False
    separated: bool = False


class ActionBook:
    """Makes the actions of a window, and finds them again."""

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self._actions: dict[str, QAction] = {}
        self._specs: dict[str, ActionSpec] = {}

    def add(self, spec: ActionSpec) -> QAction:
        """Make an action; it works from anywhere in the window."""
        action = QAction(spec.text, self._window)
        action.setObjectName(spec.key)
        if spec.shortcut:
            action.setShortcuts([QKeySequence(keys) for keys in spec.shortcut.split(" | ")])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        if spec.icon:
            bind_icon(action, spec.icon)
        if spec.tip:
            action.setStatusTip(spec.tip)
        action.setCheckable(spec.checkable)
        if spec.checkable:
            action.toggled.connect(spec.slot)
        else:
            action.triggered.connect(spec.slot)
        self._window.addAction(action)
        self._actions[spec.key] = action
        self._specs[spec.key] = spec
        return action

    def adopt(self, key: str, menu: str, action: QAction) -> None:
        """Take over an action that was made elsewhere, such as a dock's own."""
        self._actions[key] = action
        self._specs[key] = ActionSpec(key, action.text(), menu, _nothing)

    def __getitem__(self, key: str) -> QAction:
        return self._actions[key]

    def all(self) -> list[tuple[str, QAction]]:
        """Return every action with the name of its menu."""
        return [(self._specs[key].menu, action) for key, action in self._actions.items()]

    def fill(self, bar: QMenuBar) -> None:
        """Put the actions into menus, in the order in which they were made."""
        menus: dict[str, QMenu] = {}
        for key, action in self._actions.items():
            spec = self._specs[key]
            menu = menus.get(spec.menu)
            if menu is None:
                menu = menus[spec.menu] = bar.addMenu(spec.menu)
            elif spec.separated:
                menu.addSeparator()
            menu.addAction(action)


def _nothing() -> None:
    """The action has its own way to act."""
