"""The colour bar beside a matrix: what colours mean, and where the value under the cursor lies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.pictures.words import written
from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import diverging_map, lookup, sequential_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub

if TYPE_CHECKING:
    from desktop_app.pictures.stretch import Stretch

_WIDTH = 10
_STEPS = 128
_LEAST_GAP = 34
_MOST_TICKS = 5
_NAME_ABOVE = 24.0


class ColorBar(QWidget):
    """A slim vertical scale with round numbers; on a diverging map 0 is always marked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._limits = (0.0, 1.0)
        self._seen = (0.0, 1.0)
        self._diverging = False
        self._value: float | None = None
        self._span: tuple[float, float] | None = None
        self._stretch: Stretch | None = None
        self._name = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Colour scale")

    def set_scale(
        self,
        limits: tuple[float, float],
        *,
        diverging: bool,
        seen: tuple[float, float] | None = None,
        stretch: Stretch | None = None,
    ) -> None:
        """Show the map between these values, or the part of it that values can reach.

        A stretch is named above the bar, and says which value lies where.
        """
        self._stretch = stretch
        self._name = "" if stretch is None else stretch.kind
        self._limits = limits
        low, high = (min(max(limits[0], value), limits[1]) for value in seen or limits)
        self._seen = low, high
        self._diverging = diverging
        named = f"{self._name}, " if self._name else ""
        self.setAccessibleDescription(f"{named}from {tick_text(low)} to {tick_text(high)}")
        self.updateGeometry()
        self.update()

    def set_span(self, top: float, bottom: float) -> None:
        """Reach from one height to another, as the matrix beside it does."""
        self._span = (top, bottom)
        self.update()

    def read_out(self) -> dict[str, Any]:
        """Return the values of the whole map and of what is seen of it, its heights and texts."""
        return {
            "limits": self._limits,
            "seen": self._seen,
            "span": self._span,
            "name": self._name,
            "ticks": [text for _value, text in self._labels(_MOST_TICKS)],
        }

    def set_value(self, value: float | None) -> None:
        """Point at a value; None points at nothing."""
        self._value = None if value is None or not math.isfinite(value) else value
        self.update()

    @override
    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(ui_font(11))
        texts = [text for _value, text in self._labels(_MOST_TICKS)]
        widest = max(metrics.horizontalAdvance(text) for text in texts)
        wide = 8 + _WIDTH + 8 + math.ceil(widest) + 4
        return QSize(max(wide, math.ceil(metrics.horizontalAdvance(self._name)) + 10), 120)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self.sizeHint().width(), 60)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        above = _NAME_ABOVE if self._name else 8.0
        top, bottom = self._span or (above, self.height() - 8.0)
        bar = QRectF(8, top, _WIDTH, max(bottom - top, 1))
        path = QPainterPath()
        path.addRoundedRect(bar, 3, 3)
        painter.save()
        painter.setClipPath(path)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(bar, self._picture())
        painter.restore()
        painter.setPen(QPen(theme.color("border_strong"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.setFont(ui_font(11))
        painter.setPen(theme.color("text_muted"))
        most = max(3, int(bar.height() // _LEAST_GAP) | 1)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        labels = self._labels(min(most, _MOST_TICKS))
        for place, (tick, text) in enumerate(labels):
            y = self._y(tick, bar)
            if (
                self._stretch is not None and self._stretch.even
            ):  # equal values may lie at several places
                y = bar.bottom() - bar.height() * place / (len(labels) - 1)
            painter.drawText(QRectF(bar.right() + 8, y - 9, 80, 18), flags, text)
        if self._name:
            painter.setPen(theme.color("text"))
            above = max(bar.top() - _NAME_ABOVE, 0.0)
            painter.drawText(QRectF(4, above, self.width() - 4, 16), flags, self._name)
        if self._value is not None:
            self._paint_pointer(painter, self._y(self._value, bar), bar)

    def _paint_pointer(self, painter: QPainter, y: float, bar: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme_hub().current.color("text"))
        left = bar.left() - 7
        painter.drawPolygon(
            QPolygonF([QPointF(left, y - 4), QPointF(left + 6, y), QPointF(left, y + 4)])
        )

    def marks(self, count: int) -> list[float]:
        """Return the marked values; the middle of a diverging map is one even where it is cut."""
        if self._stretch is not None:
            return self._stretch.marks(count)
        low, high = self._seen
        middle = (self._limits[0] + self._limits[1]) / 2
        if not self._diverging or self._seen == self._limits or not low < middle < high:
            return ticks(self._seen, count)
        return [low, *ticks((middle, high), count - 1)]

    def _labels(self, count: int) -> list[tuple[float, str]]:
        """Return the marked values with what is written beside each."""
        marks = self.marks(count)
        if self._stretch is None:
            return [(value, tick_text(value)) for value in marks]
        texts = [self._stretch.text(value) or short_text(value) for value in marks]
        if self._stretch.lowest_is_all_below():
            texts[0] = f"≤ {texts[0]}"
        return list(zip(marks, texts, strict=True))

    def _y(self, value: float, bar: QRectF) -> float:
        low, high = self._seen
        if self._stretch is not None:
            share = float(self._stretch.share(np.array([value]))[0])
            return bar.bottom() - share * bar.height()
        share = min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0)
        return bar.bottom() - share * bar.height()

    def _picture(self) -> QImage:
        table = lookup(diverging_map() if self._diverging else sequential_map(), _STEPS)
        low, high = self._limits
        ends = [(value - low) / ((high - low) or 1.0) * (_STEPS - 1) for value in self._seen]
        part = table[max(round(ends[0]), 0) : round(ends[1]) + 1]
        pixels = np.ascontiguousarray(part[::-1].reshape(len(part), 1, 4))
        image = QImage(pixels.data, 1, len(part), 4, QImage.Format.Format_RGBA8888)
        return image.copy()


def ticks(limits: tuple[float, float], count: int) -> list[float]:
    """Return `count` values at equal distances from the lower to the upper limit."""
    return [float(value) for value in np.linspace(limits[0], limits[1], count)]


def short_text(value: float) -> str:
    """Return a number of few figures, written out down to a ten-thousandth."""
    if 1e-4 <= abs(value) < 1e-3:
        return f"{value:.2g}".replace("-", "−")
    if 1e3 <= abs(value) < 1e6:
        return f"{float(f'{value:.3g}'):,.0f}".replace("-", "−")
    return tick_text(value)


def tick_text(value: float) -> str:
    """Return a short number with a true minus sign."""
    if value == 0:
        return "0"
    far = abs(value) < 0.001 or abs(value) >= 1e5
    return written("{:.2e}" if far else "{:.3g}", value)
