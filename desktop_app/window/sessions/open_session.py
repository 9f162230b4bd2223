"""The session that a window has open: its thread, its file, and what others do to that."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from desktop_app.session import unsaved
from desktop_app.session.history import SessionRow, now
from desktop_app.session.rescue import is_readable, rescue
from desktop_app.session.store import Session, default_title
from desktop_app.support.errors import LensbenchError

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.contract.result import Result

Answer = Callable[[], None]
Work = Callable[[], Answer | None]
_PATIENCE_S = 60.0
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

    def wait(self) -> None:
        """Wait until everything that was asked for is done and answered."""
        with contextlib.suppress(Exception):
            self._pool.submit(_nothing).result(timeout=_PATIENCE_S)
        self._on_done()

    def close(self) -> None:
        """Finish what was asked for and end the thread; answers still on their way are dropped."""
        self._is_closed = True
        self._pool.shutdown(wait=True)

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
        when, title = created if isinstance(created, str) else now(), default_title(result)
        row = SessionRow(self._last, result.analysis, title, when, result.model.name)
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

    def take_all(self) -> tuple[Result, ...]:
        """Return what is in the history, and keep nothing of it."""
        taken = self.visible()
        self.clear()
        return taken

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self.hidden.clear()


class OpenSession(QObject):
    """Holds one session at a time and does its slow work on one thread of its own, in order.

    Attributes:
        session: The open one.
        has_unsaved: Whether closing it would lose something, as it has no name yet or as results
            could not be written.

    Signals:
        rows_changed: The history changed (a tuple of `SessionRow`).
        opened: Another session was opened.
        saved: The path to which it was saved.
        failed: A sentence.
        write_failed: A sentence: something is in memory only.
        added_elsewhere: How many results another program has added.
    """

    rows_changed = Signal(object)
    opened = Signal()
    saved = Signal(str)
    failed = Signal(str)
    write_failed = Signal(str)
    added_elsewhere = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Session = unsaved.begin()
        self.has_unsaved = False
        self._rows: tuple[SessionRow, ...] = ()
        self._kept = KeptResults()
        self._cache: OrderedDict[int, Result] = OrderedDict()
        self._told_gone = False
        self._thread = SessionThread(self)
        self._thread.failed.connect(self.failed)

    def rows(self) -> tuple[SessionRow, ...]:
        """Return the history, oldest first."""
        return (*self._rows, *self._kept.rows())

    def open(self, path: Path) -> bool:
        """Open another session in place of this one; `failed` tells why it cannot be."""
        self.wait()
        if not self.session.is_gone() and path.exists() and path.samefile(self.session.path):
            return True
        return self._take_up(functools.partial(Session.open, path, claimed=True))

    def restore(self, path: Path) -> bool:
        """Take up the unsaved work that a program left behind; it still has no name."""
        restored = self._take_up(functools.partial(unsaved.restore, path))
        self.has_unsaved = self.has_unsaved or restored
        return restored

    def start_new(self) -> None:
        """Begin an empty session."""
        self._take_up(unsaved.begin)

    def save_as(self, path: Path) -> None:
        """Write the session to a file and go on there; `saved` follows."""
        session, kept = self.session, self._kept.visible()
        rows, known = self._rows, dict(self._cache)

        def work() -> Answer:
            lost = 0
            current = session
            try:
                session.save_as(path)
            except LensbenchError:
                if is_readable(session):
                    raise
                current, lost = rescue(rows, known, path)
            for result in kept:
                current.add(result)
            return functools.partial(self._saved, current, current.rows(), lost)

        self._thread.submit(work)

    def look_again(self) -> None:
        """See whether another program has changed the file, or taken it away."""
        session = self.session

        def work() -> Answer | None:
            if session.is_gone():
                return functools.partial(self._tell_gone, session)
            if not session.changed_elsewhere():
                return None
            return functools.partial(self._changed_elsewhere, session, session.rows())

        self._thread.submit(work)

    def run(self, work: Callable[[], Answer | None]) -> None:
        """Do something slow with files, after all that was asked for before."""
        self._thread.submit(work)

    def wait(self) -> None:
        """Wait until everything that was asked for is in the file."""
        self._thread.wait()

    def close(self) -> None:
        """Finish what is being written and close the file."""
        session = self.session
        self._thread.submit(functools.partial(_retire, session))
        self._thread.close()

    def _take_up(self, opener: Callable[[], Session]) -> bool:
        self.wait()
        session = None
        try:
            session = opener()
            rows = session.rows()
        except LensbenchError as error:
            if session is not None:
                session.close()
            self.failed.emit(str(error))
            return False
        old, self.session, self._rows = self.session, session, rows
        self._forget()
        self._thread.submit(functools.partial(_retire, old))
        self.rows_changed.emit(self.rows())
        self.opened.emit()
        return True

    def _forget(self) -> None:
        """Let go of what belonged to the session before."""
        self._cache.clear()
        self._kept.clear()
        self.has_unsaved = self._told_gone = False

    def _change(
        self, change: Callable[[Session], Any], done: Callable[[], None] | None = None
    ) -> None:
        """Change something in the file, off the window's thread; the history follows."""
        session = self.session

        def work() -> Answer:
            try:
                change(session)
            finally:
                rows = session.rows()
            return functools.partial(self._changed, session, rows, done)

        self._thread.submit(work)

    def _changed(
        self, session: Session, rows: tuple[SessionRow, ...], done: Callable[[], None] | None
    ) -> None:
        if session is self.session:
            self._show_rows(rows)
            if done is not None:
                done()

    def _show_rows(self, rows: tuple[SessionRow, ...]) -> None:
        """Tell of the history where it is another than before."""
        if rows != self._rows:
            self._rows = rows
            self.rows_changed.emit(self.rows())

    def _saved(self, session: Session, rows: tuple[SessionRow, ...], lost: int) -> None:
        if session is not self.session:  # what could be rescued of it
            self._thread.submit(functools.partial(_retire, self.session))
            self.session = session
            self._cache.clear()
        self._kept.clear()
        self._rows = rows
        self.has_unsaved = self._told_gone = False
        self.rows_changed.emit(self.rows())
        self.saved.emit(str(session.path))
        if lost:
            what = "One result" if lost == 1 else f"{lost} results"
            self.failed.emit(
                f"{what} could not be saved, as the old file can no longer be read: run again."
            )

    def _tell_gone(self, session: Session) -> None:
        if session is self.session and not self._told_gone:
            self._told_gone = self.has_unsaved = True
            self.write_failed.emit(
                f"“{session.path}” was deleted, moved or replaced: save the session under another "
                "name to keep it."
            )

    def _changed_elsewhere(self, session: Session, rows: tuple[SessionRow, ...]) -> None:
        if session is self.session:
            new = len(rows) - len(self._rows)
            self._show_rows(rows)
            if new > 0:
                self.added_elsewhere.emit(new)


def _retire(session: Session) -> None:
    """Close a session; what was deleted from it goes for good, as it can be undone no more."""
    try:
        if not session.is_temporary and session.deleted_rows():
            session.empty_bin()
    except LensbenchError:
        pass  # it stays in the file; the next one who closes it tries again
    finally:
        session.close()
