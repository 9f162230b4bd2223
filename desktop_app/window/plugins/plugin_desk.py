"""Carries the wishes of the plug-ins' dialog out, and lets what is switched on into the window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from desktop_app.contract.registry import ANALYSES
from desktop_app.support import plugin_state
from desktop_app.support.errors import LensbenchError
from desktop_app.widgets.basics.icons import icon_names, icon_of
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import ActionSpec
from desktop_app.window.sessions.session_thread import SessionThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from desktop_app.support.plugins import Plugin
    from desktop_app.window.frame.hall import Hall, Offer
    from desktop_app.window.plugins.plugins_dialog import PluginsDialog, Shown

_Done = TypeVar("_Done")
_WHEELS = "Wheels (*.whl)"
_TIP = "Analyses that others wrote: add them, switch them on or off, remove them"


class PluginDesk(QObject):
    """Opens the dialog; a plug-in that is switched on is here at once, one that is off goes later.

    What was imported cannot be undone in a running program, and results on screen may be of it, so
    it leaves with the next start, and the dialog says so.

    Attributes:
        dialog: The dialog; None before it was opened.

    Signals:
        taken_in: There are analyses that there were not.
    """

    taken_in = Signal()

    def __init__(self, hall: Hall) -> None:
        super().__init__(hall)
        self._hall = hall
        self.dialog: PluginsDialog | None = None
        self._thread: SessionThread | None = None
        self._outdated: set[str] = set()

    def action_specs(self) -> list[ActionSpec]:
        """Return what opens the dialog."""
        row = ("plugins", "Plug-ins…", "&Help", 20, self.open_dialog, "", "plug", _TIP)
        return [ActionSpec(*row, separated=True)]

    def offers(self) -> dict[str, Offer]:
        """Return the way to the dialog, where a plug-in is on: problems may be of it."""
        if not plugin_state.switched_on():
            return {}
        return {"plugins": ("Plug-ins…", self.open_dialog)}

    def open_dialog(self) -> PluginsDialog:
        """Show the dialog with what lies in the folder now."""
        if self.dialog is None:
            self.dialog = self._make_dialog()
        self.dialog.banner.dismiss()
        self.look()
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        self.dialog.begin()
        return self.dialog

    def look(self) -> None:
        """List what lies in the folder now."""
        from desktop_app.support import plugins  # noqa: PLC0415 - when first opened

        if self.dialog is not None:
            self.dialog.show_plugins([self._shown(plugin) for plugin in plugins.found()])

    def switch(self, name: str, on: bool) -> None:
        """Switch a plug-in on, at once, or off from the next start."""
        from desktop_app.support import plugins  # noqa: PLC0415 - when first opened

        try:
            plugin = plugins.switch(name, on=on)
        except LensbenchError as error:
            self._tell(str(error), "bad")
        else:
            self._tell(*self._took(plugin) if on else self._let_go(plugin))
        self.look()

    def add(self) -> None:
        """Choose a wheel and add it."""
        wheel = dialogs.ask_open(self._parent(), "Add a plug-in", _WHEELS)
        if wheel is not None:
            self._add(wheel, replace=False)

    def remove(self, name: str) -> None:
        """Remove a plug-in, after asking."""
        from desktop_app.support import plugin_wheels, plugins  # noqa: PLC0415 - when first opened

        try:
            plugin = plugins.find(name)
        except LensbenchError as error:
            self._tell(str(error), "bad")
            self.look()
            return
        folder = f"Its files in {plugin.folder} are deleted. Results that it made stay readable."
        if dialogs.ask_plugin(self._parent(), f"Remove “{plugin.name}”?", folder, "Remove"):
            work = partial(plugin_wheels.remove, name)
            self._do(f"Removing {plugin.name} …", work, self._on_removed)

    def close(self) -> None:
        """Close the dialog, which would outlive the window, and end what is being unpacked."""
        if self.dialog is not None:
            self.dialog.close()
        if self._thread is not None:
            self._thread.close()

    # What comes of it.

    def _took(self, plugin: Plugin) -> tuple[str, str]:
        """Let the analyses of a plug-in in; return what to say of it, and how grave that is."""
        names = ANALYSES.widen()
        if names:
            icon_of.cache_clear()  # a session may have brought one of that name without an icon
            icon_names.cache_clear()
            self._hall.views.take_in(names)
            self.taken_in.emit()
        if self._problem_of(plugin):
            return f"{plugin.name} is on, and not all of it can be used: see below.", "warn"
        titles = ", ".join(ANALYSES[name].title for name in names)
        if titles:
            return f"{plugin.name} is on. In the rail now: {titles}.", "good"
        return f"{plugin.name} is on.", "good"

    def _let_go(self, plugin: Plugin) -> tuple[str, str]:
        if self._is_loaded(plugin):
            return f"{plugin.name} is off. What it has loaded leaves with the next start.", "good"
        return f"{plugin.name} is off.", "good"

    def _shown(self, plugin: Plugin) -> Shown:
        from desktop_app.window.plugins.plugins_dialog import Shown  # noqa: PLC0415 - when opened

        loaded, state = self._is_loaded(plugin), ""
        if loaded and plugin.key in self._outdated:
            state = "Renewed with the next start"
        elif loaded and plugin.is_on:
            state = "In the rail"
        elif loaded:
            state = "Leaves with the next start"
        titles = [ANALYSES[n].title if self._is_here(n, p) else n for n, p in plugin.offers]
        return Shown(plugin, tuple(titles), state, self._problem_of(plugin) if plugin.is_on else "")

    def _is_loaded(self, plugin: Plugin) -> bool:
        """Return whether an analysis of it is in the rail."""
        return any(self._is_here(name, package) for name, package in plugin.offers)

    def _is_here(self, name: str, package: str) -> bool:
        return ANALYSES.package(name) == package

    def _problem_of(self, plugin: Plugin) -> str:
        if plugin.problem:
            return ""  # it tells of it itself
        return " ".join(filter(None, (ANALYSES.refusal(package) for _, package in plugin.offers)))

    # Adding and removing, off the window's thread.

    def _add(self, wheel: Path, *, replace: bool) -> None:
        from desktop_app.support import plugin_wheels  # noqa: PLC0415 - when first opened

        def work() -> Plugin | plugin_wheels.ThereAlreadyError:
            try:
                return plugin_wheels.add(wheel, replace=replace)
            except plugin_wheels.ThereAlreadyError as error:
                return error

        def answer(done: Plugin | plugin_wheels.ThereAlreadyError) -> None:
            if not isinstance(done, plugin_wheels.ThereAlreadyError):
                self._on_added(done)
                return
            self._tell("", "info")
            there = f"“{done.old.name}” {done.old.version}".rstrip()
            asked = f"{there} is there already. Let version {done.version} take its place?"
            more = f"The files in {done.old.folder} are deleted."
            if dialogs.ask_plugin(self._parent(), asked, more, "Replace"):
                self._add(wheel, replace=True)

        self._do(f"Unpacking {wheel.name} …", work, answer)

    def _on_added(self, plugin: Plugin) -> None:
        if self._is_loaded(plugin):
            self._outdated.add(plugin.key)
            what = "has taken its place, and is used from the next start."
        elif plugin.is_on:
            what = "has taken its place."
            self._took(plugin)
        else:
            what = "is added, and off until you switch it on."
        if plugin.problem:
            what = f"is added, and cannot be switched on. {plugin.problem}"
        severity = "warn" if plugin.problem else "good"
        self._tell(f"{plugin.name} {plugin.version} {what}", severity)
        self.look()

    def _on_removed(self, plugin: Plugin) -> None:
        later = " What it has loaded leaves with the next start." if self._is_loaded(plugin) else ""
        self._tell(f"{plugin.name} is removed.{later}", "good")
        self.look()

    def _do(self, words: str, work: Callable[[], _Done], answer: Callable[[_Done], None]) -> None:
        """Do what takes a while and may be refused in a sentence; then answer."""

        def guarded() -> Callable[[], None]:
            try:
                done = work()
            except LensbenchError as error:
                return partial(self._refused, str(error))
            return partial(answer, done)

        if self._thread is None:
            self._thread = SessionThread(self)
            self._thread.failed.connect(self._refused)
        if self.dialog is not None:
            self.dialog.show_working(words)
        self._thread.submit(guarded)

    def _refused(self, sentence: str) -> None:
        self._tell(sentence, "bad")
        self.look()

    # The dialog.

    def _make_dialog(self) -> PluginsDialog:
        from desktop_app.window.plugins.plugins_dialog import (  # noqa: PLC0415 - when opened
            PluginsDialog,
        )

        dialog = PluginsDialog(self._hall.window)
        dialog.switched.connect(self.switch)
        dialog.add_wanted.connect(self.add)
        dialog.remove_wanted.connect(self.remove)
        dialog.look_wanted.connect(self.look)
        return dialog

    def _parent(self) -> QWidget:
        return self.dialog or self._hall.window

    def _tell(self, sentence: str, severity: str) -> None:
        if self.dialog is not None:
            self.dialog.show_done(sentence, severity)
