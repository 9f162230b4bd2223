"""The view of patching by hand: cells dragged between two runs, and what the model then says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from desktop_app.analyses.hand_patch import picture as data_of
from desktop_app.analyses.hand_patch.board import HandBoard
from desktop_app.analyses.hand_patch.picture import Cell, HandHistory
from desktop_app.analyses.hand_patch.side import HandSide
from desktop_app.analyses.hand_patch.spec import HandPatchParams, HandSite
from desktop_app.pictures.words import ENOUGH, NEEDED, choice_label
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, gap_splitter, panel
from desktop_app.widgets.basics.chip import ChipRow, ChipSpec
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import FlowLayout, column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_HINT = "Drag a cell onto a cell of the other run, or press Enter on the one and then on the other."
# More lines would push the grids off the screen.
_CHIP_LINES = 2


class HandPatchView(AnalysisView):
    """Two grids at the left; metric, ranking and history at the right."""

    EMPTY = (
        "What does this activation carry?",
        "Give the prompt a corrupt twin, run, then drag a cell of one run onto a cell "
        "of the other.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self.history = HandHistory()
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
        self._site.setFixedWidth(174)
        self._site.setAccessibleName("Site of the next move")
        self._site.setToolTip("Which activation the next move exchanges")
        self._reset = QToolButton()
        bind_icon(self._reset, "reset")
        self._reset.setToolTip("Take all back")
        self._reset.setAccessibleName("Take all back")
        self._moves = ChipRow(lines=_CHIP_LINES)
        self._board = HandBoard()
        self._side = HandSide()
        choices = QWidget()
        flow = FlowLayout(choices, 8)
        for widget in (self._run, self._site):
            flow.addWidget(widget)
        made = row_of((self._moves, 1), (self._reset, 0, Qt.AlignmentFlag.AlignTop))
        grids = panel(choices, made, (self._board, 1))
        parts = ((grids, 3, 680), (self._side, 2, 320))
        split = gap_splitter(Qt.Orientation.Horizontal, *parts)
        column_in(content, self._outcome, self._hint, (split, 1), spacing=4)
        self._connect_content()

    def _connect_content(self) -> None:
        self._run.changed.connect(self._on_run_changed)
        self._site.currentIndexChanged.connect(self._on_site_changed)
        self._reset.clicked.connect(self._on_reset)
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

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: both grids."""
        return self._board

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self.history.add(result)
        board = data_of.board_of(result)
        self._outcome.set_full_text(data_of.outcome_sentence(result))
        self._hint.set_full_text(_HINT)
        self._run.set_value(data_of.run_of(result))
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
        self._on_selected()

    @override
    def draw_prompt(self, result: Result) -> None:
        """Keep the pair on screen; the next run takes the selected one."""

    @override
    def show_failure(
        self, message: str, code: str | None = None, fix: dict[str, Any] | None = None
    ) -> None:
        """Say what is wrong, and go back to the moves on screen."""
        super().show_failure(message, code, fix)
        if self._result is not None:
            self._adopt(self._result)

    @override
    def clear(self) -> None:
        """Go back to the empty view."""
        super().clear()
        self.history.clear()

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "outcome": self._outcome.full_text(),
            "hint": self._hint.full_text(),
            "moves": [chip.text() for chip in self._moves.chips()],
            "cell": self._board.cursor_cell,
            **self._side.read(),
        }

    # Answering.

    def _params(self) -> HandPatchParams:
        """Return the settings of the form, with the run and the moves on screen."""
        settings = self._settings.form.try_value()
        params = settings if isinstance(settings, HandPatchParams) else HandPatchParams()
        if self._result is None:
            return params
        return params.model_copy(update=_shown(self._result))

    def _adopt(self, result: Result) -> None:
        self.set_params(self._params().model_copy(update=_shown(result)))

    def _try(self, params: HandPatchParams) -> None:
        """Run with other moves."""
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

    def _on_run_changed(self, run: Any) -> None:
        self._try(data_of.mirrored(self._params(), run))

    def _on_site_changed(self, _index: int) -> None:
        self._board.site = self._site.currentData()

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


VIEW = HandPatchView
