"""Who asks the compute thread for what, and who gets the answer; late answers are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal

from desktop_app.contract.registry import ANALYSES, serving
from desktop_app.contract.requests import (
    EstimateMemory,
    FetchPack,
    ListModels,
    LoadModel,
    MakePrompts,
    ModelReady,
    ModelSpec,
    RunAnalysis,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.params import Frozen, Params, PromptRow
    from desktop_app.jobs.events import (
        JobEnd,
        JobFailed,
        JobFinished,
        JobPartial,
        JobProgress,
        JobStarted,
        JobStopped,
    )
    from desktop_app.jobs.runner import JobRunner
    from desktop_app.widgets.basics.job_bar import JobBar

# Jobs that come and go while one types; the job bar does not speak of them.
_SILENT = frozenset({"live", "list", "estimate", "look", "made", "remade"})
_GATE = "Trying the prompts"
Bos = Literal["auto", "yes", "no"]
_ENDINGS = {"finished": "good", "failed": "bad", "stopped": "warn"}


@dataclass(frozen=True)
class Task:
    """What a job is for.

    Attributes:
        kind: run, look, live, made, remade, gate, load, list, estimate or fetch.
        name: The analysis, or the model.
        places: The table row of each prompt.
        is_worked: Whether it belongs to the worked example of a first start.
    """

    kind: str
    name: str
    request: object
    places: tuple[int, ...] = ()
    is_worked: bool = False

    @property
    def slot(self) -> tuple[str, str]:
        """Tasks of one slot replace each other: the newer cancels the older."""
        return self.kind, self.name if self.kind in {"run", "look"} else ""

    @property
    def is_silent(self) -> bool:
        """Whether the job bar does not speak of it."""
        return self.kind in _SILENT

    @property
    def title(self) -> str:
        """What the job bar calls it at its end."""
        if self.kind == "gate":
            return _GATE
        return ANALYSES[self.name].title if self.kind == "run" else self.name


class Conductor(QObject):
    """Turns wishes of the window into jobs and jobs' ends into answers.

    Signals:
        job_began: Title of a job that the job bar should speak of.
        job_moved: Its `JobProgress`.
        job_ended: (title, outcome): finished, failed or stopped.
        busy_changed: Whether anything but typing help is under way.
        loading_changed: Whether a model is being loaded.
        waiting_changed: How many jobs wait for the one that runs.
        run_began: Name of an analysis whose turn it is now.
        partial_arrived: (name, fields known so far).
        result_arrived: (Result, Task); of a run that was cancelled what it had by then.
        run_failed: (name, JobFailed).
        run_stopped: Name of an analysis.
        look_arrived: (name, Result) of what a view wanted to look at.
        look_failed: (name, JobFailed).
        live_arrived: (Result of who tokenizes, places).
        live_failed: A sentence.
        made_arrived: (prompts of a family with what was left out, whether of the table's).
        made_failed: (a sentence, whether of the table's).
        gate_arrived: Result of who ranks, of prompts that were made.
        gate_failed: A sentence; empty where it was cancelled.
        model_loading: The model's name.
        model_ready: `ModelReady`.
        model_failed: A sentence; the model that was there stays.
        model_stopped: Loading was cancelled.
        models_listed, memory_estimated, pack_fetched: The answers of those requests.
        question_failed: (kind, sentence) of list, estimate and fetch.
    """

    job_began = Signal(str)
    job_moved = Signal(object)
    job_ended = Signal(str, str)
    busy_changed = Signal(bool)
    loading_changed = Signal(bool)
    waiting_changed = Signal(int)
    run_began = Signal(str)
    partial_arrived = Signal(str, object)
    result_arrived = Signal(object, object)
    run_failed = Signal(str, object)
    run_stopped = Signal(str)
    look_arrived = Signal(str, object)
    look_failed = Signal(str, object)
    live_arrived = Signal(object, object)
    live_failed = Signal(str)
    made_arrived = Signal(object, bool)
    made_failed = Signal(str, bool)
    gate_arrived = Signal(object)
    gate_failed = Signal(str)
    model_loading = Signal(str)
    model_ready = Signal(object)
    model_failed = Signal(str)
    model_stopped = Signal()
    models_listed = Signal(object)
    memory_estimated = Signal(object)
    pack_fetched = Signal(str)
    question_failed = Signal(str, str)

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runner = runner
        self.model: ModelReady | None = None
        self.budget_bytes: int | None = None
        self.stored_bytes: int | None = None
        self._tasks: dict[int, Task] = {}
        self._newest: dict[tuple[str, str], int] = {}
        self._dropped: set[int] = set()
        self._running: int | None = None
        self._told = (False, False, 0)
        self._is_closed = False
        runner.started.connect(self._on_started)
        runner.progressed.connect(self._on_progressed)
        runner.partial_arrived.connect(self._on_partial_arrived)
        runner.finished.connect(self._on_finished)
        runner.failed.connect(self._on_failed)
        runner.stopped.connect(self._on_stopped)

    def load(self, spec: ModelSpec) -> None:
        """Load a model; the old one stays until the new one is ready."""
        self._submit(Task("load", spec.model, LoadModel(spec)), f"Loading {spec.model}")
        self.model_loading.emit(spec.model)

    def run(
        self, name: str, params: Params, places: Sequence[int], *, is_worked: bool = False
    ) -> None:
        """Run an analysis; an earlier run of the same one is cancelled."""
        request = RunAnalysis(name, params, self.budget_bytes, self.stored_bytes)
        task = Task("run", name, request, tuple(places), is_worked)
        self._submit(task, ANALYSES[name].title)

    def look(self, name: str, params: Params) -> None:
        """Run a small part of an analysis, to be looked at and not kept; the newest wish counts."""
        request = RunAnalysis(name, params, self.budget_bytes, self.stored_bytes)
        self._submit(Task("look", name, request), ANALYSES[name].title)

    def tokenize(
        self, prompts: Sequence[PromptRow], places: Sequence[int], bos: str, *, chat: bool
    ) -> None:
        """Tokenize what is being typed; a newer wish replaces an older one."""
        if self.model is None:
            return
        for name in serving("tokenize")[:1]:
            kind = ANALYSES[name].params
            params = kind.model_validate({"prompts": prompts, "bos": bos, "chat": chat})
            request = RunAnalysis(name, params)
            self._submit(Task("live", name, request, tuple(places)), ANALYSES[name].title)

    def make_prompts(self, family: str, form: Frozen, bos: Bos, *, of_table: bool = False) -> None:
        """Ask for prompts of a family, or for those of the table's; the newest wish counts."""
        request = MakePrompts(family, form, bos)
        self._submit(Task("remade" if of_table else "made", family, request), "Making prompts")

    def gate(self, prompts: Sequence[PromptRow], bos: str, *, chat: bool) -> None:
        """Rank prompts that were made, to see whether the model does them; nothing is kept."""
        for name in serving("next_tokens")[:1] if self.model is not None else ():
            given = {"prompts": prompts, "bos": bos, "chat": chat}
            request = RunAnalysis(name, ANALYSES[name].params.model_validate(given))
            self._submit(Task("gate", name, request), _GATE)

    def list_models(self, recent: tuple[str, ...] = (), *, suggested: bool = False) -> None:
        """Ask which models are at hand; with those opened before, and known ones by size."""
        self._submit(Task("list", "", ListModels(recent, suggested)), "Looking for models")

    def estimate(self, spec: ModelSpec) -> None:
        """Ask what a model would need."""
        self._submit(Task("estimate", spec.model, EstimateMemory(spec)), "Estimating memory")

    def fetch(self, name: str) -> None:
        """Fetch a model pack over the network."""
        self._submit(Task("fetch", name, FetchPack(name)), f"Fetching {name}")

    def stop(self) -> None:
        """Cancel what runs or waits, except typing help."""
        for job_id in reversed(self._spoken_of()):  # none that waits may begin meanwhile
            self._cancel(job_id)

    def stop_running(self) -> None:
        """Cancel the job whose turn it is; those that wait for it go on."""
        for job_id in self._spoken_of()[:1]:
            self._cancel(job_id)

    def stop_kind(self, kind: str) -> None:
        """Cancel the jobs of one kind."""
        for job_id, task in self._tasks.items():
            if task.kind == kind:
                self._cancel(job_id)

    def close(self) -> None:
        """Ask for nothing any more: the window is closing."""
        self._is_closed = True

    def is_busy(self) -> bool:
        """Return whether anything but typing help is under way."""
        return any(not task.is_silent for task in self._tasks.values())

    def has_more(self) -> bool:
        """Return whether a job runs or waits that was not cancelled before its turn."""
        return bool(self._spoken_of())

    def is_trying(self) -> bool:
        """Return whether the job whose turn it is tries prompts."""
        task = None if self._running is None else self._tasks.get(self._running)
        return task is not None and task.kind == "gate"

    def is_loading(self) -> bool:
        """Return whether a model is being loaded."""
        return any(task.kind == "load" for task in self._tasks.values())

    def _submit(self, task: Task, title: str) -> None:
        if self._is_closed:
            return
        older = self._newest.get(task.slot)
        if older is not None:
            self._cancel(older)
        job_id = self.runner.submit(task.request, title)
        self._tasks[job_id] = task
        self._newest[task.slot] = job_id
        self._tell_busy()

    def _cancel(self, job_id: int) -> None:
        self._dropped.add(job_id)
        self.runner.cancel(job_id)
        self._tell_busy()

    def _spoken_of(self) -> list[int]:
        """Return the jobs that the job bar speaks of, in their order; dropped ones do not wait."""
        return [
            job_id
            for job_id, task in self._tasks.items()
            if not task.is_silent and (job_id == self._running or job_id not in self._dropped)
        ]

    def _on_started(self, event: JobStarted) -> None:
        self._running = event.job_id
        task = self._tasks.get(event.job_id)
        if task is not None and not task.is_silent:
            self.job_began.emit(event.title)
            if task.kind == "run" and self._is_newest(event.job_id, task):
                self.run_began.emit(task.name)

    def _on_progressed(self, event: JobProgress) -> None:
        task = self._tasks.get(event.job_id)
        if task is not None and not task.is_silent:
            self.job_moved.emit(event)

    def _on_partial_arrived(self, event: JobPartial) -> None:
        task = self._tasks.get(event.job_id)
        if task is not None and task.kind == "run" and self._is_newest(event.job_id, task):
            self.partial_arrived.emit(task.name, event.data)

    def _on_finished(self, event: JobFinished) -> None:
        task, is_newest = self._take(event, "finished")
        # A finished run is worth keeping even where a newer one was asked for meanwhile.
        if task is None or not (is_newest or task.kind == "run"):
            return
        match task.kind:
            case "run":
                self.result_arrived.emit(event.value, task)
            case "load":
                if isinstance(event.value, ModelReady):
                    self.model = event.value
                self.model_ready.emit(event.value)
            case "made" | "remade":
                self.made_arrived.emit(event.value, task.kind == "remade")
            case _:
                self._answer(task, event.value)

    def _answer(self, task: Task, value: object) -> None:
        """Tell the answer of a question that leaves everything as it is."""
        match task.kind:
            case "look":
                self.look_arrived.emit(task.name, value)
            case "live":
                self.live_arrived.emit(value, task.places)
            case "gate":
                self.gate_arrived.emit(value)
            case "list":
                self.models_listed.emit(value)
            case "estimate":
                self.memory_estimated.emit(value)
            case "fetch":
                self.pack_fetched.emit(task.name)

    def _on_failed(self, event: JobFailed) -> None:
        task, is_newest = self._take(event, "failed")
        if task is None or not is_newest:
            return
        match task.kind:
            case "run":
                self.run_failed.emit(task.name, event)
            case "look":
                self.look_failed.emit(task.name, event)
            case "live":
                self.live_failed.emit(event.message)
            case "made" | "remade":
                self.made_failed.emit(event.message, task.kind == "remade")
            case "gate":
                self.gate_failed.emit(event.message)
            case "load":
                self.model_failed.emit(event.message)
            case _:
                self.question_failed.emit(task.kind, event.message)

    def _on_stopped(self, event: JobStopped) -> None:
        task, is_newest = self._take(event, "stopped")
        if task is None or not is_newest:
            return
        if task.kind == "run" and event.value is not None:
            self.result_arrived.emit(event.value, task)
        elif task.kind == "run":
            self.run_stopped.emit(task.name)
        elif task.kind == "load":
            self.model_stopped.emit()
        elif task.kind == "gate":
            self.gate_failed.emit("")
        elif task.kind == "fetch":
            self.question_failed.emit("fetch", "Fetching was stopped; nothing was installed.")

    def _take(self, event: JobEnd, outcome: str) -> tuple[Task | None, bool]:
        """Let go of a job and tell its end; return what it was for, and whether that still holds.

        Of one that was cancelled before its turn nothing is told.
        """
        task = self._tasks.pop(event.job_id, None)
        self._dropped.discard(event.job_id)
        had_begun = self._running == event.job_id
        if had_begun:
            self._running = None
        if task is None:
            return None, False
        self._tell_busy()
        is_newest = self._is_newest(event.job_id, task)
        if is_newest:
            del self._newest[task.slot]
        if not task.is_silent and (had_begun or outcome != "stopped"):
            self.job_ended.emit(task.title, outcome)
        return task, is_newest

    def _is_newest(self, job_id: int, task: Task) -> bool:
        return self._newest.get(task.slot) == job_id

    def _tell_busy(self) -> None:
        waiting = max(0, len(self._spoken_of()) - 1)
        before, self._told = self._told, (self.is_busy(), self.is_loading(), waiting)
        signals = (self.busy_changed, self.loading_changed, self.waiting_changed)
        for signal, old, new in zip(signals, before, self._told, strict=True):
            if new != old:
                signal.emit(new)


class JobWords(QObject):
    """Tells of the job whose turn it is, and how the last one ended."""

    def __init__(self, conductor: Conductor, bar: JobBar) -> None:
        super().__init__(bar)
        self._conductor = conductor
        self._bar = bar
        self._ending: tuple[str, str] | None = None
        conductor.job_began.connect(self._on_job_began)
        conductor.job_moved.connect(self._on_job_moved)
        conductor.job_ended.connect(self._on_job_ended)
        conductor.waiting_changed.connect(bar.set_waiting)
        bar.cancel_clicked.connect(conductor.stop_running)

    def _on_job_began(self, title: str) -> None:
        self._bar.show_job(title)
        if self._ending is not None:
            # The next job has followed at once: how the last one ended is still worth a word.
            self._bar.say(*self._ending)
            self._ending = None

    def _on_job_moved(self, event: JobProgress) -> None:
        self._bar.set_progress(event.fraction, event.note, event.seconds_left)

    def _on_job_ended(self, title: str, outcome: str) -> None:
        ending = f"{title} {outcome}", _ENDINGS[outcome]
        self._bar.finish(*ending)
        self._ending = ending if self._conductor.has_more() and outcome != "finished" else None
