"""Notes of temporary files, by which the next start removes what a killed program has left.

A temporary file lies where its final one is to be, or where there is room, so nobody would find it
again. While one exists, a small file in the user's data folder holds its name and a lock that dies
with the process: a note without an owner speaks of a file that nobody will finish.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.support import locks, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "unfinished"
# Nothing of another name is ever removed, whatever a note says.
_FILES = ".lensbench-*.tmp*"
_FOLDERS = ("lensbench-*", ".*.part")
_LOCKS = ".*.lock"
_MOST_BYTES = 10_000
_STALE_S = 3600.0


class Note:
    """A note of one temporary file or folder; `close` it when that is gone."""

    def __init__(self, place: Path) -> None:
        """Note it down; where nothing can be noted, the work goes on without."""
        self._note: Path | None = None
        self._handle = -1
        with contextlib.suppress(OSError):
            note = paths.private(paths.data_dir() / FOLDER) / secrets.token_hex(8)
            self._handle = os.open(note, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._note = note
            locks.lock(self._handle)
            os.write(self._handle, os.fsencode(place.absolute()))

    def close(self) -> None:
        """Take the note away; doing so twice is allowed."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
        if self._note is not None:
            with contextlib.suppress(OSError):
                self._note.unlink()


@contextlib.contextmanager
def noted(place: Path) -> Iterator[None]:
    """Keep a note of a temporary file for as long as it may exist."""
    note = Note(place)
    try:
        yield
    finally:
        note.close()


class Workplace:
    """A temporary folder of the user's alone; `close` removes it, and so does the next start."""

    def __init__(self, purpose: str) -> None:
        """Make it; `purpose` is a part of its name."""
        self.path = Path(tempfile.gettempdir()) / f"lensbench-{purpose}-{secrets.token_hex(6)}"
        self._note = Note(self.path)
        try:
            self.path.mkdir(mode=0o700)
        except OSError:
            self._note.close()
            raise

    def close(self) -> None:
        """Remove the folder and what is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._note.close()


def tidy() -> None:
    """Remove what programs that died have left behind; never raises."""
    with contextlib.suppress(OSError):
        for note in list((paths.data_dir() / FOLDER).iterdir()):
            with contextlib.suppress(OSError):
                _settle(note)


def _settle(note: Path) -> None:
    """Remove what a note without an owner speaks of, and the note."""
    handle = os.open(note, os.O_RDWR)
    try:
        locks.lock(handle)
        place = Path(os.fsdecode(os.read(handle, _MOST_BYTES)))
        is_over = time.time() - os.fstat(handle).st_mtime > _STALE_S and not place.is_absolute()
        if place.is_absolute() and place.parent.is_dir():  # else its drive may come back
            _remove(place)
            is_over = True
    finally:
        os.close(handle)
    if is_over:
        note.unlink()


def _remove(place: Path) -> None:
    if fnmatchcase(place.name, _FILES):
        for file in place.parent.glob(f"{place.name}*"):  # and what SQLite keeps beside it
            file.unlink()
    elif _is_folder_of_ours(place):
        shutil.rmtree(place, ignore_errors=True)
    elif fnmatchcase(place.name, _LOCKS):
        _remove_lock(place)


def _remove_lock(place: Path) -> None:
    """Remove a lock file, unless another process holds it by now."""
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(place, os.O_RDWR)
        try:
            locks.lock(handle)
            is_over = locks.is_current(place, handle)
            if is_over and sys.platform != "win32":
                place.unlink()
        finally:
            os.close(handle)
        if is_over and sys.platform == "win32":  # nothing that is open can be removed there
            place.unlink()


def _is_folder_of_ours(place: Path) -> bool:
    is_named = any(fnmatchcase(place.name, pattern) for pattern in _FOLDERS)
    return is_named and place.is_dir() and not place.is_symlink()
