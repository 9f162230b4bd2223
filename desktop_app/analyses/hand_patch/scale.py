"""The metric on a line from the corrupt to the clean run: where the moves have brought it."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.pictures.words import number
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import theme_hub

_MARGIN = 30.0
_LINE = 24.0


class MetricScale(QWidget):
    """Both runs as ticks, the changed run as a dot with the way it came."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clean = self._corrupt = self._base = self._patched = math.nan
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Metric between the corrupt and the clean run")

    def set_values(self, clean: float, corrupt: float, base: float, patched: float) -> None:
        """Show the metric of both runs, and of the changed one before and after."""
        self._clean, self._corrupt, self._base, self._patched = clean, corrupt, base, patched
        self.setAccessibleDescription(
            f"corrupt {number(corrupt)}, clean {number(clean)}; {number(base)} → {number(patched)}"
        )
        self.update()

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(240, 62)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which nothing is cut."""
        return QSize(180, 62)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        values = (self._clean, self._corrupt, self._base, self._patched)
        if not all(math.isfinite(v) for v in values):
            return
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # The corrupt run stands at the left, whichever is the larger.
        sign = 1.0 if self._clean >= self._corrupt else -1.0
        low, high = min(sign * v for v in values), max(sign * v for v in values)
        span = (high - low) or 1.0
        room = self.width() - 2 * _MARGIN
        xs = {v: _MARGIN + room * (sign * v - low) / span for v in values}
        painter.setPen(QPen(theme.color("border_strong"), 2))
        painter.drawLine(QPointF(min(xs.values()), _LINE), QPointF(max(xs.values()), _LINE))
        start, end = xs[self._base], xs[self._patched]
        painter.setPen(QPen(theme.color("accent"), 4))
        painter.drawLine(QPointF(start, _LINE), QPointF(end, _LINE))
        for name, value in (("corrupt", self._corrupt), ("clean", self._clean)):
            painter.setPen(QPen(theme.color("text_muted"), 2))
            painter.drawLine(QPointF(xs[value], _LINE - 6), QPointF(xs[value], _LINE + 6))
            painter.setFont(ui_font(11))
            self._write(painter, xs[value], 32, name)
            painter.setFont(mono_font(11))
            self._write(painter, xs[value], 45, number(value, 2))
        painter.setPen(QPen(theme.color("panel"), 1.5))
        painter.setBrush(theme.color("accent"))
        painter.drawEllipse(QPointF(end, _LINE), 6, 6)
        painter.setPen(theme.color("text"))
        painter.setFont(mono_font(12))
        self._write(painter, end, 0, number(self._patched, 2))

    def _write(self, painter: QPainter, x: float, y: float, text: str) -> None:
        box = QRectF(min(max(x - 50, -20), self.width() - 80), y, 100, 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
