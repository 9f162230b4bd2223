"""The colours that lines, bars and dots are drawn in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QColor

from desktop_app.widgets.basics.colormaps import colour_at, diverging_map
from desktop_app.widgets.basics.theme import theme_hub

if TYPE_CHECKING:
    from collections.abc import Mapping

# The ends of the maps' colours that still read on the panel, as in rankings.
_ENDS: Mapping[str, float] = {"below": 0.14, "above": 0.86}
_PALE = 84


def tone_colour(tone: str) -> QColor:
    """Return a colour of the theme, or the maps' own for what is `below` or `above` 0."""
    if tone in _ENDS:
        return colour_at(diverging_map(), _ENDS[tone])
    return theme_hub().current.color(tone)


def washed(colour: QColor, alpha: int = _PALE) -> QColor:
    """Return a colour that lets the ground through."""
    made = QColor(colour)
    made.setAlpha(alpha)
    return made
