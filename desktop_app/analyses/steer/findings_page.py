"""The page of the five experiments: a card each, with what was found and the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.steer import findings_picture as data_of
from desktop_app.analyses.steer.offer import Offer
from desktop_app.analyses.steer.page import SteerPage
from desktop_app.support.guard import override
from desktop_app.views.frame import label, panel
from desktop_app.widgets.basics.chip import Chip, ChipSpec
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.steer.findings_picture import Card
    from desktop_app.contract.result import Result

_OFFER = (
    "Five experiments on each prompt, up to 8: which position matters, whether a change persists "
    "through the cache, that the last position of the prompt pass is its number at step 0, what a "
    "step past the first holds, and whether steering does anything at all."
)
_MOST_SEEN = 12


class CardPane(QWidget):
    """One experiment: its verdict, what was found, and its numbers."""

    def __init__(self, card: Card, place: int) -> None:
        super().__init__()
        title = label(f"{place}. {card.title}", "heading", wrap=True)
        self.chip = Chip(ChipSpec(card.key, card.verdict, card.severity, card.words))
        self.chip.setAccessibleName(f"{card.title}: {card.verdict}")
        top = row_in(None, (title, 1), (self.chip, 0, Qt.AlignmentFlag.AlignTop), spacing=10)
        words = label(card.words, "", wrap=True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        parts: list[Any] = [top, words]
        if card.facts:
            said = " · ".join(f"{name}: {text}" for name, text in card.facts)
            parts.append(label(said, "small", wrap=True))
        for name, ranking in card.tables:
            table = RankingList(f"{card.title}: {name}")
            table.set_ranking(ranking)
            table.horizontalHeader().setVisible(any(c.heading for c in ranking.columns))
            seen = table.full_height(min(len(ranking.rows), _MOST_SEEN))
            table.setFixedHeight(seen + table.horizontalScrollBar().sizeHint().height())
            if len(card.tables) > 1 or card.facts:
                parts.append(label(name, "field"))
            parts.append(table)
        column_in(self, *parts, spacing=6)


class FindingsPage(SteerPage):
    """The experiments in their order; without them, the button that makes them."""

    name = "findings"
    title = "Findings"

    def __init__(self) -> None:
        super().__init__()
        self._cards: tuple[Card, ...] = ()
        self.offer = Offer(_OFFER, "Run the five experiments")
        self._headline = label("", "heading", wrap=True)
        self._holder = QWidget()
        self._column = column_in(self._holder, spacing=8)
        self._panes: list[QWidget] = []
        column_in(self, panel(self.offer), self._headline, self._holder, None, spacing=8)
        self.offer.wanted.connect(self._on_wanted)
        self.forget()

    @override
    def show_result(self, result: Result, prompt: int) -> None:
        self._show(data_of.cards_of(result.data))

    @override
    def show_so_far(self, data: Mapping[str, Any], prompt: int) -> None:
        self._show(data_of.cards_of(data))

    @override
    def forget(self) -> None:
        self._show(())

    @override
    def figure(self) -> QWidget | None:
        return self._holder if self._cards else None

    @override
    def read(self) -> dict[str, Any]:
        return {
            "findings": [(card.title, card.verdict, card.words) for card in self._cards],
            "findings_headline": self._headline.text() if self._cards else "",
            "findings_facts": [card.facts for card in self._cards],
            "findings_offer": self.offer.read(),
        }

    @override
    def run_changes(self) -> dict[str, object]:
        return {"preset": "equivalence"}

    def _show(self, cards: Sequence[Card]) -> None:
        if self._panes and tuple(cards) == self._cards:
            return
        self._cards = tuple(cards)
        for pane in self._panes:
            self._column.removeWidget(pane)
            pane.hide()
            pane.deleteLater()
        self._panes = [panel(CardPane(card, place)) for place, card in enumerate(cards, 1)]
        for place, pane in enumerate(self._panes):
            self._column.insertWidget(place, pane)
        self._headline.setText(data_of.headline(cards) if cards else "")
        self._headline.setVisible(bool(cards))
        self._holder.setVisible(bool(cards))

    def _on_wanted(self) -> None:
        self.run_wanted.emit(self.run_changes())
