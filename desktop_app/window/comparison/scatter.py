"""Two results' numbers against each other: a dot per cell, on the diagonal where they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.pictures.words import number
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import theme_hub

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QEvent

    from desktop_app.widgets.basics.theme import Theme

MAX_DOTS = 20_000
_LEFT, _BOTTOM, _TOP, _RIGHT = 58.0, 44.0, 12.0, 16.0
_REACH = 10.0


class Scatter(QWidget):
    """Dots over two axes of one scale, with the diagonal.

    Signals:
        dot_clicked: (row, col) of the cell whose dot was clicked.
    """

    dot_clicked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._x = self._y = np.empty(0)
        self._cells = np.empty((0, 2), dtype=np.int64)
        self._names = ("first", "second")
        self._tip: Callable[[int, int], str] | None = None
        self._selected: tuple[int, int] | None = None
        self._total = 0
        self._limits = (0.0, 1.0)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Scatter of both results")
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def set_values(
        self,
        left: np.ndarray,
        right: np.ndarray,
        names: tuple[str, str] = ("first", "second"),
        tip: Callable[[int, int], str] | None = None,
    ) -> None:
        """Show two matrices [rows, cols] of one shape; cells without a number have no dot.

        Of more than `MAX_DOTS` cells, those that part the most and evenly spread others are drawn.
        """
        known = np.argwhere(np.isfinite(left) & np.isfinite(right))
        self._total = len(known)
        self._cells = _thinned(known, left, right)
        rows, columns = self._cells[:, 0], self._cells[:, 1]
        self._x, self._y = left[rows, columns], right[rows, columns]
        self._names, self._tip, self._selected = names, tip, None
        self._limits = _limits(self._x, self._y)
        words = f"{self._total:,} cells; across {names[0]}, up {names[1]}"
        self.setAccessibleDescription(words)
        self.update()

    def set_selected(self, row: int | None, col: int | None) -> None:
        """Mark the dot of a cell without a signal."""
        self._selected = None if row is None or col is None else (row, col)
        self.update()

    def shown_count(self) -> tuple[int, int]:
        """Return how many dots are drawn, and how many cells there are."""
        return len(self._x), self._total

    def dot_center(self, row: int, col: int) -> QPointF | None:
        """Return where a cell's dot stands, None where it is not drawn."""
        found = np.flatnonzero((self._cells == (row, col)).all(1))
        return None if not found.size else self._point(int(found[0]))

    def sizeHint(self) -> QSize:
        """Return the size that suits the contents."""
        return QSize(420, 420)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which nothing is cut."""
        return QSize(240, 220)

    # Places.

    def _area(self) -> QRectF:
        """Return the square in which the dots stand: one scale for both axes."""
        width, height = self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM
        side = max(10.0, min(width, height))
        return QRectF(_LEFT, _TOP, side, side)

    def _across(self, values: Any) -> Any:
        low, high = self._limits
        area = self._area()
        return area.left() + area.width() * (values - low) / (high - low)

    def _up(self, values: Any) -> Any:
        low, high = self._limits
        area = self._area()
        return area.bottom() - area.height() * (values - low) / (high - low)

    def _point(self, index: int) -> QPointF:
        across, up = self._across(self._x[index]), self._up(self._y[index])
        return QPointF(float(across), float(up))

    def _nearest(self, place: QPointF) -> int:
        if not len(self._x):
            return -1
        distance = np.hypot(self._across(self._x) - place.x(), self._up(self._y) - place.y())
        nearest = int(np.argmin(distance))
        return nearest if distance[nearest] <= _REACH else -1

    # Painting.

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axes(painter, theme)
        fill = theme.color("accent")
        fill.setAlpha(150 if len(self._x) <= 1000 else 70)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        radius = 4.0 if len(self._x) <= 500 else 2.5 if len(self._x) <= 3000 else 1.6
        across, up = self._across(self._x).tolist(), self._up(self._y).tolist()
        for x, y in zip(across, up, strict=True):
            painter.drawEllipse(QPointF(x, y), radius, radius)
        chosen = None if self._selected is None else self.dot_center(*self._selected)
        if chosen is not None:
            painter.setBrush(theme.color("accent"))
            painter.setPen(QPen(theme.color("text"), 1.6))
            painter.drawEllipse(chosen, radius + 2.5, radius + 2.5)

    def _paint_axes(self, painter: QPainter, theme: Theme) -> None:
        area, (low, high) = self._area(), self._limits
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area)
        painter.setPen(QPen(theme.color("border_strong"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(area.bottomLeft(), area.topRight())
        painter.setFont(mono_font(10))
        middle = Qt.AlignmentFlag.AlignCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value in _ticks(low, high):
            x, y = float(self._across(value)), float(self._up(value))
            painter.setPen(QPen(theme.color("grid"), 1))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(theme.color("text_muted"))
            text = number(value, _digits(high - low))
            painter.drawText(QRectF(x - 34, area.bottom() + 3, 68, 14), middle, text)
            painter.drawText(QRectF(0, y - 7, _LEFT - 5, 14), right, text)
        self._paint_names(painter, theme, area)

    def _paint_names(self, painter: QPainter, theme: Theme, area: QRectF) -> None:
        painter.setFont(ui_font(11, "medium"))
        painter.setPen(theme.color("text_muted"))
        middle = Qt.AlignmentFlag.AlignCenter
        across, up = (_fitting(painter, name, area.width()) for name in self._names)
        painter.drawText(QRectF(area.left(), area.bottom() + 20, area.width(), 18), middle, across)
        painter.save()
        painter.translate(8, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-area.height() / 2, -8, area.height(), 16), middle, up)
        painter.restore()

    # Answering.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the cell under the pointer."""
        index = self._nearest(event.position())
        if index < 0:
            QToolTip.hideText()
            return
        QToolTip.showText(event.globalPosition().toPoint(), self.tip_of(index), self)

    def tip_of(self, index: int) -> str:
        """Return a dot in words: its cell and both numbers."""
        row, column = (int(i) for i in self._cells[index])
        place = self._tip(row, column) if self._tip is not None else f"{row}, {column}"
        one, two = float(self._x[index]), float(self._y[index])
        return (
            f"{place}\n{number(one, 4)} → {number(two, 4)}   "
            f"difference {number(two - one, 4, sign=True)}"
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the cell that was clicked."""
        index = self._nearest(event.position())
        if index >= 0:
            row, column = (int(i) for i in self._cells[index])
            self.set_selected(row, column)
            self.dot_clicked.emit(row, column)

    def leaveEvent(self, event: QEvent) -> None:
        """Let go of what was under the pointer."""
        super().leaveEvent(event)
        QToolTip.hideText()

    def _on_theme_changed(self, _theme: object) -> None:
        self.update()


def _thinned(known: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    if len(known) <= MAX_DOTS:
        return known
    apart = np.abs(right[tuple(known.T)] - left[tuple(known.T)])
    most = np.argpartition(apart, -MAX_DOTS // 4)[-MAX_DOTS // 4 :]
    spread = np.linspace(0, len(known) - 1, MAX_DOTS - len(most)).astype(np.int64)
    kept: np.ndarray = known[np.unique(np.concatenate([most, spread]))]
    return kept


def _limits(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return one range for both axes, with some room at its ends."""
    if not len(x):
        return 0.0, 1.0
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    room = 0.05 * (high - low) or max(abs(high), 1.0) * 0.5
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Return three to six round numbers of a range."""
    raw = (high - low) / 4
    size = 10.0 ** np.floor(np.log10(raw))
    step = size * next(m for m in (1.0, 2.0, 2.5, 5.0, 10.0) if size * m >= raw * 0.999)
    first = int(np.ceil(low / step))
    return [float(i * step) for i in range(first, int(np.floor(high / step)) + 1)]


def _digits(span: float) -> int:
    return int(np.clip(np.ceil(1 - np.log10(span)), 0, 6))


def _fitting(painter: QPainter, text: str, width: float) -> str:
    return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(width))
