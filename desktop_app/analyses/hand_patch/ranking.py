"""The next tokens with the moves: narrow rows, and where each token's probability was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QPen

from desktop_app.pictures.words import probability
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.tables.prediction_list import PredictionList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.rank.picture import Prediction
    from desktop_app.widgets.basics.theme import Theme

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_GAP = 8
_WITH_MARK = 290
_INKS = {"answer": "good", "wrong": "bad"}


class HandRanking(PredictionList):
    """Rank, token, bar and probability; a tick on the bar is the other run's probability."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._others: Mapping[int, float] = {}
        self.set_fitting(24, 40)

    def show_rows(self, rows: Sequence[Prediction], others: Mapping[int, float]) -> None:
        """Show predictions; `others` are probabilities by token to compare with."""
        self._others = others
        self.set_predictions(rows)

    def row_text(self, row: int) -> str:
        """Return a row in words."""
        other = self._others.get(self._rows[row].id)
        told = "not among the listed" if other is None else f"{other:.6f}"
        return f"{super().row_text(row)}\nprobability in the other list: {told}"

    def _cells(self, rect: QRect) -> dict[str, QRect]:
        """Return where each column lies; the bar takes what the others leave."""
        widths = {"rank": 20, "token": 62, "bar": 0, "prob": 44}
        if rect.width() >= _WITH_MARK:
            widths = {"rank": 20, "token": 84, "bar": 0, "mark": 48, "prob": 44}
        widths["bar"] = max(24, rect.width() - sum(widths.values()) - _GAP * (len(widths) - 1))
        found, x = {}, rect.left()
        for name, width in widths.items():
            found[name] = QRect(x, rect.top(), width, rect.height())
            x += width + _GAP
        return found

    def paint_header(self, painter: QPainter, rect: QRect, _theme: Theme) -> None:
        """Paint the column names."""
        placed = self._cells(rect)
        painter.drawText(placed["rank"], _RIGHT, "#")
        painter.drawText(placed["token"], _LEFT, "token")
        painter.drawText(placed["prob"], _RIGHT, "prob")

    def paint_row(self, painter: QPainter, rect: QRect, row: int, theme: Theme) -> None:
        """Paint one row."""
        item, placed = self._rows[row], self._cells(rect)
        painter.setFont(mono_font(11))
        painter.setPen(theme.color("text_muted"))
        painter.drawText(placed["rank"], _RIGHT, str(item.rank))
        painter.setPen(theme.color("text"))
        painter.drawText(placed["prob"], _RIGHT, probability(item.prob))
        self._paint_token(painter, placed["token"], item, theme)
        bar = placed["bar"]
        self._paint_bar(painter, bar, item, theme)
        other = self._others.get(item.id)
        if other is not None:
            x, y = bar.left() + 1 + (bar.width() - 2) * other, bar.center().y() + 0.5
            painter.setPen(QPen(theme.color("text"), 1.5))
            painter.drawLine(QPointF(x, y - 7), QPointF(x, y + 7))
        if item.mark and "mark" in placed:
            painter.setFont(ui_font(11, "medium"))
            painter.setPen(theme.color(_INKS[item.mark]))
            painter.drawText(placed["mark"], _LEFT, item.mark)
