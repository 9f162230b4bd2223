"""The patching view: what is enough and what is needed, side by side on one colour scale."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.analyses.patch.header import PatchHeader
from desktop_app.analyses.patch.maps import PatchPicture
from desktop_app.analyses.patch.partial import partial_picture
from desktop_app.analyses.patch.parts import find_place, part_at, parts, query_head
from desktop_app.analyses.patch.picture import directions, picture, shape_of
from desktop_app.analyses.patch.side import PatchSide
from desktop_app.analyses.patch.spec import ANALYSIS
from desktop_app.analyses.patch.words import cell_tip
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import gap_splitter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Notice, Result
    from desktop_app.widgets.basics.selection import Selection

# Longer lists help nobody; every cell stays reachable in the picture.
_LISTED = 200
_ORDERED = {"either": "Largest first", "restored": "Most restored", "broken": "Most broken"}


class PatchView(AnalysisView):
    """Maps at the left, ranking and details at the right."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(ANALYSIS, selection, parent)

    def empty_words(self) -> tuple[str, str]:
        """Return title and sentence of the empty view."""
        return (
            "What is enough, what is needed?",
            "Give each prompt a corrupt twin of the same length, then run: every activation is "
            "exchanged between the two, both ways.",
        )

    def build_content(self, content: QWidget) -> None:
        """Build the picture inside `content`."""
        self._partial = False
        self._picture = PatchPicture(self.selection)
        self._header = PatchHeader(self._picture.badge)
        self._maps = self._picture.maps
        self._side = PatchSide()
        self._list, self._details = self._side.list, self._side.details
        split = gap_splitter(Qt.Orientation.Horizontal)
        split.addWidget(self._picture)
        split.addWidget(self._side)
        split.setStretchFactor(0, 5)
        split.setStretchFactor(1, 2)
        split.setSizes([720, 300])
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._header)
        column.addWidget(split, 1)
        self._connect_content()

    def _connect_content(self) -> None:
        self._picture.choice_changed.connect(self._on_choice_changed)
        self._side.order.changed.connect(self._on_order_changed)
        self._maps.cell_hovered.connect(self._on_cell_hovered)
        self._maps.cell_clicked.connect(self._on_cell_clicked)
        self._maps.cell_activated.connect(self._on_cell_activated)
        self._list.row_clicked.connect(self._on_list_clicked)
        self._list.row_activated.connect(self._on_list_activated)
        self._details.attention_clicked.connect(self._on_attention_clicked)
        self._details.prompt_clicked.connect(self.selection.select_prompt)
        self.selection.head_changed.connect(self._on_selected)
        self.selection.position_changed.connect(self._on_position_changed)

    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        """Return all notices but the gate's, which has a banner of its own."""
        return tuple(n for n in result.warnings if n.code != "task_not_done")

    def picture_widget(self) -> QWidget:
        """Return what an export draws: the maps with their colour bar."""
        return self._maps

    # Drawing.

    def draw_result(self, result: Result) -> None:
        """Draw a result that has been taken over."""
        self._partial = False
        self._picture.offer(result)
        both = len(directions(result.data)) == 2
        self._side.order.setVisible(both)
        if not both:
            self._side.order.set_value("either")
        self.draw_prompt(result)
        self._list.show_top()

    def draw_prompt(self, result: Result) -> None:
        """Draw what changes with the selected prompt."""
        if self._partial:
            return
        prompt = self._prompt()
        self._header.show_result(result, prompt)
        self._picture.chooser.setVisible(prompt is not None and len(result.prompts) > 1)
        if shape_of(result.params).stacked:
            self._picture.positions.show_prompt(result, self.selection.prompt)
        self._draw_maps(result)
        self._draw_list(result)
        self._on_selected()

    def _draw_maps(self, result: Result) -> None:
        prompt, position = self._prompt(), self._position(result)
        tip = bind(cell_tip, result, prompt, position)
        quantity = self._picture.quantity.value()
        self._maps.show_maps(*picture(result, quantity, prompt, position, tip))

    def _draw_list(self, result: Result) -> None:
        prompt, position = self._prompt(), self._position(result)
        order = self._side.order.value()
        if self._picture.quantity.value() == "asymmetry":
            order, title = "asymmetry", "Most asymmetric"
        else:
            title = _ORDERED[order]
        self._side.order.setEnabled(order != "asymmetry")
        listed = parts(result, prompt, position, order, _LISTED)
        self._list.set_parts(listed, directions(result.data))
        where = "" if prompt is None or len(result.prompts) < 2 else f", prompt {prompt + 1}"
        self._side.title.setText(title + where)

    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw the fields known so far; return whether there was something to draw."""
        settings = self._settings.form.try_value()
        params = settings.model_dump() if settings is not None else {}
        quantity = self._picture.quantity.value()
        shown = partial_picture(data, params, self.selection.prompt, quantity)
        if shown is None:
            return False
        if not self._partial:
            self._partial = True
            self._picture.hide_choices()
            self._details.show_nothing()
            self._list.set_parts((), ())
            self._list.set_empty_text("The ranking follows with the exact values.")
            self._side.title.setText("Largest first")
        self._header.show_partial(data, params)
        self._maps.show_maps(*shown)
        return True

    # Answering.

    def _prompt(self) -> int | None:
        """Return the prompt that is shown, or None for the mean of all."""
        return self.selection.prompt if self._picture.scope.value() == "prompt" else None

    def _position(self, result: Result) -> int | None:
        """Return the position that heads are shown at, or None for each where it does most."""
        position = self.selection.position
        length = len(result.prompts[self.selection.prompt].tokens)
        return position if position is not None and position < length else None

    def _ready(self) -> Result | None:
        return None if self._partial else self._result

    def _place(self, result: Result) -> tuple[int, int] | None:
        chosen = self.selection
        return find_place(result, chosen.layer, chosen.head, chosen.position, self._prompt())

    def _on_choice_changed(self) -> None:
        result = self._ready()
        if result is not None:
            self.draw_prompt(result)

    def _on_order_changed(self, _order: object) -> None:
        result = self._ready()
        if result is not None:
            self._draw_list(result)
            self._list.select_place(self._place(result))

    def _on_position_changed(self, position: int | None) -> None:
        result = self._ready()
        if result is None:
            return
        if shape_of(result.params).stacked:
            self._picture.positions.show_position(position)
            self._draw_maps(result)
            self._draw_list(result)
        self._on_selected()

    def _on_selected(self, _head: object = None) -> None:
        result = self._ready()
        if result is None:
            return
        place = self._place(result)
        row, column = place if place is not None else (None, None)
        self._maps.set_selected(row, column)
        self._list.select_place(place)
        self._show_details(result, place)

    def _show_details(
        self, result: Result, place: tuple[int, int] | None, *, passing: bool = False
    ) -> None:
        if place is None and self.selection.layer is None and self._list.row_count():
            first = self._list.part(0)
            place = first.row, first.column
        if place is None:
            self._details.show_nothing()
            return
        prompt = self._prompt()
        part = part_at(result, place, prompt, self._position(result))
        self._details.show_part(result, part, prompt, self.selection.prompt, passing=passing)

    def _on_cell_hovered(self, row: int, column: int) -> None:
        result = self._ready()
        if result is not None:
            place = self._place(result) if row < 0 else (row, column)
            self._show_details(result, place, passing=row >= 0)

    def _on_cell_clicked(self, row: int, column: int) -> None:
        result = self._ready()
        if result is None:
            return
        layer, shape = int(result.data["layers"][row]), shape_of(result.params)
        if shape.heads:
            head = query_head(result, column, self.selection.head)
            self.selection.select_head(layer, head)
            return
        kept = self.selection.head if layer == self.selection.layer else None
        self.selection.select_head(layer, kept)
        if shape.by_position:
            self.selection.select_position(column)

    def _on_cell_activated(self, row: int, column: int) -> None:
        result = self._ready()
        if result is not None and shape_of(result.params).heads:
            head = query_head(result, column, self.selection.head)
            self.open_attention(int(result.data["layers"][row]), head)

    def _on_list_clicked(self, row: int) -> None:
        part = self._list.part(row)
        self._on_cell_clicked(part.row, part.column)

    def _on_list_activated(self, row: int) -> None:
        part = self._list.part(row)
        self._on_cell_activated(part.row, part.column)

    def _on_attention_clicked(self) -> None:
        part = self._details.part()
        if part is not None:
            self._on_cell_activated(part.row, part.column)


VIEW = PatchView
