"""Writing a file so that it is either wholly there or not there at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Give a binary file that takes the name `path` only once it is complete and on the disk.

    An older file of that name stays untouched until then; where writing fails, nothing is left.

    Args:
        path: The final name. A link is followed, so that the file it names is replaced.

    Raises:
        BadInputError: The file cannot be written there, or the disk is full.
    """
    final = Path(os.path.realpath(path))
    temporary = temporary_sibling(final)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


TEMPORARY_NAMES = ".lensbench-*.tmp*"
"""Names of files that were being written, as a pattern."""


def temporary_sibling(path: Path) -> Path:
    """Return an unused name in the folder of `path`, so that it can be renamed to it."""
    return path.with_name(f".lensbench-{secrets.token_hex(6)}.tmp")


def unwritable(path: Path, error: OSError) -> BadInputError:
    """Return the sentence for a file that could not be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return BadInputError(f"The disk is full: “{path}” was not written; free some space.")
    if isinstance(error, FileNotFoundError):
        return BadInputError(f"“{path}” cannot be written: the folder does not exist; create it.")
    reason = error.strerror or type(error).__name__
    return BadInputError(f"“{path}” cannot be written ({reason}): choose another place.")
