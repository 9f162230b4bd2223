"""The circuit view: the map of kept parts, switched by hand, and what comes of it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.circuit import picture as data_of
from desktop_app.analyses.circuit.editing import Edits, KeepSet
from desktop_app.analyses.circuit.keep_map import KeepMap
from desktop_app.analyses.circuit.keep_row import KeepRow
from desktop_app.analyses.circuit.keeping import Shape, dropped, kept_of, toggled_place
from desktop_app.analyses.circuit.known import lent_roles
from desktop_app.analyses.circuit.names import name_of
from desktop_app.analyses.circuit.places_row import PlacesRow
from desktop_app.analyses.circuit.side import CircuitHeader, CircuitSide
from desktop_app.analyses.circuit.states import WORDS, board_of, cell_of, grid_of, part_at
from desktop_app.analyses.circuit.taking import CIRCUIT, EFFECTS, TakeDialog, sources
from desktop_app.analyses.circuit.trail import own_settings, shape_so_far, trail_text
from desktop_app.pictures.roles import BORROWED
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.kept import Positions
    from desktop_app.contract.params import Params
    from desktop_app.contract.result import Notice, Result
    from desktop_app.contract.spec import Intent
    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.published import Published

_FURTHER: dict[str, dict[str, object]] = {
    "minus": {"minus": True},
    "generate": {"generate": 20},
    "check": {"completeness": 20, "minimality": True},
}
_PRUNE: dict[str, object] = {"keep": "all", "prune": 20.0, "resume": "", "passes": "both"}
_SCORED: dict[str, object] = {"prune": None, "resume": ""}
_NOTHING_YET = "Run once, so that there is a model whose parts can be kept."
_PRUNING = "Parts can be switched once the pruning has ended or stopped."
_NO_SOURCE = "No result of this session and model holds a circuit, or what removing parts costs."


class CircuitView(AnalysisView):
    """A map of parts at the left, lists and curves at the right."""

    EMPTY = (
        "Which parts are enough?",
        "Run to score the whole model, then click parts away or prune: every other part is "
        "replaced, and what is left of the metric is shown.",
    )
    picks = True
    borrows = (EFFECTS, CIRCUIT, BORROWED)

    # Building.

    @override
    def build_content(self, content: QWidget) -> None:
        self._edits = Edits()
        self._lent: Sequence[tuple[str, Result]] = ()
        self._goes_on = False
        self._shape: Shape | None = None
        self._header, self._row = CircuitHeader(), KeepRow()
        self._map, self._places, self._side = KeepMap(), PlacesRow(), CircuitSide()
        left = panel(self._row, (self._map, 1), self._places)
        column_in(
            content,
            self._header,
            (Reflow((left, 3, 640, 470), (panel(self._side), 2, 420, 380)), 1),
        )
        self._connect_map()
        self._connect_side()

    def _connect_map(self) -> None:
        self._map.switched.connect(self._on_switched)
        self._map.cell_clicked.connect(self._on_cell_clicked)
        self._map.cell_activated.connect(self._on_cell_activated)
        self._map.cell_hovered.connect(self._on_cell_hovered)
        self._map.cells_picked.connect(self._on_cells_picked)
        self._places.place_switched.connect(self._on_place_switched)
        self._places.everywhere_wanted.connect(self._on_everywhere)
        self._places.last_wanted.connect(self._on_last_only)
        self._places.position_chosen.connect(self.selection.select_position)
        self.selection.head_changed.connect(self._on_selected)
        self.selection.picked_changed.connect(self._on_picked)
        self.selection.position_changed.connect(self._on_position)

    def _connect_side(self) -> None:
        self._row.list_given.connect(self._on_list_given)
        self._row.undo_wanted.connect(self._on_undo)
        self._row.redo_wanted.connect(self._on_redo)
        self._row.take_wanted.connect(self.ask_source)
        self._side.wanted.connect(self._on_wanted)
        self._side.part_chosen.connect(self._choose)
        self._side.part_activated.connect(self._open)
        self._side.prompt_chosen.connect(self.selection.select_prompt)
        self._side.page_turned.connect(self._on_page_turned)
        self._side.known.laid.connect(self._on_laid)
        self._side.known.keep_wanted.connect(self._on_keep_published)
        self._header.what.asked.connect(self._on_what_asked)

    # Drawing.

    @override
    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        # The gate has a banner of its own.
        return tuple(n for n in result.warnings if n.code != "task_not_done")

    @override
    def picture_widget(self) -> QWidget:
        return self._map

    @override
    def draw_result(self, result: Result) -> None:
        self._edits.arrive(KeepSet.of(result), result.model.fingerprint)
        self._map.show_board(data_of.board(result))
        self._side.show_result(result, self.prompt_of(result))
        self._show_asked()
        self._on_picked()
        self._on_selected()

    @override
    def draw_prompt(self, result: Result) -> None:
        if not self._is_partial:
            self._side.parts.show_result(result, self._side.known.role_of, self.prompt_of(result))
            self._side.show_prompt(result, self.prompt_of(result))
            self._on_selected()

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        if "trail_part" not in data:
            return False
        settings = self.settings_of_run()
        known = None if self._result is None else Shape.of_result(self._result)
        shape = shape_so_far(data, mlps=bool(settings.get("mlps")), known=self._shape or known)
        if not self._is_partial and not settings.get("resume"):
            self._side.turn_to("pruning")
        self._shape = shape
        states = grid_of(kept_of(data), shape, dropped(data))
        tip = partial(_state_words, states, shape)
        self._map.show_board(board_of(shape, states, None, tip))
        self._header.show_so_far(data)
        prune = settings.get("prune")
        self._side.show_so_far(data, math.nan if prune is None else 100.0 - float(prune))
        self._row.show_text(KeepSet(kept_of(data), shape).text)
        return True

    @override
    def expect_run(self, params: Params) -> None:
        """Take note of a run; one of another set takes the place of what was asked for."""
        super().expect_run(params)
        self._edits.expect(params.model_dump(exclude={"prompts"}))
        self._show_asked()

    @override
    def show_busy(self, busy: bool, *, waiting: bool = False) -> None:
        """Keep the map bright while a set that was switched on it is being scored."""
        self._shape = None
        if not busy:  # it was stopped: what is on screen counts again
            self._edits.asked = None
        super().show_busy(busy, waiting=waiting)
        if busy and self._edits.asked is not None and self._result is not None:
            self._veil.set_shown(False)

    @override
    def show_failure(
        self, message: str, code: str | None = None, fix: dict[str, Any] | None = None
    ) -> None:
        """Say what is wrong, and go back to the circuit on screen."""
        self._edits.asked = None
        super().show_failure(message, code, fix)

    @override
    def clear(self) -> None:
        """Go back to the empty view."""
        super().clear()
        self._edits.forget()

    @override
    def expect_preset(self, topic: str) -> None:
        self._side.turn_to(topic)

    @override
    def take_lent(self, lent: Sequence[tuple[str, Result]]) -> None:
        self._lent = tuple(lent)
        self._side.known.take_roles(lent_roles(self._lent))
        if (result := self._ready()) is not None:
            self.draw_prompt(result)

    @override
    def take_choices(self, choices: Mapping[str, str]) -> None:
        self._side.turn_to(choices.get("page", ""))

    @override
    def read_picture(self) -> dict[str, Any]:
        board = self._map.board()
        asked = self._edits.asked
        return {
            **self._header.read(),
            **self._row.read(),
            **self._places.read(),
            **self._side.read(),
            "states": None if board is None else board.states,
            "values": None if board is None else board.matrix.values,
            "ringed": frozenset() if board is None else board.ringed,
            "legend": self._map.legend.texts(),
            "readout": self._map.readout(),
            "selected": self._map.selected(),
            "asked": "" if asked is None else asked.text,
        }

    # The set.

    def _ready(self) -> Result | None:
        """Return the result that is drawn; None while a pruning fills in."""
        return None if self._is_partial else self._result

    def now(self) -> KeepSet | None:
        """Return the set that is asked for, else the one on screen."""
        if self._edits.asked is not None:
            return self._edits.asked
        return None if self._result is None else KeepSet.of(self._result)

    def _refusal(self) -> str:
        """Say why no other set can be scored now; empty where one can."""
        if self._cannot_run:
            return self._cannot_run
        if self._is_partial or (self._busy and self.settings_of_run().get("prune") is not None):
            return _PRUNING
        if self._difference.model and self._result is not None:
            return f"This circuit is of {self._result.model.label}: run again with the open model."
        return ""

    def _may_edit(self) -> bool:
        """Return whether another set can be scored; say why not."""
        if why := self._refusal():
            self.message_requested.emit(why)
        elif self.try_params() is None:
            self.request_run()  # which opens the form and says so
        else:
            return True
        self._show_asked()
        return False

    def _ask(self, wanted: KeepSet) -> None:
        """Score a set."""
        if self._may_edit():
            self._edits.ask(wanted, self.now())
            self._score(wanted)

    def _score(self, wanted: KeepSet) -> None:
        self._show_asked()
        self.run_with(**{**wanted.settings(), **_SCORED})

    def _show_asked(self) -> None:
        """Show the set that is asked for over the one that is scored."""
        result, now = self._result, self.now()
        self._row.offer(undo=bool(self._edits.back), redo=bool(self._edits.forth))
        if result is None or now is None or self._is_partial:
            return
        self._row.show_text(now.text)
        asked = self._edits.asked
        states = None if asked is None else grid_of(asked.kept, asked.shape, dropped(result.data))
        self._map.canvas.show_asked(states)
        self._map.describe()
        self._header.show_result(result)
        if asked is not None:
            self._header.show_asked(_size(asked))
        self._show_places()

    @override
    def request_run(self) -> None:
        """Run the form; a trail goes along only where a pruning goes on."""
        params = self.try_params()
        if params is not None and not self._goes_on and params.model_dump().get("resume"):
            self.set_params(params.model_copy(update={"resume": ""}))
        super().request_run()

    def _on_switched(self, cells: tuple[Cell, ...], keep: bool) -> None:
        now, board = self.now(), self._map.board()
        if board is None or not self._may_edit() or now is None:
            return
        parts = [part_at(cell, board.shape) for cell in cells]
        wanted = now.switched(parts, keep=keep)
        if wanted.settings() != now.settings():
            self._ask(wanted)

    def _on_list_given(self, text: str) -> None:
        now = self.now()
        if now is None:
            self._row.refuse(_NOTHING_YET)
            return
        try:
            wanted = now.read(text)
        except ValueError as error:
            self._row.refuse(f"{error}.")
            return
        self._row.say("")
        self._ask(wanted)

    def _on_undo(self) -> None:
        self._step(self._edits.undo)

    def _on_redo(self) -> None:
        self._step(self._edits.redo)

    def _step(self, step: Callable[[KeepSet], KeepSet | None]) -> None:
        now = self.now()
        if now is not None and self._may_edit() and (wanted := step(now)) is not None:
            self._score(wanted)

    # Positions.

    def _part(self) -> Part | None:
        chosen, board = self.selection, self._map.board()
        if chosen.layer is None or board is None:
            return None
        part = chosen.layer, chosen.head
        return None if board.shape.lacks(part) else part

    def _show_places(self) -> None:
        result, now, part = self._ready(), self.now(), self._part()
        if result is None or now is None or part is None or not result.prompts:
            self._places.show_part(None, None, None, stays=False)
            return
        places: Positions = now.kept.get(part, ())
        stays = part[1] is None and not now.shape.mlps
        record = result.prompts[self.prompt_of(result)]
        self._places.show_part(part, None if stays else places, record, stays=stays)
        self._on_position()

    def _on_place_switched(self, position: int) -> None:
        result, now, part = self._ready(), self.now(), self._part()
        if result is None or now is None or part is None:
            return
        lengths = [len(record.tokens) for record in result.prompts]
        length = lengths[self.prompt_of(result)]
        places = toggled_place(now.kept.get(part, ()), position, length, lengths)
        self._ask(now.placed(part, places))

    def _on_everywhere(self) -> None:
        self._place(None)

    def _on_last_only(self) -> None:
        self._place((-1,))

    def _place(self, places: Positions) -> None:
        now, part = self.now(), self._part()
        if now is not None and part is not None:
            self._ask(now.placed(part, places))

    def _on_position(self, _position: object = None) -> None:
        result, position = self._ready(), self.selection.position
        if result is not None and result.prompts:
            length = len(result.prompts[self.prompt_of(result)].tokens)
            inside = position is not None and position < length
            self._places.strip.set_selected(position if inside else None)

    # Elsewhere.

    @override
    def answer(self, intent: Intent) -> None:
        """Keep the parts that another view asks for."""
        if intent.name != "keep_parts":
            super().answer(intent)
            return
        self.keep_text(str(intent.data.get("parts", "")))

    def keep_text(self, text: str) -> None:
        """Score the circuit that a text names, of the model that is open."""
        if self._refusal() == _PRUNING:
            self.message_requested.emit(_PRUNING)
            return
        same = self._result is not None and not self._difference.model
        now = self.now() if same else None
        if now is None:
            mlps = "m" in text.lower()
            self._edits.forget()
            self.run_with(**{"keep": text, "mlps": mlps, **_SCORED})
            return
        self._on_list_given(text)

    def ask_source(self) -> TakeDialog | None:
        """Ask from which result the set is to be taken."""
        result = self._result
        offered = sources(self._lent, "" if result is None else result.model.fingerprint)
        if not offered:
            self.message_requested.emit(_NO_SOURCE)
            return None
        dialog = TakeDialog(offered, self)
        dialog.taken.connect(self.keep_text)
        dialog.show()
        return dialog

    def _on_keep_published(self, published: Published) -> None:
        """Score a published circuit; where it does not speak of MLPs, all of them stay."""
        if (now := self.now()) is not None:
            shape = replace(now.shape, mlps=published.mlps is not None)
            self._ask(KeepSet(dict.fromkeys(published.parts), shape))

    def _on_laid(self, published: Published | None) -> None:
        board = self._map.board()
        if board is None:
            return
        parts = () if published is None else published.parts
        ringed = [cell_of(part, board.shape) for part in parts if not board.shape.lacks(part)]
        self._map.show_ringed(ringed, "" if published is None else published.title)

    def _on_wanted(self, what: str) -> None:
        """Compute what a page offers, of the circuit on screen."""
        result = self._ready()
        if what in {"prune", "prune_mlps"}:
            self.run_with(**{**_PRUNE, "mlps": what == "prune_mlps"})
        elif why := self._refusal():
            self.message_requested.emit(why)
        elif result is not None:
            self._run_further(result, {} if what == "go_on" else _FURTHER[what])

    def _run_further(self, result: Result, more: Mapping[str, object]) -> None:
        """Run the shown result's own settings again with more; a pruning goes on from its trail."""
        own = own_settings(self.analysis.params, result)
        if own is None:
            self.message_requested.emit("This result was made by another version: run it anew.")
            return
        changes = dict(more)
        if result.params.get("prune") is not None:
            changes["resume"] = trail_text(result)
        self._goes_on = True
        try:
            self.set_params(own.model_copy(update=changes))
            self.request_run()
        finally:
            self._goes_on = False

    # The selection.

    def _choose(self, part: Part) -> None:
        self.selection.select_head(*part)

    def _open(self, part: Part) -> None:
        if part[1] is not None:
            self.open_attention(part[0], part[1])

    def _on_cell_clicked(self, row: int, column: int) -> None:
        if (board := self._map.board()) is not None:
            self._choose(part_at((row, column), board.shape))

    def _on_cell_activated(self, row: int, column: int) -> None:
        if (board := self._map.board()) is not None:
            self._open(part_at((row, column), board.shape))

    def _on_cell_hovered(self, row: int, column: int) -> None:
        result, board = self._ready(), self._map.board()
        if result is not None and board is not None:
            part = part_at((row, column), board.shape) if row >= 0 else self._part()
            self._tell(result, part)

    def _tell(self, result: Result, part: Part | None) -> None:
        told = "" if part is None else data_of.part_sentence(result, part)
        self._side.parts.show_part(part, told)

    def _on_selected(self, _head: object = None) -> None:
        board, part, result = self._map.board(), self._part(), self._ready()
        cell = None if part is None or board is None else cell_of(part, board.shape)
        self._map.set_selected(cell)
        if result is not None:
            self._tell(result, part)
        self._show_places()

    def _on_picked(self, _picked: object = None) -> None:
        board = self._map.board()
        if board is not None:
            picked = [part for part in self.selection.picked if not board.shape.lacks(part)]
            self._map.set_picked(cell_of(part, board.shape) for part in picked)
            self._side.parts.set_marked(frozenset(picked))

    def _on_cells_picked(self, cells: tuple[Cell, ...]) -> None:
        if (board := self._map.board()) is not None:
            self.selection.toggle_picked(part_at(cell, board.shape) for cell in cells)

    def _on_page_turned(self, page: str) -> None:
        self.choices_changed.emit({"page": page})

    def _on_what_asked(self, place: QPoint) -> None:
        if (told := self.explain()) is not None:
            self.explanation_wanted.emit(told, place)


def _size(asked: KeepSet) -> str:
    noun = "heads and MLPs" if asked.shape.mlps else "heads"
    return f"{len(asked.kept):,} of {len(asked.shape.parts()):,} {noun}"


def _state_words(states: np.ndarray, shape: Shape, row: int, column: int) -> str:
    part = part_at((row, column), shape)
    return f"{name_of(part)}  {WORDS[int(states[row, column])]}"


VIEW = CircuitView
