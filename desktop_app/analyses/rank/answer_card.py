"""One continuation as a card: predicting token j given what stands before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.analyses.rank.picture import table_sentence
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, probability
from desktop_app.views.frame import ElidedLabel, label
from desktop_app.widgets.basics.messages import Badge
from desktop_app.widgets.basics.theme import set_role

if TYPE_CHECKING:
    from desktop_app.analyses.rank.picture import AnswerRow, AnswerTable

_NAMES = ("rank", "prob", "logit", "log prob")


class AnswerCard(QFrame):
    """Rank, probability, logit and log-probability of every token of one continuation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: list[_Step] = []
        set_role(self, "card")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._badge = Badge("answer")
        self._title = ElidedLabel("", "heading")
        self._total = label("", "small")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._badge)
        top.addWidget(self._title, 1)
        top.addWidget(self._total)
        self._body = QWidget()
        self._steps = QVBoxLayout(self._body)
        self._steps.setContentsMargins(0, 0, 0, 0)
        self._steps.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._body)

    def show_table(self, table: AnswerTable) -> None:
        """Show one continuation."""
        answer = table.mark == "answer"
        tip = "A continuation that the metric rewards" if answer else "One it is compared with"
        self._badge.set_badge("answer" if answer else "wrong", "good" if answer else "bad", tip)
        self._title.set_full_text(table_sentence(table))
        several = len(table.rows) > 1
        self._total.setVisible(several)
        self._total.setText(f"log p of all: {number(table.logprob_total)}")
        self.setAccessibleName(f"{table.mark} “{display_text(table.text)}”")
        while len(self._shown) < len(table.rows):
            self._shown.append(_Step())
            self._steps.addWidget(self._shown[-1])
        for i, step in enumerate(self._shown):
            step.setVisible(i < len(table.rows))
            if i < len(table.rows):
                step.show_row(table.rows[i])


class _Step(QWidget):
    """One token of the continuation: what is predicted given what, and its numbers."""

    def __init__(self) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        self._said = ElidedLabel("", "muted")
        grid.addWidget(self._said, 0, 0, 1, len(_NAMES))
        self._values = [label("", "mono") for _ in _NAMES]
        for column, (name, value) in enumerate(zip(_NAMES, self._values, strict=True)):
            grid.addWidget(label(name, "small"), 1, column)
            grid.addWidget(value, 2, column)
            grid.setColumnStretch(column, 1)

    def show_row(self, row: AnswerRow) -> None:
        """Show one token's numbers."""
        said = f"Predicting token {row.step}, “{row.text}” (id {row.id}), given “{row.given}”"
        self._said.set_full_text(said)
        texts = (
            f"{row.rank:,}" + (" (top)" if row.rank == 0 else ""),
            probability(row.prob),
            number(row.logit),
            number(row.logprob),
        )
        for name, value, text in zip(_NAMES, self._values, texts, strict=True):
            value.setText(text)
            value.setAccessibleName(f"{name} {text}")
