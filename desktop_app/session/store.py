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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from desktop_app.contract.registry import described
from desktop_app.session import codec, database, parts, shapes, titles
from desktop_app.session.claim import Claim
from desktop_app.session.file import SessionFile, parse
from desktop_app.session.parts import LazyArray, Stored
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import unwritable
from desktop_app.support.paths import private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    from desktop_app.contract.result import Result

MAX_ID = 2**31 - 1  # what a window's signals carry; no session comes near
_MAX_PROBED = 10_000
_TRIES = 5
_FIRST_COLUMNS = 5  # id to model: those of schema 1
MAX_TAGS = 50


@dataclass(frozen=True)
class SessionRow:
    """One line of the history.

    Attributes:
        id: From 1 in order of making; never used twice.
        created: ISO 8601, with its zone.
        model: The model's name.
        notes: Markdown.
        star: Whether it is marked.
        tags: Without repeats, in the order given.
        question: Of tries, what they ask: those of one question are one entry of the history.
    """

    id: int
    analysis: str
    title: str
    created: str
    model: str
    notes: str = ""
    star: bool = False
    tags: tuple[str, ...] = ()
    question: str = ""


class Session(SessionFile):
    """An open session: results by id, from 1 in order of making.

    Deleted ones stay in the file until `empty_bin`.
    """

    _known_schema = 1

    @functools.cached_property
    def _questions(self) -> dict[int, str]:
        return {}

    @classmethod
    def create(cls, path: Path | str | None = None, *, private: bool = False) -> Self:
        """Make a new session file, or a temporary one; an existing file is never overwritten.

        Args:
            path: The file; None: a temporary one.
            private: Whether nobody but the user may read it.
        """
        if path is None:
            return cls.begin(unsaved_place())
        target = Path(path)
        with contextlib.suppress(OSError):
            if target.is_dir() or target.stat().st_size > 0:
                raise database.exists(target)
        if not database.create(target, _first_meta(), private=private):
            raise database.exists(target)  # by another program, a moment ago
        return cls(target)

    @classmethod
    def begin(cls, folder: Path) -> Self:
        """Make a session without a name of its own in `folder`; `save_as` gives it one.

        What is added is on the disk at once. `close` deletes the file; where the program dies
        before that, it stays, and `unsaved.leftovers` finds it at the next start.
        """
        try:
            private(folder)
        except OSError as error:
            raise unwritable(folder, error) from error
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        target = folder / f"{stamp}-{secrets.token_hex(4)}.lens"
        claim = Claim.take(target)  # first, as other windows look through that folder
        try:
            database.create(target, _first_meta(), private=True)
        except BadInputError:
            if claim is not None:
                claim.release()
            raise
        return cls(target, temporary=True, claim=claim)

    @classmethod
    def open(cls, path: Path | str, *, claimed: bool = False) -> Self:
        """Open an existing session file.

        Args:
            path: The file.
            claimed: Whether it is opened to stay open, in a window: a second one that asks for the
                same file gets it for reading only.
        """
        target = Path(path)
        if not claimed:
            return cls(target)
        claim = Claim.take(target)
        return cls(target, claim=claim, reason=database.CLAIMED if claim is None else None)

    @classmethod
    def open_or_create(cls, path: Path | str) -> Self:
        """Open the session file, or make it where there is none, waiting for whoever does so."""
        target = Path(path)
        for _ in range(_TRIES):
            if not os.path.exists(target) or database.is_writable(target):
                database.create(target, _first_meta())
            with contextlib.suppress(database.NoFileError):  # it was taken away meanwhile
                return cls.open(target)
        return cls.open(target)

    # --- results

    def add(self, result: Result, title: str = "") -> int:
        """Store a finished result; when this returns, it is on the disk.

        Args:
            result: Of any analysis; memory maps and stored arrays are read one part at a time.
            title: For the history; empty names it by what made it, apart from all others.

        Returns:
            Its id, from 1 in order of making.

        Raises:
            BadInputError: The session is read-only or the disk is full; nothing was changed.
        """
        document, arrays = codec.encode(result)
        created = result.provenance.get("created")
        when = created if isinstance(created, str) and created else now()
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
        with self.writing() as connection:
            named = title or titles.free_title(connection, result)
            columns = (result.analysis, named, when, result.model.label)
            cursor = connection.execute(
                "INSERT INTO results (analysis, title, created, model, document, crc, fields, "
                "params_schema) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(storable(c) for c in columns),
                    text,
                    zlib.crc32(text.encode("utf-8")),
                    *codec.encode_specs(described(result)),
                ),
            )
            result_id = cursor.lastrowid or 0
            for name, array in arrays.items():
                packed = enumerate(parts.pack_parts(array, parts.describe(name, array).lead))
                connection.executemany(
                    "INSERT INTO arrays (result, name, part, codec, bytes, crc) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    ((result_id, name, n, how, raw, zlib.crc32(raw)) for n, (how, raw) in packed),
                )
        return result_id

    def load(self, result_id: int) -> Result:
        """Return a stored result as it was added; large patterns come as `LazyArray`."""
        finder = functools.partial(self._find_array, result_id, parts.Room())
        with self._named(result_id):
            columns = self._since(2, "crc"), self._since(3, "fields", "params_schema")
            chosen = "FROM results WHERE id = ?"
            sql = f"SELECT document, {', '.join(columns)} {chosen}"
            found = self.query(sql, (result_id,)) if 0 < result_id <= MAX_ID else []
            if not found:
                raise self.no_such(result_id)
            document, crc, fields, settings = found[0]
            with self.damage_named():
                parts.check_crc(document, crc)
                result = codec.decode(parse(document), finder)
            result = described(codec.decode_specs(result, fields, settings))
        problem = shapes.problem_of(result)
        if problem is not None:
            raise database.DamagedSessionError(
                f"Result {result_id} of “{self.path}” is not of the form of its kind ({problem}): "
                "it cannot be used; other results may be whole."
            )
        return result

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

    def _find_array(self, result_id: int, room: parts.Room, spec: parts.ArraySpec) -> Stored:
        sql = "SELECT count(*), sum(length(bytes)) FROM arrays WHERE result = ? AND name = ?"
        count, size = self.query(sql, (result_id, spec.name))[0]
        parts.check_room(spec, count, size or 0)
        if spec.lead == 0:
            room.take(spec, size or 0)
            return self._read_part(result_id, spec, 0)
        return LazyArray(spec, functools.partial(self._read_part, result_id, spec))

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

    # --- the history: what is noted about each result, and what was deleted

    def rows(self) -> tuple[SessionRow, ...]:
        """Return the history, oldest first, without reading any result.

        Lines that a disk has spoilt are left out; `missing` tells of them.
        """
        return self._select(deleted=False)[0]

    def deleted_rows(self) -> tuple[SessionRow, ...]:
        """Return the results that were deleted and can still be brought back, oldest first."""
        return self._select(deleted=True)[0]

    def missing(self) -> str | None:
        """Return in a sentence how many lines of the history cannot be read, None where all can."""
        count = self._select(deleted=False)[1]
        if count == 0:
            return None
        what = "One result" if count == 1 else f"{count} results"
        return (
            f"{what} of this session cannot be read, as the file is damaged: save what is left "
            "under another name."
        )

    def rename(self, result_id: int, title: str) -> None:
        """Give a result another title in the history."""
        self._change(result_id, "title", storable(title))

    def annotate(self, result_id: int, notes: str) -> None:
        """Keep notes (Markdown) with a result."""
        self._change(result_id, "notes", storable(notes))

    def set_star(self, result_id: int, *, star: bool) -> None:
        """Mark a result, or take the mark away."""
        self._change(result_id, "star", int(star))

    def set_tags(self, result_id: int, tags: Iterable[str]) -> None:
        """Replace the tags of a result; empty ones and repeats are dropped."""
        kept = list(dict.fromkeys(t for t in (storable(tag).strip() for tag in tags) if t))
        if len(kept) > MAX_TAGS:
            raise BadInputError(f"{len(kept)} tags are too many: give at most {MAX_TAGS}.")
        self._change(result_id, "tags", json.dumps(kept))

    def delete(self, result_id: int) -> None:
        """Take a result out of the history; `restore` brings it back."""
        self._change(result_id, "deleted", now())

    def restore(self, result_id: int) -> None:
        """Bring a deleted result back."""
        self._change(result_id, "deleted", None)

    def empty_bin(self) -> int:
        """Remove deleted results for good, their bytes overwritten; return how many there were."""
        with self.writing() as connection:
            found = connection.execute("SELECT id FROM results WHERE deleted IS NOT NULL")
            gone = [row[:1] for row in found]
            if gone:
                connection.execute("PRAGMA secure_delete = ON")
                connection.executemany("DELETE FROM arrays WHERE result = ?", gone)
                connection.executemany("DELETE FROM results WHERE id = ?", gone)
        return len(gone)

    def no_such(self, result_id: int) -> BadInputError:
        """Return the sentence for an id that the session does not have."""
        return BadInputError(
            f"There is no result {result_id} in “{self.path}”: `lensbench results` lists them."
        )

    def _change(self, result_id: int, column: str, value: str | int | None) -> None:
        if not 0 < result_id <= MAX_ID:
            raise self.no_such(result_id)
        with self.writing() as connection:
            sql = f"UPDATE results SET {column} = ? WHERE id = ?"  # noqa: S608 - our own column
            if connection.execute(sql, (value, result_id)).rowcount == 0:
                raise self.no_such(result_id)

    def _select(self, *, deleted: bool) -> tuple[tuple[SessionRow, ...], int]:
        """Return the lines that are in the history (or in the bin), and how many are unreadable."""
        columns: tuple[str, ...] = database.COLUMNS
        if self.schema == 1:
            columns = columns[:_FIRST_COLUMNS]
        sql = f"SELECT {', '.join(columns)} FROM results"  # noqa: S608 - our own columns
        try:
            found = self.query(f"{sql} ORDER BY id")
            lost = 0
        except BadInputError:
            found, lost = self._probe(sql)
        rows = []
        for values in found:
            row = _row(values)
            if row is None:
                lost += 1
            elif (len(values) > _FIRST_COLUMNS and values[-1] is not None) == deleted:
                rows.append(self._with_question(row) if titles.is_tried(row.analysis) else row)
        return tuple(rows), lost

    def _with_question(self, row: SessionRow) -> SessionRow:
        """Return a try's line with what it asks, which is read once: results never change."""
        if row.id not in self._questions:
            asked = ""
            with contextlib.suppress(BadInputError):  # spoilt by a disk: it stands alone
                found = self.query("SELECT document FROM results WHERE id = ?", (row.id,))
                asked = titles.stored_question(row.analysis, found[0][0]) if found else ""
            self._questions[row.id] = asked
        return replace(row, question=self._questions[row.id])

    def _probe(self, sql: str) -> tuple[list[tuple[Any, ...]], int]:
        """Read one line after another, so that a spoilt page costs only those that lie on it."""
        found, lost = [], 0
        last = self.query("SELECT seq FROM sqlite_sequence WHERE name = 'results'")
        count = last[0][0] if last and isinstance(last[0][0], int) else 0
        for number in range(1, min(count, _MAX_PROBED) + 1):
            try:
                found += self.query(f"{sql} WHERE id = ?", (number,))
            except BadInputError:
                lost += 1
        if not found:
            self.query(f"{sql} ORDER BY id")  # nothing is left: the file's own error says why
        return found, lost


