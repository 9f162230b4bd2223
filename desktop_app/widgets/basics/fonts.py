"""The type faces that travel with the application: Inter for words, DejaVu Sans Mono for tokens.

Neither has the sign for a space (U+2420), so a third, tiny face holds the control pictures; both
others fall back on it.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from PySide6.QtGui import QFont, QFontDatabase

from desktop_app.support.paths import resource

UI_FAMILY = "Inter"
MONO_FAMILY = "DejaVu Sans Mono"
SIGNS_FAMILY = "Lensbench Signs"
BODY_PIXELS = 13
SMALL_PIXELS = 12

Weight = Literal["regular", "medium", "semibold"]

_FILES = (
    "Inter-Regular.otf",
    "Inter-Medium.otf",
    "Inter-SemiBold.otf",
    "DejaVuSansMono.ttf",
    "LensbenchSigns.ttf",
)
_WEIGHTS = {
    "regular": QFont.Weight.Normal,
    "medium": QFont.Weight.Medium,
    "semibold": QFont.Weight.DemiBold,
}


@cache
def load_fonts() -> tuple[str, ...]:
    """Make the bundled faces known to Qt, once; return the files that were taken.

    A missing file is no error: Qt then falls back to the system's faces.
    """
    add, paths = QFontDatabase.addApplicationFont, {n: resource("fonts", n) for n in _FILES}
    return tuple(name for name, path in paths.items() if add(str(path)) >= 0)


def ui_font(pixels: int = BODY_PIXELS, weight: Weight = "regular") -> QFont:
    """Return the face of words, with figures of one width so that columns of numbers align."""
    font = QFont()
    font.setFamilies([UI_FAMILY, SIGNS_FAMILY, MONO_FAMILY])
    font.setPixelSize(pixels)
    font.setWeight(_WEIGHTS[weight])
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def mono_font(pixels: int = SMALL_PIXELS) -> QFont:
    """Return the face of tokens; it has the signs for space, return and tab."""
    font = QFont()
    font.setFamilies([MONO_FAMILY, SIGNS_FAMILY])
    font.setPixelSize(pixels)
    font.setStyleHint(QFont.StyleHint.Monospace)
    return font
