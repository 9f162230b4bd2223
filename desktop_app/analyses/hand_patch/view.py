"""The view of patching by hand: cells dragged between runs, parts removed, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from desktop_app.analyses.hand_patch import picture as data_of
from desktop_app.analyses.hand_patch.asked import changes_of, holds
from desktop_app.analyses.hand_patch.coloured import BORROWED, ColouredBoard
from desktop_app.analyses.hand_patch.parts_row import PartsRow
from desktop_app.analyses.hand_patch.picture import HandHistory
from desktop_app.analyses.hand_patch.removed import effects_of, removed_of, together_sentence
from desktop_app.analyses.hand_patch.side import HandSide
from desktop_app.analyses.hand_patch.spec import HandPatchParams
from desktop_app.contract.grammar import parse_parts, written_parts
from desktop_app.contract.moves import HandSite, parse_move
from desktop_app.pictures.boards import OTHER, Cell
from desktop_app.pictures.words import ENOUGH, NEEDED, choice_label, metric_name
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.chip import ChipRow, ChipSpec
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import FlowLayout, column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QShowEvent

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.moves import RunName
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import Intent

_HINT = "Drag a cell onto a cell of the other run, or press Enter on the one and then on the other."
_ALONE = "No corrupt twin: the other run, and the share of the way towards it, are missing."
_NO_TWIN = "This prompt has no corrupt twin of the same length"
# Narrower than its longest name, before the picture scrolls to the side.
_SITE_LEAST = 220
# More lines would push the grids off the screen.
_CHIP_LINES = 2


class HandPatchView(AnalysisView):
    """Two grids and the removed parts at the left; metric, ranking and history at the right.

    The set of parts is the picked one that all views share; which of them are in, this view knows.
    """

    borrows = BORROWED
    EMPTY = (
        "What does this activation carry?",
        "Give the prompt a corrupt twin, run, then drag a cell of one run onto a cell "
        "of the other.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self.history = HandHistory()
        self._inside: tuple[Part, ...] = ()
        # What was asked for last and has not come yet: until then it is what hands go on from.
        self._asked: HandPatchParams | None = None
        self._outcome = ElidedLabel("", "heading")
        self._hint = ElidedLabel(_HINT, "muted")
        self._run = SegmentedControl(
            [("corrupt", ENOUGH.capitalize()), ("clean", NEEDED.capitalize())]
        )
        self._run.setToolTip("Which run is changed; the moves turn round with it")
        self._site = QComboBox()
        for site in get_args(HandSite):
            self._site.addItem(choice_label(site), site)
            self._site.setItemData(
                self._site.count() - 1, plain_tip(site), Qt.ItemDataRole.ToolTipRole
            )
        self._site.setCurrentIndex(self._site.findData("resid_post"))
        self._site.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._site.setAccessibleName("Site of the next move")
        self._site.setMinimumWidth(_SITE_LEAST)
        self._tell_site()
        self._reset = QToolButton()
        bind_icon(self._reset, "reset")
        self._reset.setToolTip("Take all back")
        self._reset.setAccessibleName("Take all back")
        self._moves = ChipRow(lines=_CHIP_LINES)
        self._parts = PartsRow()
        self._coloured = ColouredBoard()
        self._board = self._coloured.board
        self._side = HandSide()
        choices = QWidget()
        flow = FlowLayout(choices, 8)
        for widget in (self._run, self._site, self._coloured.texts):
            flow.addWidget(widget)
        made = row_of((self._moves, 1), (self._reset, 0, Qt.AlignmentFlag.AlignTop))
        grids = panel(choices, self._parts, made, (self._coloured, 1))
        split = Reflow((grids, 3, 680, 420), (self._side, 2, 320, 300))
        column_in(content, self._outcome, self._hint, (split, 1), spacing=4)
        self._connect_content()

    def _connect_content(self) -> None:
        self._run.changed.connect(self._on_run_changed)
        self._site.currentIndexChanged.connect(self._on_site_changed)
        self._reset.clicked.connect(self._on_reset)
        self._parts.list_given.connect(self._on_list_given)
        self._parts.switched.connect(self._on_switched)
        self._parts.dropped.connect(self._on_part_dropped)
        self._parts.mode_chosen.connect(self._on_mode_chosen)
        self.selection.picked_changed.connect(self._on_picked)
        self._moves.fix_clicked.connect(self._on_move_removed)
        self._board.move_made.connect(self._on_move_made)
        self._board.cell_clicked.connect(self._on_cell_clicked)
        self._board.undo_asked.connect(self._on_undo)
        self._side.undo.clicked.connect(self._on_undo)
        self._side.redo.clicked.connect(self._on_redo)
        self._side.tried.row_clicked.connect(self._on_tried)
        self.selection.head_changed.connect(self._on_selected)
        self.selection.position_changed.connect(self._on_selected)
        self.selection.prompt_changed.connect(self._on_prompt_selected)
        if self.selection.prompt:  # chosen before this view was built
            self._on_prompt_selected(self.selection.prompt)

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: both grids with their scale, and whose colours they are."""
        return self._coloured

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self.history.add(result)
        board = data_of.board_of(result)
        self._outcome.set_full_text(data_of.outcome_sentence(result))
        self._hint.set_full_text(_ALONE if board.alone else _HINT)
        self._run.set_value(data_of.run_of(result))
        self._run.set_option_enabled("corrupt", not board.alone, _NO_TWIN if board.alone else "")
        self._board.show_board(board)
        chips = [
            ChipSpec(
                str(i),
                data_of.move_words(board, move),
                "info",
                data_of.move_tip(board, move),
                "×",
                "Remove",
            )
            for i, move in enumerate(board.moves)
        ]
        self._moves.set_chips(chips)
        self._moves.setVisible(bool(chips))
        self._reset.setVisible(bool(board.moves))
        self._side.show_result(result, self.history)
        if self._asked is None or _is_asked(result, self._asked):
            # What was removed is part of the set, also where an older result brings it back.
            self._asked, self._inside = None, removed_of(result).parts
            self._parts.mode.set_value("mean" if result.params.get("mode") == "mean" else "zero")
            self.selection.pick({*self.selection.picked, *self._inside})
        self._show_parts()
        self._show_known()
        self._on_selected()

    @override
    def take_lent(self, lent: Sequence[tuple[str, Result]]) -> None:
        self._coloured.take(lent)
        self._show_known()

    def _show_known(self) -> None:
        self._coloured.show_known(self._result, self._site.currentData())

    @override
    def draw_prompt(self, result: Result) -> None:
        """Keep the pair on screen; the next run takes the selected one."""

    @override
    def show_failure(
        self, message: str, code: str | None = None, fix: dict[str, Any] | None = None
    ) -> None:
        """Say what is wrong, and go back to the moves on screen."""
        self._asked = None
        super().show_failure(message, code, fix)
        if self._result is not None:
            self._adopt(self._result)

    @override
    def show_busy(self, busy: bool, *, waiting: bool = False) -> None:
        if not busy:  # it was stopped: what is on screen counts again
            self._asked = None
        super().show_busy(busy, waiting=waiting)

    @override
    def learn_tries(self, tries: Sequence[Result]) -> None:
        """List what the session holds of this pair, so that all of it stays within reach."""
        self.history.learn(tries)

    @override
    def clear(self) -> None:
        """Go back to the empty view."""
        super().clear()
        self.history.clear()
        self._inside, self._asked = (), None

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "outcome": self._outcome.full_text(),
            "hint": self._hint.full_text(),
            "moves": [chip.text() for chip in self._moves.chips()],
            "cell": self._board.cursor_cell,
            **self._coloured.read(),
            **self._parts.read(),
            **self._side.read(),
        }

    # Answering.

    def _params(self) -> HandPatchParams:
        """Return the settings of the form, with the run and the moves asked for, or on screen."""
        if self._asked is not None:
            return self._asked
        settings = self._settings.form.try_value()
        params = settings if isinstance(settings, HandPatchParams) else HandPatchParams()
        inside = {"without": written_parts(self._inside)}
        if self._result is None:
            return params.model_copy(update=inside)
        return params.model_copy(update={**_shown(self._result), **inside})

    def _adopt(self, result: Result) -> None:
        self._asked = None
        self._inside = removed_of(result).parts
        self._show_parts()
        self.set_params(self._params().model_copy(update=_shown(result)))

    def _try(self, params: HandPatchParams) -> None:
        """Run with other moves or parts."""
        self._asked = params
        self.set_params(params)
        self.request_run()

    def _go_to(self, result: Result | None) -> None:
        """Show something that was tried, without computing it again."""
        if result is not None:
            self.show_result(result)
            self._adopt(result)

    def _on_move_made(self, source: Cell, target: Cell) -> None:
        site: HandSite = self._board.site
        self._try(data_of.with_move(self._params(), site, source, target))

    def _on_move_removed(self, code: str) -> None:
        self._try(data_of.without_move(self._params(), int(code)))

    def _on_reset(self) -> None:
        self._try(self._params().model_copy(update={"moves": ()}))

    # The parts that are removed.

    @override
    def answer(self, intent: Intent) -> None:
        """Do what another view asks: a move, or remove together what was picked there.

        Parts are removed beside the moves on screen where there are any.
        """
        if intent.name == "hand_move":
            self._move_as_asked(intent)
            return
        if intent.name != "ablate_together":
            super().answer(intent)
            return
        parts = parse_parts(str(intent.data.get("parts", "")))
        self.selection.pick(parts)
        # Of another prompt, table or model the moves on screen say nothing.
        other = self._difference.model or self._difference.prompts
        if self._result is not None:
            other = other or data_of.pair_of(self._result) != self.selection.prompt
        self._remove(self.selection.picked, anew=bool(other))

    def _move_as_asked(self, intent: Intent) -> None:
        """Put an activation in where another view says.

        It comes beside the moves on screen of that pair. A run that is a changed one already is
        gone on from as it was told, whatever the form says; a try that holds it is that run too.
        """
        told = intent.data
        move, prompt = parse_move(str(told["move"])), int(told.get("prompt", 0))
        run: RunName = "clean" if str(told.get("run", OTHER[move.run])) == "clean" else "corrupt"
        changes = changes_of(told)
        params = self._params()
        anew = not self._goes_on(prompt) or not holds(params, run, changes)
        if anew:
            self._inside = parse_parts(str(changes.get("without", "")))
            self.selection.pick({*self.selection.picked, *self._inside})
            update = {"run": run, "moves": (), **changes}
            params = params.model_copy(update={"without": "", "pair": prompt, **update})
        self._site.setCurrentIndex(self._site.findData(move.site))
        source, target = Cell(move.run, *move.source), Cell(run, *move.target)
        self._try(data_of.with_move(params, move.site, source, target))

    def _goes_on(self, prompt: int) -> bool:
        """Return whether what was asked for, else what is on screen, is of that pair."""
        if self._asked is not None:
            return self._asked.pair == prompt
        if self._result is None:
            return False
        same = not (self._difference.model or self._difference.prompts)
        return same and data_of.pair_of(self._result) == prompt

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._result is not None and not self._busy:
            gone = set(removed_of(self._result).parts) - set(self._inside)
            if gone and not self._difference.model:  # let go in another view meanwhile
                self._remove(self._inside)

    def _remove(self, parts: tuple[Part, ...], *, anew: bool = False) -> None:
        """Run with these parts removed and no others, `anew` on the selected prompt.

        A set alone is removed from the clean run, which needs no twin.
        """
        if self._cannot_run:
            self.request_run()  # which says why
            self._show_parts()
            return
        self._inside = parts
        self._show_parts()
        params = self._params().model_copy(update={"without": written_parts(parts)})
        if anew or self._result is None:
            params = params.model_copy(update={"pair": self.selection.prompt})
        if anew or not params.moves:
            params = params.model_copy(update={"run": "clean", "moves": ()})
        self._try(params)

    def _show_parts(self) -> None:
        result, picked = self._result, self.selection.picked
        effects = {} if result is None else effects_of(self.history.tried, result)
        said = ""
        if result is not None and removed_of(result).parts == self._inside:
            said = together_sentence(removed_of(result), metric_name(result))
        self._parts.show_parts(picked, self._inside, effects, said)

    def _on_picked(self, picked: tuple[Part, ...]) -> None:
        """Follow the set: what was let go is no longer removed, what came waits to be let in."""
        kept = tuple(part for part in self._inside if part in picked)
        changed, self._inside = kept != self._inside, kept
        self._show_parts()
        if changed and self.isVisible() and self._result is not None and not self._difference.model:
            self._remove(kept)

    def _on_list_given(self, parts: tuple[Part, ...]) -> None:
        missing = self._missing(parts)
        if missing:
            self._parts.said.setText(missing)
            return
        self._inside = tuple(part for part in self._inside if part in parts)
        self.selection.pick(parts)
        self._remove(self.selection.picked)

    def _missing(self, parts: tuple[Part, ...]) -> str:
        """Say which of the parts the model on screen does not have; nothing where it has all."""
        if self._result is None:
            return ""
        layers, heads = self._result.model.n_layers, self._result.model.n_heads
        gone = [p for p in parts if p[0] >= layers or (p[1] is not None and p[1] >= heads)]
        told = f"{self._result.model.name} has {layers} layers of {heads} heads, counted from 0"
        return f"{written_parts(gone)} is not there: {told}." if gone else ""

    def _on_switched(self, parts: tuple[Part, ...], inside: bool) -> None:
        now = {*self._inside, *parts} if inside else set(self._inside) - set(parts)
        self._remove(tuple(part for part in self.selection.picked if part in now))

    def _on_part_dropped(self, part: Part) -> None:
        self.selection.pick(p for p in self.selection.picked if p != part)

    def _on_mode_chosen(self, mode: str) -> None:
        params = self._params().model_copy(update={"mode": mode})
        if self._inside:
            self._try(params)
        else:
            self.set_params(params)

    def _on_run_changed(self, run: Any) -> None:
        self._try(data_of.mirrored(self._params(), run))

    def _on_site_changed(self, _index: int) -> None:
        self._board.site = self._site.currentData()
        self._tell_site()
        self._show_known()

    def _tell_site(self) -> None:
        """Name the site also where the list is too narrow for its name."""
        site = self._site.currentText()
        self._site.setToolTip(plain_tip(f"Which activation the next move exchanges: {site}"))

    def _on_undo(self) -> None:
        self._go_to(self.history.go(-1))

    def _on_redo(self) -> None:
        self._go_to(self.history.go(1))

    def _on_tried(self, index: int) -> None:
        if index < len(self.history.tried):
            self._go_to(self.history.tried[index])

    def _on_cell_clicked(self, layer: int, position: int) -> None:
        kept = self.selection.head if layer == self.selection.layer else None
        self.selection.select_head(layer, kept)
        self.selection.select_position(position)

    def _on_prompt_selected(self, prompt: int) -> None:
        """Let the next run begin anew on the selected pair, or go on with the one on screen."""
        if self._result is not None and data_of.pair_of(self._result) == prompt:
            self._adopt(self._result)
            self._hint.set_full_text(_HINT)
        else:
            self.set_params(self._params().model_copy(update={"pair": prompt, "moves": ()}))
            self._hint.set_full_text(f"Run to work on prompt {prompt + 1}, which is selected.")

    def _on_selected(self, _what: object = None) -> None:
        self._board.set_selected(self.selection.layer, self.selection.position)


def _shown(result: Result) -> dict[str, Any]:
    """Return the settings that a result on screen stands for."""
    moves = tuple(str(text) for text in result.params.get("moves") or ())
    return {"pair": data_of.pair_of(result), "run": data_of.run_of(result), "moves": moves}


def _is_asked(result: Result, params: HandPatchParams) -> bool:
    """Return whether a result is what was asked for, and no older one that came late."""
    made = {**_shown(result), "without": written_parts(removed_of(result).parts)}
    made["mode"] = result.params.get("mode", params.mode)
    return all(getattr(params, name) == value for name, value in made.items())


VIEW = HandPatchView
