"""The file under a session: its connection, its transactions, and what the whole session has."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from desktop_app.analyses.base import PromptRow
from desktop_app.session import codec, database, opening, parts
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence


class SessionFile:
    """An open session file. Any thread may use it; each call holds a lock while it lasts.

    Attributes:
        path: The file.
        is_temporary: Whether the file goes away with `close`.
        notice: Why the session cannot be written to, as a sentence, or None.
    """

    def __init__(self, path: Path, *, temporary: bool = False) -> None:
        """Open the session file; prefer `create` and `open`."""
        self.path = path
        self.is_temporary = temporary
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None
        self._connection, self.notice = opening.open_session(path)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be added."""
        return self.notice is not None

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
                if self.is_temporary:
                    with contextlib.suppress(OSError):
                        self.path.unlink(missing_ok=True)

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
        table = [row.model_dump() for row in rows]
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
            opening.copy_to(self._open_connection(), self.path, Path(path))

    def save_as(self, path: Path | str) -> None:
        """Move the session to `path`; results that were loaded keep working."""
        target = Path(path)
        with self._lock:
            if os.path.realpath(target) == os.path.realpath(self.path):
                self.is_temporary = False
                return
            self.save_copy(target)
            connection, notice = opening.open_session(target)
            self.close()
            self._connection, self.notice = connection, notice
            self.path, self.is_temporary = target, False

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
        with self._lock, database.translated(self.path):
            connection = self._open_connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

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


def parse(text: object) -> Any:
    """Return the JSON of a stored text; `DamagedError` or `ValueError` where it is none."""
    if not isinstance(text, str):
        raise parts.DamagedError("text expected")
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise parts.DamagedError(f"{name} outside its tag")
