"""The ranking view: what comes next, where the answers stand, how surprising the prompt is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from desktop_app.analyses.rank import picture as data_of
from desktop_app.analyses.rank.overview import Halves, Overview
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.choosers import PromptChooser
from desktop_app.views.frame import ElidedLabel, label, panel, scrolled
from desktop_app.views.reflow import Reflow
from desktop_app.views.token_uses import add_token_uses
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.messages import Badge
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QMenu

    from desktop_app.analyses.rank.picture import AnswerTable
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import Intent
    from desktop_app.widgets.basics.selection import Selection


class AnswerCard(QFrame):
    """Rank, probability, logit and log-probability of every token of one continuation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._badge = Badge("answer")
        self._title = ElidedLabel("", "heading")
        self._total = label("", "small")
        self._tokens = RankingList("Tokens of this continuation")
        top = row_of(self._badge, (self._title, 1), self._total, spacing=8)
        column_in(self, top, self._tokens).setContentsMargins(12, 10, 12, 10)

    def title(self) -> str:
        """Return of which tokens it is made, in words."""
        return self._title.full_text()

    def show_table(self, table: AnswerTable) -> None:
        """Show one continuation."""
        answer = table.mark == "answer"
        tip = "A continuation that the metric rewards" if answer else "One it is compared with"
        self._badge.set_badge("answer" if answer else "wrong", "good" if answer else "bad", tip)
        self._title.set_full_text(data_of.table_sentence(table))
        self._total.setVisible(len(table.ranking.rows) > 1)
        self._total.setText(f"log p of all: {number(table.logprob_total)}")
        self.setAccessibleName(f"{table.mark} “{display_text(table.text)}”")
        self._tokens.set_ranking(table.ranking)
        self._tokens.setFixedHeight(self._tokens.full_height())


