"""The tables of a session file, version by version, and the steps that lead from one to the next.

`resources/help/session_file.md` describes them for other programs; whoever changes one changes the
other. A version is never edited once a release has written it: a new one is added with the
statements that turn its predecessor into it, so that files of every age open for ever. A new file
is made by the same steps, which makes its tables equal to those of a migrated one, to the letter.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3

APPLICATION_ID = 0x4C454E53  # "LENS"

_FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE results (id INTEGER PRIMARY KEY AUTOINCREMENT, analysis TEXT NOT NULL, "
    "title TEXT NOT NULL, created TEXT NOT NULL, model TEXT NOT NULL, document TEXT NOT NULL)",
    "CREATE TABLE arrays (result INTEGER NOT NULL REFERENCES results (id), "
    "name TEXT NOT NULL, part INTEGER NOT NULL, codec TEXT NOT NULL, bytes BLOB NOT NULL, "
    "UNIQUE (result, name, part))",
)

STEPS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE results ADD COLUMN notes TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE results ADD COLUMN star INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE results ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE results ADD COLUMN deleted TEXT",
        "ALTER TABLE results ADD COLUMN crc INTEGER",
        "ALTER TABLE arrays ADD COLUMN crc INTEGER",
    ),
    3: (
        "ALTER TABLE results ADD COLUMN fields TEXT",
        "ALTER TABLE results ADD COLUMN params_schema TEXT",
    ),
}
"""By version, what turns a file of the version before into one of it."""

SCHEMA = 1 + len(STEPS)
"""The version that this program writes."""

INTERNAL = frozenset(
    {"sqlite_sequence", "sqlite_autoindex_meta_1", "sqlite_autoindex_arrays_1", "sqlite_stat1"}
)
"""What SQLite makes by itself."""


def make_tables(connection: sqlite3.Connection, version: int = SCHEMA) -> None:
    """Make the tables of a version in an empty database, within the caller's transaction."""
    for statement in _FIRST:
        connection.execute(statement)
    _step(connection, 1, version)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file's tables up to this version, within the caller's transaction."""
    version = version_of(connection)
    if version < SCHEMA:
        _step(connection, version, SCHEMA)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version that a file says it has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@functools.cache
def tables(version: int) -> dict[str, str]:
    """Return what SQLite notes down for each table of a version."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        make_tables(connection, version)
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        return {name: sql for name, sql in found if name not in INTERNAL}


def _step(connection: sqlite3.Connection, start: int, end: int) -> None:
    for version in range(start + 1, end + 1):
        for statement in STEPS[version]:
            connection.execute(statement)
