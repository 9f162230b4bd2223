"""One continuation as a card: a row per token, each given what stands before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.analyses.rank.picture import table_sentence
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number
from desktop_app.views.frame import ElidedLabel, label
from desktop_app.widgets.basics.messages import Badge
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.rank.picture import AnswerTable


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
        self._tokens = RankingList("Tokens of this continuation")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._tokens)

    def title(self) -> str:
        """Return of which tokens it is made, in words."""
        return self._title.full_text()

    def show_table(self, table: AnswerTable) -> None:
        """Show one continuation."""
        answer = table.mark == "answer"
        tip = "A continuation that the metric rewards" if answer else "One it is compared with"
        self._badge.set_badge("answer" if answer else "wrong", "good" if answer else "bad", tip)
        self._title.set_full_text(table_sentence(table))
        self._total.setVisible(len(table.ranking.rows) > 1)
        self._total.setText(f"log p of all: {number(table.logprob_total)}")
        self.setAccessibleName(f"{table.mark} “{display_text(table.text)}”")
        self._tokens.set_ranking(table.ranking)
        self._tokens.setFixedHeight(self._tokens.full_height())
