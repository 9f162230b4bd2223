"""A head's attention pattern as a small picture: enough to recognise it, a click selects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.widgets.basics.colormaps import lookup, sequential_map
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.basics.theme import theme_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARGIN = 18
_LABELLED_CELL = 13
_LARGEST = 240


class SmallPattern(QWidget):
    """Rows are queries, columns are keys, dark is 1.

    Signals:
        pair_selected: (query, key) of a clicked cell.
    """

    pair_selected = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pattern: np.ndarray | None = None
        self._texts: list[str] = []
        self._image: QImage | None = None
        self._selected: tuple[int, int] | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def show_pattern(self, pattern: np.ndarray, texts: Sequence[str]) -> None:
        """Show a pattern [S, S] with its tokens."""
        self._pattern = np.asarray(pattern, dtype=np.float32)
        self._texts = list(texts)
        self._draw_image()

    def set_selected(self, pair: tuple[int, int] | None) -> None:
        """Outline a cell, or none."""
        self._selected = pair
        self.update()

    def pattern(self) -> np.ndarray | None:
        """Return what is shown."""
        return self._pattern

    def hasHeightForWidth(self) -> bool:
        """The picture is square."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height that belongs to a width."""
        return min(width, _LARGEST)

    def sizeHint(self) -> QSize:
        """Return the size at which it is comfortable to read."""
        return QSize(200, 200)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(120, 120)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the picture, its labels where there is room, and the selected cell."""
        if self._image is None:
            return
        theme = theme_hub().current
        painter = QPainter(self)
        area = self._area()
        painter.drawImage(area, self._image)
        painter.setPen(QPen(theme.color("border"), 1))
        painter.drawRect(area.adjusted(0, 0, -1, -1))
        cell = area.width() / len(self._texts)
        if cell >= _LABELLED_CELL:
            painter.setFont(mono_font(10))
            painter.setPen(theme.color("text_muted"))
            middle = Qt.AlignmentFlag.AlignCenter
            for place, text in enumerate(self._texts):
                start = int(place * cell)
                short = text[:2]
                across = QRect(area.x() + start, 0, int(cell), _MARGIN)
                painter.drawText(across, middle, short)
                painter.drawText(QRect(0, area.y() + start, _MARGIN, int(cell)), middle, short)
        if self._selected is not None and max(self._selected) < len(self._texts):
            query, key = self._selected
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            left, top = area.x() + key * cell, area.y() + query * cell
            painter.drawRect(QRect(int(left), int(top), round(cell), round(cell)))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select the clicked cell."""
        pair = self._pair_at(event.position().toPoint())
        if pair is not None and event.button() == Qt.MouseButton.LeftButton:
            self.pair_selected.emit(*pair)

    def event(self, event: QEvent) -> bool:
        """Say the value under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(event.pos()), self)
            return True
        return super().event(event)

    def _tip(self, point: QPoint) -> str:
        pair = self._pair_at(point)
        if pair is None or self._pattern is None:
            return ""
        query, key = pair
        weight = float(self._pattern[query, key])
        return f"{self._texts[query]} ({query}) → {self._texts[key]} ({key}): {weight:.4f}"

    def _pair_at(self, point: QPoint) -> tuple[int, int] | None:
        area = self._area()
        if self._pattern is None or not area.contains(point):
            return None
        size, count = area.width(), len(self._texts)
        query = min((point.y() - area.y()) * count // size, count - 1)
        key = min((point.x() - area.x()) * count // size, count - 1)
        return (query, key) if key <= query else None

    def _area(self) -> QRect:
        side = max(1, min(self.width(), self.height()) - _MARGIN - 1)
        return QRect(_MARGIN, _MARGIN, side, side)

    def _draw_image(self) -> None:
        pattern = self._pattern
        if pattern is None:
            return
        steps = np.clip(np.nan_to_num(pattern) * 255, 0, 255).astype(np.uint8)
        colours = np.asarray(lookup(sequential_map()), dtype=np.uint8)[steps]
        panel = theme_hub().current.color("panel")
        future = np.triu(np.ones(pattern.shape, dtype=bool), 1)
        colours[future] = (panel.red(), panel.green(), panel.blue(), 255)
        rows, columns = pattern.shape
        data = np.ascontiguousarray(colours)
        image = QImage(data.data, columns, rows, columns * 4, QImage.Format.Format_RGBA8888)
        self._image = image.copy()  # the array goes out of scope
        self.update()

    def _on_theme_changed(self) -> None:
        self._draw_image()
