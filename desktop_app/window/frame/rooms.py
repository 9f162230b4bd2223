"""The keyboard's way from room to room: F6 and back, each time to where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QDockWidget, QWidget
from shiboken6 import isValid

from desktop_app.widgets.basics.tab_order import give_keys, in_reading_order, step, takes_keys
from desktop_app.window.frame.actions import in_menu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QMainWindow

    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.hall import Hall

_BEHIND = ("help", "log")


class RoomWalk(QObject):
    """Goes round rail, prompts, picture, results, inspector, and help and log where they are open.

    A panel behind another's tab comes forward; one that is closed or folded away is passed by.
    """

    def __init__(
        self,
        window: QMainWindow,
        hall: Hall,
        bar: QWidget,
        rail: QWidget,
        docks: Mapping[str, QDockWidget],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._views = hall.views
        self._bar, self._rail = bar, rail
        self._docks = docks
        self._last: dict[str, QWidget] = {}
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus_changed)

    def action_specs(self) -> list[ActionSpec]:
        """Return the steps to the next room and to the one before."""
        return in_menu(
            "&View",
            ("next_room", "Next room", 35, self.next, "F6", "", "Rail, prompts, picture, results"),
            ("previous_room", "Previous room", 35, self.previous, "Shift+F6"),
        )

    def rooms(self) -> dict[str, QWidget]:
        """Return the rooms that can be gone to, in their order."""
        docks = {name: dock for name, dock in self._docks.items() if not dock.isHidden()}
        open_ones = [name for name in docks if name not in {"prompts", *_BEHIND}]
        order = [*(n for n in ("prompts",) if n in docks), "picture", *open_ones]
        order += [name for name in _BEHIND if name in docks]
        views = {"rail": self._rail, "picture": self._views.shown()}
        there = {"rail": self._rail} if not self._rail.isHidden() else {}
        return {**there, **{name: docks.get(name) or views[name] for name in order}}

    def room(self) -> str:
        """Return the room that has the keyboard, or an empty text."""
        return self._room_of(QApplication.focusWidget())

    def next(self) -> None:
        """Give the keyboard to the next room."""
        self._go(1)

    def previous(self) -> None:
        """Give the keyboard to the room before."""
        self._go(-1)

    def enter(self, name: str) -> bool:
        """Give the keyboard to a room; return whether it takes it."""
        room = self.rooms()[name]
        if isinstance(room, QDockWidget):
            room.raise_()
        last = self._last.get(name)
        if last is None or not isValid(last) or not takes_keys(last) or not _is_in(last, room):
            last = self._first(name, room)
        if last is None:
            return False
        give_keys(last, Qt.FocusReason.ShortcutFocusReason)
        return True

    def tab(self, *, forward: bool) -> bool:
        """Go on to what comes next as one reads, room after room; the last leads to the first."""
        order = [part for part in in_reading_order(self._bar) if not self._room_of(part)]
        # Gone through once: what lies in a room is in the order there as by itself.
        rest = [part for part in in_reading_order(self._window) if part not in order]
        for room in self.rooms().values():
            parts = in_reading_order(room) if room.isWindow() else _all_in(room, rest)
            order += [part for part in parts if part not in order]
        return step(order + [part for part in rest if part not in order], forward=forward)

    def _go(self, step: int) -> None:
        names = list(self.rooms())
        here = self.room()
        start = names.index(here) if here in names else -1 if step > 0 else 0
        for away in range(1, len(names) + 1):
            if self.enter(names[(start + step * away) % len(names)]):
                return

    def _first(self, name: str, room: QWidget) -> QWidget | None:
        """Return where a room takes the keyboard first: its list or picture, else any control."""
        inside = room.widget() if isinstance(room, QDockWidget) else room
        if name == "picture":
            inside = self._views.shown().picture_widget()
        for root in (inside, room):
            found = [part for part in in_reading_order(root) if takes_keys(part)]
            lists = [part for part in found if isinstance(part, QAbstractScrollArea)]
            if found:
                return lists[0] if lists and name != "picture" else found[0]
        return None

    def _room_of(self, widget: QWidget | None) -> str:
        if widget is None:
            return ""
        return next((name for name, room in self.rooms().items() if _is_in(widget, room)), "")

    @Slot("QWidget*", "QWidget*")
    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and new.window() is self._window and (name := self._room_of(new)):
            self._last[name] = new


def _all_in(room: QWidget, widgets: list[QWidget]) -> list[QWidget]:
    return [widget for widget in widgets if _is_in(widget, room)]


def _is_in(widget: QWidget, room: QWidget) -> bool:
    return widget is room or room.isAncestorOf(widget)
