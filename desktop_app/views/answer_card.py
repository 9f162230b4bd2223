"""One continuation as a card: predicting token j given what stands before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.views.frame import ElidedLabel, label
from desktop_app.views.rank_data import table_sentence
from desktop_app.views.words import number, probability
from desktop_app.widgets.messages import Badge
from desktop_app.widgets.theme import set_role
from desktop_app.widgets.token_text import display_text

if TYPE_CHECKING:
    from desktop_app.views.rank_data import AnswerRow, AnswerTable

_NAMES = ("rank", "prob", "logit", "log prob")


class AnswerCard(QFrame):
    """Rank, probability, logit and log-probability of every token of one continuation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
        while self._steps.count():
            item = self._steps.takeAt(0)
            old = item.widget() if item is not None else None
            if old is not None:
                old.setParent(None)
                old.deleteLater()
        for row in table.rows:
            self._steps.addWidget(_step(row))


def _step(row: AnswerRow) -> QWidget:
    """Return one token of the continuation: what is predicted given what, and its numbers."""
    made = QWidget()
    grid = QGridLayout(made)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(2)
    said = f"Predicting token {row.step}, “{row.text}” (id {row.id}), given “{row.given}”"
    grid.addWidget(ElidedLabel(said, "muted"), 0, 0, 1, len(_NAMES))
    values = (
        f"{row.rank:,}" + (" (top)" if row.rank == 0 else ""),
        probability(row.prob),
        number(row.logit),
        number(row.logprob),
    )
    for column, (name, value) in enumerate(zip(_NAMES, values, strict=True)):
        grid.addWidget(label(name, "small"), 1, column)
        shown = label(value, "mono")
        shown.setAccessibleName(f"{name} {value}")
        grid.addWidget(shown, 2, column)
        grid.setColumnStretch(column, 1)
    return made
