"""Every action of the window by name, gathered from its rooms for menus, buttons and search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from desktop_app.widgets.basics.icons import bind_icon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PySide6.QtCore import SignalInstance
    from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

MENUS = ("&File", "&Prompts", "&Model", "&Run", "&View", "&Help")


@dataclass(frozen=True)
class ActionSpec:
    """What an action of a room is called, where it stands and what it does.

    Attributes:
        key: Its name in the code.
        text: What the menu says.
        menu: The menu that it stands in.
        order: Its place there; those of one place stand as they were given.
        slot: Called without arguments.
        shortcut: Its keys, several with ` | ` between.
        icon: The name of its icon.
        tip: One sentence.
        separated: Whether a line stands above it.
        group: Those of one group exclude each other.
        chosen: Whether it is the one of its group that holds.
        follows: A signal of a bool that enables it; disabled at first.
        action: Where it was made elsewhere, such as a dock's own.
    """

    key: str
    text: str
    menu: str
    order: int
    slot: Callable[[], object] | None = None
    shortcut: str = ""
    icon: str = ""
    tip: str = ""
    separated: bool = False
    group: str = ""
    chosen: bool = False
    follows: SignalInstance | None = None
    action: QAction | None = None


def in_menu(menu: str, *rows: tuple[Any, ...]) -> list[ActionSpec]:
    """Return actions of one menu, each row being key, text, order, slot, keys, icon, tip, line."""
    return [ActionSpec(key, text, menu, *rest) for key, text, *rest in rows]


class ActionBook:
    """Makes the actions of a window, and finds them again."""

    def __init__(self, window: QWidget, specs: Iterable[ActionSpec]) -> None:
        self._window = window
        self._groups: dict[str, QActionGroup] = {}
        self._specs = sorted(specs, key=lambda spec: (MENUS.index(spec.menu), spec.order))
        self._actions = {spec.key: spec.action or self._make(spec) for spec in self._specs}

    def __getitem__(self, key: str) -> QAction:
        return self._actions[key]

    def all(self) -> list[tuple[str, QAction]]:
        """Return every action with the name of its menu."""
        return [(spec.menu, self._actions[spec.key]) for spec in self._specs]

    def fill(self, bar: QMenuBar) -> None:
        """Put the actions into menus."""
        menus: dict[str, QMenu] = {}
        for spec in self._specs:
            if spec.menu not in menus:
                menus[spec.menu] = bar.addMenu(spec.menu)
            if spec.separated:
                menus[spec.menu].addSeparator()
            menus[spec.menu].addAction(self._actions[spec.key])

    def _make(self, spec: ActionSpec) -> QAction:
        """Make an action; its keys work from anywhere in the window."""
        action = QAction(spec.text, self._window)
        action.setObjectName(spec.key)
        if spec.shortcut:
            action.setShortcuts([QKeySequence(keys) for keys in spec.shortcut.split(" | ")])
        if spec.icon:
            bind_icon(action, spec.icon)
            action.setProperty("icon_name", spec.icon)
        action.setStatusTip(spec.tip)
        if spec.group:
            action.setCheckable(True)
            action.setChecked(spec.chosen)
            self._groups.setdefault(spec.group, QActionGroup(self._window)).addAction(action)
        if spec.slot is not None:
            action.triggered.connect(spec.slot)
        if spec.follows is not None:
            action.setEnabled(False)
            spec.follows.connect(action.setEnabled)
        self._window.addAction(action)
        return action
