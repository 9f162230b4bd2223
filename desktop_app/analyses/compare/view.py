"""The comparison's view: what it comes to, curves over layers, tokens and heads, the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

from desktop_app.analyses.compare import charts
from desktop_app.analyses.compare import picture as data_of
from desktop_app.analyses.compare.heads_pane import HeadsPane
from desktop_app.analyses.compare.norms_pane import NormsPane
from desktop_app.analyses.compare.norms_picture import has_steps
from desktop_app.pictures.words import prompt_title
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.segmented import Pages, SegmentedControl
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.result import Result

_LEAST_PLOT = 150
_NUMBERS_WIDE = 376
_NOT_RUN = {
    "heads": "Not run: switch “Rank heads” on in the settings",
    "norms": "Not run: switch “Norms step by step” on in the settings",
}


class CompareView(AnalysisView):
    """A sentence, where both part at the left, and the numbers at the right."""

    EMPTY = (
        "Where do two models part?",
        "Name a second model in the settings, or leave it empty and change its precision, norms or "
        "weights: the open model is compared with that on the same prompts.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._headline = label("", "heading", wrap=True)
        self._told = label("", "muted", wrap=True)
        self._made = ElidedLabel("", "small")
        self._numbers = RankingList("Numbers of the comparison")
        self._layers = RankingList("Streams by layer")
        self._layers.set_empty_text("The streams cannot be compared layer by layer.")
        self._error, self._cosine, self._bars = Plot(), Plot(), Plot()
        self._error.setAccessibleName("Relative error of the streams by layer")
        self._cosine.setAccessibleName("Cosine of the streams by layer")
        self._bars.setAccessibleName("Difference by token")
        self._heads, self._norms = HeadsPane(self.selection), NormsPane()
        self._pages = Pages(
            ("layers", "By layer", self._build_layers()),
            ("places", "By token", self._build_tokens()),
            ("heads", "Heads", self._heads),
            ("norms", "Norms", self._norms),
        )
        numbers = panel(self._numbers, (self._layers, 1))
        numbers.setMinimumWidth(_NUMBERS_WIDE)  # narrower, what they are would be cut
        self._picture = Reflow((self._pages, 3, 560, 400), (numbers, 2, 400, 420))
        top = column_in(None, self._headline, self._told, self._made, spacing=4)
        column_in(content, top, (self._picture, 1), spacing=10)
        self._layers.row_selected.connect(self._on_stream_selected)
        self._error.point_clicked.connect(self._on_stream_selected)
        self._cosine.point_clicked.connect(self._on_stream_selected)
        self._bars.point_clicked.connect(self.selection.select_position)
        self._quantity.changed.connect(self._on_quantity_changed)
        self._heads.intent_raised.connect(self.intent_raised)
        self.selection.position_changed.connect(self._on_position_changed)

    def _build_layers(self) -> QWidget:
        for plot in (self._error, self._cosine):
            plot.setMinimumHeight(_LEAST_PLOT)
        above = panel(
            label("Relative error of the stream, ‖second − first‖ / ‖first‖", "field"),
            (self._error, 1),
            spacing=4,
        )
        below = panel(label("Cosine of both streams", "field"), (self._cosine, 1), spacing=4)
        return gap_splitter(Qt.Orientation.Vertical, (above, 3, 300), (below, 2, 220))

    def _build_tokens(self) -> QWidget:
        self._quantity = SegmentedControl(charts.PLACES)
        self._prompt_words = ElidedLabel("", "field")
        self._bars.setMinimumHeight(_LEAST_PLOT)
        return panel(
            row_of(self._quantity, (self._prompt_words, 1), spacing=10), (self._bars, 1), spacing=6
        )

    # Drawing.

    @override
    def draw_new(self, result: Result) -> None:
        self.draw_result(result)
        self._pages.turn_to(self._opening(result))

    def _opening(self, result: Result) -> str:
        """Return the page of what was asked for; a shift is one of tokens, all else of layers."""
        if data_of.has_heads(result):
            return "heads"
        if has_steps(result):
            return "norms"
        return "places" if result.data["verdict"] == "shifted" else "layers"

    def _offer_pages(self, result: Result) -> None:
        """Offer the pages of what was run, and say how to come by the others."""
        there = {"heads": data_of.has_heads(result), "norms": has_steps(result)}
        for name, known in there.items():
            self._pages.choice.set_option_enabled(name, known, "" if known else _NOT_RUN[name])
        if not there.get(self._pages.page(), True):
            self._pages.turn_to(self._opening(result))

    @override
    def draw_result(self, result: Result) -> None:
        self._headline.setText(data_of.headline(result))
        told = (data_of.stream_sentence(result), data_of.heads_sentence(result))
        self._told.setText(" ".join(filter(None, told)))
        self._made.set_full_text(data_of.made_sentence(result))
        self._numbers.set_ranking(data_of.numbers(result))
        self._numbers.setFixedHeight(self._numbers.full_height())
        self._layers.set_ranking(data_of.layers(result))
        self._offer_pages(result)
        if result.data["verdict"] == "shifted":
            self._quantity.set_value("logit_shift")
        elif self._quantity.value() == "logit_shift":
            self._quantity.set_value("kl")
        self._cosine.show_picture(charts.cosine_curves(result))
        self._heads.show_result(result if data_of.has_heads(result) else None)
        if has_steps(result):
            self._norms.show_result(result)
        self.draw_prompt(result)

    @override
    def draw_prompt(self, result: Result) -> None:
        prompt = self.prompt_of(result)
        several = len(result.prompts) > 1
        self._error.show_picture(charts.error_curves(result, prompt if several else None))
        self._prompt_words.set_full_text(prompt_title(result.prompts[prompt], prompt))
        self._bars.show_picture(charts.place_bars(result, str(self._quantity.value()), prompt))
        self._mark_position(result)

    def _mark_position(self, result: Result) -> None:
        place = self.selection.position
        known = place is not None and place < len(result.prompts[self.prompt_of(result)].tokens)
        self._bars.set_selected(place if known else None)

    @override
    def picture_widget(self) -> QWidget:
        return self._picture

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "headline": self._headline.text(),
            "told": self._told.text(),
            "made": self._made.full_text(),
            "numbers": self._numbers.texts(),
            "layers": self._layers.texts(),
            "page": self._pages.page(),
            "quantity": self._quantity.value(),
            "prompt": self._prompt_words.full_text(),
            "error": self._error.picture(),
            "cosine": self._cosine.picture(),
            "bars": self._bars.picture(),
            "stream": self._error.selected(),
            "position": self._bars.selected(),
            "heads": self._heads.read(),
            "norms": self._norms.read(),
        }

    # Answering.

    def _on_stream_selected(self, index: object) -> None:
        if self._result is None or not isinstance(index, int):
            return
        for plot in (self._error, self._cosine):
            plot.set_selected(index)
        self._layers.select_key(index)
        if index < self._result.model.n_layers:
            self.selection.select_head(index, None)

    def _on_quantity_changed(self, _name: object) -> None:
        if self._result is not None:
            self.draw_prompt(self._result)

    def _on_position_changed(self, _position: object) -> None:
        if self._result is not None:
            self._mark_position(self._result)


VIEW = CompareView
