"""The open session: results go in as they finish, files are written off the window's thread."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from desktop_app.session.exports import export
from desktop_app.session.store import Session, SessionRow
from desktop_app.support.errors import LensbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from desktop_app.analyses.base import PromptRow
    from desktop_app.analyses.result import Result

_CACHED_RESULTS = 12
Work = Callable[[], Callable[[], None] | None]


class SessionDesk(QObject):
    """Holds one session at a time and does its slow work on one thread of its own, in order.

    Signals:
        rows_changed: The history changed (a tuple of `SessionRow`).
        row_added: Id of a result that is now in the file.
        opened: Another session was opened.
        saved: The path to which it was saved.
        failed: A sentence.
    """

    rows_changed = Signal(object)
    row_added = Signal(int)
    opened = Signal()
    saved = Signal(str)
    failed = Signal(str)
    _done = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = Session.create()
        self.has_unsaved = False
        self._is_closed = False
        self._cache: OrderedDict[int, Result] = OrderedDict()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="session")
        self._done.connect(self._on_done)

    @property
    def name(self) -> str:
        """What the title bar calls the session."""
        return "Untitled session" if self.session.is_temporary else self.session.path.stem

    def rows(self) -> tuple[SessionRow, ...]:
        """Return the history, oldest first."""
        return self.session.rows()

    def add(self, result: Result, *, counts: bool = True) -> None:
        """Write a finished result into the session; `row_added` follows.

        Args:
            result: What finished.
            counts: Whether losing it would be a loss to the user (the worked example is not).
        """
        session = self.session
        self.has_unsaved = self.has_unsaved or (counts and session.is_temporary)

        def work() -> Callable[[], None]:
            number = session.add(result)
            return lambda: self._added(session, number, result)

        self._submit(work)

    def result(self, number: int) -> Result | None:
        """Return a result of the history; `failed` tells why it cannot be read."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        try:
            result = self.session.load(number)
        except LensbenchError as error:
            self.failed.emit(str(error))
            return None
        self._remember(number, result)
        return result

    def rename(self, number: int, title: str) -> None:
        """Give a result another title."""
        try:
            self.session.rename(number, title)
        except LensbenchError as error:
            self.failed.emit(str(error))
        self.rows_changed.emit(self.rows())

    def set_prompts(self, prompts: Sequence[PromptRow], settings: Mapping[str, Any]) -> None:
        """Keep the prompt table with the results."""
        session = self.session

        def work() -> None:
            if not session.is_read_only:
                session.set_prompts(prompts, settings)

        self._submit(work)

    def set_notes(self, notes: str) -> None:
        """Keep the notes with the results."""
        session = self.session

        def work() -> None:
            if not session.is_read_only:
                session.notes = notes

        self._submit(work)

    def save_as(self, path: Path) -> None:
        """Write the session to a file and go on there; `saved` follows."""
        session = self.session

        def work() -> Callable[[], None]:
            session.save_as(path)
            return lambda: self._saved(path)

        self._submit(work)

    def export(self, result: Result, path: Path) -> None:
        """Write one result to a `.json`, `.npz` or `.csv` file; `saved` follows."""

        def work() -> Callable[[], None]:
            export(result, path)
            return lambda: self.saved.emit(str(path))

        self._submit(work)

    def open(self, path: Path) -> bool:
        """Open another session in place of this one; `failed` tells why it cannot be."""
        try:
            session = Session.open(path)
        except LensbenchError as error:
            self.failed.emit(str(error))
            return False
        self._replace(session)
        return True

    def start_new(self) -> None:
        """Begin an empty session."""
        self._replace(Session.create())

    def wait(self) -> None:
        """Wait until everything that was asked for is in the file."""
        with contextlib.suppress(Exception):
            self._pool.submit(_nothing).result(timeout=30)

    def close(self) -> None:
        """Finish what is being written and close the file."""
        self._pool.shutdown(wait=True)
        self._is_closed = True  # answers already on their way home find the file closed
        self.session.close()

    def _replace(self, session: Session) -> None:
        self.wait()
        old, self.session = self.session, session
        self._cache.clear()
        self.has_unsaved = False
        old.close()
        self.rows_changed.emit(self.rows())
        self.opened.emit()

    def _submit(self, work: Work) -> None:
        def guarded() -> object:
            try:
                return work()
            except LensbenchError as error:
                return str(error)
            except Exception as error:  # noqa: BLE001 - told to the user, not lost in a future
                return f"The session file could not be used ({type(error).__name__}: {error})."

        self._pool.submit(guarded).add_done_callback(self._tell)

    def _tell(self, future: Future[object]) -> None:
        """Runs on the session's thread; the signal carries the outcome home."""
        if not future.cancelled():
            self._done.emit(future.result())

    @Slot(object)
    def _on_done(self, outcome: object) -> None:
        if self._is_closed:
            return
        if isinstance(outcome, str):
            self.failed.emit(outcome)
        elif callable(outcome):
            outcome()

    def _added(self, session: Session, number: int, result: Result) -> None:
        if session is not self.session:
            return
        self._remember(number, result)
        self.rows_changed.emit(self.rows())
        self.row_added.emit(number)

    def _saved(self, path: Path) -> None:
        self.has_unsaved = False
        self.saved.emit(str(path))

    def _remember(self, number: int, result: Result) -> None:
        self._cache[number] = result
        self._cache.move_to_end(number)
        while len(self._cache) > _CACHED_RESULTS:
            self._cache.popitem(last=False)


def _nothing() -> None:
    return None
