"""Log-probability along repeated sequences: a line over two shaded halves, painted by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.pictures.words import number
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import theme_hub

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent

    from desktop_app.analyses.repeat.picture import Curve
    from desktop_app.widgets.basics.theme import Theme

_LEFT, _TOP, _RIGHT, _BOTTOM = 46.0, 22.0, 10.0, 34.0
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_LEAST_PITCH = 34.0


class RepeatPlot(QWidget):
    """The mean's line with its spread, the chosen sequence's line, and the blind guess.

    Signals:
        position_hovered: The position under the pointer; −1 when it leaves.
    """

    position_hovered = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curve: Curve | None = None
        self._range = (-1.0, 0.0)
        self._hover = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Log-probability per position")
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def show_curve(self, curve: Curve) -> None:
        """Draw these lines."""
        self._curve = curve
        shown = [curve.low, np.array([curve.uniform])]
        if curve.one is not None:
            shown.append(curve.one)
        low = min(float(values.min()) for values in shown)
        self._range = (low - 0.04 * abs(low), 0.0)
        first, second = curve.mean[: curve.half].mean(), curve.mean[curve.half :].mean()
        self.setAccessibleDescription(f"first half {first:.3f}, second half {second:.3f} nats")
        self.update()

    def plot_rect(self) -> QRectF:
        """Return where the lines are drawn."""
        return QRectF(
            _LEFT,
            _TOP,
            max(self.width() - _LEFT - _RIGHT, 1),
            max(self.height() - _TOP - _BOTTOM, 1),
        )

    def sizeHint(self) -> QSize:
        """Return the size that suits the contents."""
        return QSize(560, 220)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which nothing is cut."""
        return QSize(260, 140)

    def point(self, position: int, value: float) -> QPointF:
        """Return where a value of a position lies."""
        plot, count = self.plot_rect(), 1 if self._curve is None else len(self._curve.mean)
        low, high = self._range
        x = plot.left() + plot.width() * (position + 0.5) / count
        return QPointF(x, plot.bottom() - plot.height() * (value - low) / (high - low))

    def position_at(self, x: float) -> int:
        """Return the position under a place from the left, −1 beside the plot."""
        plot = self.plot_rect()
        if self._curve is None or not plot.left() <= x < plot.right():
            return -1
        return int((x - plot.left()) / plot.width() * len(self._curve.mean))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        self._set_hover(self.position_at(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:
        """Let go of what was under the pointer."""
        self._set_hover(-1)
        super().leaveEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        if self._curve is None:
            return
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_halves(painter, theme, self._curve)
        self._paint_axes(painter, theme, self._curve)
        self._paint_lines(painter, theme, self._curve)

    def _paint_halves(self, painter: QPainter, theme: Theme, curve: Curve) -> None:
        plot = self.plot_rect()
        middle = plot.left() + plot.width() * curve.half / len(curve.mean)
        first = QRectF(plot.left(), plot.top(), middle - plot.left(), plot.height())
        second = QRectF(middle, plot.top(), plot.right() - middle, plot.height())
        painter.fillRect(first, theme.color("hover"))
        painter.fillRect(second, theme.color("accent_soft"))
        painter.setFont(ui_font(11, "medium"))
        painter.setPen(theme.color("text_muted"))
        for rect, text in ((first, "first r"), (second, "second r")):
            box = QRectF(rect.left(), 2, rect.width(), 18)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_axes(self, painter: QPainter, theme: Theme, curve: Curve) -> None:
        plot = self.plot_rect()
        painter.setFont(mono_font(10))
        for value in _round_values(*self._range):
            y = self.point(0, value).y()
            painter.setPen(theme.color("grid"))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme.color("text_muted"))
            box = QRectF(0, y - 8, _LEFT - 6, 16)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, flags, f"{value:g}".replace("-", "−"))
        pitch = plot.width() / len(curve.mean)
        step = next((s for s in _STEPS if s * pitch >= _LEAST_PITCH), _STEPS[-1])
        for position in range(0, len(curve.mean), step):
            x = self.point(position, 0.0).x()
            box = QRectF(x - 24, plot.bottom() + 2, 48, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(position))
        painter.setFont(ui_font(11, "medium"))
        below = QRectF(plot.left(), plot.bottom() + 16, plot.width(), 16)
        name = "position; log-probability of the token after it, in nats"
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, name)

    def _paint_lines(self, painter: QPainter, theme: Theme, curve: Curve) -> None:
        plot, count = self.plot_rect(), len(curve.mean)
        band = [self.point(i, float(curve.high[i])) for i in range(count)]
        band += [self.point(i, float(curve.low[i])) for i in reversed(range(count))]
        wash = theme.color("accent")
        wash.setAlpha(46)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(wash)
        painter.drawPolygon(QPolygonF(band))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        y = self.point(0, curve.uniform).y()
        painter.setPen(QPen(theme.color("text_muted"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        painter.setFont(ui_font(11))
        text = f"blind guess {number(curve.uniform, 2)}"
        box = QRectF(plot.right() - 160, y - 17, 154, 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        if curve.one is not None:
            painter.setPen(QPen(theme.color("warn"), 1.3))
            painter.drawPath(self._path(curve.one))
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawPath(self._path(curve.mean))
        if 0 <= self._hover < count:
            self._paint_hover(painter, theme, curve)

    def _paint_hover(self, painter: QPainter, theme: Theme, curve: Curve) -> None:
        plot, here = self.plot_rect(), self.point(self._hover, float(curve.mean[self._hover]))
        painter.setPen(QPen(theme.color("border_strong"), 1))
        painter.drawLine(QPointF(here.x(), plot.top()), QPointF(here.x(), plot.bottom()))
        painter.setPen(QPen(theme.color("panel"), 1.5))
        painter.setBrush(theme.color("accent"))
        painter.drawEllipse(here, 4, 4)
        if curve.one is not None:
            painter.setBrush(theme.color("warn"))
            painter.drawEllipse(self.point(self._hover, float(curve.one[self._hover])), 4, 4)

    def _path(self, values: np.ndarray) -> QPainterPath:
        path = QPainterPath(self.point(0, float(values[0])))
        for position in range(1, len(values)):
            path.lineTo(self.point(position, float(values[position])))
        return path

    def _set_hover(self, position: int) -> None:
        if position != self._hover:
            self._hover = position
            self.update()
            self.position_hovered.emit(position)

    @Slot(object)
    def _on_theme_changed(self, _theme: object) -> None:
        self.update()


def _round_values(low: float, high: float) -> list[float]:
    """Return about five round numbers between two values."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough)
    return [-i * step for i in range(int((high - low) / step) + 1)]
