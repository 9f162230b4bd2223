"""The tokens view: each prompt as the model is given it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from desktop_app.analyses.tokens import picture as data_of
from desktop_app.analyses.tokens.token_card import TokenCard
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, gap_splitter, panel, scrolled
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.segmented import Pages
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.contract.result import Notice, Result


class TokenTables(QWidget):
    """Details of the selected prompt."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result: Result | None = None
        self._find = QLineEdit()
        self._find.setPlaceholderText("Look up an id or a text")
        self._find.setAccessibleName("Look up a token by id or text")
        self._find.setClearButtonEnabled(True)
        self._find.setFixedWidth(200)
        self._said = ElidedLabel("", "muted")
        self.tokens = RankingList(
            "Tokens of the selected prompt", data_of.TOKEN_COLUMNS, sortable=True
        )
        self._compare = RankingList(
            "Two tokenizers compared", data_of.COMPARE_COLUMNS, sortable=True
        )
        self._padding = RankingList("Padding demo", data_of.PADDING_COLUMNS, sortable=True)
        self._compare.set_empty_text("Name a second model under “Compare with” and run again.")
        self._padding.set_empty_text("Switch the padding demo on in the settings and run again.")
        self._pages = Pages(
            ("tokens", "Tokens", self.tokens),
            ("compare", "Compare", self._compare),
            ("padding", "Padding", self._padding),
        )
        self._pages.beside.addWidget(self._said, 1)
        self._pages.beside.addWidget(self._find)
        column_in(self, panel(self._pages, margins=10))
        self._pages.changed.connect(self._say)
        self._find.textChanged.connect(self._say)
        self._padding.row_selected.connect(self._on_case_selected)

    def show_prompt(self, result: Result, prompt: int) -> None:
        """Show one prompt's tables."""
        self._result, self._prompt = result, prompt
        self.tokens.set_ranking(data_of.token_table(result, prompt))
        self._compare.set_ranking(data_of.compare_table(result, prompt))
        self._padding.set_ranking(data_of.padding_table(result, prompt))
        self._say()

    def open_page(self, name: str) -> None:
        """Turn to `tokens`, `compare` or `padding`."""
        self._pages.turn_to(name)
        self._say()

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "page": self._pages.page(),
            "said": self._said.full_text(),
            "position": self.tokens.selected_key(),
        }

    def _say(self, _asked: object = None) -> None:
        if self._result is None:
            return
        said = {"compare": data_of.compare_sentence, "padding": data_of.padding_sentence}.get(
            self._pages.page()
        )
        if query := self._find.text():
            self._said.set_full_text(data_of.lookup_sentence(self._result, query))
        else:
            self._said.set_full_text(said(self._result, self._prompt) if said else "")

    def _on_case_selected(self, why: object) -> None:
        self._said.set_full_text(str(why))


_PAGE = 25


class TokensView(AnalysisView):
    """A card per prompt above, the selected prompt's tables below."""

    EMPTY = (
        "What is the model really given?",
        "Run tokens to see how the tokenizer splits each prompt, and what to watch out for.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._cards: list[TokenCard] = []
        self._limit = _PAGE
        self._shown = 0
        self._moved = False
        self._overview = ElidedLabel("", "heading")
        self._more = QPushButton("Show more prompts")
        set_role(self._more, "quiet")
        self._tables = TokenTables()
        self._inner = QWidget()
        more = (self._more, 0, Qt.AlignmentFlag.AlignLeft)
        self._column = column_in(self._inner, more, None)
        self._column.setContentsMargins(0, 0, 4, 0)
        self._area = scrolled(self._inner, "Prompts as tokens")
        parts = ((self._area, 3, 340), (self._tables, 2, 260))
        self._split = gap_splitter(Qt.Orientation.Vertical, *parts)
        column_in(content, self._overview, (self._split, 1))
        # Cards that have just been filled know their height once they have been laid out.
        self._settled = QTimer(self, singleShot=True, interval=0)
        self._settled.timeout.connect(self._share_room)
        self._split.splitterMoved.connect(self._on_splitter_moved)
        self._more.clicked.connect(self._on_more_clicked)
        self._tables.tokens.row_clicked.connect(self.selection.select_position)
        self.selection.position_changed.connect(self._on_position_changed)

    @override
    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        """Return only what speaks of no single prompt; the cards carry the rest."""
        return tuple(notice for notice in result.warnings if notice.prompt is None)

    @override
    def draw_result(self, result: Result) -> None:
        self._overview.set_full_text(data_of.overview_sentence(result))
        count = min(len(result.prompts), max(self._limit, self.prompt_of(result) + 1))
        while len(self._cards) < count:
            self._add_card()
        self._shown = count
        for card in self._cards:
            card.setVisible(card.index < count)
            if card.index < count:
                card.show_prompt(result)
        hidden = len(result.prompts) - count
        self._more.setText(f"Show more prompts ({hidden:,} hidden)")
        self._more.setVisible(hidden > 0)
        pages = {"padding_demo": "padding", "compare": "compare"}
        self._tables.open_page(next((p for f, p in pages.items() if f in result.data), "tokens"))
        self._share_room()
        self._settled.start()
        self.draw_prompt(result)

    def _share_room(self) -> None:
        """Give the cards what they need and the tables the rest, until the user chose."""
        if self._moved:
            return
        total = self._split.height()
        wanted = self._column.totalHeightForWidth(self._area.viewport().width()) + 4
        cards = max(140, min(wanted, int(total * 0.58)))
        self._split.setSizes([cards, max(160, total - cards)])

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._result is not None:
            self._share_room()

    def _on_splitter_moved(self, _position: int, _index: int) -> None:
        self._moved = True

    @override
    def draw_prompt(self, result: Result) -> None:
        prompt = self.prompt_of(result)
        if prompt >= self._shown:
            self.draw_result(result)
            return
        several = len(result.prompts) > 1
        for card in self._cards:
            card.set_chosen(chosen=several and card.index == prompt)
        if several:
            self._area.ensureWidgetVisible(self._cards[prompt], 0, 20)
        self._tables.show_prompt(result, prompt)
        self._on_position_changed(self.selection.position)

    def _add_card(self) -> None:
        card = TokenCard(len(self._cards))
        card.chosen.connect(self.selection.select_prompt)
        card.token_chosen.connect(self._on_token_chosen)
        card.fix_wanted.connect(self.fix_requested)
        self._column.insertWidget(len(self._cards), card)
        self._cards.append(card)

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: all prompts, those scrolled away too."""
        return self._inner

    def _on_token_chosen(self, prompt: int, position: int) -> None:
        self.selection.select_prompt(prompt)
        self.selection.select_position(position)

    def _on_position_changed(self, position: object) -> None:
        chosen = position if isinstance(position, int) else None
        shown = -1 if self._result is None else self.prompt_of(self._result)
        for card in self._cards:
            card.strip.set_selected(chosen if card.index == shown else None)
        if chosen is not None:
            self._tables.tokens.select_key(chosen)

    def _on_more_clicked(self) -> None:
        self._limit += 100
        if self._result is not None:
            self.draw_result(self._result)

    @override
    def read_picture(self) -> dict[str, Any]:
        shown = self._cards[: self._shown]
        return {
            "prompts": [card.sentence() for card in shown],
            "more": not self._more.isHidden(),
            **self._tables.read(),
        }


VIEW = TokensView
