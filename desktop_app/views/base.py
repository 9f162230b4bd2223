"""The frame that every analysis view shares: heading, settings, notices, picture, small print."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop_app.contract.grammar import written_parts
from desktop_app.contract.registry import reads_prompts
from desktop_app.contract.result import Notice
from desktop_app.contract.spec import Intent
from desktop_app.pictures.explained import explain, whats
from desktop_app.pictures.facts import Place
from desktop_app.pictures.origin import SAME
from desktop_app.pictures.words import provenance_sentence, run_words, without_flags
from desktop_app.support.errors import MISFITS, unfit
from desktop_app.views.frame import (
    ElidedLabel,
    Heading,
    SettingsFold,
    Veil,
    by_code,
    notice_chip,
    source_chips,
)
from desktop_app.views.picked import FOOT, PickedBar
from desktop_app.views.reflow import Room
from desktop_app.widgets.basics.chip import ChipRow
from desktop_app.widgets.basics.icons import icon_of
from desktop_app.widgets.basics.layouts import PageStack, column_in, row_in
from desktop_app.widgets.basics.messages import Banner, EmptyState
from desktop_app.widgets.basics.overlay import BannerLayer
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtGui import QPixmap

    from desktop_app.contract.params import Params
    from desktop_app.contract.result import ModelInfo, Result
    from desktop_app.contract.spec import Analysis
    from desktop_app.pictures.facts import Explained
    from desktop_app.pictures.origin import Difference
    from desktop_app.widgets.basics.chip import ChipSpec
    from desktop_app.widgets.basics.selection import Selection


# On the button, over the picture or in its place, and beneath.
_COMPUTING = ("Running…", "Computing…", "The picture appears here.")
# Beneath the first fields, of which a result's own words would be untrue.
_SO_FAR = "The first values of the run that goes on"
_UNFIT = "unfit"
_LOWEST = 8  # the margin beneath the small print
_log = logging.getLogger(__name__)
_WAITING = ("Waiting…", "Waiting", "It begins when the jobs before it have ended.")
# There are not as many codes; a stranger's file may hold any number.
_MOST_CHIPS = 40


class AnalysisView(QWidget):
    """One analysis: its form and its picture.

    Subclasses build their picture in `build_content` and draw in `draw_result`.

    Attributes:
        EMPTY: Title and sentence of the empty view; the analysis' own words where None.
        borrows: The functions of other analyses' pictures whose results it draws beneath its own.
        picks: Whether its pictures show heads that can be picked; what is picked stands beneath.

    Signals:
        run_requested: The analysis' own Params, prompts and shared settings left at their defaults.
        fix_requested: A Notice whose fix should be applied to the prompt table.
        message_requested: A sentence for the status bar.
        help_requested: The name of the analysis whose help page is asked for.
        intent_raised: An `Intent`: what is asked of whichever analysis serves it.
        look_requested: Full Params of a small run, and the Result that lacks what it computes.
        settings_changed: The form says something else than before.
        covered_changed: A banner lies over the picture, or no longer; see `covered`.
        whole_requested: The picture is to take the whole window, or to give it back.
        menu_opening: A menu of a table or grid before it is shown, and the column's key or "".
        explanation_wanted: An `Explained` and the place of the screen where it may stand.
        choices_changed: What the view wants remembered between starts, as texts by name.
        texts_wanted: (name of a setting, its source): it is to be filled from elsewhere.
        chip_fix_wanted: The code of a chip of the window whose button was chosen.
        title_wanted: A Result and the name under which it is to stand in the history, starred.
    """

    EMPTY: ClassVar[tuple[str, str] | None] = None
    picks: ClassVar[bool] = False
    borrows: ClassVar[tuple[str, ...]] = ()

    run_requested = Signal(object)
    fix_requested = Signal(object)
    message_requested = Signal(str)
    help_requested = Signal(str)
    intent_raised = Signal(object)
    look_requested = Signal(object, object)
    settings_changed = Signal()
    covered_changed = Signal()
    whole_requested = Signal()
    menu_opening = Signal(object, str)
    explanation_wanted = Signal(object, object)
    choices_changed = Signal(object)
    texts_wanted = Signal(str, str)
    chip_fix_wanted = Signal(str)
    title_wanted = Signal(object, str)

    def __init__(
        self, analysis: Analysis, selection: Selection, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.analysis = analysis
        self.selection = selection
        self._result: Result | None = None
        self._busy = self._gives_back = False
        self._prompt = 0
        self._running: Params | None = None
        self._is_partial = False
        self._difference = SAME
        self._beforehand: tuple[ChipSpec, ...] = ()
        self._cannot_run = ""
        self._failure: Notice | None = None
        self._notices: dict[str, list[Notice]] = {}
        self.setAccessibleName(analysis.title)
        self._heading = Heading(analysis)
        self._settings = SettingsFold(analysis)
        self._banner = Banner()
        self._chips = ChipRow(explains=True)
        self._content = QWidget()
        self._room = Room(self._content)
        said = self.EMPTY or (f"No {analysis.title.lower()} yet", analysis.summary)
        self._idle = (*said, run_words(analysis))
        self._empty = EmptyState(icon_of(analysis.name), *self._idle)
        self._small_print = ElidedLabel("", "small")
        self._picked = PickedBar(selection, self) if self.picks else None
        self._build_frame()
        self.build_content(self._content)
        self._veil = Veil(self._room)
        self._connect_frame()
        self._opened_itself = bool(analysis.params().missing())
        self._ran_form: Params | None = None
        self._settings.set_open(self._opened_itself)
        self.clear()

    # What subclasses give.

    def build_content(self, content: QWidget) -> None:
        """Build the picture inside `content`."""
        raise NotImplementedError

    def draw_result(self, result: Result) -> None:
        """Draw a result that has been taken over."""
        raise NotImplementedError

    def draw_new(self, result: Result) -> None:
        """Draw a result that has just come; like any other where a view does not say."""
        self.draw_result(result)

    def draw_partial(self, data: Mapping[str, Any]) -> bool:  # noqa: ARG002 - for subclasses
        """Draw the fields known so far; return whether there was something to draw."""
        return False

    def notices_as_chips(self, result: Result) -> tuple[Notice, ...]:
        """Return the notices that stand as chips under the settings."""
        return result.warnings

    def picture_widget(self) -> QWidget:
        """Return the picture without the controls around it, which an export draws."""
        return self._content

    def figure_widget(self) -> QWidget:
        """Return what an export draws where that is not on screen as it stands; it may be hidden.

        It lives until it is asked for again.
        """
        return self.picture_widget()

    def answer(self, intent: Intent) -> None:
        """Show what was asked; a head that is spoken of is selected."""
        if "layer" in intent.data:
            self.selection.select_head(intent.data["layer"], intent.data.get("head"))

    def show_looked(self, result: Result) -> None:
        """Show what was computed to be looked at."""

    def show_look_problem(self, message: str) -> None:
        """Say why it was not."""
        self.message_requested.emit(message)

    def take_lent(self, lent: Sequence[tuple[str, Result]]) -> None:
        """Take note of others' results that offer what it borrows, by name, the newest first."""

    def learn_model(self, model: ModelInfo) -> None:
        """Take note of the model that is open now, whose first values a run gives."""

    def take_labelled(self, labelled: Mapping[str, tuple[str, ...]]) -> None:
        """Take note of the prompt table's texts by their label; those without one under ""."""

    def take_choices(self, choices: Mapping[str, str]) -> None:
        """Take over what was remembered; what is not known any more is passed over."""

    def settings_that_matter(
        self,
        differing: tuple[str, ...],
        made: Mapping[str, Any],  # noqa: ARG002 - for subclasses
    ) -> tuple[str, ...]:
        """Return which settings that are others in the form make a result another's: all of them.

        Each is a sentence that begins with its title; `made` are the settings of the result.
        """
        return differing

    def expect_preset(self, topic: str) -> None:
        """Prepare for the result of a preset's question, named by its topic."""

    def open_attention(self, layer: int, head: int) -> None:
        """Select a head and ask for where it looks."""
        self.selection.select_head(layer, head)
        self.intent_raised.emit(Intent("open_attention", {"layer": layer, "head": head}))

    # What the window uses.

    @property
    def current_result(self) -> Result | None:
        """The result on screen, or None."""
        return self._result

    def params(self) -> Params:
        """Return the settings of the form; raise pydantic's ValidationError where one is bad."""
        return self._settings.form.value()  # type: ignore[no-any-return, unused-ignore]

    def try_params(self) -> Params | None:
        """Return the settings of the form; None where one is bad."""
        return self._settings.form.try_value()  # type: ignore[no-any-return, unused-ignore]

    def say_storage(self, words: str) -> None:
        """Say beside the settings what a run would keep."""
        self._settings.set_extra(words)

    def set_params(self, params: Params) -> None:
        """Fill the form with these settings."""
        self._settings.set_params(params)
        self.settings_changed.emit()

    def whats(self) -> tuple[str, ...]:
        """Return the keys of the numbers on screen that can be taken apart, the shown one first."""
        return () if self._result is None else whats(self._result)

    def explain(self, what: str = "") -> Explained | None:
        """Take a number apart, with the values of what is selected; without a key, the first."""
        result = self._result
        what = what or next(iter(self.whats()), "")
        if result is None or not what:
            return None
        chosen = self.selection
        place = Place(self.prompt_of(result), chosen.layer, chosen.head, chosen.position)
        return explain(result, what, place)

    def show_setting(self, name: str) -> None:
        """Open the form at one of its fields."""
        self._settings.show_field(name)

    def show_result(self, result: Result) -> None:
        """Show a finished result in place of what there was."""
        # The selection first: the views that hear of it still have their old results.
        if self.selection.prompt >= len(result.prompts) and reads_prompts(result):
            self.selection.select_prompt(0)
        self._result = result
        self._is_partial = False
        self._prompt = 0
        self._failure = None
        self._banner.dismiss()
        self._set_busy(busy=False)
        self._show_content(shown=True)
        self._fold_after_run()
        self._attempt(self._draw_with_words, result)

    def learn_tries(self, tries: Sequence[Result]) -> None:
        """Hear what else was tried on the question of the result that comes next, oldest first."""

    def show_partial(self, data: Mapping[str, Any]) -> None:
        """Show the fields known so far, while the rest is being computed."""
        if self.draw_partial(data):
            self._is_partial = True
            self._say_of(None)
            self._show_content(shown=True)
            self._veil.set_shown(False)

    def show_busy(self, busy: bool, *, waiting: bool = False) -> None:
        """Dim the old picture while a new one is computed or waits for other jobs, or end that."""
        if busy:
            self._banner.dismiss()
            self._failure = None
            if self._is_partial:  # of a run that this one replaces
                self._restore()
        self._set_busy(busy=busy, waiting=waiting)
        if not busy:
            self._restore()

    def show_failure(
        self, message: str, code: str | None = None, fix: dict[str, Any] | None = None
    ) -> None:
        """Say in a banner what is wrong, with a button where the repair is known."""
        self._set_busy(busy=False)
        self._ran_form = None
        message = without_flags(message)
        self._failure = Notice(code or "", message, fix, (fix or {}).get("index"))
        actions = [("fix", "Fix the prompt")] if fix else []
        self._banner.show_message(message, "bad", actions)
        self._restore()

    def forget_failure(self, of: str = "") -> None:
        """Take the banner away: the prompts that it speaks of have changed, or what `of` names."""
        code = "" if self._failure is None else self._failure.code
        if code == _UNFIT or (of and code != of):
            return
        self._failure = None
        self._banner.dismiss()

    def mark_source(self, difference: Difference) -> None:
        """Say what made the picture that is another now: model, settings, prompts."""
        if difference != self._difference:
            self._difference = difference
            self._show_chips()

    def say_beforehand(self, chips: Sequence[ChipSpec]) -> None:
        """Say what is known before a run, whether or not there is a picture."""
        if tuple(chips) != self._beforehand:
            self._beforehand = tuple(chips)
            self._show_chips()

    def borrowing(self) -> tuple[str, ...]:
        """Return the settings whose texts may come from elsewhere, such as reference prompts."""
        return self._settings.form.borrowing()

    def offer_family(self, title: str, tip: str = "") -> None:
        """Offer the reference set of the table's family beside them; no title: there is none."""
        self._settings.form.offer_family(title, tip)

    def fill_texts(self, name: str, texts: Sequence[str]) -> None:
        """Fill one of them."""
        self._settings.form.fill(name, texts)

    def show_whole(self, whole: bool) -> None:
        """Say on the button whether the picture has the whole window."""
        self._heading.show_whole(whole)

    def covered(self) -> int:
        """Return how many pixels of the lower end a banner and the line beneath it take."""
        # By what is asked for, not by where it lies: that is not known before the first layout.
        foot = self._foot.sizeHint().expandedTo(self._foot.minimumSize()).height()
        return self._overlay.height() + foot + self._below_foot

    def clear(self) -> None:
        """Go back to the empty view."""
        self._result = None
        self._is_partial = False
        self._difference = SAME
        self._failure = self._ran_form = None
        self._banner.dismiss()
        self._set_busy(busy=False)
        self._show_notices(())
        self._small_print.set_full_text("")
        self._show_content(shown=False)

    def picture(self) -> QPixmap:
        """Return the picture alone, for export."""
        return self.figure_widget().grab()

    def read_out(self) -> dict[str, Any]:
        """Return what is on screen as plain data, for tests and whatever reads along.

        Returns:
            `state` (`failure`, `busy`, `result` or `empty`), `drawn` and `veiled` (whether a
            picture is in sight, and whether it is dimmed), `failure`, `chips` (codes of the
            notices), `small_print`, `settings` (in a sentence), `form` (whether it is open),
            `picked` (what is said of the picked heads); and what the view itself adds in
            `read_picture`.
        """
        states = {
            "failure": self._failure is not None,
            "busy": self._busy,
            "result": self._result is not None,
            "empty": True,
        }
        return {
            "state": next(name for name, holds in states.items() if holds),
            "drawn": self._stack.currentWidget() is self._room,
            "veiled": not self._veil.isHidden(),
            "failure": "" if self._failure is None else self._failure.message,
            "chips": [chip.code for chip in self._chips.chips()],
            "small_print": self._small_print.full_text(),
            "settings": self._settings.sentence.full_text(),
            "form": self._settings.is_open(),
            "picked": "" if self._picked is None else self._picked.words(),
            **self.read_picture(),
        }

    def read_picture(self) -> dict[str, Any]:
        """Return what the picture shows, for `read_out`."""
        return {}

    def is_busy(self) -> bool:
        """Return whether the view waits for a result."""
        return self._busy

    def prompt_of(self, result: Result) -> int:
        """Return which prompt of a result is shown.

        The selected one where the result has it, else the one that was shown before: the table may
        hold more prompts than the result.
        """
        if self.selection.prompt < len(result.prompts):
            self._prompt = self.selection.prompt
        return min(self._prompt, max(len(result.prompts) - 1, 0))

    def expect_run(self, params: Params) -> None:
        """Take note of the settings of the run that fills the picture from now on."""
        self._running = params

    def settings_of_run(self) -> dict[str, Any]:
        """Return the settings of the run that fills the picture; else those of the form."""
        params = self._running or self._settings.form.try_value()
        return {} if params is None else params.model_dump(exclude={"prompts"})

    def running_params(self) -> Params | None:
        """Return the settings of the run whose first fields are shown; None of a result."""
        return self._running if self._is_partial else None

    # Within.

    def _fold_after_run(self) -> None:
        """Fold a form that opened by itself, where it is as the run was asked for that has come."""
        asked, self._ran_form = self._ran_form, None
        if asked is not None and self._opened_itself and asked == self._settings.form.try_value():
            self._opened_itself = False
            self._settings.set_open(False)

    def _on_form_run(self, params: Params) -> None:
        self._ran_form = params

    def _draw_with_words(self, result: Result) -> None:
        self._say_of(result)
        self.draw_new(result)

    def _say_of(self, result: Result | None) -> None:
        """Say what comes with a result: its warnings, what made it; None: of first fields."""
        if result is not None or self._small_print.full_text() != _SO_FAR:
            self._show_notices(() if result is None else self.notices_as_chips(result))
        self._small_print.set_full_text(_SO_FAR if result is None else provenance_sentence(result))

    def _attempt(self, draw: Callable[[Result], None], result: Result) -> None:
        """Draw a result; one of the wrong form, which a file may hold, is refused in a sentence."""
        try:
            draw(result)
        except MISFITS as error:
            # The command line has no log: a warning would show a traceback there.
            _log.info("A result of %s cannot be drawn.", self.analysis.name, exc_info=error)
            self.clear()
            self.show_failure(unfit(error), _UNFIT)

    def _build_frame(self) -> None:
        self._stack = PageStack(Room(self._empty), self._room)
        above = (self._heading, self._settings, self._chips)
        self._overlay = BannerLayer(self._stack, [self._banner])
        self._overlay.changed.connect(self.covered_changed)
        foot: QWidget = self._small_print
        if self._picked is not None:
            foot = QWidget()
            foot.setFixedHeight(FOOT)
            row_in(foot, (self._small_print, 1), (self._picked, 2))
        column = column_in(self, *above, (self._stack, 1), foot, margins=(16, 12, 16, _LOWEST))
        low = column.spacing() + _LOWEST
        self._foot, self._below_foot = foot, low
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _connect_frame(self) -> None:
        self._heading.run_button.clicked.connect(self.request_run)
        self._heading.help_button.clicked.connect(self._on_help_clicked)
        self._heading.whole_button.clicked.connect(self.whole_requested)
        self.run_requested.connect(self._on_form_run)
        self._settings.form.submitted.connect(self.request_run)
        self._settings.form.changed.connect(self.settings_changed)
        self._settings.form.texts_wanted.connect(self.texts_wanted)
        self._empty.action_clicked.connect(self.request_run)
        self._banner.action_clicked.connect(self._on_banner_action)
        self._chips.fix_clicked.connect(self._on_chip_fix)
        self.selection.prompt_changed.connect(self._on_prompt_changed)
        if self._picked is not None:
            self._picked.wanted.connect(self._on_together_wanted)
            self._picked.lens_wanted.connect(self._on_lens_wanted)
            self._picked.keep_wanted.connect(self._on_keep_wanted)
            self._picked.pin_wanted.connect(self._on_pin_wanted)

    def forbid_running(self, reason: str) -> None:
        """Show results only: what makes them is not here."""
        self._cannot_run = reason
        self._heading.run_button.setEnabled(False)
        self._heading.run_button.setToolTip(plain_tip(reason))

    def request_run(self) -> None:
        """Ask for a run with the settings of the form; bad ones open it and mark the field."""
        if self._cannot_run:
            self.message_requested.emit(self._cannot_run)
            return
        params = self._settings.form.try_value()
        if params is None:
            self._settings.set_open(True)
            self.message_requested.emit(f"A setting of {self.analysis.title} needs attention.")
            return
        if missing := params.missing():
            self._opened_itself = self._opened_itself or not self._settings.is_open()
            self._settings.show_field(missing, unfold=False)
            field = self.analysis.params.model_fields[missing]
            self.message_requested.emit(f"{field.title} first: {field.description}")
            return
        self.run_requested.emit(params)

    def run_with(self, **changes: object) -> None:
        """Ask for a run with some settings changed; where the form is bad, it is opened."""
        params = self._settings.form.try_value()
        if params is not None:
            self.set_params(params.model_copy(update=changes))
        self.request_run()

    def show_top(self) -> None:
        """Scroll the picture to its beginning, such as where another page has taken its place."""
        self._room.verticalScrollBar().setValue(0)

    def _set_busy(self, *, busy: bool, waiting: bool = False) -> None:
        self._busy = busy
        button, state, sentence = _WAITING if waiting else _COMPUTING
        run = self._heading.run_button
        if busy and run.hasFocus():  # disabled it would hand the keyboard on to another room
            self._heading.help_button.setFocus()
            self._gives_back = True
        run.setEnabled(not (busy or self._cannot_run))
        run.setText(button if busy else "Run")
        if not busy and self._gives_back:
            self._gives_back = False
            if self._heading.help_button.hasFocus():
                run.setFocus()
        self._veil.set_shown(busy and self._stack.currentWidget() is self._room, state)
        said = (state, sentence, "") if busy else self._idle
        self._empty.set_content(icon_of(self.analysis.name), *said)

    def _restore(self) -> None:
        """Draw the result there was, over whatever a run that came to nothing had drawn."""
        self._is_partial = False
        self._show_content(shown=self._result is not None)
        if self._result is not None:
            self._say_of(self._result)
            self._attempt(self.draw_result, self._result)

    def _show_content(self, *, shown: bool) -> None:
        self._stack.setCurrentIndex(int(shown))
        self._overlay.place()  # above the page that has come

    def _show_notices(self, notices: tuple[Notice, ...]) -> None:
        self._notices = by_code(notices)
        self._show_chips()

    def _show_chips(self) -> None:
        some = list(self._notices.items())[:_MOST_CHIPS]
        chips = [notice_chip(code, group) for code, group in some]
        drawn = self._result is not None or self._is_partial
        chips = [*source_chips(self._difference), *chips] if drawn else chips
        chips = [*self._beforehand, *chips]
        # Nothing moves while a text or a map grows: chips that were there leave their room.
        room = self._chips.height() if self._is_partial and self._chips.isVisible() else 0
        self._chips.setMinimumHeight(room)
        self._chips.set_chips(chips)
        self._chips.setVisible(bool(chips or room))

    def _on_chip_fix(self, code: str) -> None:
        if any(chip.code == code for chip in self._beforehand):
            self.chip_fix_wanted.emit(code)
            return
        if code in self._difference.codes() and not self._busy:
            self.request_run()
        for notice in self._notices.get(code, ()):
            if notice.fix is not None:
                self.fix_requested.emit(notice)

    def _on_banner_action(self, code: str) -> None:
        if code == "fix" and self._failure is not None:
            self.fix_requested.emit(self._failure)

    def _on_together_wanted(self) -> None:
        parts = written_parts(self.selection.picked)
        self.intent_raised.emit(Intent("ablate_together", {"parts": parts}))

    def _on_lens_wanted(self) -> None:
        parts = written_parts(self.selection.picked)
        self.intent_raised.emit(Intent("lens_without", {"parts": parts}))

    def _on_keep_wanted(self) -> None:
        parts = written_parts(self.selection.picked)
        self.intent_raised.emit(Intent("keep_parts", {"parts": parts}))

    def _on_pin_wanted(self) -> None:
        parts = written_parts(self.selection.picked)
        self.intent_raised.emit(Intent("pin_parts", {"parts": parts}))

    def _on_help_clicked(self) -> None:
        self.help_requested.emit(self.analysis.name)

    def _on_prompt_changed(self, prompt: int) -> None:
        result = self._result
        if result is not None and prompt < len(result.prompts) and reads_prompts(result):
            self._attempt(self.draw_prompt, result)

    def draw_prompt(self, result: Result) -> None:
        """Draw what changes with the selected prompt; everything where a view does not say."""
        self.draw_result(result)
