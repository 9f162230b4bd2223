"""The one thread on which a session's file is written, and what waits in memory to be."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, Signal, Slot

from desktop_app.pictures.naming import result_name
from desktop_app.session import unsaved
from desktop_app.session.store import SessionRow, now
from desktop_app.session.titles import question_of
from desktop_app.support.errors import BadInputError, LensbenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result
    from desktop_app.session.store import Session

Answer = Callable[[], None]
Work = Callable[[], Answer | None]
_Found = TypeVar("_Found")
_PATIENCE_S = 90.0
_MOMENT_S = 0.05
_log = logging.getLogger(__name__)


class SessionThread(QObject):
    """Does one piece of work after another; what each returns is called on the window's thread.

    Signals:
        failed: A sentence, where a piece of work raised.
    """

    failed = Signal(str)
    _done = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answers: deque[Answer | str | None] = deque()
        self._is_closed = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="session")
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="session reader")
        self._done.connect(self._on_done)

    def submit(self, work: Work) -> None:
        """Do a piece of work after all that was asked for before; nothing once closed."""
        if self._is_closed:
            _log.warning("Something was to be written after the session's file was closed.")
            return

        def guarded() -> Answer | str | None:
            try:
                return work()
            except LensbenchError as error:
                return str(error)
            except Exception as error:  # noqa: BLE001 - told to the user, not lost in a future
                return f"The session file could not be used ({type(error).__name__}: {error})."

        self._pool.submit(guarded).add_done_callback(self._keep)

    def wait(self) -> bool:
        """Wait until everything that was asked for is done and answered; return whether it is."""
        try:
            self.perform(_nothing)
        except BadInputError:  # it takes too long, or is over
            return False
        return True

    def perform(self, work: Callable[[], _Found]) -> _Found:
        """Do a piece of work after all that was asked for before, wait for it, and return it."""
        found = self._wait_for(self._pool, work)
        self._on_done()
        return found

    def read(self, work: Callable[[], _Found]) -> _Found:
        """Read something now, whatever is still to be written, wait for it, and return it."""
        return self._wait_for(self._reader, work)

    def close(self) -> None:
        """Finish what was asked for and end the thread; answers still on their way are dropped."""
        self._is_closed = True
        self._pool.shutdown(wait=True)
        self._reader.shutdown(wait=True)

    def _wait_for(self, pool: ThreadPoolExecutor, work: Callable[[], _Found]) -> _Found:
        """Wait for a piece of work; the window goes on being drawn, but hears nothing new."""
        if self._is_closed:
            raise BadInputError("The session is closed.")
        future, end = pool.submit(work), time.monotonic() + _PATIENCE_S
        while True:
            try:
                return future.result(timeout=_MOMENT_S)
            except TimeoutError:
                if future.done():
                    raise
            if time.monotonic() > end:
                raise BadInputError("The session's file is still in use: try again later.")
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)

    def _keep(self, future: Future[Answer | str | None]) -> None:
        """Runs on the session's thread; the signal wakes the window."""
        if not future.cancelled():
            self._answers.append(future.result())
            self._done.emit()

    @Slot()
    def _on_done(self) -> None:
        while self._answers and not self._is_closed:
            answer = self._answers.popleft()
            if isinstance(answer, str):
                self.failed.emit(answer)
            elif answer is not None:
                answer()


def _nothing() -> None:
    return None


class KeptResults:
    """Results in memory, under numbers below 0 so that they are never taken for written ones.

    Attributes:
        hidden: Those that were taken out of the history, and may come back.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[SessionRow, Result]] = {}
        self._last = 0
        self.hidden: set[int] = set()

    def add(self, result: Result) -> int:
        """Keep a result and return its number."""
        self._last -= 1
        created = result.provenance.get("created")
        when, title = created if isinstance(created, str) else now(), result_name(result)
        row = SessionRow(
            *(self._last, result.analysis, title, when, result.model.label),
            question=question_of(result),
        )
        self._kept[self._last] = row, result
        return self._last

    def get(self, number: int) -> Result | None:
        """Return the result of that number."""
        return self._kept[number][1] if number in self._kept else None

    def rows(self) -> tuple[SessionRow, ...]:
        """Return the lines of the history, oldest first."""
        return tuple(kept[0] for number, kept in self._kept.items() if number not in self.hidden)

    def visible(self) -> tuple[Result, ...]:
        """Return what is in the history, oldest first."""
        return tuple(kept[1] for number, kept in self._kept.items() if number not in self.hidden)

    def everything(self) -> tuple[Result, ...]:
        """Return all that was ever kept here."""
        return tuple(kept[1] for kept in self._kept.values())

    def take_all(self) -> tuple[Result, ...]:
        """Return what is in the history, and keep nothing of it; what was deleted may come back."""
        taken = self.visible()
        self._kept = {number: self._kept[number] for number in self.hidden & self._kept.keys()}
        return taken

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self.hidden.clear()


class Shelter:
    """Keeps on the disk, until it is in its own file, what could not be written there.

    It is an unsaved session like any other: where the program dies, the next start offers it. Its
    methods are called on the session's thread alone.
    """

    def __init__(self) -> None:
        self._session: Session | None = None
        self._held: list[Result] = []

    def add(self, result: Result) -> str:
        """Keep a result; return in a sentence where it is."""
        memory = "The result is kept in memory until it can be written."
        try:
            if self._session is None:
                self._session = unsaved.begin_on_disk()
            if self._session is None:
                return memory
            if not any(held is result for held in self._held):  # a second try may fail as well
                unsaved.mark_worth_keeping(self._session)
                self._session.add(result)
                self._held.append(result)
        except LensbenchError:
            return memory
        return f"{memory[:-1]}, and in “{self._session.path}” meanwhile."

    def close(self, told: Sequence[Result] | None = None) -> None:
        """Let go: what it holds is in its own file, or is to be forgotten.

        Args:
            told: The results that the user knows to be here: what else there is stays for the next
                start. None: all is over.
        """
        session, self._session = self._session, None
        held, self._held = self._held, []
        if session is not None:
            session.is_temporary = told is None or all(any(h is t for t in told) for h in held)
            session.close()
