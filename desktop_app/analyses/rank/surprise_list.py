"""How surprising each prompt token is, as painted rows that fill a large window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, Qt

from desktop_app.pictures.words import number
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.tables.row_canvas import RowCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from desktop_app.widgets.basics.theme import Theme

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_GAP = 10


class SurpriseList(RowCanvas):
    """Position, token, bar and −log p of every prompt token, in the prompt's order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._texts: Sequence[str] = ()
        self._values: Sequence[float] = ()
        self._tips: Sequence[str] = ()
        self._most = 1.0
        self.set_fitting(24, 72)
        self.setAccessibleName("Surprise of each prompt token")

    def set_tokens(
        self, texts: Sequence[str], values: Sequence[float], tips: Sequence[str]
    ) -> None:
        """Show these tokens with their surprise in nats, NaN where nothing predicts them."""
        self._texts, self._values, self._tips = texts, values, tips
        self._most = max((v for v in values if math.isfinite(v)), default=0.0) or 1.0
        self.rows_changed()

    def row_count(self) -> int:
        """Return the number of rows."""
        return len(self._texts)

    def row_text(self, row: int) -> str:
        """Return a row in words."""
        return self._tips[row]

    def _cells(self, rect: QRect) -> dict[str, QRect]:
        widths = {"at": 30, "token": 110, "bar": max(40, rect.width() - 226), "nats": 56}
        cells, x = {}, rect.left()
        for name, width in widths.items():
            cells[name] = QRect(x, rect.top(), width, rect.height())
            x += width + _GAP
        return cells

    def paint_header(self, painter: QPainter, rect: QRect, _theme: Theme) -> None:
        """Paint the column names."""
        cells = self._cells(rect)
        painter.drawText(cells["at"], _RIGHT, "at")
        painter.drawText(cells["token"], _LEFT, "token")
        painter.drawText(cells["bar"], _LEFT, "surprise, −log p")
        painter.drawText(cells["nats"], _RIGHT, "nats")

    def paint_row(self, painter: QPainter, rect: QRect, row: int, theme: Theme) -> None:
        """Paint one row."""
        cells, value = self._cells(rect), self._values[row]
        painter.setFont(mono_font(12))
        painter.setPen(theme.color("text_muted"))
        painter.drawText(cells["at"], _RIGHT, str(row))
        painter.drawText(cells["nats"], _RIGHT, number(value, 2))
        painter.setPen(theme.color("text"))
        metrics = painter.fontMetrics()
        width = cells["token"].width()
        text = metrics.elidedText(self._texts[row], Qt.TextElideMode.ElideRight, width)
        painter.drawText(cells["token"], _LEFT, text)
        if math.isfinite(value):
            bar, high = cells["bar"], min(8 + rect.height() // 6, 16)
            length = max(bar.width() * value / self._most, 3.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            fill = QRectF(bar.left(), bar.center().y() - high / 2 + 0.5, length, high)
            painter.drawRoundedRect(fill, min(4.0, length / 2), 4)