class AnswerPanel(QWidget):
    """Logit difference large, its spread over prompts, and the answers token by token."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[AnswerCard] = []
        self._column = column_in(self, self._build_score(), None)
        self._dots.point_clicked.connect(selection.select_prompt)

    def _build_score(self) -> QFrame:
        self._value = label("", "title")
        self._value.setFont(ui_font(26, "semibold"))
        self._value.setStyleSheet("font-size: 26px; font-weight: 600;")
        self._spread = ElidedLabel("", "small")
        self._sentence = label("", "muted", wrap=True)
        self._dots = Plot(compact=True)
        self._dots.setAccessibleName("Logit difference per prompt")
        top = row_of(label("Logit difference", "heading"), None, self._value)
        frame = panel(top, self._sentence, self._dots, self._spread)
        frame.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
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
        tables = data_of.answer_tables(result, prompt)
        while len(self._cards) < len(tables):
            card = AnswerCard()
            self._cards.append(card)
            self._column.insertWidget(len(self._cards), card)
        for i, card in enumerate(self._cards):
            card.setVisible(i < len(tables))
            if i < len(tables):
                card.show_table(tables[i])

    def _show_score(self, result: Result, prompt: int) -> None:
        spread = data_of.logit_diff(result, prompt)
        several = spread is not None and spread.values.size > 1
        self._sentence.setText(data_of.logit_diff_sentence(result, prompt))
        self._value.setVisible(spread is not None)
        self._dots.setVisible(several)
        self._spread.setVisible(several)
        if spread is None:
            return
        self._value.setText(number(spread.prompt, sign=True))
        self._spread.set_full_text(data_of.spread_sentence(spread))
        if several:
            self._dots.show_picture(data_of.dot_strip(result, spread))
            self._dots.set_selected(prompt)


# Surprise beyond this many nats (a probability below 0.00005) takes the last colour.
_MAX_SURPRISE = 10.0
# From this size on, in pixels, the prompt stands under the answers, token by token.
_LARGE = (1100, 720)
# Fewer next tokens say too little: then the view scrolls.
_LEAST_ROWS = 4


class RankView(AnalysisView):
    """Next tokens at the left, answers token by token at the right, the prompt itself below.

    Of several prompts a table of all comes first: above these, or beside them in a wide window.
    """

    EMPTY = (
        "What does the model predict?",
        "Run the ranking to see the next tokens by probability, and where each answer stands.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._tips: list[str] = []
        self._heading_label = ElidedLabel("", "heading")
        self._read_label = ElidedLabel("", "small")
        self._chooser = PromptChooser(self.selection)
        self._list = RankingList("Most likely next tokens")
        self._list.set_fitting(28, 48)
        self._list.setMinimumHeight(self._list.full_height(_LEAST_ROWS))
        self._answers = AnswerPanel(self.selection)
        said = panel(self._chooser, self._heading_label, self._read_label, (self._list, 1))
        area, right = scrolled(self._answers), QWidget()
        area.setMinimumWidth(300)
        self._right = column_in(right, (area, 1))
        self._strip_frame = self._build_strip()
        columns = Reflow((said, 3, 600, 260), (right, 2, 420, 240))
        one = QWidget()
        self._column = column_in(one, (columns, 1), self._strip_frame)
        self._overview = Overview(self.selection)
        self._halves = Halves(self._overview, one)
        column_in(content, (self._halves, 1))
        content.installEventFilter(self)
        self.selection.position_changed.connect(self._on_position_changed)
        self.menu_opening.connect(self._on_menu_opening)

    def _build_strip(self) -> QFrame:
        self._strip = token_strip("Prompt, coloured by surprise")
        self._strip_label = ElidedLabel("", "small")
        self._strip_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._token_label = ElidedLabel("", "small")
        self._surprises = RankingList("Surprise of each prompt token")
        self._surprises.set_fitting(24, 40)
        self._surprises.setVisible(False)
        self._surprises.row_selected.connect(self.selection.select_position)
        self._surprises.row_hovered.connect(self._on_token_hovered)
        self._strip.token_clicked.connect(self.selection.select_position)
        self._strip.token_hovered.connect(self._on_token_hovered)
        title = label("How surprising each prompt token is", "heading")
        top = row_of(title, (self._token_label, 1), (self._strip_label, 3))
        return panel(top, self._strip, (self._surprises, 1))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._content and event.type() == QEvent.Type.Resize:
            room = self._room.viewport().size()
            self._use_room(large=room.width() >= _LARGE[0] and room.height() >= _LARGE[1])
        return super().eventFilter(watched, event)

    def _use_room(self, *, large: bool) -> None:
        """Put the prompt token by token under the answers in a large window, else on one line."""
        if large == self._surprises.isVisibleTo(self._strip_frame):
            return
        self._surprises.setVisible(large)
        if large:
            self._right.addWidget(self._strip_frame, 2)
        else:
            self._column.addWidget(self._strip_frame)
        self._strip_frame.show()

    @override
    def draw_result(self, result: Result) -> None:
        self._overview.show_result(result)
        self._halves.share_room()
        self._chooser.set_result(result)
        self.draw_prompt(result)

    @override
    def draw_prompt(self, result: Result) -> None:
        prompt = self.prompt_of(result)
        record = result.prompts[prompt]
        self._overview.show_prompt(prompt)
        self._heading_label.set_full_text(data_of.heading(result, prompt))
        self._read_label.set_full_text(data_of.read_sentence(result, prompt))
        self._list.set_ranking(data_of.predictions(result, prompt))
        self._answers.show_prompt(result, prompt)
        self._strip.set_tokens(cells(record.tokens))
        self._strip.set_read_position(int(result.data["read_position"][prompt]))
        self._strip.set_values(
            data_of.surprise(result, prompt),
            limits=(0.0, _MAX_SURPRISE),
            diverging=False,
            value_name="surprise, nats",
        )
        self._strip_label.set_full_text(data_of.surprise_sentence(result, prompt))
        self._tips = data_of.surprise_texts(result, prompt)
        self._surprises.set_ranking(data_of.surprises(result, prompt))
        self._on_position_changed(self.selection.position)

    @override
    def answer(self, intent: Intent) -> None:
        """Read the ranking at a position that was chosen elsewhere."""
        position = intent.data.get("position")
        if intent.name != "next_tokens" or position is None:
            super().answer(intent)
            return
        prompt, position = int(intent.data.get("prompt", 0)), int(position)
        self.selection.select_prompt(prompt)
        self.selection.select_position(position)
        shown = self._result
        current = shown is not None and not self._difference.codes()
        read = shown.data["read_position"] if shown is not None and current else ()
        if prompt >= len(read) or int(read[prompt]) != position:
            self.run_with(position=position)

    def _on_menu_opening(self, menu: QMenu, _column: str) -> None:
        """Offer what can be made of a next token in the prompt table."""
        result, key = self.current_result, self._list.selected_key()
        if result is None or key is None or menu.parent() is not self._list:
            return
        prompt = self.prompt_of(result)
        row = next((row for row in result.data["top"][prompt] if int(row["id"]) == key), None)
        if row is not None:
            add_token_uses(menu, self, result, prompt, str(row["text"]))

    def _on_token_hovered(self, position: int | None) -> None:
        here = position is not None and position >= 0
        shown = position if here else self.selection.position
        told = self._tips[shown] if shown is not None and 0 <= shown < len(self._tips) else ""
        self._token_label.set_full_text(told)

    def _on_position_changed(self, position: object) -> None:
        chosen = position if isinstance(position, int) else -1
        known = chosen if 0 <= chosen < len(self._tips) else None
        self._strip.set_selected(known)
        self._surprises.select_key(known)
        self._on_token_hovered(-1)

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "heading": self._heading_label.full_text(),
            "read": self._read_label.full_text(),
            "predictions": self._list.texts(),
            "prompt_tokens": len(self._tips),
            "token": self._token_label.full_text(),
            "token_by_token": self._surprises.isVisible(),
            **self._answers.read(),
            **self._overview.read(),
        }


VIEW = RankView
