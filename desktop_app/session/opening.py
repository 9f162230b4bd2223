"""How a session file is opened, for writing where it may be, and how it is copied."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from desktop_app.session import database, schema
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import temporary_sibling, unwritable

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


def open_session(path: Path, reason: str | None = None) -> tuple[sqlite3.Connection, str | None]:
    """Return a connection to a session file, and why it is read-only where it is.

    Args:
        path: The file.
        reason: Why it must not be written to, where that is known already.

    Raises:
        BadInputError: It is missing, not a session, damaged, or in use elsewhere.
    """
    header = database.read_header(path)
    notice = reason if _writable(path) else UNWRITABLE
    if header.user_version > schema.SCHEMA:
        notice = NEWER
    with database.translated(path), contextlib.ExitStack() as stack:
        connection = database.connect(path, read_only=notice is not None)
        stack.callback(connection.close)
        # Asked of SQLite again, which has undone by now what a killed program left half written.
        version = schema.version_of(connection)
        if _is_foreign(connection, path, version) and notice is None:
            connection.close()
            notice = FOREIGN
            connection = database.connect(path, read_only=True)
            stack.callback(connection.close)
        stack.pop_all()
        return connection, notice


def _is_foreign(connection: sqlite3.Connection, path: Path, version: int) -> bool:
    """Return whether the file holds strangers' objects; refuse it where its own are not known."""
    try:
        foreign = database.has_foreign_objects(connection, path, version)
        if version > schema.SCHEMA:
            columns = ", ".join(COLUMNS)
            connection.execute(f"SELECT {columns} FROM results LIMIT 0")  # noqa: S608 - our own
    except (BadInputError, sqlite3.Error):
        if version > schema.SCHEMA:
            raise BadInputError(
                f"“{path}” was written by a newer version of Lensbench: update Lensbench."
            ) from None
        raise
    return foreign


def copy_to(connection: sqlite3.Connection, path: Path) -> None:
    """Copy an open session to `path`, which is replaced only once the copy is complete.

    Raises:
        BadInputError: The copy cannot be written, or the disk is full.
    """
    target = Path(os.path.realpath(path))
    temporary = temporary_sibling(target)
    try:
        temporary.open("xb").close()
        with database.translated(path), contextlib.closing(sqlite3.connect(temporary)) as copy:
            connection.backup(copy)
        for ending in database.SIDECARS:
            # Left behind by a killed program, it would be played back into the new file.
            target.with_name(target.name + ending).unlink(missing_ok=True)
        temporary.replace(target)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        database.remove(temporary)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)
