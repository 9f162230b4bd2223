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
import secrets
import tempfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from desktop_app.contract.described import described
from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.session import codec, database, parts, specs
from desktop_app.session.claim import Claim
from desktop_app.session.file import parse
from desktop_app.session.history import MAX_ID, History, now, storable
from desktop_app.session.opening import CLAIMED
from desktop_app.session.parts import LazyArray, Stored
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import unwritable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    import numpy as np

    from desktop_app.contract.result import Result

_TITLE_CHARACTERS = 60


class Session(History):
    """An open session: results by id, from 1 in order of making."""

    _known_schema = 1

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
            database.create(target, {"created": json.dumps(now())})
        return cls(target, temporary=path is None)

    @classmethod
    def begin(cls, folder: Path) -> Self:
        """Make a session without a name of its own in `folder`; `save_as` gives it one.

        What is added is on the disk at once. `close` deletes the file; where the program dies
        before that, it stays, and `unsaved.leftovers` finds it at the next start.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        target = folder / f"{stamp}-{secrets.token_hex(4)}.lens"
        claim = Claim.take(target)  # first, as other windows look through that folder
        cls.create(target).close()
        return cls(target, temporary=True, claim=claim)

    @classmethod
    def open(cls, path: Path | str, *, claimed: bool = False) -> Self:
        """Open an existing session file.

        Args:
            path: The file.
            claimed: Whether it is opened to stay open, in a window: a second one that asks for the
                same file gets it for reading only.

        Raises:
            BadInputError: It is missing, not a session, damaged, or in use elsewhere.
        """
        target = Path(path)
        if not claimed:
            return cls(target)
        claim = Claim.take(target)
        return cls(target, claim=claim, reason=CLAIMED if claim is None else None)

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
            title or default_title(result),
            created if isinstance(created, str) and created else now(),
            result.model.name,
        )
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
        with self.writing() as connection:
            cursor = connection.execute(
                "INSERT INTO results (analysis, title, created, model, document, crc, fields, "
                "params_schema) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(storable(c) for c in columns),
                    text,
                    zlib.crc32(text.encode("utf-8")),
                    *specs.encode(described(result)),
                ),
            )
            result_id = cursor.lastrowid or 0
            for name, array in arrays.items():
                _insert_array(connection, result_id, name, array)
        return result_id

    def load(self, result_id: int) -> Result:
        """Return a stored result as it was added; large patterns come as `LazyArray`.

        Raises:
            BadInputError: There is no such result, or the file is damaged.
        """
        with self._named(result_id):
            return self._load(result_id)

    @contextlib.contextmanager
    def _named(self, result_id: int) -> Iterator[None]:
        """Say of damage which result it concerns: the others may be whole."""
        try:
            yield
        except database.DamagedSessionError as error:
            raise database.DamagedSessionError(
                f"Result {result_id} of “{self.path}” cannot be read, as the file is damaged "
                "there; other results may be whole: save them under another name."
            ) from error

    def _load(self, result_id: int) -> Result:
        columns = f"document, {self._since(2, 'crc')}, {self._since(3, 'fields', 'params_schema')}"
        sql = f"SELECT {columns} FROM results WHERE id = ?"  # noqa: S608 - our own columns
        found = self.query(sql, (result_id,)) if 0 < result_id <= MAX_ID else []
        if not found:
            raise self.no_such(result_id)
        document, crc, fields, settings = found[0]
        finder = functools.partial(self._find_array, result_id)
        with self.damage_named():
            parts.check_crc(document, crc)
            result = codec.decode(parse(document), finder)
        return described(specs.decode(result, fields, settings))

    def _find_array(self, result_id: int, spec: parts.ArraySpec) -> Stored:
        sql = "SELECT count(*), sum(length(bytes)) FROM arrays WHERE result = ? AND name = ?"
        count, size = self.query(sql, (result_id, spec.name))[0]
        parts.check_room(spec, count, size or 0)
        if spec.lead == 0:
            return self._read_part(result_id, spec, 0)
        reader = functools.partial(self._read_part, result_id, spec)
        return LazyArray(spec, reader)

    def _read_part(self, result_id: int, spec: parts.ArraySpec, number: int) -> np.ndarray:
        chosen = "FROM arrays WHERE result = ? AND name = ? AND part = ?"
        sql = f"SELECT codec, bytes, {self._since(2, 'crc')} {chosen}"
        with self._named(result_id), self.damage_named():
            found = self.query(sql, (result_id, spec.name, number))
            if not found:
                raise parts.DamagedError(f"{spec.name}: part {number} is missing")
            packing, stored, crc = found[0]
            parts.check_crc(stored, crc)
            return parts.unpack_part(packing, stored, spec)

    def _since(self, version: int, *columns: str) -> str:
        """Return columns that tables have since a version; in older files they are NULL."""
        if self._known_schema < version:
            self._known_schema = self.schema
        return ", ".join(columns if self._known_schema >= version else ["NULL"] * len(columns))


def _insert_array(connection: sqlite3.Connection, result_id: int, name: str, array: Stored) -> None:
    lead = parts.describe(name, array).lead
    for number, (packing, stored) in enumerate(parts.pack_parts(array, lead)):
        connection.execute(
            "INSERT INTO arrays (result, name, part, codec, bytes, crc) VALUES (?, ?, ?, ?, ?, ?)",
            (result_id, name, number, packing, stored, zlib.crc32(stored)),
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


def default_title(result: Result) -> str:
    """Return what the history calls a result: its analysis, and what it was about."""
    analysis = ANALYSES.get(result.analysis)
    title = analysis.title if analysis else result.analysis
    text = _about(result)
    if not text:
        return title
    short = text if len(text) <= _TITLE_CHARACTERS else text[: _TITLE_CHARACTERS - 1] + "…"
    return f"{title} · {short}"


def _about(result: Result) -> str:
    """Return what the analysis says that its result is about, else the first prompt."""
    about = hook(result.analysis, "picture", "about")
    if about is not None:
        return str(about(result))
    return result.prompts[0].text if result.prompts else ""
