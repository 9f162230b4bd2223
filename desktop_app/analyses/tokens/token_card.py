"""One prompt as a card: its tokens, its corrupt twin's beneath, and what to watch out for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.analyses.tokens.aligned_strip import AlignedStrip
from desktop_app.analyses.tokens.picture import aligned_rows, card_sentence, prompt_notices
from desktop_app.contract.result import TokenList
from desktop_app.views.frame import ElidedLabel, label, severity
from desktop_app.widgets.basics.chip import Chip, ChipSpec
from desktop_app.widgets.basics.layouts import FlowLayout
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent

    from desktop_app.contract.result import Notice, Result


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
        self._notices: dict[str, Notice] = {}
        self._chips: dict[QObject, Notice] = {}
        self._length = 0
        set_role(self, "card")
        self._number = label(str(index + 1), "heading")
        self._sentence = ElidedLabel("", "small")
        self.strip = token_strip(f"Tokens of prompt {index + 1}")
        self._aligned = AlignedStrip()
        self._flow_box = QWidget()
        self._flow = FlowLayout(self._flow_box, 6)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self._number)
        top.addWidget(self._sentence, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.strip)
        column.addWidget(self._aligned)
        column.addWidget(self._flow_box)
        self.strip.token_clicked.connect(self._on_token_clicked)

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
        for chip in list(self._chips):
            if isinstance(chip, QWidget):
                self._flow.removeWidget(chip)
                chip.hide()
                chip.deleteLater()
        self._chips.clear()
        self._notices.clear()
        for i, notice in enumerate(notices):
            code = f"{i}:{notice.code}"
            words, fix = notice.code.replace("_", " "), "" if notice.fix is None else "Fix"
            chip = Chip(ChipSpec(code, words, severity(notice.code), notice.message, fix))
            chip.installEventFilter(self)
            chip.fix_clicked.connect(self._on_fix_clicked)
            chip.clicked.connect(self._on_chip_clicked)
            self._flow.addWidget(chip)
            self._notices[code] = notice
            self._chips[chip] = notice
        self._flow_box.setVisible(bool(notices))

    def highlight(self, positions: tuple[int, ...]) -> None:
        """Tint the tokens that a notice speaks of; none ends it."""
        inside = [p for p in positions if 0 <= p < self._length]
        if not inside:
            self.strip.set_values(None)
            return
        values = np.full(self._length, np.nan)
        values[inside] = 1.0
        self.strip.set_values(values, limits=(0.0, 1.6), diverging=False, value_name="spoken of")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Answer events of a watched widget."""
        notice = self._chips.get(watched)
        if notice is not None and event.type() == QEvent.Type.Enter:
            self.highlight(notice.positions)
        elif notice is not None and event.type() == QEvent.Type.Leave:
            self.highlight(())
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what was clicked."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.index)
        super().mousePressEvent(event)

    def _on_token_clicked(self, position: int) -> None:
        self.token_chosen.emit(self.index, position)

    def _on_chip_clicked(self, code: str) -> None:
        notice = self._notices.get(code)
        if notice is not None:
            self.highlight(notice.positions)

    def _on_fix_clicked(self, code: str) -> None:
        notice = self._notices.get(code)
        if notice is not None and notice.fix is not None:
            self.fix_wanted.emit(notice)
