"""The most likely next tokens as painted rows: rank, token, bar, probability, logit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, Qt

from desktop_app.pictures.words import number, probability
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.tables.row_canvas import RowCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.rank.picture import Prediction
    from desktop_app.widgets.basics.theme import Theme

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_MARKS = {"answer": "good", "wrong": "bad", "": "accent"}
_GAP = 10
# From this height of a row on, letters grow too.
_TALL = 48


class PredictionList(RowCanvas):
    """Predictions, best first; answers and wrong ones are coloured and named."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: Sequence[Prediction] = ()
        self.setAccessibleName("Most likely next tokens")

    def set_predictions(self, rows: Sequence[Prediction]) -> None:
        """Show these predictions."""
        self._rows = rows
        self.rows_changed()

    def row_count(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def row_text(self, row: int) -> str:
        """Return a row in words."""
        item = self._rows[row]
        mark = {"answer": ", the answer", "wrong": ", a wrong answer", "": ""}[item.mark]
        return (
            f"Rank {item.rank}: “{item.text}” (id {item.id}, piece {item.piece}){mark}\n"
            f"probability {item.prob:.6f}, logit {number(item.logit, 4)}, "
            f"log-probability {number(item.logprob, 4)}"
        )

    def _cells(self, rect: QRect) -> dict[str, QRect]:
        """Return where each column lies; the bar takes what the others leave."""
        widths = {"rank": 26, "token": 92, "id": 52, "prob": 52}
        if rect.width() >= 400:
            widths["mark"] = 50
        if rect.width() >= 500:
            widths |= {"logit": 58, "logprob": 62}
        fixed = sum(widths.values()) + _GAP * len(widths)
        widths["bar"] = max(30, rect.width() - fixed)
        order = ["rank", "token", "id", "bar", "mark", "prob", "logit", "logprob"]
        cells, x = {}, rect.left()
        for name in order:
            if name in widths:
                cells[name] = QRect(x, rect.top(), widths[name], rect.height())
                x += widths[name] + _GAP
        return cells

    def paint_header(self, painter: QPainter, rect: QRect, _theme: Theme) -> None:
        """Paint the column names."""
        cells = self._cells(rect)
        names = {"rank": "#", "id": "id", "prob": "prob", "logit": "logit", "logprob": "log prob"}
        for name, text in names.items():
            if name in cells:
                painter.drawText(cells[name], _RIGHT, text)
        painter.drawText(cells["token"], _LEFT, "token")
        if cells["bar"].width() >= 70:
            painter.drawText(cells["bar"], _LEFT, "probability")

    def paint_row(self, painter: QPainter, rect: QRect, row: int, theme: Theme) -> None:
        """Paint one row."""
        item, cells = self._rows[row], self._cells(rect)
        painter.setFont(mono_font(13 if rect.height() >= _TALL else 11))
        painter.setPen(theme.color("text_muted"))
        painter.drawText(cells["rank"], _RIGHT, str(item.rank))
        painter.drawText(cells["id"], _RIGHT, str(item.id))
        for name, text in (("logit", number(item.logit, 2)), ("logprob", number(item.logprob, 2))):
            if name in cells:
                painter.drawText(cells[name], _RIGHT, text)
        painter.setPen(theme.color("text"))
        painter.drawText(cells["prob"], _RIGHT, probability(item.prob))
        self._paint_token(painter, cells["token"], item, theme)
        self._paint_bar(painter, cells["bar"], item, theme)
        if item.mark and "mark" in cells:
            painter.setFont(ui_font(11, "medium"))
            painter.setPen(theme.color(_MARKS[item.mark]))
            painter.drawText(cells["mark"], _LEFT, item.mark)

    def _paint_token(self, painter: QPainter, cell: QRect, item: Prediction, theme: Theme) -> None:
        painter.setFont(mono_font(15 if cell.height() >= _TALL else 12))
        metrics = painter.fontMetrics()
        text = metrics.elidedText(item.text, Qt.TextElideMode.ElideRight, cell.width() - 14)
        width, high = max(24, metrics.horizontalAdvance(text) + 14), metrics.height() + 4
        box = QRectF(cell.left(), cell.center().y() - high / 2 + 0.5, width, high)
        soft = {"answer": "good_soft", "wrong": "bad_soft", "": "token"}[item.mark]
        edge = _MARKS[item.mark] if item.mark else "token_border"
        painter.setPen(theme.color(edge))
        painter.setBrush(theme.color(soft))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_bar(self, painter: QPainter, cell: QRect, item: Prediction, theme: Theme) -> None:
        # Rows of a large window are high, and so are their bars.
        high = min(max(8, cell.height() // 4), 22)
        track = QRectF(cell.left(), cell.center().y() - high / 2 + 0.5, cell.width(), high)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("hover"))
        painter.drawRoundedRect(track, 4, 4)
        width = track.width() * min(1.0, max(0.0, item.prob))
        if width >= 1:
            painter.setBrush(theme.color(_MARKS[item.mark]))
            fill = QRectF(track.left(), track.top(), max(width, 3.0), track.height())
            painter.drawRoundedRect(fill, min(4.0, fill.width() / 2), 4)
