"""The head detectors' view: linked maps of all scores, the chosen head, and the circuit card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout
from typing_extensions import override

from desktop_app.analyses.detect.card import CircuitCard
from desktop_app.analyses.detect.maps import ScoreMaps
from desktop_app.analyses.detect.picture import find_head, head_sentence, layer_numbers, score_names
from desktop_app.analyses.detect.side import DetectSide
from desktop_app.analyses.detect.spec import ANALYSIS
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import gap_splitter, label, panel
from desktop_app.widgets.basics.segmented import Pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.detect.picture import Cell
    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection

_HINT = "Rows are layers, columns heads. Point at a head for its scores; click to select it."


class DetectView(AnalysisView):
    """Small maps at the left, the best heads or the pattern at the right; or the circuit card."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(ANALYSIS, selection, parent)

    def empty_words(self) -> tuple[str, str]:
        """Return title and sentence of the empty view."""
        return (
            "What does each head do?",
            "Run the detectors on random tokens twice over; no prompt is needed.",
        )

    def build_content(self, content: QWidget) -> None:
        """Build the picture."""
        self._score, self._ending = "induction", ""
        self._read_out = label(_HINT, "small", wrap=True)
        self._maps, self._side, self._card = ScoreMaps(), DetectSide(), CircuitCard()
        left, inner = panel(margins=10)
        inner.addWidget(self._maps, 1)
        inner.addWidget(self._read_out)
        right, beside = panel(margins=10)
        beside.addWidget(self._side)
        split = gap_splitter(Qt.Orientation.Horizontal, (left, 3, 640), (right, 2, 400))
        self._pages = Pages(("heads", "All heads", split), ("card", "Circuit card", self._card))
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._pages, 1)
        self._connect_picture()

    def _connect_picture(self) -> None:
        self._maps.score_chosen.connect(self.show_score)
        self._maps.head_clicked.connect(self._on_head_clicked)
        self._maps.head_activated.connect(self._on_head_activated)
        self._maps.head_hovered.connect(self._on_head_hovered)
        self._side.head_clicked.connect(self._on_head_clicked)
        self._side.head_activated.connect(self._on_head_activated)
        self._side.patterns_wanted.connect(self._on_patterns_wanted)
        self._card.card_wanted.connect(self._on_card_wanted)
        self._card.attention_wanted.connect(self.open_attention)
        self.selection.head_changed.connect(self._on_head_changed)

    # Drawing.

    def draw_new(self, result: Result) -> None:
        """Draw a new result; one with a card opens on the card."""
        self.show_page("card" if "card" in result.data else "heads")
        asked = self._ending in score_names(result.data)
        if asked:
            self._score, self._ending = self._ending, ""
            if "card" not in result.data:
                self.show_summary()
        self.draw_result(result)
        if asked:
            self._select_winner(result)

    def draw_result(self, result: Result) -> None:
        """Draw a result."""
        self._maps.show_data(result.data)
        self._side.show_summary(result)
        self._card.show_result(result)
        names = score_names(result.data)
        self.show_score(self._score if self._score in names else names[0])

    def draw_prompt(self, _result: Result) -> None:
        """Do nothing: no picture of these follows the selected prompt."""

    def _select_winner(self, result: Result) -> None:
        """Select the head that answers the question: that of the card, else the best."""
        pair = self._card.pair()
        best = self._side.best(result.data, self._score)
        head = pair[1] if pair is not None else None if best is None else self._numbers(best)
        if head is not None:
            self.selection.select_head(*head)

    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw the fields known so far; return whether there was something to draw."""
        if not score_names(data):
            return False
        self._maps.show_data(data)
        self._read_out.setText("Means over the seeds done so far")
        return True

    def show_page(self, name: str) -> None:
        """Show `heads` or `card`."""
        self._pages.turn_to(name)

    def expect_preset(self, topic: str) -> None:
        """Let the next result open on the answer about this score, its winner selected."""
        self._ending = topic

    def show_summary(self) -> None:
        """Show all heads with what was found in sentences."""
        self.show_page("heads")
        self._side.pages.turn_to("summary")

    def show_score(self, name: str) -> None:
        """Choose a score: its list, and its stripe over the pattern."""
        self._score = name
        result = self._result
        if result is None or name not in score_names(result.data):
            return
        self._maps.set_score(name)
        self._side.show_score(result.data, name)
        self._draw_head(result)
        self._side.table.scrollToTop()  # a new list begins with its best, whatever is selected

    def picture_widget(self) -> QWidget:
        """Return what an export draws: the maps, or the card."""
        return self._card if self._pages.page() == "card" else self._maps

    def _place(self) -> Cell | None:
        if self._result is None:
            return None
        return find_head(self._result.data, self.selection.layer, self.selection.head)

    def _draw_head(self, result: Result) -> None:
        place = self._place()
        self._maps.set_selected(place)
        self._read_out.setText(_HINT if place is None else head_sentence(result.data, *place))
        shown = place if place is not None else self._side.best(result.data, self._score)
        self._side.show_head(result, shown, self._score)

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "page": self._pages.page(),
            "scores": self._maps.map_names(),
            "selected": self._place(),
            "told": self._read_out.text(),
            **self._side.read(),
        }

    # Answering.

    def _on_head_changed(self, _head: object) -> None:
        if self._result is not None and not self._busy:
            self._draw_head(self._result)

    def _numbers(self, place: Cell) -> tuple[int, int] | None:
        if self._result is None:
            return None
        return layer_numbers(self._result.data, place[0] + 1)[place[0]], place[1]

    def _on_head_clicked(self, place: Cell) -> None:
        head = self._numbers(place)
        if head is not None:
            self.selection.select_head(*head)

    def _on_head_activated(self, place: Cell) -> None:
        head = self._numbers(place)
        if head is not None:
            self.open_attention(*head)

    def _on_head_hovered(self, place: Cell | None) -> None:
        if self._result is None:
            return
        place = self._place() if place is None else place
        told = _HINT if place is None else head_sentence(self._result.data, *place)
        self._read_out.setText(told)

    def _on_patterns_wanted(self) -> None:
        self.run_with(keep_patterns=True)

    def _on_card_wanted(self) -> None:
        self.run_with(card="auto", on="random")


VIEW = DetectView
