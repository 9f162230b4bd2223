"""Spoilt copies of a sound session, the way told by a seed.

Most are edits of what a session says: one result's document, arrays, row, specs; the session's own
texts and tables. Checksums of what is changed are taken out, as whoever means harm can count too.
The rest are what a disk does: flipped bytes, pages lost or swapped, an end that is missing.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.hostile import session_arrays as arrays
from tests.hostile import session_documents as documents
from tests.hostile import session_notes as notes
from tests.hostile.values import dice
from tests.session import hostile_driver

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

EDITS: tuple[Callable[[sqlite3.Connection, random.Random, int], str], ...] = (
    *(documents.document, documents.data, arrays.shape, documents.prompts, arrays.numbers),
    *(documents.settings, arrays.all_shapes, documents.about, documents.other_analysis),
    *(documents.without_fields, notes.row, notes.specs, arrays.shape, arrays.bomb, notes.meta),
    *(notes.strange_specs, arrays.stored_bytes, notes.table, documents.data, arrays.numbers),
    *(notes.long_notes, notes.many, documents.text_of_document, notes.tables, notes.ids),
    *(documents.data, documents.prompts, arrays.shape),
)
_TOUCH_NONE = (notes.meta, notes.table)
_TOUCH_ALL = (notes.tables, notes.many, notes.ids)
_BYTES_SHARE = 5  # one in so many is spoilt as a disk does


@dataclass(frozen=True)
class Spoilt:
    """A spoilt session.

    Attributes:
        what: What was done to it.
        touched: The results that may be hurt; None: any.
    """

    what: str
    touched: frozenset[int] | None


def spoil(good: Path, target: Path, seed: int) -> Spoilt:
    """Write a spoilt copy of a session."""
    if seed % _BYTES_SHARE == 0:
        way = seed // _BYTES_SHARE
        target.write_bytes(hostile_driver.spoil(good.read_bytes(), way))
        return Spoilt(f"bytes, way {way % 6}", None)
    shutil.copyfile(good, target)
    throw, edit = dice(seed), EDITS[(seed - seed // _BYTES_SHARE) % len(EDITS)]
    with contextlib.closing(sqlite3.connect(target)) as connection:
        names = dict(connection.execute("SELECT id, analysis FROM results").fetchall())
        number = throw.choice(sorted(names))
        what = edit(connection, throw, number)
        connection.commit()
        for table, column in (("results", "id"), ("arrays", "result")):
            with contextlib.suppress(sqlite3.OperationalError):  # there may be no such table now
                sql = f"UPDATE {table} SET crc = NULL WHERE {column} = ?"  # noqa: S608
                connection.execute(sql, (number,))
        connection.commit()
    touched = None if edit in _TOUCH_ALL else () if edit in _TOUCH_NONE else (number,)
    told = f"{edit.__name__} of {number} {names[number]}: {what}"
    return Spoilt(told, None if touched is None else frozenset(touched))
