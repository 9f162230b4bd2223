"""Where views, prompt table and compute thread meet: runs, live tokens, and one-click repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.requests import RunAnalysis
from desktop_app.support import installed
from desktop_app.window.runs.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.params import Params, PromptRow
    from desktop_app.contract.result import Notice, Result
    from desktop_app.contract.spec import Preset
    from desktop_app.jobs.events import JobFailed
    from desktop_app.views.base import AnalysisView
    from desktop_app.widgets.basics.selection import Selection
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.runs.conductor import Conductor
    from desktop_app.window.runs.task import Task

MAX_LIVE_PROMPTS = 64


class RunDesk(QObject):
    """Fills views' parameters with the prompts, sends them off, and shows what comes back.

    Signals:
        result_shown: A Result is now on screen in its tab.
        result_kept: (Result, whether it belongs to the worked example): for the history.
        tokens_shown: The live tokens changed (a Result or None).
        message_arrived: (sentence, severity) for the job bar.
        bug_found: A `JobFailed` that the program did not expect.
    """

    result_shown = Signal(object)
    result_kept = Signal(object, bool)
    tokens_shown = Signal(object)
    message_arrived = Signal(str, str)
    bug_found = Signal(object)

    def __init__(
        self,
        views: Mapping[str, AnalysisView],
        prompts: PromptPanel,
        conductor: Conductor,
        selection: Selection,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._views = views
        self._prompts = prompts
        self._conductor = conductor
        self._selection = selection
        self._refused: dict[str, JobFailed] = {}
        self._asked: dict[str, Asked] = {}
        self._rerun = QTimer(self)
        self._rerun.setSingleShot(True)
        self._rerun.setInterval(0)
        self._connect()

    def run(self, name: str, params: Params | None = None, *, is_worked: bool = False) -> bool:
        """Run an analysis on the table's prompts; return whether it was sent off.

        Args:
            name: Of the analysis.
            params: Its own settings; None takes those of its form.
            is_worked: Whether it belongs to the worked example of a first start.
        """
        view = self._views[name]
        reads = _reads_prompts(view, params)
        problem = installed.compute_problem() or (self._prompts.check() if reads else None)
        if problem is None and self._conductor.model is None and not self._conductor.is_loading():
            problem = "No model is open: choose one at the top left."
        if problem is not None:
            view.show_failure(problem, None, None)
            return False
        rows, places = self._prompts.prompts() if reads else ([], [])
        try:
            own = params if params is not None else view.params()
            shared = {"prompts": tuple(rows), **(self._prompts.shared_settings() if reads else {})}
            full = type(own).model_validate({**own.model_dump(), **shared})
        except ValidationError as error:
            view.show_failure(_sentence(error), None, None)
            return False
        self._refused.pop(name, None)
        view.show_busy(True, waiting=self._conductor.is_busy())
        self._conductor.run(name, full, places, is_worked=is_worked)
        return True

    def run_preset(self, name: str, preset: Preset) -> None:
        """Run an analysis with the settings of a question; the view sums up what comes of it."""
        view = self._views[name]
        view.set_params(preset.params)
        view.expect_preset(preset.topic)
        self.run(name, preset.params)

    def retokenize(self) -> None:
        """Bring the live strips up to date with the table."""
        rows, places = self._prompts.prompts()
        if len(rows) > MAX_LIVE_PROMPTS:
            here = self._prompts.table.current_row()
            chosen = [i for i, place in enumerate(places) if place == here]
            rows, places = [rows[i] for i in chosen], [places[i] for i in chosen]
        if not rows:
            self._conductor.stop_kind("live")
            self._prompts.live.show_message("Tokens appear here as you type.")
            self.tokens_shown.emit(None)
            return
        if self._conductor.model is None:
            self._prompts.live.show_message("Tokens appear here once a model is open.")
            return
        shared = self._prompts.shared_settings()
        self._conductor.tokenize(rows, places, shared["bos"], chat=shared["chat"])
        if self._conductor.is_busy():
            self._prompts.live.show_waiting()

    def show(self, result: Result) -> None:
        """Show a result of the history in its tab, with the settings that made it."""
        view = self._views.get(result.analysis)
        if view is None:
            self.message_arrived.emit(
                f"This version has no view for “{result.analysis}” results.", "warn"
            )
            return
        params = _own_params(result)
        if params is not None:
            view.set_params(params)
        self._put_on_screen(result)

    def apply_fix(self, notice: Notice, texts: Sequence[str]) -> bool:
        """Apply a repair to the table, and run again what had been refused for want of it.

        Args:
            notice: With its `fix`.
            texts: The prompts that the notice counts in.
        """
        if notice.fix is None:
            return False
        index = notice.fix.get("index")
        text = texts[index] if isinstance(index, int) and 0 <= index < len(texts) else None
        if not self._prompts.apply_fix(notice.fix, text):
            self.message_arrived.emit("That prompt is no longer in the table.", "warn")
            return False
        self._prompts.flush()
        if self._refused:
            self._rerun.start()
        return True

    def _connect(self) -> None:
        for view in self._views.values():
            view.run_requested.connect(self._on_run_requested)
            view.fix_requested.connect(self._on_view_fix_requested)
        self._prompts.fix_requested.connect(self._on_live_fix_requested)
        self._prompts.prompts_changed.connect(self.retokenize)
        self._prompts.prompts_changed.connect(self._on_prompts_changed)
        self._rerun.timeout.connect(self._on_rerun)
        heard = self._conductor
        heard.run_began.connect(self._on_run_began)
        heard.partial_arrived.connect(self._on_partial_arrived)
        heard.result_arrived.connect(self._on_result_arrived)
        heard.run_failed.connect(self._on_run_failed)
        heard.run_stopped.connect(self._on_run_stopped)
        heard.live_arrived.connect(self._on_live_arrived)
        heard.live_failed.connect(self._on_live_failed)
        heard.model_ready.connect(self.retokenize)

    def _on_run_requested(self, params: Params) -> None:
        for name, analysis in ANALYSES.items():
            if type(params) is analysis.params:
                self.run(name, params)

    def _on_prompts_changed(self) -> None:
        # What was wrong with the prompts is said of prompts that are no longer there.
        for view in self._views.values():
            view.forget_failure()
        rows, _ = self._prompts.prompts()
        for name, asked in self._asked.items():
            self._mark(name, asked, rows)

    def _put_on_screen(self, result: Result) -> None:
        asked = self._asked[result.analysis] = Asked.of(result)
        self._views[result.analysis].show_result(result)
        self._mark(result.analysis, asked, self._prompts.prompts()[0])
        self.result_shown.emit(result)

    def _mark(self, name: str, asked: Asked, rows: Sequence[PromptRow]) -> None:
        view = self._views[name]
        has_others = view.current_result is not None and not asked.is_of_table(rows)
        view.mark_other_prompts(has_others)

    def _on_rerun(self) -> None:
        for name in list(self._refused):
            self.run(name)

    def _on_view_fix_requested(self, notice: Notice) -> None:
        view = self.sender()
        name = next((n for n, v in self._views.items() if v is view), "")
        failed = self._refused.get(name)
        if failed is not None and isinstance(failed.request, RunAnalysis):
            texts = [row.text for row in failed.request.params.prompts]
        else:
            result = self._views[name].current_result if name else None
            texts = _given_texts(result) if result is not None else []
        self.apply_fix(notice, texts)

    def _on_live_fix_requested(self, notice: Notice) -> None:
        result = self._prompts.live.result()
        self.apply_fix(notice, _given_texts(result) if result is not None else [])

    def _on_run_began(self, name: str) -> None:
        self._views[name].show_busy(True)

    def _on_partial_arrived(self, name: str, data: Mapping[str, Any]) -> None:
        self._views[name].show_partial(data)

    def _on_result_arrived(self, result: Result, task: Task) -> None:
        self._put_on_screen(result)
        self.result_kept.emit(result, task.is_worked)

    def _on_run_failed(self, name: str, failed: JobFailed) -> None:
        fix = dict(failed.fix) if failed.fix is not None else None
        if fix is not None:
            self._refused[name] = failed
        self._views[name].show_failure(failed.message, failed.code, fix)
        if failed.is_bug:
            self.bug_found.emit(failed)

    def _on_run_stopped(self, name: str) -> None:
        self._views[name].show_busy(False)

    def _on_live_arrived(self, result: Result, places: Sequence[int]) -> None:
        self._prompts.live.show_tokens(result, places)
        self.tokens_shown.emit(result)

    def _on_live_failed(self, message: str) -> None:
        self._prompts.live.show_message(message)
        self.tokens_shown.emit(None)


def _given_texts(result: Result) -> list[str]:
    """Return the prompts as given: a chat template's expansion is not what the table holds."""
    given = result.params.get("prompts")
    if isinstance(given, (list, tuple)) and len(given) == len(result.prompts):
        texts = [row.get("text") if isinstance(row, dict) else None for row in given]
        if all(isinstance(text, str) for text in texts):
            return [str(text) for text in texts]
    return [record.text for record in result.prompts]


def _own_params(result: Result) -> Params | None:
    """Return the settings of a result without its prompts, or None where they do not fit."""
    kind = ANALYSES[result.analysis].params
    known = {k: v for k, v in result.params.items() if k in kind.own_fields()}
    try:
        return kind.model_validate(known)
    except ValidationError:
        return None


def _reads_prompts(view: AnalysisView, params: Params | None) -> bool:
    """Return whether a run needs the prompt table; settings that do not hold are told of later."""
    try:
        return (params if params is not None else view.params()).reads_prompts()
    except ValidationError:
        return True


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}."
