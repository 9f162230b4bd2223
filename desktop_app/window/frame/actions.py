"""Every action of the window by name, gathered from its rooms for menus, buttons and search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from desktop_app.widgets.basics.icons import bind_icon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PySide6.QtCore import SignalInstance
    from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

MENUS = ("&File", "&Edit", "&Prompts", "&Model", "&Run", "&View", "&Help")
_WITHIN = " > "


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
        submenu: A menu within the menu, such as `Layouts`; within that again after ` > `.
        family: Those of one family come and go together, such as files that were open lately.
        lacks: Why it cannot be chosen on this machine; empty where it can.
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
    submenu: str = ""
    family: str = ""
    lacks: str = ""


def in_menu(menu: str, *rows: tuple[Any, ...]) -> list[ActionSpec]:
    """Return actions of one menu, each row being key, text, order, slot, keys, icon, tip, line."""
    return [ActionSpec(key, text, menu, *rest) for key, text, *rest in rows]


def _place(spec: ActionSpec) -> tuple[int, int]:
    return MENUS.index(spec.menu), spec.order


class ActionBook:
    """Makes the actions of a window, and finds them again.

    What there is more or less of as time goes on (layouts, files that were open lately) is a family
    that `renew` replaces; its places in menus and search follow.
    """

    def __init__(self, window: QWidget, specs: Iterable[ActionSpec]) -> None:
        self._window = window
        self._groups: dict[str, QActionGroup] = {}
        self._menus: dict[str, QMenu] = {}
        self._bar: QMenuBar | None = None
        self._specs = sorted(specs, key=_place)
        self._actions = {spec.key: spec.action or self._make(spec) for spec in self._specs}

    def __getitem__(self, key: str) -> QAction:
        return self._actions[key]

    def __contains__(self, key: str) -> bool:
        return key in self._actions

    def all(self) -> list[tuple[str, QAction]]:
        """Return every action with the name of its menu."""
        return [(spec.menu, self._actions[spec.key]) for spec in self._specs]

    def fill(self, bar: QMenuBar) -> None:
        """Put the actions into menus."""
        self._bar = bar
        for spec in self._specs:
            self._put(spec)

    def renew(self, family: str, specs: Iterable[ActionSpec]) -> None:
        """Put these actions in the place of all that are of a family."""
        gone = [spec for spec in self._specs if spec.family == family]
        for spec in gone:
            self._specs.remove(spec)
            action = self._actions.pop(spec.key)
            self._window.removeAction(action)
            action.deleteLater()
        fresh = [replace(spec, family=family) for spec in specs]
        self._actions |= {spec.key: spec.action or self._make(spec) for spec in fresh}
        self._specs = sorted([*self._specs, *fresh], key=_place)
        if self._bar is not None:
            self._lay_out({spec.menu for spec in (*gone, *fresh)})

    def _lay_out(self, names: set[str]) -> None:
        """Fill some menus anew, in their order."""
        for name in names & self._menus.keys():
            for action in self._menus[name].actions():  # `clear` deletes what others have, too
                self._menus[name].removeAction(action)
        for path in [path for path in self._menus if path.partition(_WITHIN)[0] in names]:
            if _WITHIN in path:
                self._menus.pop(path).deleteLater()
        for spec in self._specs:
            if spec.menu in names:
                self._put(spec)

    def _put(self, spec: ActionSpec) -> None:
        path = f"{spec.menu}{_WITHIN}{spec.submenu}" if spec.submenu else spec.menu
        menu = self._menu(path)
        if spec.separated:
            menu.addSeparator()
        menu.addAction(self._actions[spec.key])

    def _menu(self, path: str) -> QMenu:
        """Return a menu of the bar, or one within another; made where there is none yet."""
        if path not in self._menus:
            above, _, title = path.rpartition(_WITHIN)
            holder = self._menu(above) if above else self._bar
            if holder is None:
                raise RuntimeError("there is no menu bar yet")
            self._menus[path] = holder.addMenu(title)
        return self._menus[path]

    def _make(self, spec: ActionSpec) -> QAction:
        """Make an action; its keys work from anywhere in the window."""
        action = QAction(spec.text, self._window)
        action.setObjectName(spec.key)
        if spec.shortcut:
            action.setShortcuts([QKeySequence(keys) for keys in spec.shortcut.split(" | ")])
        if spec.icon:
            bind_icon(action, spec.icon)
            action.setProperty("icon_name", spec.icon)
        action.setStatusTip(f"{spec.tip}. {spec.lacks}" if spec.lacks else spec.tip)
        action.setEnabled(not spec.lacks)
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
