"""The way from a head in any picture to what it does on ordinary text, where anybody serves it."""

from __future__ import annotations

from typing import Final, Literal

from PySide6.QtWidgets import QPushButton

from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.widgets.basics.icons import bind_icon, icon_of
from desktop_app.widgets.basics.theme import set_role

ON_TEXT: Final[Literal["head_on_text"]] = "head_on_text"


def on_text_button() -> QPushButton:
    """Return the button that asks for it; hidden where nobody serves it."""
    button = QPushButton("On text")
    button.setToolTip("What this head does on ordinary text, beside these prompts")
    set_role(button, "quiet")
    served = serving(ON_TEXT)
    if served:
        bind_icon(button, icon_of(served[0]))
    else:
        button.hide()
    return button


def on_text(layer: int, head: int) -> Intent:
    """Return what is asked of whoever serves it."""
    return Intent(ON_TEXT, {"layer": layer, "head": head})
