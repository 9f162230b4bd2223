"""The panels around the picture: prompts, results, inspector, help and log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from desktop_app.window.frame import layout
from desktop_app.window.frame.actions import ActionSpec, in_menu
from desktop_app.window.frame.help_panel import START, HelpPanel
from desktop_app.window.frame.log_panel import LogPanel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QMainWindow, QWidget

    from desktop_app.support.logs import LogBook
    from desktop_app.window.frame.hall import Hall

_LOG_HEIGHT = 190


class Panels(QObject):
    """Docks the panels, and brings those forward that are hidden at first.

    Attributes:
        docks: The docks by name.
        help: The help pages.
        log: What was logged.
    """

    def __init__(
        self, window: QMainWindow, hall: Hall, rooms: Mapping[str, QWidget], log_book: LogBook
    ) -> None:
        super().__init__(window)
        self._window = window
        self._views = hall.views
        self.help = HelpPanel()
        self.log = LogPanel(log_book)
        widgets = {**rooms, "help": self.help, "log": self.log}
        self.docks = {
            key: layout.make_dock(key, key.capitalize(), widget, window)
            for key, widget in widgets.items()
        }
        hall.help_wanted.connect(self.show_help)
        hall.log_wanted.connect(self.show_log)
        self.log.warnings_counted.connect(self._on_warnings_counted)

    def action_specs(self) -> list[ActionSpec]:
        """Return what shows and hides panels."""
        return [
            *(
                ActionSpec(f"dock_{key}", action.text(), "&View", 30, action=action)
                for key, action in ((k, dock.toggleViewAction()) for k, dock in self.docks.items())
            ),
            *in_menu("&View", ("reset_layout", "Reset layout", 50, self.place, "", "reset")),
            *in_menu(
                "&Help",
                ("help", "Help on this tab", 0, self._show_here, "F1", "help"),
                ("help_start", "Getting started", 10, self._show_start),
                ("show_log", "Log", 20, self.show_log, "Ctrl+L"),
            ),
        ]

    def place(self) -> None:
        """Put all docks back to where they were at the first start."""
        layout.place_docks(self._window, self.docks)

    def show_help(self, page: str) -> None:
        """Show a help page beside the picture."""
        self.help.show_page(page)
        self.docks["help"].show()
        self.docks["help"].raise_()

    def show_log(self) -> None:
        """Show the log."""
        log = self.docks["log"]
        if not log.isVisible():
            log.show()
            self._window.resizeDocks([log], [_LOG_HEIGHT], Qt.Orientation.Vertical)
        log.raise_()

    def _show_here(self) -> None:
        self.show_help(self._views.current)

    def _show_start(self) -> None:
        self.show_help(START)

    def _on_warnings_counted(self, count: int) -> None:
        self.docks["log"].setWindowTitle(f"Log ({count})" if count else "Log")
