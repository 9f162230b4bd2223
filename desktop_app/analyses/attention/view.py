"""The attention view: every head at a glance, one head large, and the tokens it joins."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.attention import picture as data_of
from desktop_app.analyses.attention.controls import AttentionControls, LookStrips
from desktop_app.contract.result import same_model
from desktop_app.pictures.words import part_name
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.choosers import PromptChooser
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.matrix.head_grid import HeadGrid
from desktop_app.widgets.matrix.pattern_view import PatternView

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from desktop_app.analyses.attention.picture import HeadPicture
    from desktop_app.contract.result import Result

# Room that the lists beside the pattern take.
_SIDE = 240
# What stands above the small pictures of all heads, and left of them, in pixels.
_GRID_LABELS = 150
_GRID_MARGIN = 96
_LARGEST_PITCH = 72.0
_LOOKS_HELD = 8


class Looks:
    """Heads that were computed to be looked at, the last few of them; one is asked at a time."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int, int], Result] = {}
        self._asked: tuple[int, int, int] | None = None

    def known(self, prompt: int, layer: int, head: int) -> Result | None:
        """Return the small result that holds a head."""
        return self._held.get((prompt, layer, head))

    def ask(self, prompt: int, layer: int, head: int) -> bool:
        """Note which head is wanted; return whether it is not on its way already."""
        before, self._asked = self._asked, (prompt, layer, head)
        return before != self._asked

    def arrived(self, result: Result) -> bool:
        """Keep what was asked for; return whether it was."""
        if self._asked is None:
            return False
        self._held[self._asked] = result
        self._asked = None
        while len(self._held) > _LOOKS_HELD:
            del self._held[next(iter(self._held))]
        return True

    def failed(self) -> None:
        """Let it be asked for again."""
        self._asked = None


