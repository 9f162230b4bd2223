"""The view of a sweep over cells: maps, a ranking beside them, details of one cell."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtWidgets import QWidget

from desktop_app.contract.grammar import written_parts
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.certain_lists import with_evidence
from desktop_app.pictures.certainty import sentence
from desktop_app.pictures.facts import Place
from desktop_app.pictures.sweep import Choices, Shown
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.certainty import CertaintyChoice, why_not
from desktop_app.views.choosers import PromptChooser
from desktop_app.views.frame import panel
from desktop_app.views.on_text import on_text
from desktop_app.views.reflow import Reflow
from desktop_app.views.sweep_parts import SweepHeader, SweepSide
from desktop_app.widgets.basics.layouts import FlowLayout, PageStack, column_in
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QMenu

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Notice, Result
    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.sweep import Details, SweepPicture

# Longer tables are not filled while the pointer only passes.
_MOST_ROWS = 50
NO_HEADS = "These cells are no heads that could be picked."
# What maps and lists need where they stand below each other, in pixels.
_LEAST_MAP, _LEAST_SIDE = 380, 250
# Below this a picture is scrolled rather than made smaller still.
_LEAST_PICTURE = 220


class SweepView(AnalysisView):
    """Maps at the left, ranking and details at the right; the shared selection marks one cell.

    Subclasses turn results into pictures and cells into places; what a cell is, they alone know.

    Attributes:
        noun: What a cell is.
        quantities: What the maps can show, and its names; the first is shown first.
        mean_word: What the mean over prompts is called.
        orders: What the ranking can be sorted by, and its names.
        widths: How maps and ranking share the room.
        least_side: The least width of the ranking.
        details_grow: Whether the details take their share of more room, as long tables want it.
    """

    picks: ClassVar[bool] = True
    noun: ClassVar[str] = "cell"
    quantities: ClassVar[tuple[tuple[str, str], ...]] = ()
    mean_word: ClassVar[str] = "Mean"
    orders: ClassVar[tuple[tuple[str, str], ...]] = ()
    widths: ClassVar[tuple[int, int]] = (660, 400)
    least_side: ClassVar[int] = 316
    details_grow: ClassVar[bool] = True

    # What subclasses give.

    def choices(self, result: Result) -> Choices:  # noqa: ARG002 - for subclasses
        """Return what a result leaves to choose."""
        return Choices()

    def picture_of(self, result: Result, shown: Shown) -> SweepPicture:
        """Return what is shown of a result."""
        raise NotImplementedError

    def picture_so_far(
        self, data: Mapping[str, Any], params: Mapping[str, Any], shown: Shown
    ) -> SweepPicture | None:
        """Return what is known of a sweep that runs, or None where that is nothing.

        The settings are those that it began with.
        """
        raise NotImplementedError

    def details_of(self, result: Result, cell: Cell, shown: Shown, *, rows: bool) -> Details:
        """Return what is known of a cell; without a row per prompt unless `rows`."""
        raise NotImplementedError

    def cell_of(self, result: Result, place: Place) -> Cell | None:
        """Return where a place lies on the maps, or None where it does not."""
        raise NotImplementedError

    def place_of(self, result: Result, cell: Cell) -> Place:
        """Return what a cell is by the model's numbers; None in it leaves the selection alone."""
        raise NotImplementedError

    def opens(self, result: Result) -> bool:
        """Return whether cells are heads, whose attention can be shown."""
        raise NotImplementedError

    def parts_of(self, result: Result, cell: Cell) -> tuple[Part, ...]:
        """Return the heads, or the MLP, that are picked with a cell; none where it is neither."""
        if not self.opens(result):
            return ()
        place = self.place_of(result, cell)
        found = place.layer is not None and place.head is not None
        return ((place.layer, place.head),) if found else ()  # type: ignore[return-value]

    def evidence(self, result: Result, shown: Shown) -> tuple[Cells, ...]:  # noqa: ARG002
        """Return what is known of the cells of each map over prompts; none where nothing is."""
        return ()

    def listed_evidence(self, result: Result, shown: Shown) -> tuple[Cells, ...]:
        """Return what is known of the rows of the list, whose keys may be more than the map's."""
        return self.evidence(result, shown)

    def no_evidence(self, result: Result, shown: Shown) -> str:
        """Say why there is none; nothing where that needs no words."""
        return why_not(result, shown.prompt)

    def is_on_map(self, _result: Result, _cell: Cell) -> bool:
        """Return whether a cell has a place on the maps; one of the list alone has none."""
        return True

    def follows_position(self, _result: Result) -> bool:
        """Return whether another selected position is another picture."""
        return False

    def add_choices(self, row: FlowLayout) -> tuple[QWidget, ...]:  # noqa: ARG002 - for subclasses
        """Add choices of one's own beside the others; return those that stand beneath."""
        return ()

    def show_choices(self, result: Result | None) -> None:
        """Show one's own choices for a result, or hide them while one is computed."""

    # Building.

    @override
    def build_content(self, content: QWidget) -> None:
        self._quantity = SegmentedControl(self.quantities or (("", ""),))
        self._scope = SegmentedControl([("mean", self.mean_word), ("prompt", "This prompt")])
        self._chooser = PromptChooser(self.selection)
        self._certainty = CertaintyChoice()
        self._header = SweepHeader()
        self._map, self._bars = Heatmap(), RankingList("Effect per layer")
        self._bars.set_fitting(17, 40)
        self._side = SweepSide(
            self.noun, self.orders, self.least_side, details_grow=self.details_grow
        )
        self._list, self._details = self._side.list, self._side.details
        sides, least = (self._build_picture(), self._side), (_LEAST_MAP, _LEAST_SIDE)
        parts = zip(sides, self.widths, self.widths, least, strict=True)
        column_in(content, self._header, (Reflow(*parts), 1))
        self._connect_content()

    def _build_picture(self) -> QWidget:
        choices = QWidget()
        row = FlowLayout(choices, 8)
        row.addWidget(self._quantity)
        row.addWidget(self._scope)
        row.addWidget(self._certainty)
        self._pictures = PageStack(self._map, self._bars)
        self._pictures.setMinimumHeight(_LEAST_PICTURE)
        return panel(choices, self._chooser, *self.add_choices(row), (self._pictures, 1))

    def _connect_content(self) -> None:
        for control in (self._quantity, self._scope, self._side.order):
            control.changed.connect(self.redraw)
        self._certainty.changed.connect(self.redraw)
        self._map.cell_hovered.connect(self._on_cell_hovered)
        self._map.cell_clicked.connect(self._on_cell_clicked)
        self._map.cell_activated.connect(self._on_cell_activated)
        self._map.let_pick()
        self._map.cells_picked.connect(self._on_cells_picked)
        self.selection.picked_changed.connect(self._on_picked)
        for rows in (self._list, self._bars):
            rows.rows_picked.connect(self._on_rows_picked)
            rows.row_selected.connect(self._on_row_selected)
            rows.row_activated.connect(self._on_row_activated)
        self._details.attention_clicked.connect(self._on_attention_clicked)
        self._details.text_clicked.connect(self._on_text_clicked)
        self._details.what.asked.connect(self._on_what_asked)
        self._details.prompt_clicked.connect(self.selection.select_prompt)
        self.menu_opening.connect(self._on_list_menu)
        self.selection.head_changed.connect(self._on_selected)
        self.selection.position_changed.connect(self._on_position_changed)

    # Drawing.

    @override
    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        # The gate has a banner of its own.
        return tuple(n for n in result.warnings if n.code != "task_not_done")

    @override
    def picture_widget(self) -> QWidget:
        return self._map if self._pictures.currentIndex() == 0 else self._bars

    @override
    def draw_result(self, result: Result) -> None:
        self._offer(result)
        self.draw_prompt(result)
        # What a new list says stands at its top; only the user's own choice scrolls it.
        self._list.scrollToTop()

    def _offer(self, result: Result) -> None:
        """Offer the choices that a result leaves."""
        left, several = self.choices(result), len(result.prompts) > 1
        self._chooser.set_result(result)
        self._scope.setVisible(several and left.mean)
        if not (several and left.mean):
            self._scope.set_value("prompt" if several else "mean")
        self._quantity.setVisible(left.quantities and len(self.quantities) > 1)
        for name, _title in self.quantities:
            why = left.withheld.get(name, "")
            self._quantity.set_option_enabled(name, not why, why)
        if self._quantity.value() in left.withheld:
            self._quantity.set_value(self.quantities[0][0])
        self._side.order.setVisible(bool(self.orders) and left.orders)
        if self.orders and not left.orders:
            self._side.order.set_value(self.orders[0][0])

    @override
    def draw_prompt(self, result: Result) -> None:
        if self._is_partial:
            return
        shown = self.shown()
        self._chooser.setVisible(shown.prompt is not None and len(result.prompts) > 1)
        self.show_choices(result)
        self._draw(self._with_evidence(self.picture_of(result, shown), result, shown))
        self._header.show_data(result.data, partial=False)
        self._on_picked()
        self._on_selected()

    def _with_evidence(self, picture: SweepPicture, result: Result, shown: Shown) -> SweepPicture:
        """Add intervals and q to a picture, and offer to dim by them."""
        maps = self._maps_evidence(result, shown)
        listed = self.listed_evidence(result, shown) if maps else ()
        why = "" if maps else self.no_evidence(result, shown)
        self._certainty.offer(maps, listed, why=why)
        return with_evidence(picture, maps, listed, self._certainty.level())

    def _maps_evidence(self, result: Result, shown: Shown) -> tuple[Cells, ...]:
        return () if shown.prompt is not None else self.evidence(result, shown)

    def _draw(self, picture: SweepPicture) -> None:
        self._header.show_picture(picture)
        if picture.bars is None:
            self._map.show_maps(*picture.maps)
        else:
            self._bars.set_ranking(picture.bars)
        self._pictures.setCurrentWidget(self._map if picture.bars is None else self._bars)
        self._list.set_ranking(picture.ranking)
        self._side.title.setText(picture.title)
        self._side.note.setText(picture.note)

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        params = self.settings_of_run()
        picture = self.picture_so_far(data, params, self.shown())
        if picture is None:
            return False
        self._certainty.offer(())
        if not self._is_partial:
            self._is_partial = True
            self._chooser.setVisible(False)
            self.show_choices(None)
            self._details.show_nothing()
            self._list.scrollToTop()
        self._draw(picture)
        self._header.show_data(data, partial=True)
        return True

    def redraw(self, *_choice: object) -> None:
        """Draw the result again after another choice."""
        if (result := self.ready()) is not None:
            self.draw_prompt(result)

    @override
    def read_picture(self) -> dict[str, Any]:
        bars = self.picture_widget() is self._bars
        shown = self._bars if bars else self._list
        return {
            **self._header.read_out(),
            "maps": () if bars else self._map.maps(),
            "bars": [row.key for row in self._bars.ranking.rows] if bars else [],
            "title": self._side.title.text(),
            "note": self._side.note.text(),
            "ranking": self._list.texts(),
            "keys": [row.key for row in self._list.ranking.rows],
            "chosen": shown.selected_key(),
            "selected": self._map.selected(),
            "marked": sorted(self._list.marked()),
            "details": self._details.read_out(),
            "certainty": self._certainty.read_out(),
            "offered": {
                name: control.value()
                for name, control in (
                    ("quantity", self._quantity),
                    ("scope", self._scope),
                    ("order", self._side.order),
                    ("prompt", self._chooser),
                )
                if not control.isHidden()
            },
        }

    # Answering.

    @override
    def whats(self) -> tuple[str, ...]:
        shown = str(self._quantity.value())
        others = super().whats()
        return (shown, *(what for what in others if what != shown)) if others else ()

    def _on_what_asked(self, place: QPoint) -> None:
        if (told := self.explain()) is not None:
            self.explanation_wanted.emit(told, place)

    def ready(self) -> Result | None:
        """Return the result that is drawn; None while another one fills in."""
        return None if self._is_partial else self._result

    def shown(self) -> Shown:
        """Return what is chosen to be looked at."""
        chosen, position = self.selection.prompt, self.selection.position
        result = self._result
        if result is not None and result.prompts:
            chosen = self.prompt_of(result)
            if position is not None and position >= len(result.prompts[chosen].tokens):
                position = None
        return Shown(
            str(self._quantity.value()),
            chosen if self._scope.value() == "prompt" else None,
            chosen,
            position,
            str(self._side.order.value()),
        )

    def _cell(self, result: Result) -> Cell | None:
        chosen = self.selection
        place = Place(self.prompt_of(result), chosen.layer, chosen.head, chosen.position)
        return self.cell_of(result, place)

    def _on_position_changed(self, _position: object) -> None:
        result = self.ready()
        if result is not None and self.follows_position(result):
            self.draw_prompt(result)
        else:
            self._on_selected()

    def _on_selected(self, _head: object = None) -> None:
        result = self.ready()
        if result is None:
            return
        cell = self._cell(result)
        seen = cell is not None and self.is_on_map(result, cell)
        self._map.set_selected(*(cell if cell is not None and seen else (None, None)))
        for rows in (self._list, self._bars):
            rows.select_key(cell)
        self._show_details(result, cell)

    def _on_picked(self, _picked: object = None) -> None:
        """Mark the cells whose heads are all picked."""
        result, picked = self.ready(), self.selection.picked
        if result is None:
            return
        cells = set()
        for layer, head in picked:
            cell = self.cell_of(result, Place(self.prompt_of(result), layer, head))
            if cell is not None and cell not in cells:
                own = self.parts_of(result, cell)
                if own and set(own) <= set(picked):
                    cells.add(cell)
        self._map.set_picked(cell for cell in cells if self.is_on_map(result, cell))
        for rows in (self._list, self._bars):
            rows.set_marked(cells)

    def _on_cells_picked(self, cells: tuple[Cell, ...]) -> None:
        if (result := self.ready()) is not None:
            parts = [part for cell in cells for part in self.parts_of(result, cell)]
            if parts:
                self.selection.toggle_picked(parts)
            else:
                self.message_requested.emit(NO_HEADS)

    def _on_rows_picked(self, chosen: tuple[Cell, ...], let_go: tuple[Cell, ...]) -> None:
        """Pick what is selected in a list with Ctrl or Shift; what is taken out there goes."""
        if (result := self.ready()) is not None:
            added, gone = (
                [part for cell in cells for part in self.parts_of(result, cell)]
                for cells in (chosen, let_go)
            )
            self.selection.pick_rows(added, gone)

    def _on_list_menu(self, menu: QMenu, _what: str) -> None:
        """Offer the rows down to the chosen one as a set: all that matter as much as it does."""
        result, rows = self.ready(), self._list.ranking.rows
        place = self._list.ranking.row_of(self._list.selected_key())
        if result is None or place is None or menu.parentWidget() is not self._list:
            return
        cells = [row.key for row in rows[: place + 1]]
        parts = tuple(dict.fromkeys(p for cell in cells for p in self.parts_of(result, cell)))
        if len(parts) < 2:
            return
        menu.addSeparator()
        told = f"these {len(parts):,}: this row and all above it"
        menu.addAction(f"Pick {told}", partial(self.selection.pick, parts))
        if serving("keep_parts"):
            intent = Intent("keep_parts", {"parts": written_parts(parts)})
            menu.addAction(f"Keep {told}, as a circuit", partial(self.intent_raised.emit, intent))

    def _show_details(self, result: Result, cell: Cell | None, *, passing: bool = False) -> None:
        rows = self._list.ranking.rows
        if cell is None and self.selection.layer is None and rows:
            cell = rows[0].key
        if cell is None:
            self._details.show_nothing(picks=self.opens(result))
            return
        full = not passing or len(result.prompts) <= _MOST_ROWS
        shown = self.shown()
        details = self.details_of(result, cell, shown, rows=full)
        known = self.listed_evidence(result, shown) if self._maps_evidence(result, shown) else ()
        if words := sentence(known, cell):
            details = replace(details, sentence=f"{details.sentence} {words}")
        opens = self.opens(result) and self.place_of(result, cell).head is not None
        self._details.show_cell(cell, details, self.prompt_of(result), opens=opens)

    def _on_cell_hovered(self, row: int, column: int) -> None:
        if (result := self.ready()) is not None:
            inside = row >= 0
            self._show_details(
                result, (row, column) if inside else self._cell(result), passing=inside
            )

    def _on_cell_clicked(self, row: int, column: int) -> None:
        if (result := self.ready()) is not None:
            place = self.place_of(result, (row, column))
            self.selection.select_head(place.layer, place.head)
            if place.position is not None:
                self.selection.select_position(place.position)

    def _on_cell_activated(self, row: int, column: int) -> None:
        result = self.ready()
        if result is not None and self.opens(result):
            place = self.place_of(result, (row, column))
            if place.layer is not None and place.head is not None:
                self.open_attention(place.layer, place.head)

    def _on_row_selected(self, cell: Cell) -> None:
        self._on_cell_clicked(*cell)

    def _on_row_activated(self, cell: Cell) -> None:
        self._on_cell_activated(*cell)

    def _on_attention_clicked(self) -> None:
        if self._details.cell is not None:
            self._on_cell_activated(*self._details.cell)

    def _on_text_clicked(self) -> None:
        result, cell = self.ready(), self._details.cell
        if result is None or cell is None:
            return
        place = self.place_of(result, cell)
        if place.layer is not None and place.head is not None:
            self.selection.select_head(place.layer, place.head)
            self.intent_raised.emit(on_text(place.layer, place.head))
