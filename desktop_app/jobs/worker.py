"""The object that lives on the compute thread and does one job after another; how jobs report."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PySide6.QtCore import QObject, QThread, Signal, Slot
from typing_extensions import override

from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.report import Reporter
from desktop_app.contract.requests import LoadModel, RunAnalysis
from desktop_app.contract.result import Result
from desktop_app.jobs import quiet
from desktop_app.jobs.events import (
    JobEvent,
    JobFailed,
    JobFinished,
    JobPartial,
    JobProgress,
    JobStarted,
    JobStopped,
)
from desktop_app.jobs.time_left import TimeLeft
from desktop_app.support.errors import Cancelled, FixableError, LensbenchError
from desktop_app.support.logs import adopt_library_loggers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


PROGRESS_INTERVAL_S = 0.05
PARTIAL_INTERVAL_S = 0.3
_OUT_OF_MEMORY = (
    "Out of memory while working on {what}: use fewer or shorter prompts, a narrower range of "
    "layers, or a smaller dtype."
)


@dataclass(frozen=True)
class Job:
    """A request with its number.

    Attributes:
        cancelled: Set by the window, read by the worker; a queued call would come too late.
    """

    job_id: int
    request: object
    title: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)


class JobReporter(Reporter):
    """The `Reporter` that a computation is given: throttled events, and the place to stop."""

    previews = True
    keeps_partial = True

    def __init__(self, job: Job, emit: Callable[[JobEvent], None]) -> None:
        self._job = job
        self._emit = emit
        self._left = TimeLeft()
        self._last_step = -1.0
        self._last_partial = -1.0

    @override
    def step(self, fraction: float, note: str = "") -> None:
        """Report progress at most every 50 ms, except that the end (1.0) is always sent."""
        self.check()
        now = time.monotonic()
        done = min(max(float(fraction), 0.0), 1.0)
        if done < 1.0 and self._last_step >= 0 and now - self._last_step < PROGRESS_INTERVAL_S:
            return
        self._last_step = now
        left = self._left.heard(done, now)
        self._emit(JobProgress(self._job.job_id, done, str(note), left))

    @override
    def check(self) -> None:
        if self._job.cancelled.is_set():
            raise Cancelled

    @override
    def partial(self, data: Mapping[str, Any]) -> None:
        """Hand over fields as far as they are known, at most every 0.3 s."""
        self.check()
        now = time.monotonic()
        if self._last_partial >= 0 and now - self._last_partial < PARTIAL_INTERVAL_S:
            return
        self._last_partial = now
        copied = {name: _copied(value) for name, value in data.items()}
        self._emit(JobPartial(self._job.job_id, self._job.request, copied))

    @override
    def needs(self, memory_bytes: int) -> None:
        """Say in the job bar what the work takes, before it begins."""
        note = f"takes about {memory_bytes / 1e9:.1f} GB"
        self._emit(JobProgress(self._job.job_id, 0.0, note, None))

    @override
    def stores(self, wanted_bytes: int, limit_bytes: int) -> None:
        """Say in the job bar what is too large to be kept."""
        if wanted_bytes > limit_bytes:
            note = f"{self._stored()} of {wanted_bytes / 1e9:.1f} GB are kept in small"
            self._emit(JobProgress(self._job.job_id, 0.0, note, None))

    def _stored(self) -> str:
        """Return what a large result of the job keeps."""
        request = self._job.request
        known = ANALYSES.get(request.analysis) if isinstance(request, RunAnalysis) else None
        return "patterns" if known is None else known.stored


class Service(Protocol):
    """What the worker asks: `desktop_app.jobs.service.Service`, or a stand-in for tests."""

    def perform(self, request: Any, report: Reporter) -> Any:
        """Answer a request with plain data; may raise `Cancelled`."""


class Worker(QObject):
    """Owns the service, and with it the model and every torch call.

    It has no parent and is moved to the compute thread; nothing is called on it directly, all
    comes through queued signals. The service is made, used and let go on this thread alone.

    Signals:
        spoke: Emitted on the compute thread with a `JobEvent`; the runner re-emits it at home.
    """

    spoke = Signal(object)

    def __init__(self, service_factory: Callable[[], Service]) -> None:
        super().__init__()
        self._service_factory = service_factory
        self._service: Service | None = None
        self._is_quiet = False

    @Slot(object)
    def perform(self, job: Job) -> None:
        """Do one job; it ends in exactly one of finished, failed and stopped."""
        self.spoke.emit(self._outcome(job))
        if isinstance(job.request, LoadModel):
            adopt_library_loggers()  # libraries change their levels while a model is loaded

    @Slot()
    def close(self) -> None:
        """Let go of the service and leave the thread's event loop."""
        self._service = None
        QThread.currentThread().quit()

    def _outcome(self, job: Job) -> JobEvent:
        if job.cancelled.is_set():
            return JobStopped(job.job_id, job.request)
        self.spoke.emit(JobStarted(job.job_id, job.request, job.title))
        began = time.monotonic()
        try:
            value = self._ready_service(job.request).perform(
                job.request, JobReporter(job, self.spoke.emit)
            )
        except Cancelled:
            return JobStopped(job.job_id, job.request)
        except BaseException as error:  # noqa: BLE001 - the one place that ends all as text
            # A library that wraps what it catches turns a cancellation into an error of its own.
            stopped = job.cancelled.is_set()
            return JobStopped(job.job_id, job.request) if stopped else describe_failure(job, error)
        if isinstance(value, Result) and value.partial:
            return JobStopped(job.job_id, job.request, value)
        return JobFinished(job.job_id, job.request, value, time.monotonic() - began)

    def _ready_service(self, request: object) -> Service:
        if self._service is None:
            quiet.quieten_environment()
            quiet.yield_to_the_window()
            self._service = self._service_factory()
        if isinstance(request, LoadModel) and not self._is_quiet:
            quiet.preload_torch()
            quiet.quieten_transformers()
            self._is_quiet = True
        return self._service


def describe_failure(job: Job, error: BaseException) -> JobFailed:
    """Return what ended a job as plain text; nothing of the exception itself is kept."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, FixableError):
        fix = dict(error.fix) if error.fix is not None else None
        return JobFailed(job.job_id, job.request, str(error), details, error.code, fix)
    if isinstance(error, LensbenchError):
        return JobFailed(job.job_id, job.request, str(error), details)
    if is_out_of_memory(error):
        what = job.title or "this job"
        return JobFailed(job.job_id, job.request, _OUT_OF_MEMORY.format(what=what), details)
    first = (str(error).strip().splitlines() or ["no message"])[0][:200]
    message = (
        f"Something went wrong inside Lensbench ({type(error).__name__}: {first}). "
        "The details are in the log; please report them."
    )
    return JobFailed(job.job_id, job.request, message, details, is_bug=True)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, on the host or on an accelerator.

    torch's error is known by its name, so that nothing here needs torch; it is a RuntimeError.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, MemoryError) or "OutOfMemoryError" in names


def _copied(value: Any) -> Any:
    """Return arrays as read-only copies: the computation goes on writing into its own."""
    if not isinstance(value, np.ndarray):
        return value
    copy = value.copy()
    copy.flags.writeable = False
    return copy
