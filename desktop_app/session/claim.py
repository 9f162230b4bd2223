"""Which window owns a session file: a lock that dies with the process that holds it.

The lock is the operating system's, on a small hidden file beside the session (`.NAME.lock`), so
that a crash, a power cut or kill -9 leaves nothing that would have to be cleared away. It does not
lie on the session file itself: SQLite's own locks live there, and on network drives and Windows
the two would shut each other out. Nor is it SQLite's exclusive lock, which would keep a second
window from even reading, and `lensbench run --out` from adding a result to the open session.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from desktop_app.support import locks
from desktop_app.support.unfinished import Note

_MAX_NAME_BYTES = 240
_TRIES = 8


class Claim:
    """The right to write to a session for as long as a window has it open."""

    def __init__(self, path: Path | None = None, handle: int | None = None) -> None:
        """Prefer `take`."""
        self._path = path
        self._handle = handle
        self._note = None if path is None else Note(path)  # a killed program leaves the lock file

    @classmethod
    def take(cls, session: Path) -> Claim | None:
        """Return the claim on a session file, or None where another window holds it.

        Where no lock can be had at all (a folder that may not be written to, a drive without
        locks) the claim is granted: SQLite still keeps single writes apart.
        """
        path = _lock_file(session)
        for _ in range(_TRIES):
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError:
                return cls()
            try:
                locks.lock(handle)
            except BlockingIOError:
                os.close(handle)
                return None
            except OSError:
                os.close(handle)
                return cls()
            if locks.is_current(path, handle):
                return cls(path, handle)
            os.close(handle)  # its last owner removed it between our opening and our locking
        return None

    def release(self) -> None:
        """Give the session up; doing so twice is allowed."""
        handle, self._handle = self._handle, None
        if handle is None or self._path is None:
            return
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(handle)
            handle = None
        with contextlib.suppress(OSError):
            self._path.unlink()
        if handle is not None:
            os.close(handle)
        if self._note is not None:
            self._note.close()


def _lock_file(session: Path) -> Path:
    real = Path(os.path.realpath(session))
    name = real.name
    while len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = name[1:]
    return real.with_name(f".{name}.lock")
