"""Light, dark, or as the system has it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.frame.actions import ActionSpec

if TYPE_CHECKING:
    from desktop_app.widgets.basics.theme import ThemeChoice
    from desktop_app.window.frame.main_window import MainWindow

_THEMES: tuple[tuple[ThemeChoice, str, str], ...] = (
    ("system", "Follow the system", ""),
    ("light", "Light", "sun"),
    ("dark", "Dark", "moon"),
)


def theme_actions(window: MainWindow) -> list[ActionSpec]:
    """Return the choice of a theme."""
    return [
        ActionSpec(
            f"theme_{key}",
            f"Theme: {text}",
            "&View",
            40,
            partial(_choose, window, key),
            icon=icon,
            group="theme",
            chosen=key == window.settings.theme,
        )
        for key, text, icon in _THEMES
    ]


def _choose(window: MainWindow, choice: ThemeChoice) -> None:
    app = QApplication.instance()
    if isinstance(app, QApplication):
        apply_theme(app, choice)
    window.settings = replace(window.settings, theme=choice)
