"""Where views, prompt table and compute thread meet: runs, live tokens, and one-click repairs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError
from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, worked_order
from desktop_app.contract.requests import RunAnalysis
from desktop_app.pictures.origin import model_difference
from desktop_app.support import installed
from desktop_app.support.hub_cache import is_cached
from desktop_app.views.base import AnalysisView
from desktop_app.window.frame.actions import ActionSpec, in_menu
from desktop_app.window.runs.showing import NO_MODEL, asked_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.requests import ModelReady, ModelRow
    from desktop_app.contract.result import Notice, Result
    from desktop_app.contract.spec import Preset
    from desktop_app.jobs.events import JobFailed
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.runs.conductor import Conductor, Task
    from desktop_app.window.runs.showing import Showing

PRESETS = "presets"
"""The questions that analyses offer in the menu, which come and go together."""
PACK = "smollm2"
TOY = "toy"
# How far a first start has come.
_LISTING, _LOADING, _RUNNING, _OVER = range(4)
MAX_LIVE_PROMPTS = 64
_EXAMPLE = ("load_example", "Load the worked example")
_EXAMPLE_TIP = "The prompt of the first start, run in the first four analyses"


def choose_model(rows: Sequence[ModelRow]) -> str:
    """Return the model of a first start: the pack where it is installed, else the bundled toy."""
    installed = {row.name for row in rows if row.installed}
    return PACK if PACK in installed else TOY


def worked_example(model: str) -> tuple[PromptRow, ...]:
    """Return the prompt table of a first start.

    The pack splits digits from spaces, so that its prompt must end in the space that the answer
    would otherwise begin with; the toy has whole tokens such as “ 5”.
    """
    if model == TOY:
        return (PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=(" 5",), wrong=(" 4",)),)
    return (PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer=("5",), wrong=("4",)),)


def _lacking(preset: Preset) -> str:
    """Say which weights a question needs that are not here; empty where it can be asked."""
    missing = [name for name in preset.needs if not is_cached(name)]
    if not missing:
        return ""
    return f"Not here: the weights of {' and '.join(missing)}, in the local Hub cache"


class FirstStart(QObject):
    """Lists the models, takes one, and runs the worked example's analyses one after another.

    Signals:
        model_chosen: Name of the model to load.
        finished: Every analysis of the worked example has ended, or none can be run.
    """

    model_chosen = Signal(str)
    finished = Signal()

    def __init__(self, conductor: Conductor, run: Callable[[str], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._conductor = conductor
        self._run = run
        self._stage = _OVER
        self._left: set[str] = set()
        self._names: tuple[str, ...] = ()
        conductor.models_listed.connect(self._on_models_listed)
        conductor.model_ready.connect(self._on_model_ready)
        conductor.model_failed.connect(self._on_given_up)
        conductor.model_stopped.connect(self._on_given_up)
        conductor.result_arrived.connect(self._on_result_arrived)
        conductor.run_failed.connect(self._on_run_ended)
        conductor.run_stopped.connect(self._on_run_ended)
        conductor.question_failed.connect(self._on_question_failed)

    def begin(self, *, with_example: bool = True) -> None:
        """Ask which models there are; run the worked example once the model is open, or do not."""
        self._names = worked_order() if with_example else ()
        self._stage = _LISTING
        self._conductor.list_models()

    def is_under_way(self) -> bool:
        """Return whether the worked example is still coming."""
        return self._stage != _OVER

    def _on_models_listed(self, rows: Sequence[ModelRow]) -> None:
        if self._stage == _LISTING:
            self._stage = _LOADING
            self.model_chosen.emit(choose_model(rows))

    def _on_model_ready(self) -> None:
        if self._stage == _LOADING:
            self._stage = _RUNNING
            self._left = {name for name in self._names if self._run(name)}
            self._end_where_done()

    def _end_where_done(self) -> None:
        if not self._left:
            self._stage = _OVER
            self.finished.emit()

    def _on_result_arrived(self, _result: object, task: Task) -> None:
        self._on_run_ended(task.name)

    def _on_run_ended(self, name: str) -> None:
        if name in self._left:
            self._left.discard(name)
            self._end_where_done()

    def _on_question_failed(self, kind: str) -> None:
        if kind == "list":
            self._on_models_listed(())

    def _on_given_up(self) -> None:
        if self._stage == _LOADING:
            self._end_where_done()


class RunDesk(QObject):
    """Fills views' parameters with the prompts, sends them off, and shows what comes back."""

    def __init__(
        self, hall: Hall, prompts: PromptPanel, conductor: Conductor, showing: Showing
    ) -> None:
        super().__init__(hall)
        self._hall = hall
        self._views = hall.views
        self._prompts = prompts
        self._conductor = conductor
        self._showing = showing
        self._refused: dict[str, JobFailed] = {}
        self._rerun = QTimer(self, singleShot=True, interval=0)
        self._views.built.connect(self._on_view_built)
        prompts.live.fix_requested.connect(self._on_live_fix_requested)
        prompts.prompts_changed.connect(self.retokenize)
        self._rerun.timeout.connect(self._on_rerun)
        conductor.run_began.connect(showing.show_busy)
        conductor.run_began.connect(hall.over)
        conductor.partial_arrived.connect(showing.show_partial)
        conductor.result_arrived.connect(showing.show_new)
        conductor.run_failed.connect(self._on_run_failed)
        conductor.run_stopped.connect(showing.show_stopped)
        conductor.model_ready.connect(showing.set_model)
        conductor.live_arrived.connect(prompts.live.show_tokens)
        conductor.live_failed.connect(prompts.live.show_message)
        conductor.model_ready.connect(self._on_model_ready)

    def action_specs(self) -> list[ActionSpec]:
        """Return what runs and stops, and the questions that analyses offer."""
        stop, busy = self._conductor.stop, self._conductor.busy_changed
        return [
            *in_menu("&Prompts", (*_EXAMPLE, 70, self.load_example, "", "reset", _EXAMPLE_TIP)),
            *in_menu(
                "&Run",
                ("run", "Run", 10, self.run_current, "Ctrl+R | F5", "run"),
                ("run_all", "Run all analyses", 20, self.run_all, "Ctrl+Shift+R", "play"),
            ),
            # Not Esc: pressed to leave a search or a text, it would end hours of work.
            ActionSpec("stop", "Stop", "&Run", 30, stop, "Ctrl+.", "stop", follows=busy),
            *self.preset_specs(),
        ]

    def preset_specs(self) -> list[ActionSpec]:
        """Return the questions that analyses offer: the family `PRESETS`."""
        presets = [(name, preset) for name, a in ANALYSES.items() for preset in a.presets]
        return [
            ActionSpec(
                *(preset.key, preset.title, "&Run", 40),
                partial(self.run_preset, name, preset),
                *("", preset.icon, preset.tip, place == 0),
                family=PRESETS,
                lacks=_lacking(preset),
            )
            for place, (name, preset) in enumerate(presets)
        ]

    def run_current(self) -> None:
        """Run the analysis that is shown."""
        self._prompts.flush()
        self._views.shown().request_run()

    def run_all(self) -> None:
        """Run every analysis of the prompts; what makes its own sequences takes far longer."""
        self._prompts.flush()
        for name, analysis in ANALYSES.items():
            view = self._views.there(name)
            own = None if view is None else view.try_params()
            if not analysis.params().reads_prompts() or (own or analysis.params()).missing():
                continue
            if view is not None:
                view.request_run()
            else:
                self.run(name)

    def run_preset(self, name: str, preset: Preset) -> None:
        """Ask a question that has a name; the view sums up what comes of it."""
        self._views.open(name)
        view = self._views[name]
        view.set_params(preset.params)
        view.expect_preset(preset.topic)
        self.run(name, preset.params)

    def run(self, name: str, params: Params | None = None, *, is_worked: bool = False) -> bool:
        """Run an analysis with `params` or those of its form; return whether it was sent off."""
        try:
            own = params if params is not None else self._form(name)
            reads = own.reads_prompts() or (own.takes_prompts() and self._has_prompts())
        except ValidationError as error:
            return self._refuse(name, _sentence(error))
        problem = installed.compute_problem() or (self._prompts.check() if reads else None)
        if problem is None and self._conductor.model is None and not self._conductor.is_loading():
            return self._refuse(name, "No model is open: choose one at the top left.", NO_MODEL)
        if problem is not None:
            return self._refuse(name, problem)
        rows, places = self._prompts.prompts() if reads else ([], [])
        try:
            shared = {"prompts": tuple(rows), **(self._prompts.shared_settings() if reads else {})}
            full = type(own).model_validate({**own.model_dump(), **shared})
        except ValidationError as error:
            return self._refuse(name, _sentence(error))
        self._refused.pop(name, None)
        self._showing.show_busy(name, waits=self._conductor.is_busy(), params=full)
        self._conductor.run(name, full, places, is_worked=is_worked)
        return True

    def _has_prompts(self) -> bool:
        """Return whether the table holds anything."""
        return not all(row.is_empty for row in self._prompts.rows())

    def run_worked(self, name: str) -> bool:
        """Run an analysis of the worked example; return whether it was sent off."""
        return self.run(name, ANALYSES[name].params(), is_worked=True)

    def load_example(self) -> None:
        """Put the worked example of the open model into the table, and run it."""
        model, old = self._conductor.model, self._prompts.rows()
        example = worked_example(model.spec.model if model else "")
        self._prompts.set_prompts(example, "loading the worked example")
        self._prompts.flush()
        if self._prompts.rows() != old and not all(row.is_empty for row in old):
            told = "The worked example has taken the place of your prompts."
            self._hall.show(told, "info", self._prompts.undo.offer())
        for name in worked_order() if model is not None else ():
            params, view = ANALYSES[name].params(), self._views.there(name)
            if view is not None:  # what made a picture stands above it
                view.set_params(params)
            self.run(name, params)

    def retokenize(self) -> None:
        """Bring the live strips up to date with the table, of prompts that are not ticked too."""
        rows, places = self._prompts.all_prompts()
        if len(rows) > MAX_LIVE_PROMPTS:
            here = self._prompts.table.current_row()
            rows = [row for row, place in zip(rows, places, strict=True) if place == here]
            places = [here] * len(rows)
        if not rows:
            self._conductor.stop_kind("live")
            self._prompts.live.show_message("Tokens appear here as you type.")
            return
        if self._conductor.model is None:
            self._prompts.live.show_message("Tokens appear here once a model is open.")
            return
        shared = self._prompts.shared_settings()
        self._conductor.tokenize(rows, places, shared["bos"], chat=shared["chat"])
        if self._conductor.is_busy():
            self._prompts.live.show_waiting()

    def apply_fix(self, notice: Notice, texts: Sequence[str]) -> bool:
        """Repair the table by a notice on `texts`; run again what was refused for want of that."""
        if notice.fix is None:
            return False
        index = notice.fix.get("index")
        text = texts[index] if isinstance(index, int) and 0 <= index < len(texts) else None
        if not self._prompts.apply_fix(notice.fix, text):
            self._hall.say("That prompt is no longer in the table.", "warn")
            return False
        self._prompts.flush()
        if self._refused:
            self._rerun.start()
        return True

    def _form(self, name: str) -> Params:
        """Return the settings of a view's form; those of one that is not built are the defaults."""
        view = self._views.there(name)
        return view.params() if view is not None else self._views.analyses()[name].params()

    def _refuse(self, name: str, problem: str, code: str | None = None) -> bool:
        self._showing.show_failure(name, problem, code)
        return False

    def _on_view_built(self, view: AnalysisView) -> None:
        view.run_requested.connect(self._on_run_requested)
        view.fix_requested.connect(self._on_view_fix_requested)

    def _on_run_requested(self, params: Params) -> None:
        view = self.sender()
        if isinstance(view, AnalysisView):
            self.run(view.analysis.name, params)

    def _on_rerun(self) -> None:
        for name in list(self._refused):
            self.run(name)

    def _on_view_fix_requested(self, notice: Notice) -> None:
        view = self.sender()
        if not isinstance(view, AnalysisView):
            return
        failed, result = self._refused.get(view.analysis.name), view.current_result
        if failed is not None and isinstance(failed.request, RunAnalysis):
            texts = [row.text for row in failed.request.params.prompts]
        else:
            texts = _texts(result)
        self.apply_fix(notice, texts)

    def _on_live_fix_requested(self, notice: Notice) -> None:
        self.apply_fix(notice, _texts(self._prompts.live.result()))

    def _on_model_ready(self, ready: ModelReady) -> None:
        self._hall.selection.keep_within(ready.info.n_layers, ready.info.n_heads)
        live = self._prompts.live.result()
        if live is not None and model_difference(live.model, ready.info):
            self._prompts.live.show_message("Tokens appear here in a moment.")
        self._prompts.offer_chat(ready.chat_template)
        self.retokenize()

    def _on_run_failed(self, name: str, failed: JobFailed) -> None:
        fix = dict(failed.fix) if failed.fix is not None else None
        if fix is not None:
            self._refused[name] = failed
        self._showing.show_failure(name, failed.message, failed.code, fix)
        if failed.is_bug:
            copy = self._hall.copying("Copy details", failed.details)
            log = ("Open log", self._hall.log_wanted.emit)
            self._hall.show(failed.message, "bad", {"copy_report": copy, "log": log}, about=name)


def _texts(result: Result | None) -> list[str]:
    return [row.text for row in asked_rows(result)] if result is not None else []


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}."