class AttentionView(AnalysisView):
    """All heads at the left, the chosen one at the right with its tokens beneath."""

    picks = True
    EMPTY = (
        "Where do the heads look?",
        "Run attention to see every head at a glance, and any of them large over its tokens.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._picture: HeadPicture | None = None
        self._shown: tuple[int, int] | None = None
        self._looks = Looks()
        self._default = (0, 0)
        self._grid = HeadGrid()
        self._pattern = PatternView()
        self._pattern.set_side_visible(False)
        # Narrower than with its lists, so that they can be hidden when room gets scarce.
        self._pattern.setMinimumWidth(280)
        self._strips = LookStrips()
        self._chooser = PromptChooser(self.selection, compact=True)
        self._controls = AttentionControls()
        self._moved = False
        self._counts = 0, 0  # rows and columns of the grid
        self._grid_label = label("", "small", wrap=True)
        self._title, self._entropy = label("", "title"), ElidedLabel("", "small")
        every = label("All heads", "heading")
        left = panel(every, self._grid_label, self._chooser, (self._grid, 1), margins=10)
        left.setMinimumWidth(210)
        top = row_of(self._title, (self._entropy, 1), spacing=12)
        self._right = QWidget()
        self._wait = label("", "muted", wrap=True)
        self._wait.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._wait.setVisible(False)
        head = panel(top, self._controls, (self._pattern, 1), (self._wait, 1))
        column_in(self._right, (head, 1), self._strips)
        parts = ((left, 0, 1), (self._right, 1, 1))
        self._split = gap_splitter(Qt.Orientation.Horizontal, *parts)
        column_in(content, self._split)
        self._connect_content()

    def _connect_content(self) -> None:
        self._right.installEventFilter(self)
        self._split.installEventFilter(self)
        self._split.splitterMoved.connect(self._on_splitter_moved)
        self._grid.head_clicked.connect(self._on_grid_clicked)
        self._grid.heads_picked.connect(self._on_heads_picked)
        self.selection.picked_changed.connect(self._on_picked)
        self._pattern.pair_hovered.connect(self._on_pair_hovered)
        self._pattern.token_hovered.connect(self._on_token_hovered)
        self._pattern.pair_selected.connect(self.selection.select_pair)
        self._strips.query_clicked.connect(self._on_query_clicked)
        self._strips.key_clicked.connect(self._on_key_clicked)
        self._controls.view_changed.connect(self._on_view_changed)
        self._controls.run_wanted.connect(self._on_run_wanted)
        self.selection.head_changed.connect(self._on_head_changed)
        self.selection.pair_changed.connect(self._on_pair_changed)
        self.selection.position_changed.connect(self._on_pair_changed)

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self._shown = None
        self._looks = Looks()
        self._default = data_of.default_head(result)
        self._chooser.set_result(result)
        self._controls.set_result(result)
        layers, heads = data_of.numbers(result)
        self._counts = len(layers), len(heads)
        self._grid.set_shape(*self._counts)
        self._grid.set_labels(layers, heads)
        whole = len(heads) == result.model.n_heads and data_of.group_size(result) > 1
        self._grid.set_groups(result.model.n_kv_heads if whole else 0)
        self._grid_label.setText(data_of.grid_sentence(result))
        self._on_picked()
        self._share_room()
        self.draw_prompt(result)

    def _share_room(self) -> None:
        """Make the grid as wide as its height lets it be, until the user chose."""
        rows, columns = self._counts
        if self._moved or rows == 0:
            return
        pitch = min(_LARGEST_PITCH, max(14.0, (self._split.height() - _GRID_LABELS) / rows))
        total = self._split.width()
        wanted = min(int(_GRID_MARGIN + pitch * columns), int(0.38 * total))
        self._split.setSizes([wanted, total - wanted])

    def _place_lists(self) -> None:
        """Say who looks where beside the pattern where a square leaves room, else beneath it."""
        room = self._right.size()
        beside = room.width() > room.height() + _SIDE
        self._pattern.set_side_visible(beside)
        self._strips.setVisible(not beside and self._wait.isHidden())

    def _on_splitter_moved(self, _position: int, _index: int) -> None:
        self._moved = True

    @override
    def draw_prompt(self, result: Result) -> None:
        prompt = self.prompt_of(result)
        self._grid.set_thumbnails(data_of.thumbnails(result, prompt))
        self._grid.set_tip(bind(data_of.head_tip, result, prompt))
        self._strips.set_tokens(result.prompts[prompt].tokens)
        self._shown = None
        self._draw_head(result)

    def _chosen(self, result: Result) -> tuple[int, int]:
        """Return the selected head if the result holds it, else the one worth showing first."""
        layer, head = self.selection.layer, self.selection.head
        if layer is not None and head is not None and data_of.indices(result, layer, head):
            return layer, head
        return self._default

    def _draw_head(self, result: Result) -> None:
        prompt = self.prompt_of(result)
        layer, head = self._chosen(result)
        place = data_of.indices(result, layer, head)
        if place is None:
            return
        self._grid.set_selected(*place)
        self._title.setText(data_of.header(result, layer, head))
        self._entropy.set_full_text(data_of.entropy_sentence(result, layer, head, prompt))
        self._shown = place
        if data_of.keeps_patterns(result):
            self._show_head(result, prompt, place)
            return
        looked = self._looks.known(prompt, layer, head)
        if looked is not None:
            self._controls.set_result(looked)
            self._show_head(looked, prompt if looked.params["mean"] else 0, (0, 0))
        elif self._looks.ask(prompt, layer, head):
            self._say_instead(f"Computing {part_name(layer, head)}, which is not stored…")
            self.look_requested.emit(data_of.look_params(result, prompt, layer, head), result)

    def _say_instead(self, words: str) -> None:
        """Say why there is no pattern to be seen; nothing where there is one."""
        self._wait.setText(words)
        self._wait.setVisible(bool(words))
        self._pattern.setVisible(not words)
        if words:
            self._picture = None
        self._place_lists()

    @override
    def show_looked(self, result: Result) -> None:
        whole = self._result
        if whole is None:
            self._looks.failed()
        elif not same_model(result.model, whole.model):
            name = whole.model.name
            self.show_look_problem(f"Another model was opened: open {name} to compute this head.")
        elif not data_of.keeps_patterns(result):
            told = [n.message for n in result.warnings if n.code == "patterns_not_stored"]
            self.show_look_problem(" ".join(told))
        elif self._looks.arrived(result):
            self._draw_head(whole)

    @override
    def show_look_problem(self, message: str) -> None:
        self._looks.failed()
        self._say_instead(message)

    def _show_head(self, held: Result, prompt: int, place: tuple[int, int]) -> None:
        """Draw a head of a result that holds it at `place`, on one of its prompts."""
        self._say_instead("")
        shown = data_of.picture(
            held, self._controls.key(), prompt, place, no_first=self._controls.no_first()
        )
        self._picture = shown
        self._pattern.show_pattern(
            shown.values,
            list(held.prompts[prompt].tokens.texts),
            value_name=shown.name,
            diverging=shown.diverging,
            limits=shown.limits,
        )
        self._pattern.setAccessibleName(f"{shown.title}, {shown.name}, query by key")
        self._draw_pair()

    def _pair(self) -> tuple[int, int]:
        """Return the query and key that the strips speak of."""
        drawn = self._picture
        if drawn is None:
            return 0, 0
        values, pair = drawn.values, self.selection.pair
        last = values.shape[0] - 1
        if pair is not None and max(pair) <= last:
            return pair
        position = self.selection.position
        if position is not None and position <= last:
            return position, position
        row = np.nan_to_num(np.abs(values[last, : last + 1]), nan=-1.0)
        return last, int(row.argmax())

    def _draw_pair(self) -> None:
        if self._picture is None:
            return
        query, key = self._pair()
        self._strips.show_pair(self._picture, query, key)
        self._pattern.set_selected(query, key)

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: the head that is shown large, or the small ones."""
        return self._grid if self._pattern.isHidden() else self._pattern

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            if watched is self._split:
                self._share_room()
            elif watched is self._right:
                self._place_lists()
        return super().eventFilter(watched, event)

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "head": self._title.text(),
            "pattern": None if self._picture is None else self._picture.values,
            "diverging": self._picture is not None and self._picture.diverging,
            "pair": self._pattern.selected(),
            **self._strips.read(),
            "beside": self._pattern.is_side_visible(),
            "beneath": not self._strips.isHidden(),
            "instead": "" if self._wait.isHidden() else self._wait.text(),
        }

    # Answering.

    def _on_head_changed(self, _head: object) -> None:
        result = self._result
        if result is None or (self._busy and self._shown is None):
            return
        place = data_of.indices(result, *self._chosen(result))
        if place != self._shown or self._picture is None:
            self._draw_head(result)

    def _on_pair_changed(self, _pair: object) -> None:
        if self._result is not None:
            self._draw_pair()

    def _on_view_changed(self) -> None:
        if self._result is not None:
            self._draw_head(self._result)

    def _on_run_wanted(self, setting: str, value: bool) -> None:
        self.run_with(**{setting: value})

    def _on_grid_clicked(self, row: int, column: int) -> None:
        if self._result is not None:
            layers, heads = data_of.numbers(self._result)
            self.selection.select_head(layers[row], heads[column])

    def _on_picked(self, _picked: object = None) -> None:
        if (result := self._result) is not None:
            heads = [(layer, h) for layer, h in self.selection.picked if h is not None]
            found = (data_of.indices(result, *head) for head in heads)
            self._grid.set_picked(place for place in found if place is not None)

    def _on_heads_picked(self, places: tuple[tuple[int, int], ...]) -> None:
        if self._result is not None:
            layers, heads = data_of.numbers(self._result)
            self.selection.toggle_picked((layers[row], heads[column]) for row, column in places)

    def _on_pair_hovered(self, query: int, key: int) -> None:
        """Let the strips follow the pointer, and return to the selected pair when it leaves."""
        if self._picture is not None:
            pair = (query, key) if 0 <= key <= query else self._pair()
            self._strips.show_pair(self._picture, *pair)

    def _on_token_hovered(self, position: int) -> None:
        self._on_pair_hovered(position, position)

    def _on_query_clicked(self, position: int) -> None:
        self.selection.select_pair(position, min(self._pair()[1], position))

    def _on_key_clicked(self, position: int) -> None:
        self.selection.select_pair(max(self._pair()[0], position), position)


VIEW = AttentionView
