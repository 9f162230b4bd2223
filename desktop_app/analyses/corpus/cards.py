"""Places of the text as cards: the tokens around a query, in the colours of where it looks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.corpus.places import (
    GAP,
    TENTHS,
    Place,
    Words,
    around,
    list_words,
    none_words,
    place_words,
    places,
    tenth_words,
    where_words,
)
from desktop_app.analyses.corpus.spec import PLACES
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, label, scrolled
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tokens.token_strip import TokenCell, TokenStrip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.corpus.measures import Head
    from desktop_app.contract.result import Result

_LINES, _WHOLE_LINES = 6, 12
_MORE = "Show the whole window"
_GAP_CELL = TokenCell(-1, "…", "…", special=True)


class Snippet(TokenStrip):
    """Some tokens of a window, told by their positions there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._positions: tuple[int, ...] = ()
        self._weights = np.empty(0)
        policy = self.sizePolicy()
        policy.setVerticalPolicy(QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)

    def show_place(
        self, ids: Sequence[int], words: Words, place: Place, most: float, *, whole: bool
    ) -> None:
        """Show the tokens around a place, or all of its window, coloured from 0 to `most`."""
        length = len(ids)
        self._positions = tuple(range(length)) if whole else around(place, length)
        self._weights = place.weights(length)
        self.set_most_lines(_WHOLE_LINES if whole else _LINES)
        self.set_tokens([_cell(ids, words, at) for at in self._positions])
        shown = [math.nan if at == GAP else self._weights[at] for at in self._positions]
        limits = (0.0, max(most, 1e-6))
        self.set_values(np.array(shown), limits, diverging=False, value_name="weight")
        self.set_selected(self._positions.index(place.query))

    def positions(self) -> tuple[int, ...]:
        """Return which positions of the window are shown; −1 stands for those left out."""
        return self._positions

    @override
    def tip(self, position: int) -> str:
        at = self._positions[position] if position < len(self._positions) else GAP
        if at == GAP:
            return "Tokens between are left out: show the whole window."
        _place, *lines = super().tip(position).split("\n")
        weight = self._weights[at]
        told = [line for line in lines if not line.startswith("weight ")]
        if math.isfinite(weight):
            told.append(f"weight {number(float(weight), 5)}")
        return "\n".join([f"position {at} of the window", *told])


def _cell(ids: Sequence[int], words: Words, at: int) -> TokenCell:
    if at == GAP:
        return _GAP_CELL
    id_ = int(ids[at])
    return TokenCell(id_, *words.token(id_), words.is_lead(id_))


class PlaceCard(QWidget):
    """One place: in words, as text, and where it is from."""

    def __init__(self, number_: int) -> None:
        super().__init__()
        self._shown: tuple[Sequence[int], Words, Place, float] | None = None
        self.tenth = ElidedLabel("", "small")
        self.says, self.where = ElidedLabel("", "body"), ElidedLabel("", "small")
        name = f"place {number_ + 1}"
        self.whole = icon_button("chevron-down", _MORE, words=f"Whole window of {name}")
        self.whole.setCheckable(True)
        self.strip = Snippet()
        self.strip.setAccessibleName(f"Text of {name}")
        top = row_of((self.says, 1), self.whole, spacing=4)
        column_in(self, self.tenth, top, self.strip, self.where, spacing=2)
        self.whole.toggled.connect(self._draw)

    def show_place(
        self, data: Mapping[str, Any], words: Words, place: Place, kind: str, most: float
    ) -> None:
        """Show a place of a result."""
        self._shown = np.asarray(data["ids"])[place.window].tolist(), words, place, most
        self.says.set_full_text(place_words(data, words, place))
        self.where.set_full_text(where_words(data, place))
        self.tenth.set_full_text(tenth_words(place) if kind == TENTHS else "")
        self.tenth.setVisible(kind == TENTHS)
        self.whole.blockSignals(True)
        self.whole.setChecked(False)
        self.whole.blockSignals(False)
        self._draw()

    def _draw(self, *_checked: object) -> None:
        if self._shown is None:
            return
        ids, words, place, most = self._shown
        whole = self.whole.isChecked()
        self.strip.show_place(ids, words, place, most, whole=whole)
        told = "Show the tokens around the query alone" if whole else _MORE
        self.whole.setToolTip(plain_tip(told))


class PlacesPage(QWidget):
    """The strongest places of a head, or one per tenth of its queries.

    Attributes:
        kind: Which of both, by the name of its field.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._result: Result | None = None
        self._head: Head | None = None
        self.kind = kind
        self._rule = label("", "small", wrap=True)
        self._cards = [PlaceCard(at) for at in range(PLACES)]
        self._inside = QWidget()
        inside = column_in(self._inside, self._rule, *self._cards, None, spacing=10)
        inside.setContentsMargins(0, 2, 8, 2)
        self._area = scrolled(self._inside)
        column_in(self, (self._area, 1))

    def show_head(self, result: Result, words: Words, head: Head) -> None:
        """Show the places of a head."""
        new = self._head != head or self._result is not result
        self._result, self._head, self._words = result, head, words
        self._draw()
        if new:
            self._area.verticalScrollBar().setValue(0)

    def show_nothing(self, why: str) -> None:
        """Show no places, and say why."""
        self._result = self._head = None
        self._rule.setText(why)
        for card in self._cards:
            card.setVisible(False)

    def read(self) -> dict[str, Any]:
        """Return which places are shown."""
        cards = [card for card in self._cards if not card.isHidden()]
        return {
            "rule": self._rule.text(),
            "cards": [
                tuple(part.full_text() for part in (card.says, card.where, card.tenth))
                for card in cards
            ],
        }

    def cards(self) -> list[PlaceCard]:
        """Return the cards that are shown."""
        return [card for card in self._cards if not card.isHidden()]

    def _draw(self) -> None:
        result, head, kind = self._result, self._head, self.kind
        if result is None or head is None:
            return
        found = places(result.data, head, kind)
        most = max((place.weight for place in found), default=1.0)
        told = list_words(kind, result.params.get("seed", 0))
        colours = f" Colours end at {number(most)}."
        self._rule.setText(f"{told}{colours}" if found else none_words(result.data, head, kind))
        for at, card in enumerate(self._cards):
            card.setVisible(at < len(found))
            if at < len(found):
                card.show_place(result.data, self._words, found[at], kind, most)