def _first_meta() -> dict[str, str]:
    """Return what is noted of every session from the start."""
    return {"created": json.dumps(now())}


def unsaved_place() -> Path:
    """Return a folder of temporary files that is this user's alone, made where it is missing.

    Raises:
        BadInputError: There is no place for it.
    """
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    place = Path(tempfile.gettempdir()) / f"lensbench-{user}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        is_own = not hasattr(os, "getuid") or place.lstat().st_uid == user
        return place if is_own else Path(tempfile.mkdtemp(prefix="lensbench-"))
    except OSError as error:
        raise unwritable(place, error) from error


def storable(text: str) -> str:
    """Return text that UTF-8 can hold: half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def now() -> str:
    """Return the time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _row(values: tuple[Any, ...]) -> SessionRow | None:
    """Return the line of a row of a file of unknown origin, None where it is of the wrong form."""
    number, analysis, title, created, model = values[:_FIRST_COLUMNS]
    texts = (analysis, title, created, model)
    if type(number) is not int or not 0 < number <= MAX_ID:
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    if len(values) == _FIRST_COLUMNS:
        return SessionRow(number, *texts)
    notes, star, tags, deleted = values[_FIRST_COLUMNS:]
    if not isinstance(notes, str) or not isinstance(deleted, (str, type(None))):
        return None
    return SessionRow(number, analysis, title, created, model, notes, star == 1, _tags(tags))


def _tags(text: object) -> tuple[str, ...]:
    """Return stored tags; what is no list of texts is none at all: the result matters more."""
    try:
        found = json.loads(text) if isinstance(text, str) else []
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, list):
        return ()
    return tuple(tag for tag in found[:MAX_TAGS] if isinstance(tag, str))
