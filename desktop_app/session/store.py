"""A session: results, their arrays and the prompt table in one file that opens anywhere.

One rollback-journalled SQLite file, so that whatever is committed lies in that one file, which can
be copied, mailed or opened from a read-only medium. See `database` for how strangers' files are
treated, `codec` and `parts` for how results become rows.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from desktop_app.analyses.registry import ANALYSES
from desktop_app.session import codec, database, parts
from desktop_app.session.file import SessionFile, parse
from desktop_app.session.lazy import LazyArray, Stored
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import unwritable

if TYPE_CHECKING:
    import sqlite3

    import numpy as np

    from desktop_app.analyses.result import Result

_TITLE_CHARACTERS = 60
_MAX_ID = 2**63 - 1


@dataclass(frozen=True)
class SessionRow:
    """One line of the history.

    Attributes:
        id: From 1 in order of making; never used twice.
        created: ISO 8601, with its zone.
        model: The model's name.
    """

    id: int
    analysis: str
    title: str
    created: str
    model: str


class Session(SessionFile):
    """An open session: results by id, from 1 in order of making."""

    @classmethod
    def create(cls, path: Path | str | None = None) -> Self:
        """Make a new session file, or a temporary one; an existing file is never overwritten."""
        if path is None:
            handle, name = tempfile.mkstemp(prefix="lensbench-", suffix=".lens")
            os.close(handle)
            target = Path(name)
        else:
            target = Path(path)
            _claim(target)
        with database.translated(target):
            database.create(target)
        session = cls(target, temporary=path is None)
        session.remember("created", _now())
        return session

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open an existing session file.

        Raises:
            BadInputError: It is missing, not a session, damaged, or in use elsewhere.
        """
        return cls(Path(path))

    @classmethod
    def open_or_create(cls, path: Path | str) -> Self:
        """Open the session file, or make it where there is none."""
        target = Path(path)
        with contextlib.suppress(OSError):
            if target.stat().st_size > 0:
                return cls.open(target)
        return cls.create(target)

    # --- results

    def add(self, result: Result, title: str = "") -> int:
        """Store a finished result; when this returns, it is on the disk.

        Args:
            result: Of any analysis; memory maps and stored arrays are read one part at a time.
            title: For the history; empty makes one of the analysis and its first prompt.

        Returns:
            Its id, from 1 in order of making.

        Raises:
            BadInputError: The session is read-only or the disk is full; nothing was changed.
        """
        document, arrays = codec.encode(result)
        created = result.provenance.get("created")
        columns = (
            result.analysis,
            title or _default_title(result),
            created if isinstance(created, str) and created else _now(),
            result.model.name,
        )
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
        with self.writing() as connection:
            cursor = connection.execute(
                "INSERT INTO results (analysis, title, created, model, document) "
                "VALUES (?, ?, ?, ?, ?)",
                (*(_storable(c) for c in columns), text),
            )
            result_id = cursor.lastrowid or 0
            for name, array in arrays.items():
                _insert_array(connection, result_id, name, array)
        return result_id

    def rows(self) -> tuple[SessionRow, ...]:
        """Return the history, oldest first, without reading any result."""
        sql = "SELECT id, analysis, title, created, model FROM results ORDER BY id"
        found = self.query(sql)
        if not all(type(r[0]) is int and all(isinstance(t, str) for t in r[1:]) for r in found):
            raise database.damaged(self.path)
        return tuple(SessionRow(*row) for row in found)

    def load(self, result_id: int) -> Result:
        """Return a stored result as it was added; large patterns come as `LazyArray`.

        Raises:
            BadInputError: There is no such result, or the file is damaged.
        """
        known = 0 < result_id <= _MAX_ID
        sql = "SELECT document FROM results WHERE id = ?"
        found = self.query(sql, (result_id,)) if known else []
        if not found:
            raise self._no_such(result_id)
        finder = functools.partial(self._find_array, result_id)
        with self.damage_named():
            return codec.decode(parse(found[0][0]), finder)

    def rename(self, result_id: int, title: str) -> None:
        """Give a result another title in the history."""
        with self.writing() as connection:
            sql = "UPDATE results SET title = ? WHERE id = ?"
            if connection.execute(sql, (_storable(title), result_id)).rowcount == 0:
                raise self._no_such(result_id)

    def _no_such(self, result_id: int) -> BadInputError:
        return BadInputError(
            f"There is no result {result_id} in “{self.path}”: `lensbench results` lists them."
        )

    def _find_array(self, result_id: int, spec: parts.ArraySpec) -> Stored:
        sql = "SELECT count(*), sum(length(bytes)) FROM arrays WHERE result = ? AND name = ?"
        count, size = self.query(sql, (result_id, spec.name))[0]
        parts.check_room(spec, count, size or 0)
        if spec.lead == 0:
            return self._read_part(result_id, spec, 0)
        reader = functools.partial(self._read_part, result_id, spec)
        return LazyArray(spec, reader)

    def _read_part(self, result_id: int, spec: parts.ArraySpec, number: int) -> np.ndarray:
        sql = "SELECT codec, bytes FROM arrays WHERE result = ? AND name = ? AND part = ?"
        found = self.query(sql, (result_id, spec.name, number))
        with self.damage_named():
            if not found:
                raise parts.DamagedError(f"{spec.name}: part {number} is missing")
            return parts.unpack_part(found[0][0], found[0][1], spec)


def _insert_array(connection: sqlite3.Connection, result_id: int, name: str, array: Stored) -> None:
    lead = parts.describe(name, array).lead
    for number, (packing, stored) in enumerate(parts.pack_parts(array, lead)):
        connection.execute(
            "INSERT INTO arrays (result, name, part, codec, bytes) VALUES (?, ?, ?, ?, ?)",
            (result_id, name, number, packing, stored),
        )


def _claim(path: Path) -> None:
    """Make an empty file of that name; refuse where a file with content has it already."""
    try:
        path.open("xb").close()
    except FileExistsError:
        if path.is_dir() or path.stat().st_size > 0:
            raise BadInputError(f"“{path}” exists already: choose another name.") from None
    except OSError as error:
        raise unwritable(path, error) from error


def _default_title(result: Result) -> str:
    analysis = ANALYSES.get(result.analysis)
    title = analysis.title if analysis else result.analysis
    if not result.prompts:
        return title
    text = result.prompts[0].text
    short = text if len(text) <= _TITLE_CHARACTERS else text[: _TITLE_CHARACTERS - 1] + "…"
    return f"{title} · {short}"


def _storable(text: str) -> str:
    """Return text that UTF-8 can hold: half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
