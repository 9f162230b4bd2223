"""The SQLite side of a session: how a file of unknown origin is opened, made and copied.

A session found on the disk is untrusted. Its header is read before SQLite sees it; functions with
side effects are barred from its schema; and where it holds any trigger, view or table that
Lensbench did not write, it is opened for reading only, so that nothing of it ever runs.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from desktop_app.support.errors import BadInputError
from desktop_app.support.files import (
    give_name,
    make_file,
    open_regular,
    temporary_for,
    unwritable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


# `resources/help/session_file.md` describes the tables for other programs; whoever changes one
# changes the other. A version is never edited once a release has written it: a new one is added
# with the statements that turn its predecessor into it, so that files of every age open for ever. A
# new file is made by the same steps: its tables equal those of a migrated one, to the letter.
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

BUSY_TIMEOUT_S = 5.0
PATIENCE_S = 60.0
"""How long a writer waits for another, which may be storing gigabytes."""

HURRIED_S = 2.0
"""How long it waits where the user waits for it."""
_PAUSE_S = 0.02

SIDECARS = ("-journal", "-wal", "-shm")

NEWER = (
    "This session was written by a newer version of Lensbench: it is open for reading only; "
    "update Lensbench to add to it."
)
FOREIGN = (
    "This session holds parts that Lensbench did not write: they are ignored, and it is open for "
    "reading only."
)
UNWRITABLE = (
    "This session may not be written to where it lies: it is open for reading only; save it "
    "under another name to add to it."
)
CLAIMED = (
    "This session is open in another window: it is open for reading only here; save it under "
    "another name to add to it."
)
COLUMNS = ("id", "analysis", "title", "created", "model", "notes", "star", "tags", "deleted")
"""Of a result, without its document; the last four since schema 2."""

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100


@dataclass(frozen=True)
class Header:
    """What the first bytes of a database say: who wrote it, and which schema."""

    application_id: int
    user_version: int


def not_a_session(path: Path) -> BadInputError:
    """Return the sentence for a file of another kind."""
    return BadInputError(f"“{path}” is not a Lensbench session: choose a .lens file.")


class NoFileError(BadInputError):
    """There is no such file."""


class UnmadeError(BadInputError):
    """A killed program had only begun to make it: what it left is undone, and nothing is there."""


class DamagedSessionError(BadInputError):
    """A session, or a part of one, that is no longer what was written."""


def damaged(path: Path) -> DamagedSessionError:
    """Return the sentence for a session that cannot be read."""
    return DamagedSessionError(f"The session “{path}” is damaged: open a copy of it from a backup.")


def read_header(path: Path) -> Header:
    """Return the marks of a session file without opening it as a database.

    Raises:
        BadInputError: There is no such file, it cannot be read, or it is no session.
    """
    try:
        with open_regular(path) as file:
            head = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        raise NoFileError(f"There is no file “{path}”: check the name.") from None
    except OSError as error:
        raise BadInputError(
            f"“{path}” cannot be read ({error.strerror}): choose a .lens file."
        ) from error
    if head and not any(head) and _has_journal(path):
        raise UnmadeError(str(not_a_session(path)))
    header = Header(int.from_bytes(head[68:72], "big"), int.from_bytes(head[60:64], "big"))
    if len(head) < _HEADER_BYTES or not head.startswith(_MAGIC):
        raise not_a_session(path)
    if header.application_id != APPLICATION_ID or header.user_version < 1:
        raise not_a_session(path)
    return header


def _has_journal(path: Path) -> bool:
    """Return whether what a killed program was writing can be undone."""
    with contextlib.suppress(OSError):
        return path.with_name(path.name + SIDECARS[0]).stat().st_size > 0
    return False


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open an existing database with everything switched off that a stranger's file could abuse."""
    connection = _connect(path, "ro" if read_only else "rw")
    with contextlib.ExitStack() as stack:
        stack.callback(connection.close)
        for pragma in (
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "mmap_size = 0",
            "synchronous = FULL",
            f"query_only = {'ON' if read_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        stack.pop_all()
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{_uri(path)}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def create(path: Path, meta: Mapping[str, str], *, private: bool = False) -> bool:
    """Make a session of a file that is not there or empty; return whether it was made now.

    It is one transaction on the file itself, so that no other file is ever replaced: of several
    programs that make the same one, all but the first wait, and find it made. A program that is
    killed meanwhile leaves an empty file.

    Args:
        path: The file.
        meta: What is noted of the whole session from the start: JSON texts by key.
        private: Whether nobody but the user may read it.

    Raises:
        BadInputError: It cannot be made there, or the file is of another kind.
    """
    try:
        is_new = make_file(path, private=private)
    except OSError as error:
        raise unwritable(path, error) from error
    is_made = False
    try:
        with translated(path), contextlib.closing(connect(path, read_only=False)) as connection:
            wait_for_turn(partial(try_to_begin, connection), path, lambda: False)
            is_made = _fill(connection, meta)
    finally:
        if is_new and not is_made:
            with contextlib.suppress(OSError):
                if path.stat().st_size == 0:
                    path.unlink()
    return is_made


def _fill(connection: sqlite3.Connection, meta: Mapping[str, str]) -> bool:
    """Make the tables in the transaction begun, unless there are some; return whether it did."""
    try:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0:
            return False
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        make_tables(connection)
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return True


def wait_for_turn(
    try_to_begin: Callable[[], bool], path: Path, is_hurried: Callable[[], bool]
) -> None:
    """Begin to write; wait while another program does, however large its result is.

    Raises:
        BadInputError: It did not end in time.
    """
    start = time.monotonic()
    while not try_to_begin():
        if time.monotonic() - start > (HURRIED_S if is_hurried() else PATIENCE_S):
            raise _in_use(path)
        time.sleep(_PAUSE_S)


def try_to_begin(connection: sqlite3.Connection) -> bool:
    """Begin to write; return whether that is possible: while another program writes it is not."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if str(error.sqlite_errorname).startswith("SQLITE_BUSY"):
            return False
        raise
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(1000 * BUSY_TIMEOUT_S)}")
    return True


def _in_use(path: Path) -> BadInputError:
    return BadInputError(f"“{path}” is in use by another program: close it there first.")


def remove(path: Path) -> None:
    """Delete a session file and what SQLite may have left beside it, as far as that is possible."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    _remove_sidecars(path)


def has_foreign_objects(connection: sqlite3.Connection, path: Path, version: int) -> bool:
    """Return whether the file holds objects that Lensbench did not write.

    Its own tables must be those of its version to the letter, else it is refused as damaged; of a
    newer version only their names are known.
    """
    found = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    there = {name: sql for kind, name, sql in found if kind == "table"}
    known = tables(min(version, SCHEMA))
    for name, sql in known.items():
        is_plain = str(there.get(name)).upper().startswith("CREATE TABLE")
        if not is_plain or (version <= SCHEMA and there[name] != sql):
            raise damaged(path)
    own = INTERNAL | known.keys()
    return any(name not in own for _kind, name, _sql in found)


def _uri(path: Path) -> str:
    text = path.absolute().as_posix()
    return f"file://{'' if text.startswith('/') else '/'}{quote(os.fsencode(text))}"


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


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors on a session file into sentences."""
    try:
        yield
    except sqlite3.Error as error:
        raise _sentence(path, error) from error
    except UnicodeDecodeError as error:  # SQLite's own message quotes the spoilt bytes
        raise damaged(path) from error


def _sentence(path: Path, error: sqlite3.Error) -> BadInputError:
    # Errors that the Python module raises itself carry no code: text that is not UTF-8, for one.
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return BadInputError(
            f"The disk is full: nothing was added to “{path}”; free some space and try again."
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return _in_use(path)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR")):
        return BadInputError(
            f"“{path}” cannot be read or written ({error}): check its folder and permissions."
        )
    if name.startswith("SQLITE_TOOBIG"):
        return BadInputError(f"“{path}” cannot hold a value that large: use fewer prompts.")
    if name.startswith("SQLITE_NOTADB"):
        return not_a_session(path)
    return damaged(path)


def open_session(path: Path, reason: str | None = None) -> tuple[sqlite3.Connection, str | None]:
    """Return a connection to a session file, and why it is read-only where it is.

    `reason` says why it must not be written to, where that is known already.
    """
    header = read_header(path)
    notice = reason if is_writable(path) else UNWRITABLE
    if header.user_version > SCHEMA:
        notice = NEWER
    with translated(path), contextlib.ExitStack() as stack:
        connection = connect(path, read_only=notice is not None)
        stack.callback(connection.close)
        # Asked of SQLite again, which has undone by now what a killed program left half written.
        version = version_of(connection)
        if version == 0:
            raise UnmadeError(str(not_a_session(path)))
        if _is_foreign(connection, path, version) and notice is None:
            connection.close()
            notice = FOREIGN
            connection = connect(path, read_only=True)
            stack.callback(connection.close)
        stack.pop_all()
        return connection, notice


def _is_foreign(connection: sqlite3.Connection, path: Path, version: int) -> bool:
    """Return whether the file holds strangers' objects; refuse it where its own are not known."""
    try:
        foreign = has_foreign_objects(connection, path, version)
        if version > SCHEMA:
            columns = ", ".join(COLUMNS)
            connection.execute(f"SELECT {columns} FROM results LIMIT 0")  # noqa: S608 - our own
    except (BadInputError, sqlite3.Error):
        if version > SCHEMA:
            raise BadInputError(
                f"“{path}” was written by a newer version of Lensbench: update Lensbench."
            ) from None
        raise
    return foreign


def copy_to(connection: sqlite3.Connection, path: Path) -> None:
    """Copy an open session to `path`, which is replaced only once the copy is complete.

    What was not there when the copying began is not replaced: another program has made it.
    """
    target = Path(os.path.realpath(path))
    try:
        is_there = target.exists() and target.stat().st_size > 0
        with temporary_for(target) as temporary:
            try:
                with translated(path), contextlib.closing(sqlite3.connect(temporary)) as copy:
                    connection.backup(copy)
                if not is_there and target.exists() and target.stat().st_size == 0:
                    target.unlink()  # as good as not there
                # Left behind by a killed program, they would be played back into the new file.
                _remove_sidecars(target)
                (temporary.replace if is_there else partial(give_name, temporary))(target)
            finally:
                _remove_sidecars(temporary)
    except FileExistsError:
        raise exists(path) from None
    except OSError as error:
        raise unwritable(path, error) from error


def _remove_sidecars(path: Path) -> None:
    for ending in SIDECARS:
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).unlink(missing_ok=True)


def exists(path: Path) -> BadInputError:
    """Return the sentence for a name that is taken."""
    return BadInputError(f"“{path}” exists already: choose another name.")


def is_writable(path: Path) -> bool:
    """Return whether a file may be written to, and its journal beside it."""
    return os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)
