"""One job on its way to the compute thread, and how it reports from there."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import override

from desktop_app.contract.report import Reporter
from desktop_app.jobs.events import JobEvent, JobPartial, JobProgress
from desktop_app.support.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROGRESS_INTERVAL_S = 0.05
PARTIAL_INTERVAL_S = 0.3
_FRACTION_FOR_ESTIMATE = 0.03
_SECONDS_FOR_ESTIMATE = 0.4


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

    def __init__(self, job: Job, emit: Callable[[JobEvent], None]) -> None:
        self._job = job
        self._emit = emit
        self._started = time.monotonic()
        self._last_step = -1.0
        self._last_partial = -1.0

    def step(self, fraction: float, note: str = "") -> None:
        """Report progress at most every 50 ms, except that the end (1.0) is always sent."""
        self.check()
        now = time.monotonic()
        done = min(max(float(fraction), 0.0), 1.0)
        if done < 1.0 and self._last_step >= 0 and now - self._last_step < PROGRESS_INTERVAL_S:
            return
        self._last_step = now
        self._emit(JobProgress(self._job.job_id, done, str(note), self._seconds_left(done, now)))

    @override
    def check(self) -> None:
        if self._job.cancelled.is_set():
            raise Cancelled

    def partial(self, data: Mapping[str, Any]) -> None:
        """Hand over fields as far as they are known, at most every 0.3 s."""
        self.check()
        now = time.monotonic()
        if self._last_partial >= 0 and now - self._last_partial < PARTIAL_INTERVAL_S:
            return
        self._last_partial = now
        copied = {name: _copied(value) for name, value in data.items()}
        self._emit(JobPartial(self._job.job_id, self._job.request, copied))

    def needs(self, memory_bytes: int) -> None:
        """Say in the job bar what the work takes, before it begins."""
        note = f"takes about {memory_bytes / 1e9:.1f} GB"
        self._emit(JobProgress(self._job.job_id, 0.0, note, None))

    def _seconds_left(self, fraction: float, now: float) -> float | None:
        elapsed = now - self._started
        if fraction < _FRACTION_FOR_ESTIMATE or elapsed < _SECONDS_FOR_ESTIMATE:
            return None
        return elapsed / fraction * (1.0 - fraction)


def _copied(value: Any) -> Any:
    """Return arrays as read-only copies: the computation goes on writing into its own."""
    if not isinstance(value, np.ndarray):
        return value
    copy = value.copy()
    copy.flags.writeable = False
    return copy
