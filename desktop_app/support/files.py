"""Files: read only where they are files, written wholly or not at all, never taken from another."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from desktop_app.support import unfinished
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a drive answers that knows no second name for one file.
_NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV}
)
_TRIED_BYTES = 64 * 1024
_TRIES, _PAUSE_S = 10, 0.05
_AT_FDCWD, _RENAME_NOREPLACE = -100, 1


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; a pipe or a device is refused, where opening it would wait.

    Raises:
        OSError: It cannot be read, or is no file.
    """
    require_regular(path)
    return path.open("rb")


def require_regular(path: Path) -> None:
    """Refuse what is there and is neither a file nor a folder.

    Raises:
        OSError: It is a pipe, a socket or a device, or cannot be looked at.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is no file but a pipe or a device")


@contextlib.contextmanager
def write_atomically(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Give a binary file that takes the name `path` only once it is complete and on the disk.

    An older file of that name stays untouched until then; where writing fails, nothing is left.

    Args:
        path: The final name. A link is followed, so that the file it names is replaced.
        private: Whether nobody but the user may read it.

    Raises:
        BadInputError: The file cannot be written there, or the disk is full.
    """
    final = Path(os.path.realpath(path))
    try:
        with contextlib.suppress(FileNotFoundError):
            require_regular(final)
        with temporary_for(final, private=private) as temporary:
            with temporary.open("r+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            put_in_place(temporary, final)
    except OSError as error:
        raise unwritable(path, error) from error


def put_in_place(temporary: Path, final: Path) -> None:
    """Give a finished file its name; an older file of that name is replaced.

    On Windows what searches for viruses may hold either for a moment.

    Raises:
        OSError: The name cannot be given.
    """
    for left in reversed(range(_TRIES if sys.platform == "win32" else 1)):
        try:
            temporary.replace(final)
        except PermissionError:
            if not left:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


TEMPORARY_NAMES = ".lensbench-*.tmp*"
"""Names of files that were being written, as a pattern."""


def temporary_sibling(path: Path) -> Path:
    """Return an unused name in the folder of `path`, so that it can be renamed to it."""
    return path.with_name(f".lensbench-{secrets.token_hex(6)}.tmp")


@contextlib.contextmanager
def temporary_for(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give an empty file beside `path`, to be renamed; what is left of it afterwards is removed.

    Where the program is killed meanwhile, the next start removes it.
    """
    temporary = temporary_sibling(path)
    with unfinished.noted(temporary):
        os.close(os.open(temporary, _NEW, 0o600 if private else 0o666))
        try:
            yield temporary
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)


def make_file(path: Path, *, private: bool = False) -> bool:
    """Make an empty file where there is none; return whether there was none.

    Raises:
        OSError: It cannot be made, or what is there cannot be written to or is no file.
    """
    mode = 0o600 if private else 0o666
    try:
        os.close(os.open(path, _NEW, mode))
    except FileExistsError:
        with contextlib.suppress(FileNotFoundError):  # a link to nowhere
            require_regular(path)
        os.close(os.open(path, _NEW & ~os.O_EXCL, mode))
        return False
    return True


def give_name(temporary: Path, path: Path) -> None:
    """Give a finished file its name, unless another has it.

    Raises:
        FileExistsError: Another has it; it is left as it is.
        OSError: The name cannot be given.
    """
    if sys.platform == "win32":
        temporary.rename(path)  # replaces nothing there
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_alone(temporary, path)
    else:
        temporary.unlink()


def _rename_alone(temporary: Path, path: Path) -> None:
    """Rename without replacing, on drives that know no links (memory sticks)."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None:
        names = os.fsencode(temporary), os.fsencode(path)
        done = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_NOREPLACE)
        if done == 0:
            return
        if ctypes.get_errno() == errno.EEXIST:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    temporary.rename(path)


def try_out(path: Path, ending: str = "") -> None:
    """Refuse a name that no file could be written under, before work is done for it.

    A file of as long a name is made beside it, filled a little, and removed.

    Args:
        path: The name. What may lie there is left alone.
        ending: What names beside it will have in addition.

    Raises:
        BadInputError: In a sentence, why not.
    """
    final = Path(os.path.realpath(path))
    try:
        with contextlib.suppress(FileNotFoundError):
            require_regular(final)
        if final.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        beside = temporary_sibling(final)
        length = len(os.fsencode(final.name + ending)) - len(beside.name)
        beside = beside.with_name(beside.name + "x" * length)
        with unfinished.noted(beside):
            try:
                with beside.open("xb") as file:
                    file.write(bytes(_TRIED_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                beside.unlink(missing_ok=True)
        if final.exists() and not os.access(final, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> BadInputError:
    """Return the sentence for a file that could not be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return BadInputError(f"The disk is full: “{path}” was not written; free some space.")
    if isinstance(error, FileNotFoundError):
        return BadInputError(f"“{path}” cannot be written: the folder does not exist; create it.")
    reason = error.strerror or type(error).__name__
    return BadInputError(f"“{path}” cannot be written ({reason}): choose another place.")
