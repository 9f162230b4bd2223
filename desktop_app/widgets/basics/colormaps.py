"""Colour maps that a colour-blind reader can use.

Effects are drawn on a diverging map whose middle is the panel's own colour, so that zero recedes in
both themes; attention and probabilities on one hue from the panel to the accent. Anchors are joined
in OKLab, where equal steps look equal.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtGui import QColor

from desktop_app.support.paths import resource
from desktop_app.widgets.basics.theme import Theme, theme_hub

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Table = NDArray[np.uint8]

_STEPS = 257  # odd, so that the middle of a diverging map is one entry of its own

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def diverging_map(theme: Theme | None = None) -> Table:
    """Return the map for effects: blue below 0, the panel at 0, orange above."""
    return named_map((theme or theme_hub().current).diverging)


def sequential_map(theme: Theme | None = None) -> Table:
    """Return the map for amounts from 0 up: from the panel to the accent and beyond."""
    return named_map((theme or theme_hub().current).sequential)


@cache
def named_map(name: str) -> Table:
    """Return one of the maps of `resources/colormaps`, uint8 [257, 4].

    Raises:
        ValueError: There is no map of that name.
    """
    maps = _definitions()
    if name not in maps:
        raise ValueError(f"There is no colour map named {name}; there are {', '.join(maps)}.")
    colours = _join(maps[name]["stops"])
    colours.setflags(write=False)
    return colours


def lookup(colours: Table, count: int = 256) -> Table:
    """Return a map with another number of steps, uint8 [count, 4] of red, green, blue and alpha."""
    at = np.linspace(0.0, 1.0, len(colours))
    steps = np.linspace(0.0, 1.0, count)
    return np.stack(
        [np.rint(np.interp(steps, at, colours[:, c])).astype(np.uint8) for c in range(4)], axis=1
    )


def colour_at(colours: Table, fraction: float) -> QColor:
    """Return the colour at a fraction, 0..1, of a map."""
    return QColor(*(int(c) for c in colours[round(fraction * (len(colours) - 1))]))


def contrast_text(background: QColor) -> QColor:
    """Return near-black or white, whichever reads better on a background (WCAG contrast)."""
    dark, light = QColor("#10131a"), QColor("#ffffff")
    better_dark = contrast_ratio(dark, background) >= contrast_ratio(light, background)
    return dark if better_dark else light


def contrast_ratio(one: QColor, other: QColor) -> float:
    """Return the WCAG contrast ratio of two colours, 1..21."""
    first, second = sorted((_luminance(one), _luminance(other)))
    return (second + 0.05) / (first + 0.05)


def _luminance(colour: QColor) -> float:
    red, green, blue = _linear(
        np.array([colour.redF(), colour.greenF(), colour.blueF()], dtype=np.float64)
    )
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


@cache
def _definitions() -> dict[str, Any]:
    text = resource("colormaps", "maps.json").read_text(encoding="utf-8")
    maps: dict[str, Any] = json.loads(text)
    return maps


def _join(stops: list[str]) -> Table:
    """Join hexadecimal anchors at equal distances into uint8 [257, 4]."""
    rgb = np.array([[int(stop[i : i + 2], 16) / 255 for i in (1, 3, 5)] for stop in stops])
    lab = np.cbrt(_linear(rgb) @ _TO_LMS.T) @ _TO_LAB.T
    at = np.linspace(0.0, 1.0, len(stops))
    steps = np.linspace(0.0, 1.0, _STEPS)
    smooth = np.stack([np.interp(steps, at, lab[:, axis]) for axis in range(3)], axis=1)
    lms = (smooth @ np.linalg.inv(_TO_LAB).T) ** 3
    srgb = _gamma(np.clip(lms @ np.linalg.inv(_TO_LMS).T, 0.0, 1.0))
    table = np.full((_STEPS, 4), 255, dtype=np.uint8)
    table[:, :3] = np.rint(srgb * 255)
    return table


def _linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _gamma(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
