"""The tables under the token cards: every token, the second split, the padding demo, a look-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.analyses.tokens.picture import (
    aligned_rows,
    compare_sentence,
    lookup_sentence,
    padding_rows,
    padding_sentence,
    token_rows,
)
from desktop_app.pictures.ranking import Column
from desktop_app.pictures.words import probability
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_PAGES = ("tokens", "compare", "padding")
_TOKEN_COLUMNS = (
    Column("position", "mono", align="right", width=76),
    Column("id", "mono", align="right", width=76),
    Column("piece", "mono", width=140),
    Column("text", "mono", width="stretch"),
    Column("characters", "mono", align="right", width=100),
    Column("special", width=80),
)
_COMPARE_COLUMNS = (
    Column("characters", "mono", align="right", width=96),
    Column("text", "mono", width=120),
    Column("this model", "mono", width="stretch"),
    Column("its tokens", "mono", "tokens", align="right", width=64),
    Column("the other", "mono", width="stretch"),
    Column("others", "mono", "tokens", align="right", width=64),
    Column("same", align="center", width=56),
)


def _difference(value: float) -> str:
    """Write a difference of logits: `0`, `4.0e−05` or `14.20`."""
    if value == 0:
        return "0"
    return f"{value:.1e}".replace("-", "−") if value < 0.01 else f"{value:.2f}"


_PADDING_COLUMNS = (
    Column("case", width=226),
    Column("read at", "mono", align="right", width=64),
    Column("top-1", "mono", format="“{}”".format, width=112),
    Column("prob", "number", format=probability, width=64),
    Column(
        "Δ logit", "number", format=_difference, width=76, tooltip="Largest difference to alone"
    ),
    Column("agrees", align="center", width=64),
    Column("why", width="stretch"),
)


class TokenTables(QWidget):
    """Details of the selected prompt.

    Signals:
        position_chosen: A position whose row was clicked.
    """

    position_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result: Result | None = None
        self._page = SegmentedControl(
            [("tokens", "Tokens"), ("compare", "Compare"), ("padding", "Padding")]
        )
        self._find = QLineEdit()
        self._find.setPlaceholderText("Look up an id or a text")
        self._find.setAccessibleName("Look up a token by id or text")
        self._find.setClearButtonEnabled(True)
        self._find.setFixedWidth(200)
        self._said = ElidedLabel("", "muted")
        self._stack = QStackedWidget()
        self._tables = [
            RankingList("Tokens of the selected prompt", _TOKEN_COLUMNS, sortable=True),
            RankingList("Two tokenizers compared", _COMPARE_COLUMNS, sortable=True),
            RankingList("Padding demo", _PADDING_COLUMNS, sortable=True),
        ]
        for table in self._tables:
            self._stack.addWidget(table)
        self._tables[1].set_empty_text("Name a second model under “Compare with” and run again.")
        self._tables[2].set_empty_text("Switch the padding demo on in the settings and run again.")
        self._build()

    def _build(self) -> None:
        frame, column = panel(margins=10)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self._page)
        top.addWidget(self._said, 1)
        top.addWidget(self._find)
        column.addLayout(top)
        column.addWidget(self._stack, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        self._page.changed.connect(self._on_page_changed)
        self._find.textChanged.connect(self._on_find_changed)
        self._tables[0].row_clicked.connect(self._on_row_clicked)
        self._tables[2].row_selected.connect(self._on_case_selected)

    def show_prompt(self, result: Result, prompt: int) -> None:
        """Show one prompt's tables."""
        self._result, self._prompt = result, prompt
        rows = token_rows(result, prompt)
        self._tables[0].set_rows(
            [
                (r.position, r.id, r.piece, r.text, f"{r.start}–{r.end}", "special" * r.special)
                for r in rows
            ],
            [r.position for r in rows],
        )
        self._tables[1].set_rows(
            (
                f"{r.start}–{r.end}",
                r.text,
                " | ".join(r.left),
                len(r.left),
                " | ".join(r.right),
                len(r.right),
                "✓" if r.same else "✗",
            )
            for r in aligned_rows(result, prompt)
        )
        cases = padding_rows(result, prompt)
        self._tables[2].set_rows(
            [
                (r.case, r.read_position, r.top, r.prob, r.difference, "✗✓"[r.agrees], r.why)
                for r in cases
            ],
            [r.why for r in cases],
        )
        self._say()

    def open_page(self, name: str) -> None:
        """Turn to `tokens`, `compare` or `padding`."""
        self._page.set_value(name)
        self._on_page_changed()

    def select_position(self, position: int | None) -> None:
        """Select the row of a token."""
        self._tables[0].select_key(position)

    def _say(self) -> None:
        if self._result is None:
            return
        query = self._find.text()
        if query:
            self._said.set_full_text(lookup_sentence(self._result, query))
        elif self._page.value() == "compare":
            self._said.set_full_text(compare_sentence(self._result, self._prompt))
        elif self._page.value() == "padding":
            self._said.set_full_text(padding_sentence(self._result, self._prompt))
        else:
            self._said.set_full_text("")

    def _on_page_changed(self, *_value: object) -> None:
        self._stack.setCurrentIndex(_PAGES.index(str(self._page.value())))
        self._say()

    def _on_find_changed(self, _text: str) -> None:
        self._say()

    def _on_row_clicked(self, key: object) -> None:
        if isinstance(key, int):
            self.position_chosen.emit(key)

    def _on_case_selected(self, why: object) -> None:
        self._said.set_full_text(str(why))
