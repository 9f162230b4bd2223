"""What each analysis shows: its result, whether one is coming, and whether the prompts are others.

A view that is not built yet is told all of it when it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from PySide6.QtCore import QObject, Signal

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import reads_prompts
from desktop_app.window.frame.rail import HAS_RESULT, RUNNING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.result import PromptRecord, Result
    from desktop_app.contract.spec import Analysis
    from desktop_app.views.base import AnalysisView
    from desktop_app.window.frame.hall import ViewShelf
    from desktop_app.window.prompts.prompt_panel import PromptPanel


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
    return PromptRow(
        text=record.text,
        corrupt=record.corrupt_text,
        answer=tuple(answer.text for answer in record.answers),
        wrong=tuple(answer.text for answer in record.wrongs),
    )


class Showing(QObject):
    """Keeps views in step with results, jobs and the prompt table.

    Signals:
        result_shown: A Result is now what its analysis shows.
        state_changed: (name of an analysis, `running`, `has a result` or empty).
    """

    result_shown = Signal(object)
    state_changed = Signal(str, str)

    def __init__(self, views: ViewShelf, prompts: PromptPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._views = views
        self._prompts = prompts
        self._asked: dict[str, Asked] = {}
        self._held: dict[str, Result] = {}
        self._waits: dict[str, bool] = {}
        views.built.connect(self._on_view_built)
        prompts.prompts_changed.connect(self._on_prompts_changed)

    def show(self, result: Result) -> None:
        """Show a result of the history, with the settings that made it."""
        self._views.lodge(result)
        self._take(result, with_form=True)

    def show_new(self, result: Result) -> None:
        """Show a result that has just been computed; the form stays as it is."""
        self._waits.pop(result.analysis, None)
        self._take(result, with_form=False)

    def show_busy(self, name: str, *, waits: bool = False) -> None:
        """Say that a result is coming, and whether other jobs come first."""
        self._waits[name] = waits
        self._tell_busy(name)

    def show_partial(self, name: str, data: Mapping[str, Any]) -> None:
        """Show the fields known so far."""
        view = self._views.there(name)
        if view is not None:
            view.show_partial(data)

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
        self._tell_state(name)

    def clear(self) -> None:
        """Let go of all results: another session is opened."""
        self._held.clear()
        self._asked.clear()
        for view in self._views.standing():
            view.clear()
        self._views.dismiss_lodgers()
        for name in self._views:
            self._tell_state(name)

    def _take(self, result: Result, *, with_form: bool) -> None:
        name = result.analysis
        self._asked[name] = Asked.of(result)
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
        view.show_result(result)
        self._mark(view, self._prompts.prompts()[0])

    def _mark(self, view: AnalysisView, rows: Sequence[PromptRow]) -> None:
        asked = self._asked.get(view.analysis.name)
        has_others = asked is not None and not asked.is_of_table(rows)
        view.mark_other_prompts(has_others and view.current_result is not None)

    def _tell_busy(self, name: str) -> None:
        view = self._views.there(name)
        if view is not None:
            view.show_busy(name in self._waits, waiting=self._waits.get(name, False))
        self._tell_state(name)

    def _tell_state(self, name: str) -> None:
        done = HAS_RESULT if name in self._asked else ""
        self.state_changed.emit(name, RUNNING if name in self._waits else done)

    def _on_view_built(self, view: AnalysisView) -> None:
        name = view.analysis.name
        if name in self._held:
            self._draw(view, self._held.pop(name), with_form=True)
        if name in self._waits:
            view.show_busy(True, waiting=self._waits[name])

    def _on_prompts_changed(self) -> None:
        rows, _ = self._prompts.prompts()
        for view in self._views.standing():
            # What was wrong with the prompts is said of prompts that are no longer there.
            view.forget_failure()
            self._mark(view, rows)


def _own_params(analysis: Analysis, result: Result) -> Params | None:
    """Return the settings of a result without its prompts, or None where they do not fit."""
    known = {k: v for k, v in result.params.items() if k in analysis.params.own_fields()}
    try:
        return analysis.params.model_validate(known)
    except ValidationError:
        return None
