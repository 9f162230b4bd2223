"""The look of the application: named colours, light and dark, applied to all of Qt at once.

A theme is a JSON file of colours. `apply_theme` installs one (or follows the system), and the hub
tells the widgets that paint themselves.
"""

from __future__ import annotations

import json
import weakref
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QDir, QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import Shiboken

from desktop_app.support.paths import resource
from desktop_app.widgets.basics.fonts import load_fonts, ui_font

if TYPE_CHECKING:
    from collections.abc import Mapping

ThemeChoice = Literal["light", "dark", "system"]


@dataclass(frozen=True)
class Theme:
    """Named colours as `#rrggbb`, and the names of the two colour maps."""

    name: str
    dark: bool
    diverging: str
    sequential: str
    colours: Mapping[str, str]

    def color(self, field: str) -> QColor:
        """Return one of the colours by its name."""
        return QColor(self.colours[field])


def severity_colour(severity: str) -> str:
    """Return the field of the theme that is the ink of `info`, `good`, `warn` or `bad`."""
    return "accent" if severity == "info" else severity


@cache
def load_theme(name: str) -> Theme:
    """Read a theme that travels with the application, `light` or `dark`.

    Raises:
        ValueError: There is no theme of that name.
    """
    path = resource("themes", f"{name}.json")
    if not path.is_file():
        raise ValueError(f"There is no theme named {name}; take light, dark or system.")
    told = json.loads(path.read_text(encoding="utf-8"))
    own = {key: told.pop(key) for key in ("name", "dark", "diverging", "sequential")}
    return Theme(**own, colours=told)


class ThemeHub(QObject):
    """Knows the current theme and says when it changes; one per process.

    Qt draws every widget anew with the style sheet; only what keeps colours need listen.

    A sheet that the application changes restyles each widget once for every widget that it stands
    in: seconds, where there are two thousand. So the application keeps the first, and a window that
    was shown to `dress` gets the other in front of it, which costs each widget of it two turns.

    Attributes:
        current: The theme in force.
        choice: What was asked for: light, dark or system.

    Signals:
        theme_changing: The theme is about to change: what is out of sight may step out of its
            window, and be restyled when it is shown again.
        theme_changed: The new Theme; Qt's palette and style sheet are already in place.
    """

    theme_changing = Signal()
    theme_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.current = load_theme("light")
        self.choice: ThemeChoice = "light"
        self._installed: str | None = None
        self._listening = False
        self._applied = ""
        self._windows: list[weakref.ref[QWidget]] = []

    def dress(self, window: QWidget) -> None:
        """Restyle this window alone from now on, instead of all the application."""
        self._windows.append(weakref.ref(window))
        if self._applied and self._applied != self.current.name:
            window.setStyleSheet(style_sheet(self.current))

    def _dressed(self) -> list[QWidget]:
        """Return the windows that there still are of those to be restyled by themselves."""
        there = [window for known in self._windows if (window := known()) is not None]
        return [window for window in there if Shiboken.isValid(window)]

    def choose(self, app: QApplication, choice: ThemeChoice) -> None:
        """Take a theme and install it; `system` follows the desktop from now on."""
        self.choice = choice
        if not self._listening:
            # Once only: under a style sheet Qt no longer tells which style lies beneath, and each
            # setting restyles every widget there is.
            app.setStyle("Fusion")
            app.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)
            self._listening = True
        self._install(app, _system_theme(app) if choice == "system" else choice)

    @Slot(Qt.ColorScheme)
    def _on_scheme_changed(self, _scheme: Qt.ColorScheme) -> None:
        app = QApplication.instance()
        if self.choice == "system" and isinstance(app, QApplication):
            self._install(app, _system_theme(app))

    def _install(self, app: QApplication, name: str) -> None:
        theme = load_theme(name)
        if self._installed == name and (self._applied == name or self._dressed()):
            return
        self._installed = name
        self.current = theme
        load_fonts()
        app.setFont(ui_font())
        app.setPalette(_palette(theme))
        QDir.setSearchPaths("themes", [str(resource("themes"))])
        self._restyle(app, theme)
        self.theme_changed.emit(theme)

    def _restyle(self, app: QApplication, theme: Theme) -> None:
        sheet = style_sheet(theme)
        windows = self._dressed()
        if not windows:
            self._applied = theme.name
            app.setStyleSheet(sheet)
            return
        self.theme_changing.emit()
        for window in windows:
            window.setStyleSheet("" if theme.name == self._applied else sheet)


@cache
def theme_hub() -> ThemeHub:
    """Return the one hub of this process."""
    return ThemeHub()


def colour(name: str) -> QColor:
    """Return a colour of the theme in force."""
    return theme_hub().current.color(name)


def apply_theme(app: QApplication, choice: ThemeChoice) -> None:
    """Give the application its look; `system` follows the desktop's setting live."""
    theme_hub().choose(app, choice)


def style_sheet(theme: Theme) -> str:
    """Return the Qt style sheet of a theme."""
    text = resource("themes", "app.qss").read_text(encoding="utf-8")
    return Template(text).substitute(theme.colours, name=theme.name)


def set_role(widget: QWidget, role: str) -> None:
    """Name a widget's part in the style sheet, such as `primary` for a button, and restyle it."""
    widget.setProperty("role", role)
    repolish(widget)


def repolish(widget: QWidget) -> None:
    """Make the style sheet look again at a widget whose properties changed."""
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()


def _system_theme(app: QApplication) -> str:
    return "dark" if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"


def _palette(theme: Theme) -> QPalette:
    """Return the palette that Fusion and item views draw with."""
    role = QPalette.ColorRole
    colours = {
        role.Window: "window",
        role.WindowText: "text",
        role.Base: "panel",
        role.AlternateBase: "window",
        role.Text: "text",
        role.PlaceholderText: "text_muted",
        role.Button: "raised",
        role.ButtonText: "text",
        role.ToolTipBase: "raised",
        role.ToolTipText: "text",
        role.Highlight: "selection",
        role.HighlightedText: "text",
        role.Link: "accent",
        role.Mid: "border",
        role.Dark: "border_strong",
        role.Light: "raised",
    }
    palette = QPalette()
    for key, colour in colours.items():
        palette.setColor(key, theme.color(colour))
    for key in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, theme.color("text_muted"))
    return palette
