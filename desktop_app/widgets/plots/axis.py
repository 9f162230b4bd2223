"""The axis of a plot. Importing this imports pyqtgraph: only the canvas does, when needed."""

from __future__ import annotations

import html

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF, QPen

from desktop_app.pictures.curves import Scale
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.matrix_axes import thinned

_LEAST_PITCH = 34.0
_LONGEST_WORD = 96.0
_LEAST_UPRIGHT = 24.0
# Of numbers above each other: the line of their font is 11.6 high.
_LEAST_APART = 13.0
_NOTHING = 1e-12
_LOG = "log scale"
# As many numbers as a part of a log axis has at most where they are as far apart as they are.
_MOST_EVEN, _LEAST_SHARE = 8, 1e-6
# Within each power of ten: all that have room, the plainest first.
_MANTISSAS = ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-4, 1e5
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class PlotAxis(pg.AxisItem):  # type: ignore[misc]
    """Ticks at whole places where there are no others, and numbers with a true minus."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.told = Scale()
        self.setStyle(maxTickLevel=0, tickLength=0, hideOverlappingLabels=False)
        self.setTickDensity(2.0)
        self.enableAutoSIPrefix(False)

    @override
    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Return the ticks' places: of labels, as many as have room."""
        pitch = size / max(high - low, 1e-9)
        if self.told.log:
            find = _places_from_zero if self.told.zero else _log_places
            return [(1.0, find(low, high, pitch))]
        if not (self.told.whole or self.told.labels):
            found: list[tuple[float, list[float]]] = super().tickValues(low, high, size)
            return [_apart(*level, pitch) for level in found]
        names = [name for _place, name in self.told.named if name]
        metrics = QFontMetricsF(mono_font(10))
        widest = max(map(metrics.horizontalAdvance, self.told.labels), default=0.0)
        upright = self.orientation == "left"
        room = 16.0 if upright else max(_LEAST_PITCH, min(widest, _LONGEST_WORD) + 8)
        ends = [place for place, _name in self.told.named]
        places = range(int(np.ceil(low)), int(np.floor(high)) + 1)
        shown = thinned(places, pitch, room)
        aside = 16.0 if upright else max(map(metrics.horizontalAdvance, names), default=0.0) / 2
        aside += 0.0 if upright else room / 3
        free = [float(p) for p in shown if all(abs(p - end) * pitch >= aside for end in ends)]
        return [(float(shown.step), [*(end for end in ends if low <= end <= high), *free])]

    @override
    def tickStrings(self, values: list[float], _scale: float, spacing: float) -> list[str]:
        """Return what stands at the ticks."""
        if self.told.labels or self.told.named:
            metrics, cut = QFontMetricsF(mono_font(10)), Qt.TextElideMode.ElideRight
            return [metrics.elidedText(self.told.label(v), cut, _LONGEST_WORD) for v in values]
        if self.told.log:
            less = 1.0 if self.told.zero else 0.0
            told = [_power(10.0**v - less) for v in values]
            # Ticks may be closer than the digits that are enough for plain ones.
            unlike = len(set(told)) == len(told)
            return told if unlike else [f"{10.0**v - less:,.8g}" for v in values]
        digits = int(np.clip(np.ceil(-np.log10(spacing) - 1e-9), 0, 8))
        return [number(v, digits) if abs(v) < 1e6 else f"{v:.4g}" for v in values]

    def reserve(self, size: int) -> None:
        """Take so many pixels beside the plot; 0 hides the axis."""
        self.setVisible(size > 0)
        (self.setWidth if self.orientation == "left" else self.setHeight)(size)

    def take(self, scale: Scale, length: float) -> None:
        """Draw this scale, its name cut to the axis' length."""
        self.told = scale
        self.setLogMode(scale.log)
        theme, face = theme_hub().current, ui_font(11, "medium")
        name = scale.name
        if scale.log and _LOG not in name:
            name = f"{name}, {_LOG}" if name else _LOG
        text = QFontMetricsF(face).elidedText(name, Qt.TextElideMode.ElideRight, length)
        self.label.setFont(face)
        # pyqtgraph reads names as markup.
        self.setLabel(html.escape(text), color=theme.color("text_muted"))
        self.setPen(QPen(theme.color("border_strong"), 1))
        self.setTextPen(theme.color("text_muted"))
        self.setTickPen(QPen(theme.color("grid"), 1))
        self.setTickFont(mono_font(10))


