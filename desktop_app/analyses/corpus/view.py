"""The view of heads over text: all heads at the left, the chosen one at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.corpus.measures import BORROWED, Heads, borrowed
from desktop_app.analyses.corpus.picture import text_sentence
from desktop_app.analyses.corpus.places import Words
from desktop_app.analyses.corpus.side import HeadSide
from desktop_app.analyses.corpus.stage import HeadsStage
from desktop_app.contract.spec import Intent
from desktop_app.pictures.words import part_name
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.corpus.measures import Head
    from desktop_app.contract.result import ModelInfo, Result

_SO_FAR = "Means over the windows read so far"
_NOT_YET = "{} is selected: run heads over text, and it is shown here."
_SIDE = 352


class CorpusView(AnalysisView):
    """What every head does on ordinary text; what is selected elsewhere is shown here at once."""

    EMPTY = (
        "What does each head do on ordinary text?",
        "Run over the small corpus of Lensbench, or name a text file or a folder in the settings; "
        "no prompt is needed. What a narrow task suggests of a head is often not what it does.",
    )

    picks = True
    borrows = (BORROWED,)

    @override
    def build_content(self, content: QWidget) -> None:
        self._lent: Sequence[tuple[str, Result]] = ()
        self._model: ModelInfo | None = None
        self._heads: Heads | None = None
        self._words: Words | None = None
        self._told = ElidedLabel("", "heading")
        self._stage, self._side = HeadsStage(), HeadSide()
        right = panel(self._side)
        right.setMinimumWidth(_SIDE)
        split = Reflow((self._stage, 3, 620, 380), (right, 2, 420, 520))
        column_in(content, self._told, (split, 1))
        self._stage.head_clicked.connect(self._on_head_clicked)
        self._stage.head_activated.connect(self._on_head_activated)
        self._stage.heads_picked.connect(self.selection.toggle_picked)
        self._stage.rows_picked.connect(self.selection.pick_rows)
        self._stage.chosen.connect(self._on_chosen)
        self._side.wanted.connect(self._on_wanted)
        self._side.what.asked.connect(self._on_what_asked)
        self.selection.head_changed.connect(self._on_selected)
        self.selection.picked_changed.connect(self._on_picked)

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self._words = Words(result.data)
        self._told.set_full_text(text_sentence(result.data))
        self._show(self._with_effects(result.data, result.model))

    @override
    def draw_prompt(self, _result: Result) -> None:
        """Do nothing: the text is not of the prompt table."""

    @override
    def learn_model(self, model: ModelInfo) -> None:
        self._model = model

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        if 0 in Heads(data).shape:
            return False
        heads = self._with_effects(data, self._model)
        self._is_partial = True
        self._told.set_full_text(_SO_FAR)
        self._show(heads)
        return True

    @override
    def clear(self) -> None:
        self._heads = self._words = None
        super().clear()

    @override
    def take_lent(self, lent: Sequence[tuple[str, Result]]) -> None:
        self._lent = tuple(lent)
        result = self._result
        if result is not None and self._heads is not None and not self._is_partial:
            self._attempt(self.draw_result, result)

    @override
    def take_choices(self, choices: Mapping[str, str]) -> None:
        self._stage.take_choices(choices)

    @override
    def picture_widget(self) -> QWidget:
        return self._stage.picture()

    @override
    def whats(self) -> tuple[str, ...]:
        up, known = self._stage.up_measure(), super().whats()
        first = (up.key,) if up is not None and up.key in known else ()
        return (*first, *(what for what in known if what not in first))

    @override
    def read_picture(self) -> dict[str, Any]:
        return {"told": self._told.full_text(), **self._stage.read(), **self._side.read()}

    def _with_effects(self, data: Mapping[str, Any], model: ModelInfo | None) -> Heads:
        """Return these numbers with what removing heads does, as the history knows it of a model.

        Also while the text is read: what stands beside a head is the same before and after.
        """
        shape = Heads(data).shape
        return Heads(data, () if model is None else borrowed(self._lent, model, shape))

    def _show(self, heads: Heads) -> None:
        self._heads = heads
        self._stage.show_heads(heads, self._chosen(), self._picked_here())
        self._draw_head()

    def _draw_head(self) -> None:
        """Show the selected head; where none of these is, the first of the measure that goes up."""
        heads, chosen = self._heads, self._chosen()
        if heads is None:
            return
        self._stage.set_selected(chosen)
        up = self._stage.up_measure()
        best = () if up is None else heads.order(up)
        shown = chosen or (best[0] if best else (0, 0))
        self._side.show_head(heads, shown)
        if self._is_partial or self._result is None or self._words is None:
            self._side.show_later()
        else:
            self._side.show_places(self._result, self._words, shown)

    def _chosen(self) -> Head | None:
        heads = self._heads
        return None if heads is None else heads.find(self.selection.layer, self.selection.head)

    # Answering.

    @override
    def answer(self, intent: Intent) -> None:
        super().answer(intent)
        if self._heads is None and {"layer", "head"} <= intent.data.keys():
            name = part_name(int(intent.data["layer"]), int(intent.data["head"]))
            self.message_requested.emit(_NOT_YET.format(name))

    def _redraw_head(self, _result: Result) -> None:
        self._draw_head()

    def _on_selected(self, _head: object) -> None:
        if self._is_partial:
            self._draw_head()
        elif self._result is not None and self._heads is not None:
            self._attempt(self._redraw_head, self._result)

    def _on_picked(self, _picked: object = None) -> None:
        self._stage.set_picked(self._picked_here())

    def _picked_here(self) -> list[Head]:
        """Return the picked heads that are here."""
        heads = self._heads
        found = [] if heads is None else [heads.find(*part) for part in self.selection.picked]
        return [head for head in found if head is not None]

    def _on_chosen(self) -> None:
        if self._chosen() is None:
            self._on_selected(None)
        self.choices_changed.emit(self._stage.choices())

    def _on_head_clicked(self, head: Head) -> None:
        self.selection.select_head(*head)

    def _on_head_activated(self, head: Head) -> None:
        self.open_attention(*head)

    def _on_wanted(self, name: str) -> None:
        """Ask for what was chosen of the head that is shown."""
        shown = self._side.shown
        if shown is not None:
            self.selection.select_head(*shown)
            data = {"layer": shown[0], "head": shown[1]}
            self.intent_raised.emit(Intent(name, data))  # type: ignore[arg-type]

    def _on_what_asked(self, place: QPoint) -> None:
        if (told := self.explain()) is not None:
            self.explanation_wanted.emit(told, place)


VIEW = CorpusView
