"""Exceptions turned into text, on the thread where they were raised."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from desktop_app.jobs.events import JobFailed
from desktop_app.support.errors import FixableError, LensbenchError

if TYPE_CHECKING:
    from desktop_app.jobs.job import Job

_OUT_OF_MEMORY = (
    "Out of memory while working on {what}: use fewer or shorter prompts, a narrower range of "
    "layers, or a smaller dtype."
)


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
    message = (
        f"Something went wrong inside Lensbench ({type(error).__name__}: {_first_line(error)}). "
        "The details are in the log; please report them."
    )
    return JobFailed(job.job_id, job.request, message, details, is_bug=True)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, on the host or on an accelerator.

    torch's error is known by its name, so that nothing here needs torch; it is a RuntimeError.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, MemoryError) or "OutOfMemoryError" in names


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else "no message"
