"""The window's side of the compute thread: submit, cancel, and signals that arrive at home."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal, Slot

from desktop_app.jobs import events
from desktop_app.jobs.worker import Job, Service, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

# A thread's default stack on macOS is 0.5 MB, too small for deep modules.
STACK_BYTES = 16 * 1024 * 1024
_SIGNALS = {
    events.JobStarted: "started",
    events.JobProgress: "progressed",
    events.JobPartial: "partial_arrived",
    events.JobFinished: "finished",
    events.JobFailed: "failed",
    events.JobStopped: "stopped",
}


class JobRunner(QObject):
    """Owns the one compute thread for the app's life; all its signals are emitted at home.

    Jobs run strictly one after another, in the order in which they were submitted. Each ends in
    exactly one of `finished`, `failed` and `stopped`, also when it is cancelled before its turn.

    Signals:
        started, progressed, partial_arrived, finished, failed, stopped: With the `Job…` event of
            `jobs.events` of that name.
        became_idle: The last job has ended.
    """

    started = Signal(object)
    progressed = Signal(object)
    partial_arrived = Signal(object)
    finished = Signal(object)
    failed = Signal(object)
    stopped = Signal(object)
    became_idle = Signal()
    _submitted = Signal(object)
    _closing = Signal()

    def __init__(
        self, service_factory: Callable[[], Service], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._ids = count(1)
        self._jobs: dict[int, Job] = {}
        self._is_closed = False
        self._worker: Worker | None = Worker(service_factory)
        self._thread = QThread()
        self._thread.setObjectName("compute")
        self._thread.setStackSize(STACK_BYTES)
        self._worker.moveToThread(self._thread)
        self._submitted.connect(self._worker.perform)
        self._closing.connect(self._worker.close)
        self._worker.spoke.connect(self._on_spoke)
        self._thread.start()

    def submit(self, request: object, title: str = "") -> int:
        """Queue a request and return its job's number; `title` names it in the job bar."""
        if self._is_closed:
            raise RuntimeError("the compute thread is closed")
        job = Job(next(self._ids), request, title)
        self._jobs[job.job_id] = job
        self._submitted.emit(job)
        return job.job_id

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop; it ends as `stopped`, at once when it waits, else at its next step."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.cancelled.set()

    def cancel_all(self) -> None:
        """Ask every job to stop, the one that runs last: none that waits may begin meanwhile."""
        for job in reversed(self._jobs.values()):
            job.cancelled.set()

    def is_busy(self) -> bool:
        """Return whether a job is running or waiting."""
        return bool(self._jobs)

    def shutdown(self, timeout_ms: int) -> bool:
        """Cancel everything and end the thread; return False where it did not end in time.

        A second call waits again. Nothing is emitted after it has returned True.
        """
        self.cancel_all()
        if not self._is_closed:
            self._is_closed = True
            self._closing.emit()
        if not self._thread.wait(timeout_ms):
            return False
        self._jobs.clear()
        if self._worker is not None:
            self._worker.spoke.disconnect(self._on_spoke)
            self._worker = None
        return True

    @Slot(object)
    def _on_spoke(self, event: events.JobEvent) -> None:
        is_end = isinstance(event, events.JobEnd)
        if is_end and self._jobs.pop(event.job_id, None) is None:
            return
        getattr(self, _SIGNALS[type(event)]).emit(event)
        if is_end and not self._jobs:
            self.became_idle.emit()
