"""The open session's results: they go in as they finish, and what is noted about them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Signal

from desktop_app.session import unsaved
from desktop_app.session.exports import export
from desktop_app.support.errors import LensbenchError
from desktop_app.window.sessions.open_session import OpenSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from desktop_app.contract.params import PromptRow
    from desktop_app.contract.result import Result
    from desktop_app.session.history import SessionRow
    from desktop_app.session.store import Session
    from desktop_app.window.sessions.open_session import Answer

_CACHED_RESULTS = 12
_Read = TypeVar("_Read")


class SessionDesk(OpenSession):
    """Adds, finds, annotates and deletes results.

    A result that cannot be written stays in memory, under a number below 0, until it can be.

    Signals:
        row_added: Id of a result that is now in the history.
        deleted: Title of the result that was deleted and can be brought back.
        restored: It was brought back.
    """

    row_added = Signal(int)
    deleted = Signal(str)
    restored = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._prompts: object = None
        self._bin: list[int] = []

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
                return functools.partial(self._keep, session, result, str(error))
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

    def row(self, number: int) -> SessionRow | None:
        """Return the line of a result in the history."""
        return next((row for row in self.rows() if row.id == number), None)

    def retry(self) -> None:
        """Try again to write what is in memory only."""
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

    def delete(self, number: int) -> None:
        """Take a result out of the history; `deleted` follows, and `undo_delete` undoes it."""
        row = self.row(number)
        if row is None:
            return
        done = functools.partial(self._deleted, number, row.title)
        if number < 0:
            self._kept.hidden.add(number)
            self.rows_changed.emit(self.rows())
            done()
        else:
            self._change(lambda session: session.delete(number), done)

    def undo_delete(self) -> bool:
        """Bring back the result that was deleted last; return whether there was one."""
        if not self._bin:
            return False
        number = self._bin.pop()
        self.restored.emit()
        if number < 0:
            self._kept.hidden.discard(number)
            self.rows_changed.emit(self.rows())
        else:
            self._change(lambda session: session.restore(number))
        return True

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

        def work() -> Answer:
            export(result, path)
            return functools.partial(self.saved.emit, str(path))

        self._thread.submit(work)

    def _read(self, read: Callable[[], _Read], otherwise: _Read) -> _Read:
        """Return what the file holds, or `otherwise`; `failed` tells why it cannot be read."""
        try:
            return read()
        except LensbenchError as error:
            self.failed.emit(str(error))
            return otherwise

    def _note(self, number: int, change: Callable[[Session], None]) -> None:
        if number > 0:
            self._change(change)
        else:
            self.failed.emit("This result is in memory only: save the session first.")

    def _forget(self) -> None:
        super()._forget()
        self._bin.clear()

    def _deleted(self, number: int, title: str) -> None:
        self._bin.append(number)
        self.deleted.emit(title)

    def _added(
        self, session: Session, number: int, result: Result, rows: tuple[SessionRow, ...]
    ) -> None:
        if session is self.session:
            self._remember(number, result)
            self._show_rows(rows)
            self.row_added.emit(number)
            if self._kept.visible():
                self.retry()
            elif not session.is_temporary:
                self.has_unsaved = False

    def _keep(self, session: Session, result: Result, problem: str) -> None:
        if session is not self.session:
            return
        number = self._kept.add(result)
        self.has_unsaved = True
        self.rows_changed.emit(self.rows())
        self.row_added.emit(number)
        self.write_failed.emit(f"{problem} The result is kept in memory until it can be written.")

    def _remember(self, number: int, result: Result) -> None:
        self._cache[number] = result
        self._cache.move_to_end(number)
        while len(self._cache) > _CACHED_RESULTS:
            self._cache.popitem(last=False)
