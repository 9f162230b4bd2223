"""One dot per prompt on an axis, with mean and standard error: small numbers made comparable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.pictures.words import number
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.basics.theme import theme_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.widgets.basics.theme import Theme

_MARGIN = 26.0
_REACH = 9.0


class DotStrip(QWidget):
    """Dots over an axis that always holds 0; missing values have no dot.

    Signals:
        dot_clicked: The index of the prompt whose dot was clicked.
    """

    dot_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = np.empty(0)
        self._names: Sequence[str] = ()
        self._mean = self._sem = float("nan")
        self._selected = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Value per prompt")
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def set_values(
        self, values: np.ndarray, mean: float, sem: float, names: Sequence[str], selected: int
    ) -> None:
        """Show one value per prompt [N], their mean and its standard error."""
        self._values = np.asarray(values, dtype=float)
        self._mean, self._sem = mean, sem
        self._names = names
        self._selected = selected
        shown = ", ".join(number(float(v), 2) for v in self._values[:20])
        self.setAccessibleDescription(f"{shown}; mean {number(mean)}")
        self.update()

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(220, 58)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which nothing is cut."""
        return QSize(140, 58)

    def _range(self) -> tuple[float, float]:
        finite = self._values[np.isfinite(self._values)]
        low = min(0.0, float(finite.min())) if finite.size else 0.0
        high = max(0.0, float(finite.max())) if finite.size else 1.0
        return (low, high) if high > low else (low - 1.0, high + 1.0)

    def _x(self, value: float) -> float:
        low, high = self._range()
        return _MARGIN + (self.width() - 2 * _MARGIN) * (value - low) / (high - low)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axis(painter, theme)
        self._paint_mean(painter, theme)
        fill = theme.color("accent")
        for prompt, value in enumerate(self._values):
            if not np.isfinite(value):
                continue
            chosen = prompt == self._selected
            fill.setAlpha(255 if chosen else 130)
            painter.setBrush(fill)
            painter.setPen(QPen(theme.color("panel"), 1.2))
            radius = 6.0 if chosen else 4.5
            painter.drawEllipse(QPointF(self._x(float(value)), 20), radius, radius)

    def _paint_axis(self, painter: QPainter, theme: Theme) -> None:
        low, high = self._range()
        painter.setPen(QPen(theme.color("border_strong"), 1))
        painter.drawLine(QPointF(_MARGIN - 6, 38), QPointF(self.width() - _MARGIN + 6, 38))
        painter.setFont(mono_font(10))
        for value in sorted({low, 0.0, high}):
            x = self._x(value)
            painter.setPen(QPen(theme.color("border_strong"), 1))
            painter.drawLine(QPointF(x, 35), QPointF(x, 41))
            if value == 0.0:
                painter.setPen(QPen(theme.color("border"), 1, Qt.PenStyle.DashLine))
                painter.drawLine(QPointF(x, 4), QPointF(x, 35))
            painter.setPen(theme.color("text_muted"))
            box = QRectF(x - 30, 42, 60, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, number(value, 2) if value else "0")

    def _paint_mean(self, painter: QPainter, theme: Theme) -> None:
        if not np.isfinite(self._mean) or np.isfinite(self._values).sum() < 2:
            return
        x = self._x(self._mean)
        if np.isfinite(self._sem):
            band = theme.color("accent_soft")
            left, right = self._x(self._mean - self._sem), self._x(self._mean + self._sem)
            painter.fillRect(QRectF(left, 4, max(2.0, right - left), 31), band)
        painter.setPen(QPen(theme.color("text"), 1.5))
        painter.drawLine(QPointF(x, 4), QPointF(x, 35))

    def _dot_at(self, x: float) -> int:
        if not np.isfinite(self._values).any():
            return -1
        distance = np.array([abs(self._x(v) - x) if np.isfinite(v) else 1e9 for v in self._values])
        nearest = int(np.argmin(distance))
        return nearest if distance[nearest] <= _REACH else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        prompt = self._dot_at(event.position().x())
        if prompt < 0:
            QToolTip.hideText()
            return
        text = f"{self._names[prompt]}: {number(float(self._values[prompt]), 3)}"
        QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what was clicked."""
        prompt = self._dot_at(event.position().x())
        if prompt >= 0:
            self.dot_clicked.emit(prompt)

    def _on_theme_changed(self, _theme: object) -> None:
        self.update()
