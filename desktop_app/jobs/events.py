"""What the compute thread says, as plain frozen data that any thread may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class JobStarted:
    """The job has its turn."""

    job_id: int
    request: object
    title: str


@dataclass(frozen=True)
class JobProgress:
    """How far the job is.

    Attributes:
        fraction: 0..1.
        note: One phrase: what it is doing.
        seconds_left: An estimate from the time so far, or None while it would be a guess.
    """

    job_id: int
    fraction: float
    note: str
    seconds_left: float | None


@dataclass(frozen=True)
class JobPartial:
    """Fields of the result as far as they are known; missing values are NaN."""

    job_id: int
    request: object
    data: Mapping[str, Any]


@dataclass(frozen=True)
class JobFinished:
    """The job's answer, and what it took."""

    job_id: int
    request: object
    value: object
    seconds: float


@dataclass(frozen=True)
class JobFailed:
    """The job ended in an error, as text: exceptions never cross threads, they would pin tensors.

    Attributes:
        message: One sentence: what is wrong, with what, what to do.
        details: The traceback as text, for the log and the copy button.
        code: The warning code where the repair is known, such as `answer_shared_prefix`.
        fix: The repaired prompt row as data, where the repair is known.
        is_bug: Whether it is none of the errors that the program expects.
    """

    job_id: int
    request: object
    message: str
    details: str = ""
    code: str | None = None
    fix: Mapping[str, Any] | None = None
    is_bug: bool = False


@dataclass(frozen=True)
class JobStopped:
    """The job was cancelled, before its turn or while it ran.

    Attributes:
        value: What it had computed by then, where it keeps that: a partial `Result`, else None.
    """

    job_id: int
    request: object
    value: object = None


JobEvent = JobStarted | JobProgress | JobPartial | JobFinished | JobFailed | JobStopped
JobEnd = JobFinished | JobFailed | JobStopped
