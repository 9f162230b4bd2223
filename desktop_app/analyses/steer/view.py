"""The steering view: continuations side by side, where interventions acted, and further pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QPushButton

from desktop_app.analyses.steer.acts_page import ActsPage
from desktop_app.analyses.steer.further import PAGES
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.analyses.steer.texts_page import TextsPage
from desktop_app.analyses.steer.timeline_page import TimelinePage
from desktop_app.pictures.words import clipped, written
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.segmented import Pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.steer.page import SteerPage
    from desktop_app.contract.params import Params
    from desktop_app.contract.result import Notice, Result
    from desktop_app.contract.spec import Intent

_FIRST: tuple[type[SteerPage], ...] = (TextsPage, TimelinePage)
# What one run is asked for and no other, whatever the form was left with.
_ANEW: dict[str, object] = {
    "begin": (),
    "sweep_layers": "",
    "sweep_coefs": (),
    "scan": False,
    "preset": "none",
    "out_vector": "",
}
_USUAL = SteerParams()
_WHERE = ("layer", "site", "position", "when", "elsewhere")
_OWN = ("zero", "scale", "add", "project_out", "set_to", "from_texts", "to_texts", "vector_at")
_NOTHING_DONE: dict[str, object] = {
    name: getattr(_USUAL, name)
    for name in (*_WHERE, *_OWN, "coef", "ablate_heads", "also", "read_direction")
}
# A badge says of the prompt that is shown whether there is an effect. Settings keep the place of an
# intervention that was removed, for the next one: what is done stands on the interventions' page.
_SAID_ELSEWHERE = frozenset({"no_effect", "place_unused"})
_SHOWS = {"sweep": "sweep_metric", "scan": "scan", "findings": "findings"}
_OTHER = "What is on screen is of another model or of other prompts: run again, then go on."


class SteerView(AnalysisView):
    """Pages under one choice; each is told all that comes and asks for runs."""

    EMPTY = (
        "What does the model say, and what if it is steered?",
        "Run for the plain continuation. With an intervention in the settings, steered text, "
        "a random control and the instruction in words stand beside it.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._asked = self._is_set_up = False
        self._turns = True
        self._choices: dict[str, str] = {}
        self._all: tuple[SteerPage, ...] = tuple(page() for page in (*_FIRST, *PAGES))
        self.pages = Pages(*((page.name, page.title, page) for page in self._all))
        column_in(content, (self.pages, 1))
        for page in self._all:
            page.run_wanted.connect(self._on_run_wanted)
            page.settings_wanted.connect(self._on_settings_wanted)
            page.turn_wanted.connect(self._on_turn_wanted)
            page.message.connect(self.message_requested)
            page.intent.connect(self.intent_raised)
            page.choice_made.connect(self._on_choice_made)
            if isinstance(page, ActsPage):
                page.texts_wanted.connect(self.texts_wanted)
        ways = QPushButton("Choose interventions…")
        ways.setToolTip("What is changed, where and when, before the first run")
        ways.clicked.connect(self._on_set_up)
        self._empty.add_way(ways)
        self.pages.changed.connect(self._on_page_turned)
        self.settings_changed.connect(self._tell_params)
        self.run_requested.connect(self._on_run_requested)

    # Drawing.

    @override
    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        return tuple(notice for notice in result.warnings if notice.code not in _SAID_ELSEWHERE)

    @override
    def draw_result(self, result: Result) -> None:
        self._tell_params()
        for page in self._all:
            page.show_result(result, self.prompt_of(result))

    @override
    def draw_new(self, result: Result) -> None:
        """Draw a result that has come, and turn to the page of what it was asked for."""
        self.draw_result(result)
        there = (page for page, name in _SHOWS.items() if result.data.get(name) is not None)
        if (page := next(there, "")) in {page.name for page in self._all}:
            self._turn_to(page)
        self._turn_to_texts()
        self._turns = True

    def _turn_to_texts(self) -> None:
        """Turn from the interventions to what came, once: not away from who has gone to them."""
        if self._turns and self.pages.page() == ActsPage.name:
            self._turn_to(TextsPage.name)
        self._turns = False

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        if not data:
            return False
        count = len(data.get("plain") or ())  # the table may hold more prompts than run
        prompt = min(self.selection.prompt, max(0, count - 1))
        for page in self._all:
            page.show_so_far(data, prompt)
        self._turn_to_texts()
        return True

    @override
    def expect_run(self, params: Params) -> None:
        """Take note of a run: what grows from now on is another text."""
        super().expect_run(params)
        for page in self._all:
            page.expect_run()

    @override
    def clear(self) -> None:
        """Go back to the empty view."""
        self._is_set_up = False
        super().clear()
        for page in self._all:
            page.forget()
        self._tell_params()

    @override
    def expect_preset(self, topic: str) -> None:
        if topic in {page.name for page in self._all}:
            self._turn_to(topic)

    @override
    def take_choices(self, choices: Mapping[str, str]) -> None:
        self._choices = dict(choices)
        self.expect_preset(choices.get("page", ""))
        for page in self._all:
            page.take_choices(choices)

    @override
    def figure_widget(self) -> QWidget:
        """Return what an export draws: of the page in sight; one of settings has the texts."""
        shown = next(page for page in self._all if page.name == self.pages.page())
        texts = next(page for page in self._all if isinstance(page, TextsPage))
        return shown.figure() or texts.figure() or self.picture_widget()

    @override
    def read_picture(self) -> dict[str, Any]:
        told: dict[str, Any] = {"page": self.pages.page()}
        for page in self._all:
            told |= page.read()
        return told

    # Answering.

    @override
    def answer(self, intent: Intent) -> None:
        """Steer along a vector that another view has made."""
        if intent.name != "steer_with":
            super().answer(intent)
            return
        file = str(intent.data["file"])
        # In place of all that was done and read: at the layer and the site that the file names.
        changes: dict[str, object] = {**_NOTHING_DONE, **_ANEW, "add": (file,)}
        if intent.data.get("read"):
            changes["read_direction"] = file
        if "coef" in intent.data:
            changes["coef"] = (float(intent.data["coef"]),)
        self._turn_to(TextsPage.name)
        self.run_with(**changes)
        if "coef" in intent.data and (why := str(intent.data.get("why", ""))):
            strength = written("{:.3g}", float(intent.data["coef"]))
            self.message_requested.emit(clipped(f"Strength {strength}: {why}."))

    @override
    def request_run(self) -> None:
        """Run the form; of what one run alone is asked for, what the page in sight adds."""
        params = self.try_params()
        if isinstance(params, SteerParams) and not self._asked:
            page = next(page for page in self._all if page.name == self.pages.page())
            update = {**_ANEW, **page.run_changes()}
            if any(getattr(params, name) != value for name, value in update.items()):
                self.set_params(params.model_copy(update=update))
        if params is None or not self._is_in_trouble():
            super().request_run()

    def _is_in_trouble(self) -> bool:
        """Return whether a page lacks something, which it then says in sight."""
        for page in self._all:
            if why := page.trouble():
                self._on_set_up(page.name)
                self.message_requested.emit(why)
                return True
        return False

    def _on_run_requested(self, _params: object) -> None:
        self._turns = self.pages.page() == ActsPage.name

    def _on_set_up(self, page: object = None) -> None:
        """Turn to the interventions, also before there is any result."""
        self._turn_to(page if isinstance(page, str) else ActsPage.name)
        self._is_set_up = True
        self._show_content(shown=True)

    @override
    def _show_content(self, *, shown: bool) -> None:
        # What has been set up stays in sight where a run of it fails.
        super()._show_content(shown=shown or self._is_set_up)

    @override
    def settings_that_matter(
        self, differing: tuple[str, ...], made: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """Leave out what is another in every text that was gone on with: the form begins anew."""
        if not made.get("begin"):
            return differing
        fields = self.analysis.params.model_fields
        own = {fields[name].title for name in ("begin", "max_new_tokens")}
        return tuple(told for told in differing if told.partition(":")[0] not in own)

    @override
    def take_labelled(self, labelled: Mapping[str, tuple[str, ...]]) -> None:
        for page in self._all:
            page.take_labelled(labelled)

    @override
    def show_setting(self, name: str) -> None:
        """Open the form at a setting, or the page that has it."""
        page = next((page for page in self._all if page.shows_setting(name)), None)
        if page is None:
            super().show_setting(name)
        else:
            self._on_set_up(page.name)
            page.show_setting(name)

    @override
    def offer_family(self, title: str, tip: str = "") -> None:
        super().offer_family(title, tip)
        for page in self._all:
            page.offer_family(title, tip)

    @override
    def borrowing(self) -> tuple[str, ...]:
        return (*super().borrowing(), "reference")

    def _on_run_wanted(self, changes: dict[str, object]) -> None:
        """Run with other settings; texts that are gone on with must be those on screen."""
        goes_on = bool(changes.get("begin"))
        if goes_on and (self._difference.model or self._difference.prompts):
            self.message_requested.emit(_OTHER)
            return
        params = self.try_params()
        if goes_on and params is not None and not self._cannot_run:
            # Beside the form, whose number of new tokens is that of texts that begin anew.
            if not self._is_in_trouble():
                self.run_requested.emit(params.model_copy(update={**_ANEW, **changes}))
            return
        self._asked = True
        try:
            self.run_with(**{**_ANEW, **changes})
        finally:
            self._asked = False

    def _on_settings_wanted(self, changes: dict[str, object]) -> None:
        params: Params | None = self.try_params()
        if params is None:
            self.show_setting("layer")
        else:
            self.set_params(params.model_copy(update=changes))

    def _turn_to(self, name: str) -> None:
        """Turn to a page, which begins at its top; the one in sight stays as it is scrolled."""
        if name != self.pages.page():
            self.pages.turn_to(name)
            self.show_top()

    def _on_turn_wanted(self, name: str) -> None:
        self._turn_to(name)

    def _on_page_turned(self, name: str) -> None:
        self.show_top()
        self._on_choice_made({"page": name})

    def _on_choice_made(self, choices: dict[str, str]) -> None:
        self._choices |= choices
        self.choices_changed.emit(dict(self._choices))

    def _tell_params(self) -> None:
        params = self.try_params()
        for page in self._all:
            page.take_params(params if isinstance(params, SteerParams) else None)


VIEW = SteerView
