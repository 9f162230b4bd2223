"""How a computation speaks while it works, without knowing who listens."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Reporter:
    """What a computation may say; each call is also a place where it can be cancelled.

    Attributes:
        previews: Whether somebody watches, so that an estimate is worth its time before the exact
            values come.
        keeps_partial: Whether what is known so far is wanted when the work is cancelled.
    """

    previews = False
    keeps_partial = False

    def step(self, fraction: float, note: str = "") -> None:
        """Report progress, a fraction 0..1 and a sentence; raise `Cancelled` if asked to stop."""

    def check(self) -> None:
        """Raise `Cancelled` when asked to stop; cheap enough for every layer."""

    def partial(self, data: Mapping[str, Any]) -> None:
        """Hand over fields as far as they are known, missing values as NaN."""

    def needs(self, memory_bytes: int) -> None:
        """Say how much memory the work that begins now takes at its peak, in bytes."""

    def stores(self, wanted_bytes: int, limit_bytes: int) -> None:
        """Say how many bytes the whole result would keep, and how many it may; before `needs`."""


class SilentReporter(Reporter):
    """For callers that want only the result."""


class ShareReporter(Reporter):
    """Passes on the progress of one part of a larger work."""

    def __init__(self, inner: Reporter, start: float, share: float) -> None:
        self.previews = inner.previews
        self.keeps_partial = inner.keeps_partial
        self._inner = inner
        self._start = start
        self._share = share

    @override
    def step(self, fraction: float, note: str = "") -> None:
        self._inner.step(self._start + self._share * fraction, note)

    @override
    def check(self) -> None:
        self._inner.check()

    @override
    def partial(self, data: Mapping[str, Any]) -> None:
        self._inner.partial(data)

    @override
    def needs(self, memory_bytes: int) -> None:
        self._inner.needs(memory_bytes)

    @override
    def stores(self, wanted_bytes: int, limit_bytes: int) -> None:
        self._inner.stores(wanted_bytes, limit_bytes)


class CheckingReporter(Reporter):
    """Says nothing of what is no step of the work by itself, and can be cancelled there."""

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner

    @override
    def step(self, fraction: float, note: str = "") -> None:
        self._inner.check()

    @override
    def check(self) -> None:
        self._inner.check()


class _EstimatedError(Exception):
    """Ends a run that was begun only to hear what it needs."""


class EstimatingReporter(Reporter):
    """Stops the computation as soon as it says what it needs."""

    def __init__(self) -> None:
        self.memory_bytes: int | None = None
        self.stored_bytes: int | None = None
        self.limit_bytes: int | None = None

    @override
    def needs(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        raise _EstimatedError

    @override
    def stores(self, wanted_bytes: int, limit_bytes: int) -> None:
        self.stored_bytes, self.limit_bytes = wanted_bytes, limit_bytes

    def listen(self, work: Callable[[], object]) -> int | None:
        """Return the bytes that work says it needs; None where it ends without a word."""
        with suppress(_EstimatedError):
            work()
        return self.memory_bytes
