"""The file under a session: its connection, its transactions, and what the whole session has."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from desktop_app.contract.params import PromptRow
from desktop_app.session import codec, database, parts
from desktop_app.session.claim import Claim
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import try_out

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence


class GoneError(BadInputError):
    """The file was deleted, moved or replaced since it was opened."""


class SessionFile:
    """An open session file. Any thread may use it; each call holds a lock while it lasts.

    Attributes:
        path: The file.
        is_temporary: Whether it has no name of its own yet; its file goes away with `close`.
        notice: Why the session cannot be written to, as a sentence, or None.
        is_hurried: Whether the user waits: another program's writing is not waited for as long.
    """

    is_hurried = False

    def __init__(
        self,
        path: Path,
        *,
        temporary: bool = False,
        claim: Claim | None = None,
        reason: str | None = None,
    ) -> None:
        """Prefer `create`, `begin` and `open`; `close` releases the claim.

        `reason` says why it must not be written to, where that is known already.
        """
        self.path = path
        self.is_temporary = temporary
        self._lock = threading.RLock()
        self._claim = claim or Claim()
        self._connection: sqlite3.Connection | None
        try:
            self._connection, self.notice = database.open_session(path, reason)
            self._place = place_of(path)
        except BaseException:
            self._claim.release()
            raise
        self._seen_version = self._data_version()

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be added."""
        return self.notice is not None

    @property
    def schema(self) -> int:
        """The version of the tables, which another program may have brought up to date by now."""
        return int(self.query("PRAGMA user_version")[0][0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a temporary one is deleted. Closing twice is allowed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                if self.is_temporary and not self.is_read_only:
                    self._remove_own_file()
                self._claim.release()

    # --- what belongs to the session as a whole

    @property
    def created(self) -> str:
        """When the session was made, ISO 8601."""
        return str(self.recall("created", ""))

    @property
    def title(self) -> str:
        """The session's title."""
        return str(self.recall("title", ""))

    @title.setter
    def title(self, text: str) -> None:
        self.remember("title", text)

    @property
    def notes(self) -> str:
        """Free text."""
        return str(self.recall("notes", ""))

    @notes.setter
    def notes(self, text: str) -> None:
        self.remember("notes", text)

    def set_prompts(
        self, rows: Sequence[PromptRow], settings: Mapping[str, Any] | None = None
    ) -> None:
        """Remember the prompt table and the settings that its analyses share."""
        # Labels and groups stand among the settings: earlier versions refuse rows that have them.
        table = [row.model_dump(exclude={"label", "group"}) for row in rows]
        self.remember("prompts", {"rows": table, "settings": dict(settings or {})})

    def prompts(self) -> tuple[tuple[PromptRow, ...], dict[str, Any]]:
        """Return the remembered prompt table and settings, both empty where there are none."""
        stored = self.recall("prompts", {"rows": [], "settings": {}})
        try:
            rows = tuple(PromptRow.model_validate(row) for row in stored["rows"])
            return rows, dict(stored["settings"])
        except (ValidationError, LookupError, TypeError, ValueError) as error:
            raise database.damaged(self.path) from error

    # --- copies

    def save_copy(self, path: Path | str) -> None:
        """Write a copy that appears at `path` complete or not at all; it may replace a file."""
        with self._lock:
            if os.path.realpath(path) != os.path.realpath(self.path) or self.is_gone():
                database.copy_to(self._open_connection(), Path(path))

    def save_as(self, path: Path | str) -> None:
        """Move the session to `path`; results that were loaded keep working.

        Raises:
            BadInputError: It cannot be written there, or another window has that file open.
        """
        target = Path(path)
        with self._lock:
            if os.path.realpath(target) == os.path.realpath(self.path) and not self.is_gone():
                if self.notice is not None:
                    raise BadInputError(f"“{target}” cannot be changed. {self.notice}")
                self.is_temporary = False
                return
            self._move_to(target)

    def _move_to(self, target: Path) -> None:
        is_same_name = os.path.realpath(target) == os.path.realpath(self.path)  # its file is gone
        claim = self._claim if is_same_name else Claim.take(target)
        if claim is None:
            raise BadInputError(f"“{target}” is open in another window: choose another name.")
        try:
            database.copy_to(self._open_connection(), target)
            connection, notice = database.open_session(target)
        except BaseException:
            if claim is not self._claim:
                claim.release()
            raise
        self._open_connection().close()
        if self.is_temporary:
            self._remove_own_file()
        if claim is not self._claim:
            self._claim.release()
        self._connection, self.notice, self._claim = connection, notice, claim
        self.path, self.is_temporary, self._place = target, False, place_of(target)
        self._seen_version = self._data_version()

    def _remove_own_file(self) -> None:
        """Delete the file, unless another has taken its name or there never was one."""
        if self._place is not None and place_of(self.path) == self._place:
            database.remove(self.path)

    # --- what others do to the file meanwhile

    def is_gone(self) -> bool:
        """Return whether the file was deleted, moved or replaced since it was opened."""
        return place_of(self.path) != self._place

    def changed_elsewhere(self) -> bool:
        """Return whether another program has written to the file since this was last asked."""
        with self._lock:
            before, self._seen_version = self._seen_version, self._data_version()
        return before != self._seen_version

    def _data_version(self) -> int:
        return int(self.query("PRAGMA data_version")[0][0])

    def try_out(self) -> None:
        """Refuse where nothing could be added, before something is computed for it.

        Raises:
            BadInputError: In a sentence, why not.
        """
        if self.notice is not None:
            raise BadInputError(f"“{self.path}” cannot be changed. {self.notice}")
        self._check_place()
        try_out(self.path, database.SIDECARS[0])

    def _check_place(self) -> None:
        now = place_of(self.path)
        if now is None:
            raise GoneError(
                f"“{self.path}” is no longer there: it was deleted or moved, or its drive is gone; "
                "save the session under another name."
            )
        if now != self._place:
            raise GoneError(
                f"“{self.path}” was replaced by another program: save this session under another "
                "name to keep both."
            )

    # --- the connection

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise BadInputError(f"The session “{self.path}” is closed: open it again.")
        return self._connection

    def query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one reading statement; SQLite's errors become sentences."""
        with self._lock, database.translated(self.path):
            return self._open_connection().execute(sql, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: everything inside is on the disk afterwards, or nothing is."""
        if self.notice is not None:
            raise BadInputError(f"“{self.path}” cannot be changed. {self.notice}")
        with database.translated(self.path), self._turn() as connection:
            try:
                if database.version_of(connection) > database.SCHEMA:
                    raise BadInputError(f"“{self.path}” cannot be changed. {database.NEWER}")
                database.migrate(connection)
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            self._check_place()  # what went into a file without a name would be lost

    @contextlib.contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction and hold the lock; until it can be begun, other threads may read."""
        database.wait_for_turn(self._try_to_begin, self.path, lambda: self.is_hurried)
        try:
            yield self._open_connection()
        finally:
            self._lock.release()

    def _try_to_begin(self) -> bool:
        """Begin a transaction, and hold the lock where that was possible."""
        is_begun = False
        self._lock.acquire()
        try:
            connection = self._open_connection()
            self._check_place()
            is_begun = database.try_to_begin(connection)
        finally:
            if not is_begun:
                self._lock.release()
        return is_begun

    def recall(self, key: str, default: Any) -> Any:
        """Return a value of the whole session, or `default` where it was never set."""
        found = self.query("SELECT value FROM meta WHERE key = ?", (key,))
        with self.damage_named():
            return codec.decode_plain(parse(found[0][0])) if found else default

    def remember(self, key: str, value: Any) -> None:
        """Keep a value of the whole session: texts, numbers, lists, tables."""
        text = json.dumps(codec.encode_plain(value), allow_nan=False)
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))

    @contextlib.contextmanager
    def damage_named(self) -> Iterator[None]:
        """Turn whatever is wrong with the form of stored data into a sentence."""
        try:
            yield
        except (parts.DamagedError, ValueError, RecursionError) as error:
            raise database.damaged(self.path) from error


def place_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from any other of its name, or None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def parse(text: object) -> Any:
    """Return the JSON of a stored text; `DamagedError` or `ValueError` where it is none."""
    if not isinstance(text, str):
        raise parts.DamagedError("text expected")
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise parts.DamagedError(f"{name} outside its tag")
