"""The right side of the ranking: logit difference, and one small table per continuation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from desktop_app.analyses.rank.answer_card import AnswerCard
from desktop_app.analyses.rank.picture import (
    answer_tables,
    dot_strip,
    logit_diff,
    logit_diff_sentence,
    spread_sentence,
)
from desktop_app.pictures.words import number
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.plots.plot import Plot

if TYPE_CHECKING:
    from PySide6.QtWidgets import QFrame

    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection


class AnswerPanel(QWidget):
    """Logit difference large, its spread over prompts, and the answers token by token."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[AnswerCard] = []
        self._column = column_in(self, self._build_score())
        self._column.addStretch(1)
        self._dots.point_clicked.connect(selection.select_prompt)

    def _build_score(self) -> QFrame:
        frame, column = panel()
        frame.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._value = label("", "title")
        self._value.setFont(ui_font(26, "semibold"))
        self._value.setStyleSheet("font-size: 26px; font-weight: 600;")
        self._spread = ElidedLabel("", "small")
        self._sentence = label("", "muted", wrap=True)
        self._dots = Plot(compact=True)
        self._dots.setAccessibleName("Logit difference per prompt")
        top = QHBoxLayout()
        top.addWidget(label("Logit difference", "heading"))
        top.addStretch(1)
        top.addWidget(self._value)
        column.addLayout(top)
        column.addWidget(self._sentence)
        column.addWidget(self._dots)
        column.addWidget(self._spread)
        return frame

    def read(self) -> dict[str, Any]:
        """Return what is shown, as far as it is in sight."""
        cards = [card for card in self._cards if not card.isHidden()]
        return {
            "answers": [card.title() for card in cards],
            "logit_diff": "" if self._value.isHidden() else self._value.text(),
            "verdict": self._sentence.text(),
        }

    def show_prompt(self, result: Result, prompt: int) -> None:
        """Show the scores of one prompt."""
        self._show_score(result, prompt)
        tables = answer_tables(result, prompt)
        while len(self._cards) < len(tables):
            card = AnswerCard()
            self._cards.append(card)
            self._column.insertWidget(len(self._cards), card)
        for i, card in enumerate(self._cards):
            card.setVisible(i < len(tables))
            if i < len(tables):
                card.show_table(tables[i])

    def _show_score(self, result: Result, prompt: int) -> None:
        spread = logit_diff(result, prompt)
        several = spread is not None and spread.values.size > 1
        self._sentence.setText(logit_diff_sentence(result, prompt))
        self._value.setVisible(spread is not None)
        self._dots.setVisible(several)
        self._spread.setVisible(several)
        if spread is None:
            return
        self._value.setText(number(spread.prompt, sign=True))
        self._spread.set_full_text(spread_sentence(spread))
        if several:
            self._dots.show_picture(dot_strip(result, spread))
            self._dots.set_selected(prompt)
