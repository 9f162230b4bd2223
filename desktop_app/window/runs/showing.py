"""What each analysis shows: its result, whether one is coming, and whether others made it.

A view that is not built yet is told all of it when it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from PySide6.QtCore import QObject, Signal

from desktop_app.contract.params import MAX_PROMPT_CHARACTERS, PromptRow
from desktop_app.contract.registry import ANALYSES, reads_prompts
from desktop_app.pictures.origin import (
    SAME,
    Difference,
    model_difference,
    settings_difference,
)
from desktop_app.session.store import storable
from desktop_app.views.base import AnalysisView
from desktop_app.window.frame.rail import HAS_RESULT, RUNNING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.requests import ModelReady
    from desktop_app.contract.result import ModelInfo, PromptRecord, Result
    from desktop_app.contract.spec import Analysis
    from desktop_app.window.frame.hall import ViewShelf
    from desktop_app.window.prompts.prompt_panel import PromptPanel


NO_MODEL = "no_model"
"""The code of a run that was refused because no model is open."""


@dataclass(frozen=True)
class Asked:
    """The rows that a result was asked about, as they stood in the table; None for its own."""

    rows: tuple[PromptRow, ...] | None

    @classmethod
    def of(cls, result: Result) -> Asked:
        """Read it off a result, which may come from an older version."""
        return cls(asked_rows(result) if reads_prompts(result) else None)

    def is_of_table(self, table: Sequence[PromptRow]) -> bool:
        """Return whether it was made from exactly these prompts, or from none at all."""
        return self.rows is None or self.rows == tuple(table)

    def place_of(self, row: PromptRow, number: int, *, whole: bool) -> int | None:
        """Return where the result speaks of the table's prompt of that number, or None.

        Its own number is preferred where a prompt comes twice; `whole` compares corrupt twin and
        answers beside the text.
        """
        places = [
            place
            for place, asked in enumerate(self.rows or ())
            if (asked == row if whole else asked.text == row.text)
        ]
        return number if number in places else next(iter(places), None)


def asked_rows(result: Result) -> tuple[PromptRow, ...]:
    """Return the prompts of a result as they were given."""
    given = result.params.get("prompts")
    if isinstance(given, (list, tuple)) and len(given) == len(result.prompts):
        try:
            # As given: a chat template's expansion is not what the table holds.
            return tuple(PromptRow.model_validate(row) for row in given)
        except ValidationError:
            pass
    return tuple(_row(record) for record in result.prompts)


def _row(record: PromptRecord) -> PromptRow:
    """Return a prompt as its result holds it; what no prompt can be is cut down to what it shows.

    A damaged or foreign session may hold half a character, or a text beyond every bound.
    """
    try:
        return PromptRow(
            text=record.text,
            corrupt=record.corrupt_text,
            answer=tuple(answer.text for answer in record.answers),
            wrong=tuple(answer.text for answer in record.wrongs),
        )
    except ValidationError:
        return PromptRow(text=storable(record.text)[:MAX_PROMPT_CHARACTERS])


class Showing(QObject):
    """Keeps views in step with results, jobs and the prompt table.

    Signals:
        result_shown: A Result is now what its analysis shows.
        state_changed: (name of an analysis, `running`, `has a result` or empty).
        source_changed: What is shown of some analysis was, or no longer is, made with other things.
    """

    result_shown = Signal(object)
    state_changed = Signal(str, str)
    source_changed = Signal()

    def __init__(self, views: ViewShelf, prompts: PromptPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._views = views
        self._prompts = prompts
        self._model: ModelInfo | None = None
        self._table: tuple[PromptRow, ...] = ()
        self._asked: dict[str, Asked] = {}
        self._shown: dict[str, Result] = {}
        self._runs: dict[str, Params] = {}
        self._held: dict[str, Result] = {}
        self._tries: dict[str, tuple[Result, ...]] = {}
        self._waits: dict[str, bool] = {}
        self._told: dict[str, tuple[Difference, Result | None]] = {}
        views.built.connect(self._on_view_built)
        prompts.prompts_changed.connect(self._on_prompts_changed)

    @property
    def model(self) -> ModelInfo | None:
        """The model that is open."""
        return self._model

    def set_model(self, ready: ModelReady) -> None:
        """Take note of the model that is open now: what others made is marked."""
        self._model = ready.info
        for view in self._views.standing():
            view.forget_failure(of=NO_MODEL)
            view.learn_model(ready.info)
        self._mark_all()

    def difference(self, name: str) -> Difference:
        """Return what made the result that an analysis shows and is another in the window now."""
        view, result = self._views.there(name), self._shown.get(name)
        if view is not None and view.current_result is not None:
            result = view.current_result
        if result is None:
            return SAME
        asked = self._asked[name] if result is self._shown.get(name) else Asked.of(result)
        model = model_difference(result.model, self._model)
        settings = self._other_settings(name, result.params, reads=asked.rows is not None)
        return Difference(model, settings, not asked.is_of_table(self._table))

    def result_of(self, name: str) -> Result | None:
        """Return the result that an analysis shows, or will show once its view is built."""
        view = self._views.there(name)
        shown = view.current_result if view is not None else None
        return self._shown.get(name) if shown is None else shown

    def show(self, result: Result, tries: Sequence[Result] = ()) -> None:
        """Show a result of the history, with the settings that made it.

        Args:
            result: The one to be shown.
            tries: What else was tried on its question, oldest first.
        """
        self._views.lodge(result)
        self._tries[result.analysis] = tuple(tries)
        self._take(result, with_form=True)

    def show_new(self, result: Result) -> None:
        """Show a result that has just been computed; the form stays as it is."""
        self._waits.pop(result.analysis, None)
        self._take(result, with_form=False)

    def show_busy(self, name: str, *, waits: bool = False, params: Params | None = None) -> None:
        """Say that a result is coming, of what settings, and whether other jobs come first."""
        self._waits[name] = waits
        if params is not None:
            self._runs[name] = params
        self._tell_busy(name)

    def show_partial(self, name: str, data: Mapping[str, Any]) -> None:
        """Show the fields known so far."""
        view = self._views.there(name)
        if view is not None:
            view.show_partial(data)
            self._mark(view)

    def show_stopped(self, name: str) -> None:
        """Say that no result is coming any more."""
        self._waits.pop(name, None)
        self._tell_busy(name)

    def show_failure(
        self, name: str, message: str, code: str | None = None, fix: dict[str, Any] | None = None
    ) -> None:
        """Say what is wrong, with a repair where one is known."""
        self._waits.pop(name, None)
        self._views[name].show_failure(message, code, fix)
        self._mark(self._views[name])
        self._tell_state(name)

    def clear(self) -> None:
        """Let go of all results: another session is opened."""
        self._held.clear()
        self._tries.clear()
        self._asked.clear()
        self._shown.clear()
        self._told.clear()
        for view in self._views.standing():
            view.clear()
        self._views.dismiss_lodgers()
        for name in self._views:
            self._tell_state(name)

    def _take(self, result: Result, *, with_form: bool) -> None:
        name = result.analysis
        self._table = tuple(self._prompts.prompts()[0])  # what was typed a moment ago counts
        self._asked[name], self._shown[name] = Asked.of(result), result
        view = self._views.there(name)
        if view is None:
            self._held[name] = result
        else:
            self._draw(view, result, with_form=with_form)
        self._tell_state(name)
        self.result_shown.emit(result)

    def _draw(self, view: AnalysisView, result: Result, *, with_form: bool) -> None:
        params = _own_params(view.analysis, result) if with_form else None
        if params is not None:
            view.set_params(params)
        tries = self._tries.pop(view.analysis.name, ())
        if tries:
            view.learn_tries(tries)
        view.show_result(result)
        self._mark(view)

    def _mark(self, view: AnalysisView) -> None:
        """Say of a picture what made it and is another now."""
        name, running = view.analysis.name, view.running_params()
        found = self.difference(name)
        # Also while it runs: then its picture is of the run, but all others tell of its result.
        self._told[name] = found, view.current_result
        if running is not None:
            # The first fields of a run: its model is the one that is open until it has ended.
            reads, given = running.reads_prompts(), running.model_dump(exclude={"prompts"})
            settings = self._other_settings(name, given, reads=reads)
            found = Difference("", settings, reads and running.prompts != self._table)
        view.mark_source(found)

    def _mark_all(self) -> None:
        for view in self._views.standing():
            self._mark(view)
        self.source_changed.emit()

    def _other_settings(
        self, name: str, made: Mapping[str, Any], *, reads: bool
    ) -> tuple[str, ...]:
        """Return the settings that are others in the form; one that is not built follows suit."""
        view = self._views.there(name)
        if view is None or name not in ANALYSES:
            return ()
        try:
            now = view.params()
        except ValidationError:
            return ("the form holds a value that cannot be used",)
        shared = self._prompts.shared_settings() if reads else {}
        differing = settings_difference(ANALYSES[name].params, made, now, shared)
        return view.settings_that_matter(differing, made)

    def _tell_busy(self, name: str) -> None:
        view = self._views.there(name)
        if view is not None:
            if name in self._waits and name in self._runs:
                view.expect_run(self._runs[name])
            view.show_busy(name in self._waits, waiting=self._waits.get(name, False))
            self._mark(view)
        self._tell_state(name)

    def _tell_state(self, name: str) -> None:
        done = HAS_RESULT if name in self._asked else ""
        self.state_changed.emit(name, RUNNING if name in self._waits else done)

    def _on_view_built(self, view: AnalysisView) -> None:
        name = view.analysis.name
        view.settings_changed.connect(self._on_settings_changed)
        if self._model is not None:
            view.learn_model(self._model)
        if name in self._held:
            self._draw(view, self._held.pop(name), with_form=True)
        if name in self._waits:
            self._tell_busy(name)

    def _on_prompts_changed(self) -> None:
        self._table = tuple(self._prompts.prompts()[0])
        for view in self._views.standing():
            # What was wrong with the prompts is said of prompts that are no longer there.
            view.forget_failure()
        self._mark_all()

    def _on_settings_changed(self) -> None:
        view = self.sender()
        if isinstance(view, AnalysisView):
            name = view.analysis.name
            before, shown = self._told.get(name, (SAME, None))
            self._mark(view)
            now, result = self._told[name]
            # A letter typed into a form says so, and nearly always changes nothing of what is told;
            # but a view may have gone back to another of its results. Results are compared by
            # identity: their arrays have no one answer to whether they are equal.
            if now != before or result is not shown:
                self.source_changed.emit()


def _own_params(analysis: Analysis, result: Result) -> Params | None:
    """Return the settings of a result without its prompts, or None where they do not fit."""
    known = {k: v for k, v in result.params.items() if k in analysis.params.stored_fields()}
    try:
        return analysis.params.model_validate(known)
    except ValidationError:
        return None
