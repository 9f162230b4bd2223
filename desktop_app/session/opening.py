"""How a session file is opened, for writing where it may be, and how it is copied."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from desktop_app.session import database
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
_SIDECARS = ("-journal", "-wal", "-shm")


def open_session(path: Path) -> tuple[sqlite3.Connection, str | None]:
    """Return a connection to a session file, and why it is read-only where it is.

    Raises:
        BadInputError: It is missing, not a session, damaged, or in use elsewhere.
    """
    header = database.read_header(path)
    notice = None if _writable(path) else UNWRITABLE
    if header.user_version > database.SCHEMA:
        notice = NEWER
    with database.translated(path), contextlib.ExitStack() as stack:
        connection = database.connect(path, read_only=notice is not None)
        stack.callback(connection.close)
        if _is_foreign(connection, path, notice):
            connection.close()
            notice = FOREIGN
            connection = database.connect(path, read_only=True)
            stack.callback(connection.close)
        stack.pop_all()
        return connection, notice


def _is_foreign(connection: sqlite3.Connection, path: Path, notice: str | None) -> bool:
    """Return whether strangers' objects alone are a reason to open for reading only."""
    newer = notice == NEWER
    try:
        return database.has_foreign_objects(connection, path, exact=not newer) and notice is None
    except BadInputError:
        if newer:
            raise BadInputError(
                f"“{path}” was written by a newer version of Lensbench: update Lensbench."
            ) from None
        raise


def copy_to(connection: sqlite3.Connection, source: Path, path: Path) -> None:
    """Copy an open session to `path`, which is replaced only once the copy is complete.

    Args:
        connection: The open session.
        source: Its file; copying onto itself does nothing, as all is saved.
        path: The copy's name.

    Raises:
        BadInputError: The copy cannot be written, or the disk is full.
    """
    target = Path(os.path.realpath(path))
    if target == Path(os.path.realpath(source)):
        return
    temporary = temporary_sibling(target)
    try:
        temporary.open("xb").close()
        with database.translated(path), contextlib.closing(sqlite3.connect(temporary)) as copy:
            connection.backup(copy)
        for ending in _SIDECARS:
            # Left behind by a killed program, it would be played back into the new file.
            target.with_name(target.name + ending).unlink(missing_ok=True)
        temporary.replace(target)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        for ending in ("", *_SIDECARS):
            with contextlib.suppress(OSError):
                temporary.with_name(temporary.name + ending).unlink(missing_ok=True)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)
