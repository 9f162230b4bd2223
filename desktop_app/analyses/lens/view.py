"""The view of the lens: both runs read at every layer and token, the map one navigates by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from desktop_app.analyses.lens import grids, words
from desktop_app.analyses.lens.explain import WHATS, explain_cell, key_of
from desktop_app.analyses.lens.grids import COLOUR_NAMES, GridOf
from desktop_app.analyses.lens.reading import Reading, labels_of, moves_of
from desktop_app.analyses.lens.side import LensSide
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.grammar import parse_parts, written_parts
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.boards import OTHER, Cell
from desktop_app.support import lens_files
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.boards import BarredBoard
from desktop_app.views.choosers import PromptChooser
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.views.reflow import Reflow
from desktop_app.views.token_uses import add_token_uses
from desktop_app.widgets.basics.layouts import FlowLayout, column_in
from desktop_app.widgets.basics.menus import new_menu, open_menu
from desktop_app.widgets.basics.segmented import SegmentedControl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QResizeEvent, QShowEvent
    from PySide6.QtWidgets import QMenu

    from desktop_app.analyses.lens.grids import Colour, Shown
    from desktop_app.contract.moves import RunName
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Explained

_HINT = (
    "Click a cell for its ranking, double-click for its attribution; drag it onto the other run "
    "to put it in there."
)
_OTHER_RUN = (
    "Ranking and attribution read the clean run: give a corrupt text a row of its own to read it; "
    "a changed run they cannot read."
)
_ALONE = "Click a cell for its ranking, double-click for its attribution."
_FROM_CHANGED = "Activations are taken from untouched runs: drag a cell of the other grid."
_NO_SITE = (
    "The embeddings and the end are never at one site: put the embeddings into another layer."
)
_NEEDS_FILE = "Choose the file of the fitted lens first."
_SHOWN = (("untouched", "Untouched"), ("changed", "Changed"), ("difference", "Difference"))


# The height that the grids take at least; at most where the rest stands beneath them; what stands
# above and below the picture; what is seen of the rest; and the width from which it is beside.
_LEAST, _MOST, _ABOVE, _PEEK, _BESIDE = 360, 900, 120, 40, 800
# What stands around the cells of the grids, a row in which a token can be read, and how many such.
_AROUND, _READABLE, _MOST_READ = 260, 13, 48


class LensView(AnalysisView):
    """The grids at the left; the ranking of a cell and its layers at the right.

    Layers go from the embeddings at the top to the end at the bottom. A row selects the block that
    it stands behind, so that patching by hand outlines the same stream.
    """

    picks = True
    EMPTY = (
        "When does the model know?",
        "Run to read every layer and token as if the model ended there.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._labels: Mapping[int, str] = {}
        self._row: int | None = None
        self._side_run: RunName = "clean"
        self._headline, self._hint = ElidedLabel("", "heading"), ElidedLabel(_HINT, "muted")
        self._changed = ElidedLabel("", "muted")
        self._colour = SegmentedControl(list(COLOUR_NAMES.items()))
        self._colour.setToolTip("What colours the cells")
        self._shown = SegmentedControl(_SHOWN)
        self._shown.setToolTip("The runs as they are, the changed run, or what has changed")
        self._chooser = PromptChooser(self.selection)
        self._barred = BarredBoard()
        self._board = self._barred.board
        self._board.enter_takes = False
        self._board.setAccessibleName("Layers and tokens, each cell its likeliest next token")
        self._side = LensSide()
        choices = QWidget()
        flow = FlowLayout(choices, 8)
        for control in (self._colour, self._shown):
            flow.addWidget(control)
        self._card = panel(choices, self._chooser, self._changed, (self._barred, 1))
        self._split = Reflow((self._card, 3, 700, _LEAST), (self._side, 2, 330, 300))
        column_in(content, self._headline, self._hint, (self._split, 1), spacing=4)
        self._connect_content()

    def _connect_content(self) -> None:
        self._colour.changed.connect(self._on_choice)
        self._shown.changed.connect(self._on_choice)
        self._board.cell_clicked.connect(self._on_cell_clicked)
        self._board.cell_activated.connect(self._on_attribution)
        self._board.cell_entered.connect(self._on_ranking)
        self._board.menu_asked.connect(self._on_menu)
        self._board.move_made.connect(self._on_move)
        self._side.row_chosen.connect(self._on_row_chosen)
        self._side.ranking_asked.connect(self._on_ranking)
        self._side.menu_asked.connect(self._on_side_menu)
        self._side.what.asked.connect(self._on_what_asked)
        self.menu_opening.connect(self._on_menu_opening)
        self.selection.head_changed.connect(self._on_head_changed)
        self.selection.position_changed.connect(self._on_position_changed)

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: the grids with their colours."""
        return self._barred

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fill()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fill()

    def _fill(self) -> None:
        """Give the grids all that is seen where the rest stands beneath them: texts need height."""
        beside = self.width() >= _BESIDE
        words_above = self._headline.sizeHint().height() + self._hint.sizeHint().height()
        seen = self.height() - _ABOVE - words_above - _PEEK
        # So many rows that their tokens can be read have their height, and the page scrolls.
        rows = 0 if self._result is None else self._result.model.n_layers + 1
        read = _AROUND + _READABLE * rows if rows <= _MOST_READ else 0
        self._card.setMinimumHeight(0 if beside else min(max(seen, read, _LEAST), _MOST))

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self._labels = labels_of(result)
        self._chooser.set_result(result)
        self._changed.set_full_text(words.changed_sentence(result))
        self.draw_prompt(result)

    @override
    def draw_new(self, result: Result) -> None:
        """Draw a result that has come; a changed run is what was asked for."""
        changed = bool(words.removed_of(result) or moves_of(result))
        self._shown.set_value("changed" if changed else "untouched")
        self._labels = labels_of(result)
        found = grids.sides(self._reading(result), self._shown.value())
        there = (run for run, side in found.items() if side.which == "changed_")
        self._side_run = next(there, self._side_run)
        self.draw_result(result)

    @override
    def draw_prompt(self, result: Result) -> None:
        reading = self._reading(result)
        changed = reading.has("changed_")
        self._shown.setVisible(changed)
        if not changed:
            self._shown.set_value("untouched")
        self._changed.setVisible(bool(self._changed.full_text()))
        why = grids.offered(reading)
        for name in COLOUR_NAMES:
            self._colour.set_option_enabled(name, name not in why, why.get(name, ""))
        if self._colour.value() in why:
            self._colour.set_value("prob")
        self._side.offer(reading, dict(why))  # type: ignore[arg-type]
        self._draw_board(reading)
        self._draw_cell(reading)

    def _draw_board(self, reading: Reading) -> None:
        shown: Shown = self._shown.value()
        board = grids.board_of(reading, shown)
        self._board.show_board(board)
        self._board.let_move(not board.alone)
        self._hint.set_full_text(_ALONE if board.alone else _HINT)
        colour: Colour = self._colour.value()
        cells = grids.cells_of(reading, shown, colour)
        found = grids.sides(reading, shown)
        scale_of: RunName = "clean" if found["clean"].difference else "corrupt"
        self._barred.show_cells(cells, grids.legend(reading, shown, colour), scale_of)

    def _draw_cell(self, reading: Reading) -> None:
        """Show the selected cell, in the grid that it was chosen in."""
        side, (row, position) = self._side_of(reading), self._place(reading)
        self._board.set_selected(row, position, self._side_run)
        self._headline.set_full_text(words.headline(reading, side.which, position))
        self._side.show_cell(reading, side.which, row, position)

    def _reading(self, result: Result) -> Reading:
        return Reading(result, self.prompt_of(result), self._labels)

    def _drawn(self) -> Reading | None:
        return None if self._result is None else self._reading(self._result)

    def _side_of(self, reading: Reading) -> GridOf:
        """Return what stands where the selected cell is."""
        found = grids.sides(reading, self._shown.value())
        if self._side_run not in found:
            self._side_run = "clean"
        return found[self._side_run]

    def _place(self, reading: Reading) -> tuple[int, int]:
        """Return the selected row and position: the end and the read position where none is."""
        length = len(reading.tokens(self._side_of(reading).which))
        chosen = self.selection.position
        position = reading.read if chosen is None or chosen >= length else chosen
        row = reading.layers if self._row is None else min(self._row, reading.layers)
        return row, position

    def _cell(self) -> tuple[Reading, int, int] | None:
        reading = self._drawn()
        return None if reading is None else (reading, *self._place(reading))

    @override
    def read_picture(self) -> dict[str, Any]:
        board = self._board.board
        return {
            "headline": self._headline.full_text(),
            "hint": self._hint.full_text(),
            "changed": "" if self._changed.isHidden() else self._changed.full_text(),
            "colour": self._colour.value(),
            "shown": "" if self._shown.isHidden() else self._shown.value(),
            "titles": [] if board is None else [board.title(run) for run in board.shown],
            "selected": self._board.cursor_cell,
            "legend": self._barred.read()["colours"],
            "scale": self._barred.read()["scale"],
            **self._side.read(),
        }

    # Answering.

    @override
    def answer(self, intent: Intent) -> None:
        """Read a run without the parts that were picked elsewhere, or by a lens just fitted."""
        if intent.name == "lens_with":
            self.run_with(kind=intent.data["kind"], lens_file=str(intent.data["file"]))
        elif intent.name == "lens_without":
            parts = parse_parts(str(intent.data.get("parts", "")))
            self.selection.pick(parts)
            self.run_with(without=written_parts(parts))
        else:
            super().answer(intent)

    @override
    def request_run(self) -> None:
        params = self.try_params()
        if isinstance(params, LensParams) and params.missing() and not self._take_fitted(params):
            self.show_setting("lens_file")
            self.message_requested.emit(_NEEDS_FILE)
            return
        super().request_run()

    def _take_fitted(self, params: LensParams) -> bool:
        """Name the newest lens of that kind that was fitted here on the model in sight, if any."""
        if self._result is None:
            return False
        model = self._result.model
        for head in lens_files.fitted(model.fingerprint, params.kind):
            # Of the same weights in another state it would be refused.
            if (head.state("weights"), head.state("layernorm")) == (model.weights, model.layernorm):
                self.set_params(params.model_copy(update={"lens_file": str(head.path)}))
                self.message_requested.emit(f"Read by the lens fitted on {head.fact('corpus')}.")
                return True
        return False

    @override
    def show_failure(
        self, message: str, code: str | None = None, fix: dict[str, Any] | None = None
    ) -> None:
        """Say what is wrong; where a lens was asked for, beside the field of its file."""
        super().show_failure(message, code, fix)
        params = self.try_params()
        if isinstance(params, LensParams) and params.kind != "logit" and self.isVisible():
            self.show_setting("lens_file")

    @override
    def explain(self, what: str = "") -> Explained | None:
        """Take a number apart with the values of the cell in sight: of its run and its row."""
        what = what or WHATS[0]
        if (reading := self._drawn()) is None or not key_of(what):
            return super().explain(what)
        return explain_cell(reading, self._side_of(reading).which, self._place(reading), what)

    def _on_choice(self, _value: object) -> None:
        if (reading := self._drawn()) is not None:
            self._draw_board(reading)
            self._draw_cell(reading)

    def _on_cell_clicked(self, row: int, position: int) -> None:
        cell = self._board.cursor_cell
        self._side_run = "clean" if cell is None else cell.run
        self._choose(row, position)

    def _on_row_chosen(self, row: int) -> None:
        if (found := self._cell()) is not None:
            self._choose(row, found[2])

    def _choose(self, row: int, position: int) -> None:
        """Select a cell for all views: the block that its row stands behind, and its token."""
        self._row = row
        if row > 0:
            layer = row - 1
            kept = self.selection.head if layer == self.selection.layer else None
            self.selection.select_head(layer, kept)
        self.selection.select_position(position)
        if (reading := self._drawn()) is not None:
            self._draw_cell(reading)

    def _on_head_changed(self, _head: object) -> None:
        if self.selection.layer is not None and self._row != self.selection.layer + 1:
            self._row = self.selection.layer + 1
            self._redraw_cell()

    def _on_position_changed(self, _position: object) -> None:
        self._redraw_cell()

    def _redraw_cell(self) -> None:
        if (reading := self._drawn()) is not None and self.selection.prompt == self._prompt:
            self._attempt(lambda result: self._draw_cell(self._reading(result)), reading.result)

    def _on_what_asked(self, place: QPoint) -> None:
        if (told := self.explain()) is not None:
            self.explanation_wanted.emit(told, place)

    # Where it leads.

    def _is_clean(self) -> bool:
        """Return whether the selected cell is of the clean, untouched run; else say so.

        What other views read is the prompt as it stands: of another run they would tell falsely.
        """
        reading = self._drawn()
        if reading is None or not self._side_of(reading).which:
            return True
        self.message_requested.emit(_OTHER_RUN)
        return False

    def _on_ranking(self, _cell: object = None) -> None:
        if (found := self._cell()) is not None and self._is_clean():
            reading, _row, position = found
            told = {"prompt": reading.prompt, "position": position}
            self.intent_raised.emit(Intent("next_tokens", told))

    def _on_attribution(self, _cell: object = None) -> None:
        if (found := self._cell()) is None or not serving("attribution") or not self._is_clean():
            return
        reading, row, position = found
        layer = row if row < reading.layers else None
        told = {"prompt": reading.prompt, "layer": layer, "position": position}
        self.intent_raised.emit(Intent("attribution", told))

    def _on_by_hand(self) -> None:
        """Put the selected cell into the same place of the other run."""
        run, board = OTHER[self._side_run], self._board.board
        if (found := self._cell()) is not None and board is not None:
            _reading, row, position = found
            if position < board.length_of(run):
                self._on_move(Cell(self._side_run, row, position), Cell(run, row, position))

    def _on_move(self, source: Cell, target: Cell) -> None:
        """Hand a move on to patching by hand, with what the run that it goes into lacks."""
        reading = self._drawn()
        if reading is None:
            return
        found = grids.sides(reading, self._shown.value())
        taken, put = found[source.run], found[target.run]
        if taken.which == "changed_":
            self.message_requested.emit(_FROM_CHANGED)
            return
        places = (source.layer, source.position), (target.layer, target.position)
        move = grids.as_move(taken.run, *places, reading.layers)
        if move is None:
            self.message_requested.emit(_NO_SITE)
            return
        told: dict[str, Any] = {"move": str(move), "prompt": reading.prompt, "run": put.run}
        if put.which == "changed_":
            made = reading.result.params
            told["without"] = written_parts(words.removed_of(reading.result))
            told |= {"mode": made.get("mode") or "zero", "moves": tuple(made.get("moves") or ())}
        self.intent_raised.emit(Intent("hand_move", told))

    def _on_side_menu(self, place: QPoint) -> None:
        menu = new_menu(self)
        self._add_uses(menu)
        open_menu(menu, place)

    def _on_menu(self, cell: Cell, menu: QMenu) -> None:
        self._side_run = cell.run
        self._choose(cell.layer, cell.position)
        self._add_uses(menu)

    def _add_uses(self, menu: QMenu) -> None:
        """Offer what can be done from the selected cell."""
        board = self._board.board
        entry = menu.addAction("Ranking at this position", self._on_ranking)
        entry.setEnabled(bool(serving("next_tokens")))
        entry = menu.addAction("Attribution of this place", self._on_attribution)
        entry.setEnabled(bool(serving("attribution")))
        entry = menu.addAction("By hand from here", self._on_by_hand)
        entry.setEnabled(bool(serving("hand_move")) and board is not None and not board.alone)

    def _on_menu_opening(self, menu: QMenu, _column: str) -> None:
        """Offer what can be made of a token of the cell in the prompt table."""
        result, token = self.current_result, self._side.cell.selected_key()
        if result is None or token is None or menu.parent() is not self._side.cell:
            return
        ids = [int(i) for i in result.data["token_ids"]]
        if token in ids:
            text = str(result.data["token_texts"][ids.index(token)])
            add_token_uses(menu, self, result, self.prompt_of(result), text)


VIEW = LensView
