"""The chosen head: what it does on text, beside its effect on the prompts, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.corpus.cards import PlacesPage
from desktop_app.analyses.corpus.picture import attended_rows, head_sentence, measure_rows
from desktop_app.analyses.corpus.verdict import RULE, verdict
from desktop_app.contract.registry import serving
from desktop_app.pictures.words import part_name
from desktop_app.views.frame import label
from desktop_app.widgets.basics.explained_card import WhatButton
from desktop_app.widgets.basics.icons import bind_icon, icon_of
from desktop_app.widgets.basics.layouts import FlowLayout, column_in, row_of
from desktop_app.widgets.basics.segmented import Pages
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.corpus.measures import Head, Heads
    from desktop_app.analyses.corpus.places import Words
    from desktop_app.contract.result import Result

_LATER = "Places follow with the result."
_WAYS = (
    ("head_effect", "Effect on my prompts", "What removing this head does on the prompts"),
    ("open_attention", "Attention on my prompts", "Where this head looks on the prompts"),
)


class HeadSide(QWidget):
    """A head's title and the ways to other views, two judgements, and three pages.

    Attributes:
        shown: The head; None before there is one.

    Signals:
        wanted: The name of the intent that was asked for, of the shown head.
    """

    wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.shown: Head | None = None
        self._name, self.what = label("", "title"), WhatButton("this measure")
        self._sentence = label("", "muted", wrap=True)
        self._judged, self._because = label("", "heading", wrap=True), label("", "body", wrap=True)
        for told in (self._judged, self._because):
            told.setToolTip(plain_tip(RULE))
        ways, self._ways = QWidget(), {}
        flow = FlowLayout(ways, 6)
        for intent, title, tip in _WAYS:
            self._ways[intent] = self._way(intent, title, tip)
            flow.addWidget(self._ways[intent])
        self.places = PlacesPage()
        self.measures = RankingList("Measures of this head")
        measured = QWidget()
        column_in(measured, self._sentence, (self.measures, 1), spacing=6)
        self.attended = RankingList("Tokens it attends to off position 0")
        self.attended.set_empty_text("Nothing is known of the tokens it attends to.")
        self.pages = Pages(
            ("places", "Places", self.places),
            ("measures", "Measures", measured),
            ("attended", "Attended", self.attended),
        )
        top = row_of((self._name, 1), self.what)
        judged = column_in(None, self._judged, self._because, spacing=2)
        column_in(self, top, ways, judged, (self.pages, 1), spacing=8)

    def _way(self, intent: str, title: str, tip: str) -> QPushButton:
        button = QPushButton(title)
        button.setToolTip(plain_tip(tip))
        button.setObjectName(intent)
        set_role(button, "quiet")
        served = serving(intent)  # type: ignore[arg-type]
        if served:
            bind_icon(button, icon_of(served[0]))
        else:
            button.hide()
        button.clicked.connect(self._on_way)
        return button

    def show_head(self, heads: Heads, head: Head) -> None:
        """Show what is known of a head among all of them."""
        self.shown = head
        self._name.setText(part_name(*head))
        self._sentence.setText(head_sentence(heads, head))
        judged = verdict(heads, head)
        self._judged.setText(judged.title)
        self._because.setText(judged.sentence)
        self.measures.set_ranking(measure_rows(heads, head))

    def show_places(self, result: Result, words: Words, head: Head) -> None:
        """Show where in the text it looks, and at which tokens."""
        self.places.show_head(result, words, head)
        self.attended.set_ranking(attended_rows(result.data, words, head))

    def show_later(self) -> None:
        """Show no places while the text is being read."""
        self.places.show_nothing(_LATER)
        self.attended.set_rows(())

    def read(self) -> dict[str, Any]:
        """Return what is said of the head."""
        return {
            "head": self._name.text(),
            "sentence": self._sentence.text(),
            "verdict": self._judged.text(),
            "because": self._because.text(),
            "page": self.pages.page(),
            "measures": self.measures.texts(),
            "attended": self.attended.texts(),
            **self.places.read(),
        }

    def _on_way(self) -> None:
        self.wanted.emit(self.sender().objectName())
