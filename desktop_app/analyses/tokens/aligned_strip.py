"""Two tokenizers' splits of one text, aligned by the characters that both bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import theme_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.tokens.picture import AlignedRow
    from desktop_app.widgets.basics.theme import Theme

_ROW = 24.0
_GAP = 4.0
_LINE = 2 * _ROW + 3 * _GAP + 6.0


@dataclass(frozen=True)
class _Group:
    """A stretch laid out: where it starts, and the widths of its tokens in both rows."""

    x: float
    line: int
    width: float
    rows: tuple[tuple[str, ...], tuple[str, ...]]
    same: bool


class AlignedStrip(QWidget):
    """The model's own tokens above, the other tokenizer's below; stretches that part are tinted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stretches: Sequence[tuple[tuple[str, ...], tuple[str, ...], bool]] = ()
        self._names = ("", "")
        self._groups: list[_Group] = []
        self._lines = 1
        self._font = mono_font(12)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Two tokenizers, aligned by characters")

    def set_rows(self, rows: Sequence[AlignedRow], names: tuple[str, str]) -> None:
        """Show stretches; `names` are the model's and the other tokenizer's."""
        self._stretches = [(r.left, r.right, r.same) for r in rows]
        self._names = names
        self._lay_out(self.width())
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Return that the height follows from the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height that a width needs."""
        _groups, lines = self._laid_out(width)
        return int(lines * _LINE)

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(360, int(self._lines * _LINE))

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which nothing is cut."""
        return QSize(200, int(_LINE))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew for the new size."""
        super().resizeEvent(event)
        self._lay_out(self.width())

    def _lay_out(self, width: int) -> None:
        self._groups, self._lines = self._laid_out(width)

    def _label_width(self) -> float:
        metrics = QFontMetricsF(ui_font(11))
        return min(130.0, max(metrics.horizontalAdvance(n) for n in self._names) + 12)

    def _laid_out(self, width: int) -> tuple[list[_Group], int]:
        metrics = QFontMetricsF(self._font)
        start = self._label_width()
        x, line, groups = start, 0, []
        for left, right, same in self._stretches:
            need = max(_row_width(metrics, left), _row_width(metrics, right))
            if x > start and x + need > width - 4:
                x, line = start, line + 1
            groups.append(_Group(x, line, need, (left, right), same))
            x += need + 2 * _GAP
        return groups, line + 1

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(self._font)
        painter.setFont(ui_font(11))
        painter.setPen(theme.color("text_muted"))
        for line in range(self._lines):
            for row, name in enumerate(self._names):
                box = QRectF(0, self._top(line, row), self._label_width() - 8, _ROW)
                shown = painter.fontMetrics().elidedText(
                    name, Qt.TextElideMode.ElideMiddle, int(box.width())
                )
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.setFont(self._font)
        for group in self._groups:
            for row, texts in enumerate(group.rows):
                self._paint_texts(painter, metrics, group, row, texts, theme)

    def _top(self, line: int, row: int) -> float:
        return line * _LINE + 2 + row * (_ROW + _GAP)

    def _paint_texts(
        self,
        painter: QPainter,
        metrics: QFontMetricsF,
        group: _Group,
        row: int,
        texts: tuple[str, ...],
        theme: Theme,
    ) -> None:
        x = group.x
        spare = (group.width - _row_width(metrics, texts)) / max(1, len(texts))
        for text in texts:
            width = _cell_width(metrics, text) + spare
            box = QRectF(x + 0.5, self._top(group.line, row) + 0.5, width - 1, _ROW - 1)
            painter.setPen(theme.color("token_border" if group.same else "warn"))
            painter.setBrush(theme.color("token" if group.same else "token_differs"))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(theme.color("text"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
            x += width + _GAP / 2


def _cell_width(metrics: QFontMetricsF, text: str) -> float:
    return max(22.0, metrics.horizontalAdvance(text) + 12.0)


def _row_width(metrics: QFontMetricsF, texts: tuple[str, ...]) -> float:
    return sum(_cell_width(metrics, t) for t in texts) + (len(texts) - 1) * _GAP / 2
