"""The tables under the token cards: every token, the second split, the padding demo, a look-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from desktop_app.analyses.tokens.picture import (
    COMPARE_COLUMNS,
    PADDING_COLUMNS,
    TOKEN_COLUMNS,
    compare_sentence,
    compare_table,
    lookup_sentence,
    padding_sentence,
    padding_table,
    token_table,
)
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.segmented import Pages
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.contract.result import Result


class TokenTables(QWidget):
    """Details of the selected prompt.

    Signals:
        position_chosen: A position whose row was clicked.
    """

    position_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result: Result | None = None
        self._find = QLineEdit()
        self._find.setPlaceholderText("Look up an id or a text")
        self._find.setAccessibleName("Look up a token by id or text")
        self._find.setClearButtonEnabled(True)
        self._find.setFixedWidth(200)
        self._said = ElidedLabel("", "muted")
        self._tokens = RankingList("Tokens of the selected prompt", TOKEN_COLUMNS, sortable=True)
        self._compare = RankingList("Two tokenizers compared", COMPARE_COLUMNS, sortable=True)
        self._padding = RankingList("Padding demo", PADDING_COLUMNS, sortable=True)
        self._compare.set_empty_text("Name a second model under “Compare with” and run again.")
        self._padding.set_empty_text("Switch the padding demo on in the settings and run again.")
        self._pages = Pages(
            ("tokens", "Tokens", self._tokens),
            ("compare", "Compare", self._compare),
            ("padding", "Padding", self._padding),
        )
        self._pages.beside.addWidget(self._said, 1)
        self._pages.beside.addWidget(self._find)
        frame, column = panel(margins=10)
        column.addWidget(self._pages)
        column_in(self, frame)
        self._pages.changed.connect(self._say)
        self._find.textChanged.connect(self._say)
        self._tokens.row_clicked.connect(self.position_chosen)
        self._padding.row_selected.connect(self._on_case_selected)

    def show_prompt(self, result: Result, prompt: int) -> None:
        """Show one prompt's tables."""
        self._result, self._prompt = result, prompt
        self._tokens.set_ranking(token_table(result, prompt))
        self._compare.set_ranking(compare_table(result, prompt))
        self._padding.set_ranking(padding_table(result, prompt))
        self._say()

    def open_page(self, name: str) -> None:
        """Turn to `tokens`, `compare` or `padding`."""
        self._pages.turn_to(name)
        self._say()

    def select_position(self, position: int | None) -> None:
        """Select the row of a token."""
        self._tokens.select_key(position)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "page": self._pages.page(),
            "said": self._said.full_text(),
            "position": self._tokens.selected_key(),
        }

    def _say(self, _asked: object = None) -> None:
        if self._result is None:
            return
        query = self._find.text()
        if query:
            self._said.set_full_text(lookup_sentence(self._result, query))
        elif self._pages.page() == "compare":
            self._said.set_full_text(compare_sentence(self._result, self._prompt))
        elif self._pages.page() == "padding":
            self._said.set_full_text(padding_sentence(self._result, self._prompt))
        else:
            self._said.set_full_text("")

    def _on_case_selected(self, why: object) -> None:
        self._said.set_full_text(str(why))
