"""The attention view: every head at a glance, one or two heads large, and the tokens they join."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.attention import picture as data_of
from desktop_app.analyses.attention.controls import AttentionControls
from desktop_app.analyses.attention.held import HeldHeads
from desktop_app.analyses.attention.pane import MATRIX, Shown, strongest_pair
from desktop_app.analyses.attention.stage import HeadStage
from desktop_app.analyses.attention.strips import LookStrips
from desktop_app.contract.result import same_model
from desktop_app.pictures.stretch import LINEAR, Stretch
from desktop_app.pictures.words import part_name
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.choosers import PromptChooser
from desktop_app.views.frame import gap_splitter, label, panel, scrolled
from desktop_app.views.on_text import on_text
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.matrix.head_grid import HeadGrid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QObject

    from desktop_app.analyses.attention.picture import HeadPicture
    from desktop_app.contract.result import Result

Head = tuple[int, int]
# What stands above the small pictures of all heads, and left of them, in pixels.
_GRID_LABELS = 150
_GRID_MARGIN = 96
_SMALL_PITCH, _LARGEST_PITCH = 14.0, 72.0
_GRID_SHARE = 0.38  # of the width, at most
# Narrower, the small pictures stand above the large one, and all of it scrolls; two heads beside
# each other need more, and less is too little for them.
_NARROW, _NARROW_FOR_TWO, _LEAST_FOR_TWO = 680, 900, 520
_LEAST_BESIDE = 560  # what few heads beside the large one need
_GRID_HEIGHT, _HEAD_HEIGHT = 190, 480
# A card's margins with its border, and the gap between what it holds.
_CARD, _GAP = 26, 8
# Lower, the strips beneath would take the picture's room.
_ROOM_FOR_STRIPS = 900
_SENTENCE = {"log": " · log colours", "percentile": " · percentile colours"}


class AttentionView(AnalysisView):
    """All heads at the left, the chosen one at the right, beside it one that is compared."""

    picks = True
    EMPTY = (
        "Where do the heads look?",
        "Run attention to see every head at a glance, and any of them large over its tokens.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._picture: HeadPicture | None = None
        self._laid = Stretch(LINEAR, (0.0, 1.0))
        self._shown: Head | None = None
        self._looks = HeldHeads()
        self._default = (0, 0)
        self._before: Head | None = None  # the head shown before, which is compared first
        self._second: Head | None = None
        self._grid = HeadGrid()
        self._stage = HeadStage()
        self._strips = LookStrips()
        self._chooser = PromptChooser(self.selection, compact=True)
        self._controls = AttentionControls()
        self._moved = False
        self._counts = 0, 0  # rows and columns of the grid
        self._heads_above, self._least_height = 1, 0  # heads one above the other; their room
        self._grid_label = label("", "small", wrap=True)
        every = label("All heads", "heading")
        self._left = panel(every, self._grid_label, self._chooser, (self._grid, 1), margins=10)
        self._left.setMinimumWidth(218)
        self._right = QWidget()
        column_in(self._right, (panel(self._controls, (self._stage, 1)), 1), self._strips)
        parts = ((self._left, 0, 1), (self._right, 1, 1))
        self._split = gap_splitter(Qt.Orientation.Horizontal, *parts)
        self._area = scrolled(self._split, "Attention of all heads and of the chosen one")
        column_in(content, self._area)
        self._connect_content()

    def _connect_content(self) -> None:
        self._right.installEventFilter(self)
        self._area.installEventFilter(self)
        self._split.splitterMoved.connect(self._on_splitter_moved)
        self._grid.head_clicked.connect(self._on_grid_clicked)
        self._grid.heads_picked.connect(self._on_heads_picked)
        self.selection.picked_changed.connect(self._on_picked)
        self._grid.head_compared.connect(self._on_grid_compared)
        self._stage.pair_hovered.connect(self._on_pair_hovered)
        self._stage.token_hovered.connect(self._on_token_hovered)
        self._stage.pair_selected.connect(self.selection.select_pair)
        self._stage.token_chosen.connect(self._on_query_clicked)
        self._stage.closed.connect(self._on_compare_ended)
        self._strips.query_clicked.connect(self._on_query_clicked)
        self._strips.key_clicked.connect(self._on_key_clicked)
        self._controls.view_changed.connect(self._on_view_changed)
        self._controls.mode_changed.connect(self._on_mode_changed)
        self._controls.compare_wanted.connect(self._on_compare_wanted)
        self._controls.compare_ended.connect(self._on_compare_ended)
        self._controls.run_wanted.connect(self._on_run_wanted)
        self._controls.text_wanted.connect(self._on_text_wanted)
        self.selection.head_changed.connect(self._on_head_changed)
        self.selection.pair_changed.connect(self._on_pair_changed)
        self.selection.position_changed.connect(self._on_pair_changed)

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self._shown = None
        self._looks = HeldHeads()
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
        if self._second is not None and data_of.indices(result, *self._second) is None:
            self._second = None
        self._share_room()
        self.draw_prompt(result)

    def _share_room(self) -> None:
        """Make the grid as wide as its height lets it be, until the user chose."""
        room, rows, two = self._area.size(), self._counts[0], self._second is not None
        narrow = room.width() < (_NARROW_FOR_TWO if two else _NARROW)
        if not two and room.width() >= _LEAST_BESIDE:
            # All heads of a layer in sight beside the large one show more than a few layers above.
            narrow &= _GRID_MARGIN + _SMALL_PITCH * self._counts[1] > _GRID_SHARE * room.width()
        stacked = two and room.width() < _LEAST_FOR_TWO
        ways = Qt.Orientation
        self._split.setOrientation(ways.Vertical if narrow else ways.Horizontal)
        self._stage.set_stacked(stacked=stacked)
        self._left.setMinimumHeight(_GRID_HEIGHT if narrow else 0)
        self._heads_above = 1 + stacked
        self._least_height = _HEAD_HEIGHT * self._heads_above if narrow else 0
        self._bound_height()
        if self._moved or rows == 0:
            return
        if narrow:
            self._split.setSizes([_GRID_HEIGHT, max(room.height() - _GRID_HEIGHT, _HEAD_HEIGHT)])
            return
        pitch = min(_LARGEST_PITCH, max(_SMALL_PITCH, (room.height() - _GRID_LABELS) / rows))
        most = int(_GRID_SHARE * room.width())
        wanted = min(int(_GRID_MARGIN + pitch * self._counts[1]), most)
        self._split.setSizes([wanted, room.width() - wanted])

    def _bound_height(self) -> None:
        """Let the large picture have what it needs beneath its controls, as wide as they are."""
        controls = self._controls.heightForWidth(self._right.width() - _CARD)
        panes = self._stage.panes[0].minimumSizeHint().height() + _GAP
        self._right.setMinimumHeight(
            max(self._least_height, controls + self._heads_above * panes + _CARD)
        )

    def _place_strips(self) -> None:
        """Draw who looks where over the tokens, too, where there is room beneath the picture."""
        first = self._stage.panes[0]
        roomy = self._right.height() >= _ROOM_FOR_STRIPS and not first.is_beside()
        alone = self._second is None and self._controls.mode() == MATRIX
        self._strips.setVisible(roomy and alone and first.shown is not None)

    def _on_splitter_moved(self, _position: int, _index: int) -> None:
        self._moved = True

    @override
    def draw_prompt(self, result: Result) -> None:
        prompt = self.prompt_of(result)
        self._grid.set_tip(bind(data_of.head_tip, result, prompt))
        self._strips.set_tokens(result.prompts[prompt].tokens)
        self._shown = None
        self._draw_grid(result)
        self._draw_heads(result)

    def _draw_grid(self, result: Result) -> None:
        """Draw the small pictures as the large one is looked at."""
        taste, kind = self._controls.taste(), self._controls.scale()
        small = data_of.thumbnails(result, self.prompt_of(result), taste, kind)
        self._grid.set_thumbnails(small)
        looked = data_of.taste_words(result, self.prompt_of(result), taste) + _SENTENCE.get(
            kind, ""
        )
        self._grid_label.setText(data_of.grid_sentence(result) + looked)

    def _chosen(self, result: Result) -> Head:
        """Return the selected head if the result holds it, else the one worth showing first."""
        layer, head = self.selection.layer, self.selection.head
        if layer is not None and head is not None and data_of.indices(result, layer, head):
            return layer, head
        return self._default

    def _draw_heads(self, result: Result) -> None:
        """Draw the chosen head, and the one beside it on the same scale."""
        first = self._chosen(result)
        place = data_of.indices(result, *first)
        if place is None:
            return
        self._shown = place
        self._grid.set_selected(*place)
        second = self._second
        self._grid.set_second(None if second is None else data_of.indices(result, *second))
        self._controls.set_second(second)
        heads = [first] if second is None else [first, second]
        found = [self._find(result, head) for head in heads]
        self._picture = found[0]
        prompt, drawn = self.prompt_of(result), [one for one in found if one is not None]
        if drawn:
            self._laid = data_of.stretch(self._controls.scale(), drawn, self._controls.key())
        self._stage.show_heads(
            [self._shown_head(result, *pair) for pair in zip(heads, found, strict=True)]
        )
        missing = next((h for h, one in zip(heads, found, strict=True) if one is None), None)
        if missing is not None and self._looks.ask(prompt, *missing):
            self.look_requested.emit(data_of.look_params(result, prompt, *missing), result)
        self._place_strips()
        self._draw_pair()

    def _shown_head(
        self, result: Result, head: Head, picture: HeadPicture | None
    ) -> Shown | tuple[str, str]:
        title, prompt = data_of.header(result, *head), self.prompt_of(result)
        if picture is None:
            return title, f"Computing {part_name(*head)}, which is not stored…"
        told = data_of.entropy_sentence(result, *head, prompt)
        return Shown(picture, result.prompts[prompt].tokens, self._laid, title, told)

    def _find(self, result: Result, head: Head) -> HeadPicture | None:
        """Return a head's picture; None where it must be computed first."""
        prompt, place = self.prompt_of(result), data_of.indices(result, *head)
        if place is None:
            return None
        held = result
        if not data_of.keeps_patterns(result):
            looked = self._looks.known(prompt, *head)
            if looked is None:
                return None
            held, place = looked, (0, 0)
            prompt = prompt if looked.params["mean"] else 0
            self._controls.set_result(result, looked)
        return data_of.picture(held, self._controls.key(), prompt, place, self._controls.taste())

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
            self._draw_heads(whole)

    @override
    def show_look_problem(self, message: str) -> None:
        self._looks.failed()
        self._stage.say_instead(message)
        self._place_strips()

    @override
    def show_failure(
        self, message: str, code: str | None = None, fix: dict[str, Any] | None = None
    ) -> None:
        super().show_failure(message, code, fix)
        # A model that refuses to weigh would refuse every further run.
        params, result = self.try_params(), self._result
        if params is not None and result is not None:
            weighted = bool(result.params.get("value_weighted"))
            self.set_params(params.model_copy(update={"value_weighted": weighted}))

    def _pair(self) -> tuple[int, int]:
        """Return the query and key that lists and strips speak of."""
        drawn = self._picture
        if drawn is None:
            return 0, 0
        pair, last = self.selection.pair, drawn.values.shape[0] - 1
        if pair is not None and max(pair) <= last:
            return pair
        position = self.selection.position
        if position is not None and position <= last:
            return position, position
        return strongest_pair(drawn.values)

    def _draw_pair(self) -> None:
        pair = self._pair()
        if self._picture is not None:
            self._strips.show_pair(self._picture, self._laid, *pair)
        self._stage.show_pair(*pair, chosen=True)

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: the heads that are shown large, or the small ones."""
        return self._grid if self._stage.panes[0].shown is None else self._stage

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            if watched is self._area:
                self._share_room()
            elif watched is self._right:
                self._bound_height()
                self._place_strips()
        return super().eventFilter(watched, event)

    @override
    def read_picture(self) -> dict[str, Any]:
        first, second = self._stage.panes
        return {
            **first.read(),
            **self._strips.read(),
            "beneath": not self._strips.isHidden(),
            "mode": self._controls.mode(),
            "second": None if second.isHidden() else second.read(),
        }

    def choices(self) -> dict[str, str]:
        """Return the picture and the scale that are kept for the next start."""
        return self._controls.choices()

    @override
    def take_choices(self, choices: Mapping[str, str]) -> None:
        """Take over the picture and the scale of the last start."""
        self._controls.take_choices(choices)
        self._on_mode_changed(self._controls.mode())

    # Answering.

    def _on_head_changed(self, _head: object) -> None:
        result = self._result
        if result is None or (self._busy and self._shown is None):
            return
        place = data_of.indices(result, *self._chosen(result))
        if place != self._shown or self._picture is None:
            if self._shown is not None:
                layers, heads = data_of.numbers(result)
                self._before = layers[self._shown[0]], heads[self._shown[1]]
            self._draw_heads(result)

    def _on_pair_changed(self, _pair: object) -> None:
        if self._result is not None:
            self._draw_pair()

    def _on_view_changed(self) -> None:
        if self._result is not None:
            self._attempt(self._redraw, self._result)
        self.choices_changed.emit(self.choices())

    def _redraw(self, result: Result) -> None:
        self._draw_grid(result)
        self._draw_heads(result)

    def _on_mode_changed(self, mode: str) -> None:
        self._stage.set_mode(mode)
        self._place_strips()
        if self._result is not None:
            self._draw_pair()
        self.choices_changed.emit(self.choices())

    def _on_run_wanted(self, setting: str, value: bool) -> None:
        self.run_with(**{setting: value})

    def _on_text_wanted(self) -> None:
        if self._result is not None:
            head = self._chosen(self._result)
            self.selection.select_head(*head)
            self.intent_raised.emit(on_text(*head))

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

    def _on_grid_compared(self, row: int, column: int) -> None:
        """Put a head beside the shown one; once more takes it away."""
        if self._result is not None:
            layers, heads = data_of.numbers(self._result)
            head = layers[row], heads[column]
            self._compare(None if head == self._second else head)

    def _on_compare_wanted(self, head: Head | None) -> None:
        result = self._result
        if result is not None:
            first = self._chosen(result)
            usual = self._before if self._before not in {None, first} else None
            self._compare(head or usual or data_of.neighbour(result, first))

    def _on_compare_ended(self) -> None:
        self._compare(None)

    def _compare(self, head: Head | None) -> None:
        self._second = head
        self._controls.set_second(head)
        self._share_room()
        if self._result is not None:
            self._attempt(self._draw_heads, self._result)

    def _on_pair_hovered(self, query: int, key: int) -> None:
        """Let lists and strips follow the pointer, and return to the selected pair when it goes."""
        if self._picture is None:
            return
        within = 0 <= key <= query
        pair = (query, key) if within else self._pair()
        self._strips.show_pair(self._picture, self._laid, *pair)
        self._stage.show_pair(*pair, chosen=False)
        self._stage.point_at(*(pair if within else (-1, -1)))

    def _on_token_hovered(self, position: int) -> None:
        pair = (position, position) if position >= 0 else self._pair()
        if self._picture is not None:
            self._strips.show_pair(self._picture, self._laid, *pair)
            self._stage.show_pair(*pair, chosen=False)

    def _on_query_clicked(self, position: int) -> None:
        self.selection.select_pair(position, min(self._pair()[1], position))

    def _on_key_clicked(self, position: int) -> None:
        self.selection.select_pair(max(self._pair()[0], position), position)


VIEW = AttentionView
