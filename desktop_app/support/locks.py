"""A lock on an open file that dies with the process that holds it, whatever ends that process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def lock(handle: int) -> None:
        """Lock an open file.

        Raises:
            BlockingIOError: Another has it.
            OSError: The drive knows no locks.
        """
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def lock(handle: int) -> None:
        """Lock an open file.

        Raises:
            BlockingIOError: Another has it.
            OSError: The drive knows no locks.
        """
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_current(path: Path, handle: int) -> bool:
    """Return whether an open file still has that name: its last owner may have removed it."""
    try:
        named, held = path.stat(), os.fstat(handle)
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)
