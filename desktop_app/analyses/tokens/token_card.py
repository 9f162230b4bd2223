"""One prompt as a card: its tokens, its corrupt twin's beneath, and what to watch out for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from desktop_app.analyses.tokens.picture import aligned_rows, card_sentence, prompt_notices
from desktop_app.contract.result import TokenList
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, label, severity
from desktop_app.widgets.basics.chip import Chip, ChipRow, ChipSpec
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.theme import set_role, theme_hub
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QMouseEvent

    from desktop_app.analyses.tokens.picture import AlignedRow
    from desktop_app.contract.result import Notice, Result


_ROW = 24.0
_GAP = 4.0
_LINE = 2 * _ROW + 3 * _GAP + 6.0


@dataclass(frozen=True)
class _Group:
    """A stretch laid out: where it starts, and the widths of its tokens in both rows."""

    x: float
    line: int
    width: float
    shown: AlignedRow


class AlignedStrip(QWidget):
    """The model's own tokens above, the other tokenizer's below; stretches that part are tinted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stretches: Sequence[AlignedRow] = ()
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
        self._stretches = rows
        self._names = names
        self._groups, self._lines = self._laid_out(self.width())
        self.updateGeometry()
        self.update()

    @override
    def hasHeightForWidth(self) -> bool:
        return True

    @override
    def heightForWidth(self, width: int) -> int:
        _groups, lines = self._laid_out(width)
        return int(lines * _LINE)

    @override
    def sizeHint(self) -> QSize:
        return QSize(360, int(self._lines * _LINE))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(200, int(_LINE))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._groups, self._lines = self._laid_out(self.width())

    def _label_width(self) -> float:
        metrics = QFontMetricsF(ui_font(11))
        return min(130.0, max(metrics.horizontalAdvance(n) for n in self._names) + 12)

    def _laid_out(self, width: int) -> tuple[list[_Group], int]:
        metrics = QFontMetricsF(self._font)
        start = self._label_width()
        x, line, groups = start, 0, []
        for shown in self._stretches:
            need = max(_row_width(metrics, shown.left), _row_width(metrics, shown.right))
            if x > start and x + need > width - 4:
                x, line = start, line + 1
            groups.append(_Group(x, line, need, shown))
            x += need + 2 * _GAP
        return groups, line + 1

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
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
            for row, texts in enumerate((group.shown.left, group.shown.right)):
                self._paint_texts(painter, group, row, texts)

    def _top(self, line: int, row: int) -> float:
        return line * _LINE + 2 + row * (_ROW + _GAP)

    def _paint_texts(
        self, painter: QPainter, group: _Group, row: int, texts: tuple[str, ...]
    ) -> None:
        theme, metrics, x = theme_hub().current, QFontMetricsF(self._font), group.x
        spare = (group.width - _row_width(metrics, texts)) / max(1, len(texts))
        for text in texts:
            width = _cell_width(metrics, text) + spare
            box = QRectF(x + 0.5, self._top(group.line, row) + 0.5, width - 1, _ROW - 1)
            painter.setPen(theme.color("token_border" if group.shown.same else "warn"))
            painter.setBrush(theme.color("token" if group.shown.same else "token_differs"))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(theme.color("text"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
            x += width + _GAP / 2


def _cell_width(metrics: QFontMetricsF, text: str) -> float:
    return max(22.0, metrics.horizontalAdvance(text) + 12.0)


def _row_width(metrics: QFontMetricsF, texts: tuple[str, ...]) -> float:
    return sum(_cell_width(metrics, t) for t in texts) + (len(texts) - 1) * _GAP / 2


class TokenCard(QFrame):
    """A prompt's token strip with its twin's, counts, and chips with one-click repairs.

    Signals:
        chosen: The prompt's index, when the card or one of its tokens was clicked.
        token_chosen: The prompt's index and a position.
        fix_wanted: A Notice whose fix should be applied.
    """

    chosen = Signal(int)
    token_chosen = Signal(int, int)
    fix_wanted = Signal(object)

    def __init__(self, index: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        self._notices: list[Notice] = []
        self._length = 0
        set_role(self, "card")
        self._number = label(str(index + 1), "heading")
        self._sentence = ElidedLabel("", "small")
        self.strip = token_strip(f"Tokens of prompt {index + 1}")
        self._aligned = AlignedStrip()
        self._chips = ChipRow()
        top = row_of(self._number, (self._sentence, 1), spacing=10)
        column = column_in(self, top, self.strip, self._aligned, self._chips, spacing=6)
        column.setContentsMargins(12, 10, 12, 10)
        self.strip.token_clicked.connect(self._on_token_clicked)
        self._chips.chip_clicked.connect(self._on_chip_clicked)
        self._chips.fix_clicked.connect(self._on_fix_clicked)

    def show_prompt(self, result: Result) -> None:
        """Show this card's prompt of a result."""
        index = self.index
        record = result.prompts[index]
        self._length = len(record.tokens)
        self._sentence.set_full_text(card_sentence(result, index))
        self.strip.set_tokens(cells(record.tokens, result.data["special"][index]))
        twin = record.corrupt_tokens
        self.strip.set_compare(cells(twin) if isinstance(twin, TokenList) else None)
        self.strip.set_read_position(record.read_position)
        rows = aligned_rows(result, index)
        self._aligned.setVisible(bool(rows))
        if rows:
            self._aligned.set_rows(rows, (result.model.name, result.data["compare"]["model"]))
        self._show_notices(prompt_notices(result, index))

    def sentence(self) -> str:
        """Return what the prompt is summed up as."""
        return self._sentence.full_text()

    def set_chosen(self, *, chosen: bool) -> None:
        """Mark the card of the selected prompt."""
        self._number.setText(f"{self.index + 1} ●" if chosen else str(self.index + 1))
        self.setAccessibleName(
            f"Prompt {self.index + 1}{', selected' if chosen else ''}: {self._sentence.full_text()}"
        )

    def _show_notices(self, notices: list[Notice]) -> None:
        self._notices = notices
        self._chips.set_chips(
            [
                ChipSpec(
                    str(i),
                    notice.code.replace("_", " "),
                    severity(notice.code),
                    notice.message,
                    "Fix" if notice.fix is not None else "",
                )
                for i, notice in enumerate(notices)
            ]
        )
        for chip in self._chips.chips():
            chip.installEventFilter(self)
        self._chips.setVisible(bool(notices))

    def highlight(self, positions: tuple[int, ...]) -> None:
        """Tint the tokens that a notice speaks of; none ends it."""
        inside = [p for p in positions if 0 <= p < self._length]
        if not inside:
            self.strip.set_values(None)
            return
        values = np.full(self._length, np.nan)
        values[inside] = 1.0
        self.strip.set_values(values, limits=(0.0, 1.6), diverging=False, value_name="spoken of")

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(watched, Chip) and event.type() == QEvent.Type.Enter:
            self._on_chip_clicked(watched.code)
        elif isinstance(watched, Chip) and event.type() == QEvent.Type.Leave:
            self.highlight(())
        return super().eventFilter(watched, event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.index)
        super().mousePressEvent(event)

    def _on_token_clicked(self, position: int) -> None:
        self.token_chosen.emit(self.index, position)

    def _on_chip_clicked(self, code: str) -> None:
        self.highlight(self._notices[int(code)].positions)

    def _on_fix_clicked(self, code: str) -> None:
        self.fix_wanted.emit(self._notices[int(code)])
