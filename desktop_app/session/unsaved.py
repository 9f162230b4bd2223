"""Work that has no name yet: where it is kept, what a program that died left there, and rescue.

A session that is begun without a name is written to the user's data folder from its first result
on. Closing it in peace removes the file; what is found there without an owner is unsaved work.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from desktop_app.session import database
from desktop_app.session.claim import Claim
from desktop_app.session.store import Session, unsaved_place
from desktop_app.support import paths, unfinished
from desktop_app.support.errors import BadInputError, LensbenchError
from desktop_app.support.files import TEMPORARY_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.session.store import SessionRow

FOLDER = "sessions"
_STALE_S = 3600.0
_WORTH = "worth_keeping"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Leftover:
    """A session that was not saved when the program died.

    Attributes:
        path: Its file.
        results: How many results it holds.
        newest: When the newest was made, ISO 8601.
    """

    path: Path
    results: int
    newest: str


def folder() -> Path:
    """Return where sessions without a name are kept."""
    return paths.data_dir() / FOLDER


def begin() -> Session:
    """Begin a session without a name: in the user's data folder, else in a temporary one.

    Where the disk is full or nothing may be written to, it is kept in memory.
    """
    return begin_on_disk() or MemorySession()


def begin_on_disk() -> Session | None:
    """Begin a session without a name where the next start looks for it, None where none can be."""
    for place in (folder, unsaved_place):
        try:
            return Session.begin(place())
        except (BadInputError, OSError) as error:
            _log.warning("Unsaved work cannot be kept for the next start: %s", error)
    _log.warning("Unsaved work is kept in memory alone.")
    return None


def mark_worth_keeping(session: Session) -> None:
    """Note that losing this session would be a loss; call it before the first such result."""
    if not session.recall(_WORTH, default=False):
        session.remember(_WORTH, value=True)


def leftovers(where: Path | None = None) -> tuple[Leftover, ...]:
    """Return the unsaved sessions of programs that died, newest first; None: the user's folder.

    Those that hold nothing of worth are removed; those that cannot be read are left alone.
    """
    found = []
    places = [where or folder()]
    if where is None:
        unfinished.tidy()
        with contextlib.suppress(BadInputError):
            places.append(unsaved_place())
    for place in places:
        _tidy(place)
    paths_there = [path for place in places for path in place.glob("*.lens")]
    for path in sorted(paths_there, key=lambda path: path.name, reverse=True):
        claim = Claim.take(path)
        if claim is None:
            continue  # another window is writing it
        try:
            item = _examine(path)
            if item is None:
                database.remove(path)
            else:
                found.append(item)
        except BadInputError as error:
            _log.warning("Unsaved work in %s cannot be read: %s", path, error)
        finally:
            claim.release()
    return tuple(found)


def restore(path: Path) -> Session:
    """Open a leftover as a session that still has no name."""
    session = Session.open(path, claimed=True)
    if session.notice == database.CLAIMED:
        session.close()
        raise BadInputError("That unsaved session is open in another window already.")
    session.is_temporary = True
    return session


def discard(path: Path) -> None:
    """Remove a leftover, unless another window has taken it up meanwhile."""
    claim = Claim.take(path)
    if claim is not None:
        database.remove(path)
        claim.release()


def _tidy(place: Path) -> None:
    """Remove what is left of files that were never finished."""
    for path in place.glob(TEMPORARY_NAMES):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink()


def _examine(path: Path) -> Leftover | None:
    with Session.open(path) as session:
        rows = session.rows()
        if not session.recall(_WORTH, default=False) or not (rows or session.notes):
            return None
        newest = rows[-1].created if rows else session.created
        return Leftover(path, len(rows), newest)


class MemorySession(Session):
    """Keeps everything in memory until `save_as` gives it a file; it ends with the program."""

    def __init__(self) -> None:
        """Begin an empty session."""
        # The file is what the base class is about; here there is none to open.
        self.path = Path("(in memory)")
        self.is_temporary = True
        self.notice = None
        self._lock = threading.RLock()
        self._claim = Claim()
        self._place = None
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        database.make_tables(self._connection)
        self._connection.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {database.SCHEMA}")
        self._seen_version = self._data_version()

    @override
    def try_out(self) -> None:
        """Refuse where nothing could be added: never while there is no file."""
        if self._place is not None:
            super().try_out()

    @override
    def is_gone(self) -> bool:
        """Return whether the file was deleted, moved or replaced: never while there is none."""
        return self._place is not None and super().is_gone()

    @override
    def _check_place(self) -> None:
        if self._place is not None:
            super()._check_place()


def is_readable(session: Session) -> bool:
    """Return whether a session's file can still be read from end to end."""
    try:
        return session.query("PRAGMA quick_check(1)") == [("ok",)]
    except LensbenchError:
        return False


def rescue(
    rows: Sequence[SessionRow], known: Mapping[int, Result], path: Path
) -> tuple[Session, int]:
    """Write the results that are still in memory to a new session.

    Args:
        rows: The history as it was last read.
        known: Results by id; those whose arrays lie in the lost file cannot be saved.
        path: The new file.

    Returns:
        The new session, and how many results of the history are lost.
    """
    fresh = MemorySession()
    saved = 0
    for row in (row for row in rows if row.id in known):
        try:
            number = fresh.add(known[row.id], row.title)
        except LensbenchError:
            continue
        fresh.annotate(number, row.notes)
        fresh.set_star(number, star=row.star)
        fresh.set_tags(number, row.tags)
        saved += 1
    fresh.save_as(path)
    return fresh, len(rows) - saved
