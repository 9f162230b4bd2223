"""The view of features: a prompt's tokens, all features, one feature, and tests of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.features.card_strip import CardStrip
from desktop_app.analyses.features.card_words import card_facts
from desktop_app.analyses.features.feature_bar import FeatureBar
from desktop_app.analyses.features.feature_page import FeaturePage
from desktop_app.analyses.features.found import NONE, Found
from desktop_app.analyses.features.list_page import ListPage
from desktop_app.analyses.features.spec import OWN_CORPUS
from desktop_app.analyses.features.tests_page import TestsPage
from desktop_app.analyses.features.tokens_page import TokensPage
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.support.autoencoder_files import folder_of
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.widgets.basics.icons import bind_icon, icon_of
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.segmented import Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desktop_app.analyses.features.page import FeaturesPage
    from desktop_app.contract.result import ModelInfo, Result

_OWN = "toy"


class FeaturesView(AnalysisView):
    """The card and the chosen feature above pages, of which the one in sight is drawn.

    The feature is the view's own, not the run's: stepping through features needs no model.
    """

    EMPTY = (
        "What do a model's features stand for?",
        "Name the folder of a sparse autoencoder in the settings, and a corpus where its features "
        "are to be read over text. A small one can be trained here.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._found: Found | None = None
        self._feature = NONE
        self._before: tuple[str, str] | None = None
        self._choices: dict[str, str] = {}
        self.card, self.bar = CardStrip(), FeatureBar()
        kinds = (TokensPage, ListPage, FeaturePage, TestsPage)
        self._all: tuple[FeaturesPage, ...] = tuple(kind() for kind in kinds)
        self.pages = Pages(*((page.name, page.title, page) for page in self._all))
        column_in(content, self.card, self.bar, (self.pages, 1))
        self._connect_picture()
        self._offer_ways()

    def _connect_picture(self) -> None:
        self.bar.feature_chosen.connect(self.show_feature)
        self.bar.look_wanted.connect(self._on_look)
        self.bar.steer_wanted.connect(self._on_steer)
        self.pages.changed.connect(self._on_page)
        for page in self._all:
            page.feature_chosen.connect(self.show_feature)
            page.feature_opened.connect(self._on_opened)
            page.prompt_chosen.connect(self.selection.select_prompt)
            page.position_chosen.connect(self.selection.select_position)
            page.choice_made.connect(self._on_choice)
            page.look_wanted.connect(self._on_look)
        self.selection.position_changed.connect(self._on_position)

    def _offer_ways(self) -> None:
        """Offer what can be done without an autoencoder at hand."""
        self._own = QPushButton("Open the toy model's")
        self._own.setToolTip(
            "Read the features of the small autoencoder that comes with the toy model"
        )
        self._own.clicked.connect(self._on_own)
        self._empty.add_way(self._own)
        self._own.setVisible(False)  # until that model is open
        served = serving("train_features")
        if served:
            train = QPushButton("Train one…")
            train.setToolTip("Train a small autoencoder on the model that is open")
            bind_icon(train, icon_of(served[0]))
            train.clicked.connect(self._on_train)
            self._empty.add_way(train)

    @override
    def learn_model(self, model: ModelInfo) -> None:
        self._own.setVisible(model.name == _OWN)

    # Drawing.

    @override
    def draw_new(self, result: Result) -> None:
        """Begin with the feature that the run was made for, on the page that shows most of it."""
        found, before = Found.of(result), self._before
        self._before = None
        if before is not None and before[0] == found.sae and found.chosen == NONE and found.prompts:
            # Run anew: one stays where one looked, or went meanwhile.
            self._feature = min(self._feature, found.count - 1) if found.count else self._feature
            if self.pages.page() == ListPage.name:
                self.pages.turn_to(before[1])
            self.draw_result(result)
            return
        self._feature = found.chosen
        if self._feature == NONE and found.prompts:
            self._feature = found.strongest_on(self.prompt_of(result))
        elif self._feature == NONE:
            self._feature = found.busiest()
        turn = TokensPage.name if found.prompts else ListPage.name
        if found.chosen != NONE and found.has_corpus:
            turn = FeaturePage.name
        if self.pages.page() == TestsPage.name and found.chosen != NONE and found.prompts:
            turn = TestsPage.name
        self.pages.turn_to(turn)
        self.draw_result(result)

    @override
    def draw_result(self, result: Result) -> None:
        if self._found is None or self._found.shown is not result:
            self._found = Found.of(result)
        self._draw()

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw what is known over a corpus while it is read."""
        if "density" not in data:
            return False
        old, self._found = self._found, Found.so_far(data, self.settings_of_run())
        if not self._is_partial:  # once: not away from where somebody looks meanwhile
            self._begin_anew(old)
        self._draw()
        return True

    def _begin_anew(self, old: Found | None) -> None:
        """Stay with page and feature where the same autoencoder is read again, else list all."""
        found, page = self._found, self.pages.page()
        self._before = None
        same = found is not None and old is not None and old.sae == found.sae
        if same and self._feature != NONE:
            self._before = (old.sae if old is not None else "", page)
        if found is not None and (not same or found.chosen != NONE):
            self._feature = found.chosen
        if not same or page == TokensPage.name:  # prompts come with the result
            self.pages.turn_to(ListPage.name)

    @override
    def clear(self) -> None:
        self._found = self._before = None
        super().clear()

    def _draw(self, _result: Result | None = None) -> None:
        found = self._found
        if found is None:
            return
        finished = found.shown is self.current_result
        self.card.show_lines(card_facts(found))
        self.card.setVisible(bool(found.card))
        self.bar.draw(found, self._feature, finished=finished)
        self.pages.choice.set_option_enabled(TokensPage.name, bool(found.prompts), _NO_PROMPTS)
        self._draw_page()

    def _page(self) -> FeaturesPage:
        return next(page for page in self._all if page.name == self.pages.page())

    def _draw_page(self, _result: Result | None = None) -> None:
        found = self._found
        if found is None:
            return
        result = self.current_result
        prompt = 0 if result is None else self.prompt_of(result)
        page = self._page()
        page.draw(found, self._feature, prompt)
        page.mark_position(self.selection.position)

    @override
    def draw_prompt(self, result: Result) -> None:
        self._draw_page()

    def _again(self, draw: Callable[[Result | None], None]) -> None:
        """Draw once more; a result that lacks what a page shows is refused in a sentence."""
        result = self.current_result
        if result is not None and self._found is not None and self._found.shown is result:
            self._attempt(draw, result)
        else:
            draw(None)

    @override
    def figure_widget(self) -> QWidget:
        return self._page().figure()

    @override
    def read_picture(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "page": self.pages.page(),
            "card": self.card.texts(),
            "feature": self._feature,
            "of_feature": self.bar.said(),
            "can_look": self.bar.look.isEnabled(),
            "can_steer": self.bar.steer.isEnabled(),
        }
        return told | {f"{page.name}_page": page.read() for page in self._all}

    # Answering.

    def show_feature(self, feature: int) -> None:
        """Show another feature."""
        if feature != self._feature:
            self._feature = feature
            self._again(self._draw)

    @override
    def answer(self, intent: Intent) -> None:
        """Open the autoencoder that another view speaks of."""
        if intent.name != "features_with":
            super().answer(intent)
            return
        feature = intent.data.get("feature")
        self.run_with(
            sae=str(intent.data["sae"]), feature=NONE if feature is None else int(feature)
        )

    @override
    def take_choices(self, choices: Mapping[str, str]) -> None:
        self._choices = dict(choices)
        for page in self._all:
            page.take_choices(self._choices)

    def _on_opened(self, feature: int) -> None:
        self.pages.turn_to(FeaturePage.name)
        self._feature = feature
        self.show_top()
        self._again(self._draw)

    def _on_page(self, _name: str) -> None:
        self.show_top()
        self._again(self._draw_page)

    def _on_choice(self, choices: dict[str, str]) -> None:
        self._choices |= choices
        self.choices_changed.emit(dict(self._choices))

    def _on_position(self, position: int | None) -> None:
        self._page().mark_position(position)

    def _on_look(self) -> None:
        found = self._found
        if found is not None and self._feature != NONE:
            self.run_with(sae=found.sae, feature=self._feature)

    def _on_steer(self) -> None:
        found = self._found
        if found is not None and self._feature != NONE:
            told: dict[str, Any] = {"file": f"{folder_of(found.sae)}:{self._feature}"}
            most, why = found.largest(self._feature)
            if most > 0:  # as strong as the model itself has it
                told |= {"coef": float(f"{most:.3g}"), "why": why}
            self.intent_raised.emit(Intent("steer_with", told))

    def _on_own(self) -> None:
        self.run_with(sae=_OWN, corpus=OWN_CORPUS)

    def _on_train(self) -> None:
        self.intent_raised.emit(Intent("train_features", {}))


_NO_PROMPTS = "This run read a corpus and no prompts"
VIEW = FeaturesView
