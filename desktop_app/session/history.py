"""The history of a session: what is noted about each result, and what was deleted from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from desktop_app.session import opening
from desktop_app.session.file import SessionFile
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ID = 2**63 - 1
_MAX_PROBED = 10_000
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
    """

    id: int
    analysis: str
    title: str
    created: str
    model: str
    notes: str = ""
    star: bool = False
    tags: tuple[str, ...] = ()


class History(SessionFile):
    """An open session's list of results. Deleted ones stay in the file until `empty_bin`."""

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
        columns: tuple[str, ...] = opening.COLUMNS
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
                rows.append(row)
        return tuple(rows), lost

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
    if type(number) is not int or not all(isinstance(text, str) for text in texts):
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
