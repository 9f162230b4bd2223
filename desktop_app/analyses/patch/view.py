"""The patching view: what is enough and what is needed, side by side on one colour scale."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.patch import cells as cells_of
from desktop_app.analyses.patch import picture as data_of
from desktop_app.pictures.certainty import NO_MEAN
from desktop_app.pictures.facts import Place
from desktop_app.pictures.ranking import Ranking
from desktop_app.pictures.statistics import LEAST
from desktop_app.pictures.sweep import LISTED, Choices, Details, SweepPicture
from desktop_app.support.guard import override
from desktop_app.views.sweep import SweepView
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result
    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.sweep import Shown
    from desktop_app.widgets.basics.layouts import FlowLayout


_ORDERED = {
    "either": "Largest first",
    "restored": "Most restored",
    "broken": "Most broken",
    "asymmetry": "Most asymmetric",
}


class PatchView(SweepView):
    """One map for each direction; heads by position at one of them."""

    EMPTY = (
        "What is enough, what is needed?",
        "Give each prompt a corrupt twin of the same length, then run: every activation is "
        "exchanged between the two, both ways.",
    )

    quantities = data_of.QUANTITIES
    mean_word = "Mean of all"
    orders = (("either", "Either"), ("restored", "Enough"), ("broken", "Needed"))
    widths = (720, 300)
    least_side = 252
    details_grow = False

    @override
    def add_choices(self, row: FlowLayout) -> tuple[QWidget, ...]:
        # Heads at one position, or each where it does most.
        self._strip = token_strip("Position of the maps", wrapping=False)
        kinds = [("strongest", "Strongest position"), ("one", "One position")]
        self._kind = SegmentedControl(kinds)
        self._kind.setToolTip("Show each head where it does most, or all at one position")
        self._strip.token_clicked.connect(self.selection.select_position)
        self._kind.changed.connect(self._on_kind_changed)
        row.addWidget(self._kind)
        return (self._strip,)

    @override
    def show_choices(self, result: Result | None) -> None:
        stacked = result is not None and cells_of.shape_of(result.params).stacked
        self._strip.setVisible(stacked)
        self._kind.setVisible(stacked)
        if result is None or not stacked:
            return
        record, position = result.prompts[self.prompt_of(result)], self.selection.position
        twin = record.corrupt_tokens
        self._strip.set_tokens(cells(record.tokens))
        self._strip.set_compare(None if twin is None else cells(twin))
        self._strip.set_read_position(record.read_position)
        self._strip.set_selected(position)
        self._kind.set_value("strongest" if position is None else "one")

    def _on_kind_changed(self, kind: str) -> None:
        if self._result is not None:
            read = self._result.prompts[self.prompt_of(self._result)].read_position
            self.selection.select_position(None if kind == "strongest" else read)

    @override
    def choices(self, result: Result) -> Choices:
        both = len(cells_of.directions(result.data)) == 2
        why = "Needs both directions: set Direction to both and run again"
        withheld = {} if both else {"asymmetry": why}
        return Choices(mean=not cells_of.is_ragged(result.data), withheld=withheld, orders=both)

    @override
    def picture_of(self, result: Result, shown: Shown) -> SweepPicture:
        prompt, position = shown.prompt, shown.position
        order = "asymmetry" if shown.quantity == "asymmetry" else shown.order
        self._side.order.setEnabled(order != "asymmetry")
        there = cells_of.directions(result.data)
        where = "" if prompt is None or len(result.prompts) < 2 else f", prompt {prompt + 1}"
        tip = bind(data_of.cell_tip, result, prompt, position)
        return SweepPicture(
            data_of.ends_sentence(result, prompt),
            data_of.exchange_sentence(result.params, there),
            data_of.gate_sentence(result),
            data_of.picture(result, shown.quantity, prompt, position, tip),
            title=_ORDERED[order] + where + data_of.listed_of(result, prompt),
            ranking=cells_of.ranking(
                cells_of.parts(result, prompt, position, order, LISTED), there, order
            ),
        )

    @override
    def evidence(self, result: Result, shown: Shown) -> tuple[Cells, ...]:
        return data_of.evidence(result, shown.quantity, shown.position)

    @override
    def no_evidence(self, result: Result, shown: Shown) -> str:
        ragged = cells_of.is_ragged(result.data) and len(result.prompts) >= LEAST
        return NO_MEAN if ragged else super().no_evidence(result, shown)

    @override
    def picture_so_far(
        self, data: Mapping[str, Any], params: Mapping[str, Any], shown: Shown
    ) -> SweepPicture | None:
        maps = data_of.partial_picture(data, params, shown.chosen, shown.quantity)
        if maps is None:
            return None
        there = tuple(name for name in cells_of.SHARES if name in data)
        return SweepPicture(
            "Sweeping: cells fill in as they are done",
            data_of.exchange_sentence(params, there),
            maps=maps,
            title=_ORDERED["either"],
        )

    @override
    def details_of(self, result: Result, cell: Cell, shown: Shown, *, rows: bool) -> Details:
        part = cells_of.part_at(result, cell, shown.prompt, shown.position)
        table = cells_of.prompt_rows(result, part) if rows else Ranking()
        return Details(part.name, data_of.part_sentence(result, part, shown.prompt), table)

    @override
    def cell_of(self, result: Result, place: Place) -> Cell | None:
        return cells_of.find_place(
            result, place.layer, place.head, place.position, self.shown().prompt
        )

    @override
    def place_of(self, result: Result, cell: Cell) -> Place:
        layer, shape = int(result.data["layers"][cell[0]]), cells_of.shape_of(result.params)
        if shape.heads:
            return Place(
                layer=layer, head=cells_of.query_head(result, cell[1], self.selection.head)
            )
        chosen = self.selection.head if layer == self.selection.layer else None
        return Place(layer=layer, head=chosen, position=cell[1] if shape.by_position else None)

    @override
    def parts_of(self, result: Result, cell: Cell) -> tuple[Part, ...]:
        # With a key-value head all query heads that read it.
        if not cells_of.shape_of(result.params).heads:
            return ()
        layer = int(result.data["layers"][cell[0]])
        return tuple((layer, head) for head in cells_of.query_heads(result, cell[1]))

    @override
    def opens(self, result: Result) -> bool:
        return cells_of.shape_of(result.params).heads

    @override
    def follows_position(self, result: Result) -> bool:
        return cells_of.shape_of(result.params).stacked


VIEW = PatchView
