"""The chosen head: what it does on text, beside its effect on the prompts, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.corpus.cards import PlacesPage
from desktop_app.analyses.corpus.picture import attended_rows, head_sentence, measure_rows
from desktop_app.analyses.corpus.places import TENTHS, TOP
from desktop_app.analyses.corpus.verdict import RULE, verdict
from desktop_app.contract.registry import serving
from desktop_app.pictures.words import part_name
from desktop_app.views.frame import ElidedLabel, label, scrolled
from desktop_app.widgets.basics.explained_card import WhatButton
from desktop_app.widgets.basics.icons import bind_icon, icon_of
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.segmented import Pages
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.corpus.measures import Head, Heads
    from desktop_app.analyses.corpus.places import Words
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import IntentName

_TIPS = {
    TOP: "The places of the text where it looks hardest",
    TENTHS: "One place of each tenth of the queries: what it does on the whole",
    "measures": "Its numbers on text, and its place among all heads",
    "attended": "The tokens that get most of its attention off position 0",
}
_LATER = "Places follow with the result."
# An intent, what its button says, what it is called alone, and what it does.
_WAYS: tuple[tuple[IntentName, str, str, str], ...] = (
    (
        "head_effect",
        "Effect on prompts",
        "Effect on my prompts",
        "What removing this head does on my prompts",
    ),
    ("open_attention", "Attention", "Attention on my prompts", "Where it looks on my prompts"),
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
        self._name, self.what = label("", "heading"), WhatButton("this measure")
        self._sentence = label("", "muted", wrap=True)
        self._judged, self._because = label("", "heading", wrap=True), label("", "body", wrap=True)
        self._whose = ElidedLabel("", "small")
        for told in (self._judged, self._because):
            told.setToolTip(plain_tip(RULE))
        self._ways = [self._way(*way) for way in _WAYS]
        self.places = {kind: PlacesPage(kind) for kind in (TOP, TENTHS)}
        self.measures = RankingList("Measures of this head")
        measured = QWidget()
        inside = column_in(measured, self._sentence, self.measures, None, spacing=6)
        inside.setContentsMargins(0, 0, 6, 0)
        self.attended = RankingList("Tokens it attends to off position 0")
        self.attended.set_empty_text("Nothing is known of the tokens it attends to.")
        self.pages = Pages(
            (TOP, "Strongest", self.places[TOP]),
            (TENTHS, "Tenths", self.places[TENTHS]),
            ("measures", "Measures", scrolled(measured)),
            ("attended", "Attended", self.attended),
        )
        for page, tip in _TIPS.items():
            self.pages.choice.set_option_enabled(page, True, tip)
        top = row_of((self._name, 1), *self._ways, self.what, spacing=2)
        judged = column_in(None, self._judged, self._because, self._whose, spacing=2)
        column_in(self, top, judged, (self.pages, 1), spacing=8)

    def _way(self, intent: IntentName, title: str, name: str, tip: str) -> QPushButton:
        button = QPushButton(title)
        button.setAccessibleName(name)
        button.setToolTip(plain_tip(tip))
        button.setObjectName(intent)
        set_role(button, "quiet")
        served = serving(intent)
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
        self._whose.set_full_text(judged.whose)
        self._whose.setVisible(bool(judged.whose))
        self.measures.set_ranking(measure_rows(heads, head))
        self.measures.setFixedHeight(self.measures.full_height())

    def show_places(self, result: Result, words: Words, head: Head) -> None:
        """Show where in the text it looks, and at which tokens."""
        for page in self.places.values():
            page.show_head(result, words, head)
        self.attended.set_ranking(attended_rows(result.data, words, head))

    def show_later(self) -> None:
        """Show no places while the text is being read."""
        for page in self.places.values():
            page.show_nothing(_LATER)
        self.attended.set_rows(())

    def read(self) -> dict[str, Any]:
        """Return what is said of the head."""
        return {
            "head": self._name.text(),
            "sentence": self._sentence.text(),
            "verdict": self._judged.text(),
            "because": self._because.text(),
            "whose": self._whose.full_text(),
            "page": self.pages.page(),
            "measures": self.measures.texts(),
            "attended": self.attended.texts(),
            **{kind: page.read() for kind, page in self.places.items()},
        }

    def _on_way(self) -> None:
        self.wanted.emit(self.sender().objectName())
