"""The patching view: what is enough and what is needed, side by side on one colour scale."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from desktop_app.analyses.patch import words
from desktop_app.analyses.patch.cells import SHARES, directions, is_ragged, shape_of
from desktop_app.analyses.patch.parts import (
    find_place,
    part_at,
    parts,
    prompt_rows,
    query_head,
    ranking,
)
from desktop_app.analyses.patch.picture import QUANTITIES, partial_picture, picture
from desktop_app.analyses.patch.positions import PositionChooser
from desktop_app.analyses.patch.spec import ANALYSIS
from desktop_app.pictures.facts import Place
from desktop_app.pictures.ranking import Ranking
from desktop_app.pictures.sweep import LISTED, Choices, Details, SweepPicture
from desktop_app.views.sweep import SweepView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QVBoxLayout, QWidget

    from desktop_app.contract.result import Result
    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.sweep import Shown
    from desktop_app.widgets.basics.layouts import FlowLayout
    from desktop_app.widgets.basics.selection import Selection

_ORDERED = {
    "either": "Largest first",
    "restored": "Most restored",
    "broken": "Most broken",
    "asymmetry": "Most asymmetric",
}


class PatchView(SweepView):
    """One map for each direction; heads by position at one of them."""

    quantities = QUANTITIES
    mean_word = "Mean of all"
    orders = (("either", "Either"), ("restored", "Enough"), ("broken", "Needed"))
    widths = (720, 300)
    least_side = 252
    details_grow = False

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(ANALYSIS, selection, parent)

    @override
    def empty_words(self) -> tuple[str, str]:
        return (
            "What is enough, what is needed?",
            "Give each prompt a corrupt twin of the same length, then run: every activation is "
            "exchanged between the two, both ways.",
        )

    @override
    def add_choices(self, row: FlowLayout, column: QVBoxLayout) -> None:
        self._positions = PositionChooser(self.selection)
        row.addWidget(self._positions.kind)
        column.addWidget(self._positions.strip)

    @override
    def show_choices(self, result: Result | None) -> None:
        stacked = result is not None and shape_of(result.params).stacked
        self._positions.set_shown(stacked)
        if result is not None and stacked:
            self._positions.show_prompt(result, self.selection.prompt)

    @override
    def choices(self, result: Result) -> Choices:
        both = len(directions(result.data)) == 2
        why = "Needs both directions: set Direction to both and run again"
        withheld = {} if both else {"asymmetry": why}
        return Choices(mean=not is_ragged(result.data), withheld=withheld, orders=both)

    @override
    def picture_of(self, result: Result, shown: Shown) -> SweepPicture:
        prompt, position = shown.prompt, shown.position
        order = "asymmetry" if shown.quantity == "asymmetry" else shown.order
        self._side.order.setEnabled(order != "asymmetry")
        there = directions(result.data)
        where = "" if prompt is None or len(result.prompts) < 2 else f", prompt {prompt + 1}"
        tip = bind(words.cell_tip, result, prompt, position)
        return SweepPicture(
            words.ends_sentence(result, prompt),
            words.exchange_sentence(result.params, there),
            words.gate_sentence(result),
            picture(result, shown.quantity, prompt, position, tip),
            title=_ORDERED[order] + where,
            ranking=ranking(parts(result, prompt, position, order, LISTED), there),
        )

    @override
    def picture_so_far(
        self, data: Mapping[str, Any], params: Mapping[str, Any], shown: Shown
    ) -> SweepPicture | None:
        maps = partial_picture(data, params, shown.chosen, shown.quantity)
        if maps is None:
            return None
        there = tuple(name for name in SHARES if name in data)
        return SweepPicture(
            "Sweeping: cells fill in as they are done",
            words.exchange_sentence(params, there),
            maps=maps,
            title=_ORDERED["either"],
        )

    @override
    def details_of(self, result: Result, cell: Cell, shown: Shown, *, rows: bool) -> Details:
        part = part_at(result, cell, shown.prompt, shown.position)
        table = prompt_rows(result, part) if rows else Ranking()
        return Details(part.name, words.part_sentence(result, part, shown.prompt), table)

    @override
    def cell_of(self, result: Result, place: Place) -> Cell | None:
        return find_place(result, place.layer, place.head, place.position, self.shown().prompt)

    @override
    def place_of(self, result: Result, cell: Cell) -> Place:
        layer, shape, chosen = int(result.data["layers"][cell[0]]), shape_of(result.params), None
        if shape.heads:
            return Place(layer=layer, head=query_head(result, cell[1], self.selection.head))
        if layer == self.selection.layer:
            chosen = self.selection.head
        return Place(layer=layer, head=chosen, position=cell[1] if shape.by_position else None)

    @override
    def opens(self, result: Result) -> bool:
        return shape_of(result.params).heads

    @override
    def follows_position(self, result: Result) -> bool:
        return shape_of(result.params).stacked


VIEW = PatchView
