"""The attribution view: what writes a logit, as bars, map and sum, with sources and neurons."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.attribute import picture as data_of
from desktop_app.analyses.attribute.beneath import LISTED, NeuronPage, SourcePanel
from desktop_app.analyses.attribute.besides import BORROWED, beside_sentence
from desktop_app.analyses.attribute.split import (
    Bar,
    Split,
    cell_name,
    find_part,
    over,
    read_layer,
    target,
)
from desktop_app.analyses.attribute.stage import LOOKS, TIPS, PartsStage
from desktop_app.pictures.facts import Place
from desktop_app.pictures.ranking import Ranking
from desktop_app.pictures.sweep import LISTED as MOST_ROWS
from desktop_app.pictures.sweep import Choices, Details, SweepPicture
from desktop_app.support.errors import MISFITS
from desktop_app.support.guard import override
from desktop_app.views.frame import panel
from desktop_app.views.sweep import SweepView
from desktop_app.widgets.basics.layouts import FlowLayout, PageStack
from desktop_app.widgets.basics.segmented import SegmentedControl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtCore import QObject

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Notice, Result
    from desktop_app.contract.spec import Intent
    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.sweep import Shown

_ONE_PROMPT = "The standard error is taken over prompts: run with two or more"
# From these sizes of the room on, all pictures fit at once: beside, or below each other.
_WIDE, _HIGH = (1060, 520), (640, 900)
_TOO_SMALL = "There is room for all at once in a larger window, or with F11"
_FIRST = "bars"
_LEAST_MAP = 220


class AttributeView(SweepView):
    """Bars over the layers, the sum, the map of heads; ranking and details beside them."""

    EMPTY = (
        "What writes this logit?",
        "Run to split answer − wrong (or the logit of a token that you name in the settings) over "
        "embeddings, heads, MLPs and biases: the parts sum to the model's own number.",
    )

    noun = "part"
    quantities = data_of.QUANTITIES
    orders = data_of.ORDERS
    borrows = (BORROWED,)
    widths = (680, 380)

    # Building.

    @override
    def build_content(self, content: QWidget) -> None:
        self._lent: Sequence[tuple[str, Result]] = ()
        self._drawn: tuple[Split, int | None, str] | None = None
        self._wanted, self._is_large = "all", False
        super().build_content(content)
        content.installEventFilter(self)
        self._show_look()

    @override
    def _build_picture(self) -> QWidget:
        self._pictures = PageStack(self._map, self._bars)
        self._pictures.setMinimumHeight(_LEAST_MAP)
        choices = QWidget()
        row = FlowLayout(choices, 8)
        self._look = SegmentedControl(LOOKS)
        self._look.setAccessibleName("Picture of the parts")
        for widget in (self._look, self._quantity, self._scope, self._certainty):
            row.addWidget(widget)
        self._neurons, self._sources = NeuronPage(), SourcePanel()
        self._stage = PartsStage(self._pictures, self._neurons)
        self._look.changed.connect(self._on_look_chosen)
        self._stage.bar_clicked.connect(self._on_bar_clicked)
        self._sources.wanted.connect(self._on_sources_wanted)
        self._sources.token_clicked.connect(self.selection.select_position)
        self._neurons.wanted.connect(self._on_neurons_wanted)
        self._neurons.layer_chosen.connect(self._on_layer_chosen)
        return panel(choices, self._chooser, (self._stage, 1), self._sources)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._content and event.type() == QEvent.Type.Resize:
            room = self._room.viewport().size()
            large = any(
                room.width() >= wide and room.height() >= high for wide, high in (_WIDE, _HIGH)
            )
            if large != self._is_large:
                self._is_large = large
                self._show_look()
        return super().eventFilter(watched, event)

    def _show_look(self) -> None:
        """Show the picture that was chosen; all at once only where there is room."""
        for name, _title in LOOKS:
            allowed = name != "all" or self._is_large
            self._look.set_option_enabled(name, allowed, TIPS[name] if allowed else _TOO_SMALL)
        look = self._wanted if self._is_large or self._wanted != "all" else _FIRST
        self._look.set_value(look)
        self._stage.show_look(look)
        self._sources.setVisible(look != "neurons")
        self._show_quantity()

    def _show_quantity(self) -> None:
        """Offer the error where there is a map that shows it."""
        self._quantity.setVisible(self._look.value() in {"map", "all"})

    # What is shown.

    @override
    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        return result.warnings  # that the task is not done as well: there is no banner here

    @override
    def choices(self, result: Result) -> Choices:
        withheld = {} if len(result.prompts) > 1 else {"sem": _ONE_PROMPT}
        return Choices(withheld=withheld)

    @override
    def picture_of(self, result: Result, shown: Shown) -> SweepPicture:
        split, words = Split.of(result), target(result, shown.prompt)
        self._drawn = split, shown.prompt, words
        known = data_of.evidence(result) if shown.prompt is None else ()
        return SweepPicture(
            data_of.base_sentence(result, shown.prompt),
            data_of.what_sentence(result, shown.prompt),
            maps=(data_of.head_map(split, shown.quantity, shown.prompt, words, known),),
            title=data_of.order_title(shown.order, shown.prompt),
            note=data_of.rest_note(split, shown.prompt),
            ranking=data_of.ranking(split, shown.prompt, shown.chosen, shown.order, MOST_ROWS),
        )

    @override
    def evidence(self, result: Result, shown: Shown) -> tuple[Cells, ...]:
        return data_of.evidence(result)

    @override
    def listed_evidence(self, result: Result, shown: Shown) -> tuple[Cells, ...]:
        return data_of.evidence(result, listed=True)

    @override
    def picture_so_far(
        self, data: Mapping[str, Any], params: Mapping[str, Any], shown: Shown
    ) -> SweepPicture | None:
        try:
            split = Split.of_data(data, params)
        except MISFITS:  # not all of it is known yet
            return None
        self._drawn = split, None, "logit"
        return SweepPicture(
            "Splitting: prompts fill in as they are done",
            maps=(data_of.head_map(split, "head", None, "logit"),),
            title="Largest so far",
            ranking=data_of.ranking(split, order=shown.order, limit=MOST_ROWS),
        )

    @override
    def _draw(self, picture: SweepPicture) -> None:
        super()._draw(picture)
        if self._drawn is not None:
            self._stage.show_split(*self._drawn)

    @override
    def draw_prompt(self, result: Result) -> None:
        super().draw_prompt(result)
        self._show_quantity()
        if self.ready() is not None:
            self._neurons.show_result(result, self.prompt_of(result))

    @override
    def details_of(self, result: Result, cell: Cell, shown: Shown, *, rows: bool) -> Details:
        beside = ""
        with suppress(*MISFITS):  # a file's ablation may hold anything
            beside = beside_sentence(result, cell, shown.prompt, self._lent)
        told = (data_of.part_sentence(result, cell, shown.prompt), beside)
        return Details(
            cell_name(cell, Split.of(result).heads),
            " ".join(filter(None, told)),
            data_of.prompt_rows(result, cell) if rows else Ranking(),
        )

    @override
    def cell_of(self, result: Result, place: Place) -> Cell | None:
        return find_part(result, place)

    @override
    def place_of(self, result: Result, cell: Cell) -> Place:
        layer, column = cell
        return Place(layer=layer, head=column if self.is_on_map(result, cell) else None)

    @override
    def parts_of(self, result: Result, cell: Cell) -> tuple[Part, ...]:
        place = self.place_of(result, cell)
        return () if place.layer is None else ((place.layer, place.head),)

    @override
    def opens(self, result: Result) -> bool:
        return True

    @override
    def is_on_map(self, result: Result, cell: Cell) -> bool:
        return bool(cell[1] < result.data["head"].shape[1])

    @override
    def picture_widget(self) -> QWidget:
        return self._stage.picture()

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            **super().read_picture(),
            **self._stage.read(),
            "maps": self._map.maps(),
            "look": self._look.value(),
            "sources": self._sources.read(),
            "neurons": self._neurons.read(),
        }

    # What is borrowed, and what is remembered.

    @override
    def take_lent(self, lent: Sequence[tuple[str, Result]]) -> None:
        self._lent = tuple(lent)
        self._on_selected()

    @override
    def take_choices(self, choices: Mapping[str, str]) -> None:
        look = choices.get("look", self._wanted)
        self._wanted = look if look in TIPS else self._wanted
        self._show_look()

    # Answering.

    @override
    def answer(self, intent: Intent) -> None:
        """Split what is read at a place that was chosen elsewhere."""
        if intent.name != "attribution":
            super().answer(intent)
            return
        prompt, layer = intent.data.get("prompt"), intent.data.get("layer")
        given = intent.data.get("position")
        position = -1 if given is None else int(given)
        if prompt is not None:
            self.selection.select_prompt(int(prompt))
            self._scope.set_value("prompt")
        if position >= 0:
            self.selection.select_position(position)
        if self._is_shown(layer, position):
            self.redraw()
        else:
            self.run_with(layer=layer, position=self._for_all(position))

    def _is_shown(self, layer: int | None, position: int) -> bool:
        """Return whether the result on screen is the very split that is asked for."""
        result = self.ready()
        if result is None or self._busy or self._difference.codes():
            return False
        layers, prompt = result.model.n_layers, self.prompt_of(result)
        same = read_layer(result.params, layers) == read_layer({"layer": layer}, layers)
        if position < 0:
            return same and position == result.params.get("position")
        return same and int(result.data["read_position"][prompt]) == position

    def _for_all(self, position: int) -> int:
        """Return a last position as such where the prompts on screen have several lengths."""
        result = self.ready()
        if result is None or self._difference.model or self._difference.prompts:
            return position
        lengths = [len(record.tokens) for record in result.prompts]
        last = position == lengths[self.prompt_of(result)] - 1
        return -1 if last and len(set(lengths)) > 1 else position

    @override
    def forbid_running(self, reason: str) -> None:
        super().forbid_running(reason)
        self._sources.forbid(reason)
        self._neurons.forbid()

    def _also(self, **changes: object) -> None:
        """Run as the result on screen was made, with something more computed."""
        result = self.ready()
        own = None
        if result is not None:
            known = self.analysis.params.own_fields()
            kept = {name: v for name, v in result.params.items() if name in known}
            with suppress(ValueError):  # a stranger's file may hold any settings
                own = self.analysis.params.model_validate(kept)
        if own is not None:
            self.set_params(own)
        self.run_with(**changes)

    def _on_sources_wanted(self) -> None:
        self._also(by_source=True)

    def _on_neurons_wanted(self) -> None:
        self._also(neurons=LISTED)

    def _on_look_chosen(self, look: str) -> None:
        self._wanted = look
        self._show_look()
        self.choices_changed.emit({"look": look})

    def _on_layer_chosen(self, layer: int) -> None:
        self.selection.select_head(layer, None)

    def _on_bar_clicked(self, bar: Bar) -> None:
        """Select the MLP of a layer, or of an attention the head that does most."""
        if bar.layer is None or self._drawn is None:
            return
        if bar.kind == "mlp":
            self.selection.select_head(bar.layer, None)
            return
        split, prompt, _words = self._drawn
        here = self.selection.layer == bar.layer and self.selection.head is not None
        if not here:
            best = data_of.largest(over(split.head[bar.layer], prompt))
            self.selection.select_head(bar.layer, best)

    @override
    def _on_selected(self, _head: object = None) -> None:
        super()._on_selected()
        result, chosen = self.ready(), self.selection
        if result is None:
            return
        cell = self._cell(result)
        bar = None
        if cell is not None:
            bar = Bar("attn" if chosen.head is not None else "mlp", cell[0])
        self._stage.mark(bar)
        self._sources.show_head(result, cell, self.prompt_of(result))
        self._sources.strip.set_selected(self._position_of(result))

    def _position_of(self, result: Result) -> int | None:
        position = self.selection.position
        count = len(result.prompts[self.prompt_of(result)].tokens)
        return position if position is not None and position < count else None


VIEW = AttributeView
