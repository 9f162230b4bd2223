"""Light, dark, or as the system has it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.frame.actions import ActionSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.widgets.basics.theme import ThemeChoice

_THEMES: tuple[tuple[ThemeChoice, str, str], ...] = (
    ("system", "Follow the system", ""),
    ("light", "Light", "sun"),
    ("dark", "Dark", "moon"),
)


def theme_actions(chosen: str, remember: Callable[[ThemeChoice], None]) -> list[ActionSpec]:
    """Return the choice of a theme; what is chosen is told to `remember`."""

    def choose(choice: ThemeChoice) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, choice)
        remember(choice)

    return [
        ActionSpec(
            *(f"theme_{key}", f"Theme: {text}", "&View", 40, partial(choose, key)),
            icon=icon,
            group="theme",
            chosen=key == chosen,
        )
        for key, text, icon in _THEMES
    ]
