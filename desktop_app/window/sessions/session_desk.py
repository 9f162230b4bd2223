"""The session that a window has open: its results and notes, saving, and what others do to it."""

from __future__ import annotations

import contextlib
import functools
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from PySide6.QtCore import QObject, Signal

from desktop_app.session import unsaved
from desktop_app.session.exports import export
from desktop_app.session.store import Session
from desktop_app.session.unsaved import is_readable, rescue
from desktop_app.support.errors import LensbenchError
from desktop_app.window.sessions.session_thread import KeptResults, SessionThread, Shelter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from desktop_app.contract.params import PromptRow
    from desktop_app.contract.result import Result
    from desktop_app.session.store import SessionRow
    from desktop_app.window.sessions.session_thread import Answer

_CACHED_RESULTS = 12
_Read = TypeVar("_Read")


class SessionDesk(QObject):
    """Holds one session at a time and does its slow work on one thread of its own, in order.

    A result that cannot be written stays in memory, under a number below 0, until it can be.

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
        row_added: Id of a result that is now in the history.
        brought_back: Id of a result that was deleted and is back in its place.
        deleted: (ids, title) of results that were deleted and can be brought back.
    """

    rows_changed = Signal(object)
    opened = Signal()
    saved = Signal(str)
    failed = Signal(str)
    write_failed = Signal(str)
    added_elsewhere = Signal(int)
    row_added = Signal(int)
    brought_back = Signal(int)
    deleted = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Session = unsaved.begin()
        self.has_unsaved = False
        self._rows: tuple[SessionRow, ...] = ()
        self._kept = KeptResults()
        self._shelter = Shelter()
        self._cache: OrderedDict[int, Result] = OrderedDict()
        self._prompts: object = None
        self._numbers: WeakValueDictionary[int, Result] = WeakValueDictionary()
        self._told_gone = False
        self._doubted: Session | None = None
        self._thread = SessionThread(self)
        self._thread.failed.connect(self.failed)

    def rows(self) -> tuple[SessionRow, ...]:
        """Return the history, oldest first."""
        return (*self._rows, *self._kept.rows())

    def open(self, path: Path) -> bool:
        """Open another session in place of this one; `failed` tells why it cannot be."""
        if not self._is_settled():
            return False
        is_there = os.path.exists(path)  # of a name that is too long, Path.exists raises
        if is_there and not self.session.is_gone() and path.samefile(self.session.path):
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
            added = {current.add(result): result for result in kept}
            return functools.partial(self._saved, current, current.rows(), lost, added)

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

    def try_out(self) -> None:
        """See whether a result could be written now; `write_failed` tells why not, once."""
        session = self.session

        def work() -> Answer | None:
            try:
                session.try_out()
            except LensbenchError as error:
                return functools.partial(self._doubt, session, str(error))
            return None

        self._thread.submit(work)

    def run(self, work: Callable[[], Answer | None]) -> None:
        """Do something slow with files, after all that was asked for before."""
        self._thread.submit(work)

    def wait(self) -> None:
        """Wait until everything that was asked for is in the file."""
        self._thread.wait()

    def close(self) -> None:
        """Finish what is being written and close the file."""
        self.session.is_hurried = True
        self._thread.submit(functools.partial(_retire, self.session))
        self._thread.submit(functools.partial(self._shelter.close, self._kept.everything()))
        self._thread.close()

    def add(self, result: Result, *, counts: bool = True) -> None:
        """Write a finished result into the session; `row_added` follows.

        To lose one that does not count, of the worked example, would be no loss to the user.
        """
        session = self.session
        self.has_unsaved = self.has_unsaved or (counts and session.is_temporary)

        def work() -> Answer:
            try:
                if counts and session.is_temporary:
                    unsaved.mark_worth_keeping(session)
                number = session.add(result)
                rows = session.rows()
            except LensbenchError as error:
                place = self._shelter.add(result)
                return functools.partial(self._keep, session, result, f"{error} {place}")
            return functools.partial(self._added, session, number, result, rows)

        self._thread.submit(work)

    def result(self, number: int) -> Result | None:
        """Return a result of the history; `failed` tells why it cannot be read."""
        if number < 0:
            return self._kept.get(number)
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        result = self._read(functools.partial(self.session.load, number), None)
        if result is not None:
            self._remember(number, result)
        return result

    def results(self, numbers: Sequence[int]) -> tuple[Result, ...]:
        """Return several results of the history; those that cannot be read are left out."""
        session, known = self.session, dict(self._numbers)

        def read() -> dict[int, Result]:
            found = {}
            for number in numbers:
                with contextlib.suppress(LensbenchError):
                    if number > 0 and number not in known:
                        found[number] = session.load(number)
            return found

        nothing: dict[int, Result] = {}
        known |= self._read(read, nothing)
        there = {number: known[number] for number in numbers if number in known}
        self._numbers.update(there)
        return tuple(there.values())

    def row(self, number: int) -> SessionRow | None:
        """Return the line of a result in the history."""
        return next((row for row in self.rows() if row.id == number), None)

    def retry(self) -> None:
        """Try again to write what is in memory only."""
        self._forget_kept()
        for result in self._kept.take_all():
            self.add(result)

    def rename(self, number: int, title: str) -> None:
        """Give a result another title."""
        self._note(number, lambda session: session.rename(number, title))

    def set_star(self, number: int, star: bool) -> None:
        """Mark a result, or take the mark away."""
        self._note(number, lambda session: session.set_star(number, star=star))

    def annotate(self, number: int, notes: str, tags: Iterable[str]) -> None:
        """Keep notes (Markdown) and tags with a result."""
        kept = tuple(tags)

        def note(session: Session) -> None:
            session.set_tags(number, kept)
            session.annotate(number, notes)

        self._note(number, note)

    def number_of(self, result: Result) -> int | None:
        """Return the id under which the history has a result that is on screen, if it does."""
        known = list(self._numbers.items())
        return next((number for number, held in known if held is result), None)

    def delete(self, *numbers: int, again: bool = False) -> None:
        """Take results out of the history; `bring_back` undoes it.

        `deleted` follows, with the title of the last of them, where it is not done again.
        """
        there = {row.id: row.title for row in self.rows() if row.id in numbers}
        if not there:
            return
        gone = tuple(there)
        done = None if again else functools.partial(self.deleted.emit, gone, there[gone[-1]])
        self._kept.hidden |= {number for number in gone if number < 0}
        self._change_all(gone, Session.delete, done)

    def bring_back(self, *numbers: int) -> None:
        """Put results that were deleted back into their places; `row_added` follows."""
        done = functools.partial(self._brought_back, numbers[-1])
        self._kept.hidden -= set(numbers)
        self._change_all(numbers, Session.restore, done)

    def _change_all(
        self,
        numbers: Sequence[int],
        change: Callable[[Session, int], object],
        done: Callable[[], None] | None,
    ) -> None:
        """Change what of these stands in the file; those in memory only are changed already."""
        written = [number for number in numbers if number > 0]
        if not written:
            self.rows_changed.emit(self.rows())
            if done is not None:
                done()
            return

        def change_each(session: Session) -> None:
            for number in written:
                change(session, number)

        self._change(change_each, done)

    def _brought_back(self, number: int) -> None:
        self.row_added.emit(number)
        self.brought_back.emit(number)

    def set_prompts(self, prompts: Sequence[PromptRow], settings: Mapping[str, Any]) -> None:
        """Keep the prompt table with the results; what is there already is not written again."""
        wanted = (tuple(prompts), dict(settings))
        if wanted != self._prompts and not self.session.is_read_only:
            self._prompts = wanted
            self._change(lambda session: session.set_prompts(*wanted))

    def prompts(self) -> tuple[tuple[PromptRow, ...], dict[str, Any]]:
        """Return the prompt table and settings that the session holds; none where damaged."""
        nothing: tuple[tuple[PromptRow, ...], dict[str, Any]] = ((), {})
        self._prompts = found = self._read(self.session.prompts, nothing)
        return found

    def notes(self) -> str:
        """Return the notes on the session as a whole; none where they are damaged."""
        return self._read(lambda: self.session.notes, "")

    def set_notes(self, notes: str) -> None:
        """Keep the notes with the results."""
        if self.session.is_read_only:
            return
        self.has_unsaved = self.has_unsaved or (self.session.is_temporary and bool(notes))

        def note(session: Session) -> None:
            if session.is_temporary:
                unsaved.mark_worth_keeping(session)
            session.notes = notes

        self._change(note)

    def export(self, result: Result, path: Path) -> None:
        """Write one result to a file of the kind that its ending names; `saved` follows."""
        row = self.row(self.number_of(result) or 0)
        title = "" if row is None else row.title

        def work() -> Answer:
            export(result, path, title)
            return functools.partial(self.saved.emit, str(path))

        self._thread.submit(work)

    def _take_up(self, opener: Callable[[], Session]) -> bool:
        if not self._is_settled():
            return False
        try:
            session, rows = self._thread.perform(functools.partial(_opened, opener))
        except LensbenchError as error:
            self.failed.emit(str(error))
            return False
        old, self.session, self._rows = self.session, session, rows
        # What belonged to the session before.
        self._cache.clear()
        self._numbers.clear()
        self._kept.clear()
        self._thread.submit(self._shelter.close)
        self._doubted = None
        self.has_unsaved = self._told_gone = False
        self._thread.submit(functools.partial(_retire, old))
        self.rows_changed.emit(self.rows())
        self.opened.emit()
        return True

    def _is_settled(self) -> bool:
        """Wait for what is being written; return whether every result has found its place.

        Where one has not, `write_failed` has said so only now: nobody has agreed to lose it.
        """
        session, kept = self.session, len(self._kept.everything())
        session.is_hurried = True
        is_done = self._thread.wait()
        session.is_hurried = False
        if not is_done:
            self.failed.emit("The session's file is still being written: try again later.")
        return is_done and len(self._kept.everything()) <= kept

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

    def _saved(
        self,
        session: Session,
        rows: tuple[SessionRow, ...],
        lost: int,
        added: Mapping[int, Result],
    ) -> None:
        if session is not self.session:  # what could be rescued of it
            self._thread.submit(functools.partial(_retire, self.session))
            self.session = session
            self._cache.clear()
            self._numbers.clear()
        self._forget_kept()
        self._numbers.update(added)
        self._thread.submit(self._shelter.close)
        self._kept.take_all()
        self._rows = rows
        self.has_unsaved = self._told_gone = False
        self.rows_changed.emit(self.rows())
        self.saved.emit(str(session.path))
        if lost:
            what = f"{'One result' if lost == 1 else f'{lost} results'} could not be saved"
            self.failed.emit(f"{what}, as the old file can no longer be read: run again.")

    def _tell_gone(self, session: Session) -> None:
        if session is self.session and not self._told_gone:
            self._told_gone = self.has_unsaved = True
            self.write_failed.emit(
                f"“{session.path}” was deleted, moved or replaced: save the session under another "
                "name to keep it."
            )

    def _doubt(self, session: Session, problem: str) -> None:
        if session is self.session and session is not self._doubted:
            self._doubted = session
            self.write_failed.emit(
                f"{problem} What is computed now is kept in memory until it can be written."
            )

    def _changed_elsewhere(self, session: Session, rows: tuple[SessionRow, ...]) -> None:
        if session is self.session:
            new = len(rows) - len(self._rows)
            self._show_rows(rows)
            if new > 0:
                self.added_elsewhere.emit(new)

    def _read(self, read: Callable[[], _Read], otherwise: _Read) -> _Read:
        """Return what the file holds, or `otherwise`; `failed` tells why it cannot be read."""
        try:
            return self._thread.read(read)
        except LensbenchError as error:
            self.failed.emit(str(error))
            return otherwise

    def _forget_kept(self) -> None:
        """Forget the numbers of what was in memory only: it is written under others."""
        for number in [number for number in self._numbers if number < 0]:
            del self._numbers[number]

    def _note(self, number: int, change: Callable[[Session], None]) -> None:
        if number > 0:
            self._change(change)
        else:
            self.failed.emit("This result is in memory only: save the session first.")

    def _added(
        self, session: Session, number: int, result: Result, rows: tuple[SessionRow, ...]
    ) -> None:
        if session is self.session:
            self._remember(number, result)
            self._show_rows(rows)
            self.row_added.emit(number)
            if self._kept.visible():
                self.retry()
            else:
                self._thread.submit(self._shelter.close)
                self.has_unsaved = self.has_unsaved and session.is_temporary

    def _keep(self, session: Session, result: Result, problem: str) -> None:
        if session is not self.session:
            return
        number = self._kept.add(result)
        self._numbers[number] = result
        self.has_unsaved = True
        self.rows_changed.emit(self.rows())
        self.row_added.emit(number)
        self.write_failed.emit(problem)

    def _remember(self, number: int, result: Result) -> None:
        self._numbers[number] = result
        self._cache[number] = result
        self._cache.move_to_end(number)
        while len(self._cache) > _CACHED_RESULTS:
            self._cache.popitem(last=False)


def _opened(opener: Callable[[], Session]) -> tuple[Session, tuple[SessionRow, ...]]:
    """Open a session and return it with its history."""
    session = opener()
    try:
        return session, session.rows()
    except LensbenchError:
        session.close()
        raise


def _retire(session: Session) -> None:
    """Close a session; what was deleted from it goes for good, as it can be undone no more."""
    try:
        if not session.is_temporary and session.deleted_rows():
            session.empty_bin()
    except LensbenchError:
        pass  # it stays in the file; the next one who closes it tries again
    finally:
        session.close()