def _apart(step: float, places: list[float], pitch: float) -> tuple[float, list[float]]:
    """Return ticks that have room for their numbers in a low plot: every second or third."""
    every = max(1, int(np.ceil(_LEAST_APART / max(step * pitch, 1e-9))))
    kept = [place for place in places if round(place / step) % every == 0] if every > 1 else places
    return step, kept


def _log_places(low: float, high: float, pitch: float) -> list[float]:
    """Return the logarithms of plain numbers between two, as many as have room."""
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    if pitch < _LEAST_UPRIGHT:
        return [float(power) for power in thinned(powers, pitch, _LEAST_UPRIGHT)]
    found: list[float] = []
    for mantissas in _MANTISSAS:
        places = [power + float(np.log10(m)) for power in powers for m in mantissas]
        found = [place for place in places if low <= place <= high]
        if len(found) < 2 or float(np.diff(found).min()) * pitch >= _LEAST_UPRIGHT:
            break
    return found if len(found) > 2 else _even_places(low, high, pitch, 0.0) or found


def _places_from_zero(low: float, high: float, pitch: float) -> list[float]:
    """Return where 0, 1 and the powers of ten stand by the logarithm of 1 more, with room."""
    powers = range(int(np.ceil(max(high, 0.0))) + 1)
    kept: list[float] = []
    for mantissas in ((1,), (1, 2, 5)):
        values = [0.0, *(m * 10.0**power for power in powers for m in mantissas)]
        kept = []
        for place in (float(np.log10(1.0 + value)) for value in values):
            if low <= place <= high and (not kept or (place - kept[-1]) * pitch >= _LEAST_APART):
                kept.append(place)
        if len(kept) > 2:
            return kept
    return _even_places(low, high, pitch, 1.0) or kept


def _even_places(low: float, high: float, pitch: float, less: float) -> list[float]:
    """Return where round numbers stand whose steps are equal, on a part of a log axis.

    Such a part may be shorter than one power of ten, and have none of the plain numbers.

    Args:
        low: Its lower end, a logarithm.
        high: Its upper end.
        pitch: Pixels of a power of ten.
        less: What is taken from the numbers before they are told.

    Returns:
        Two logarithms at the least, with room between them; none where there are no such.
    """
    if high - low > 1.5 or abs(high) > 15:
        return []
    first, last = 10.0**low - less, 10.0**high - less
    if last - first < _LEAST_SHARE * abs(last):
        return []
    power = float(np.floor(np.log10((last - first) / _MOST_EVEN)))
    for step in (m * 10.0 ** (power + more) for more in (0, 1, 2) for m in (1, 2, 5)):
        numbers = np.arange(np.ceil(first / step), np.floor(last / step) + 1) * step + less
        places = [float(place) for place in np.log10(numbers[numbers > 0])]
        if len(places) < 2:
            return []
        if len(places) <= _MOST_EVEN and float(np.diff(places).min()) * pitch >= _LEAST_UPRIGHT:
            return places
    return []


def _power(value: float) -> str:
    """Write a number of a log axis: plainly where that is short, else as a power of ten."""
    if abs(value) < _NOTHING:
        return "0"
    if _SMALLEST_PLAIN <= value < _LARGEST_PLAIN:
        return f"{float(f'{value:.3g}'):,g}" if value >= 1 else f"{value:.3g}"
    power = int(np.floor(np.log10(value) + 1e-9))
    mantissa = round(value / 10.0**power)
    raised = str(power).translate(_RAISED)
    return f"10{raised}" if mantissa == 1 else f"{mantissa}·10{raised}"
