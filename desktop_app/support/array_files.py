"""Arrays of this program's own in a file: numpy's .npz, read by hand and never more than is there.

Numbers alone are read, of the formats that are asked for: what would be made by running something,
as pickled objects would, is no such format. Nothing is unpacked, so that a small file cannot become
a large one, and the checksum of each array is checked.
"""

from __future__ import annotations

import re
import zipfile
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.support.files import open_regular, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ENDING = ".npy"
# What stands before the numbers: this, the length of what follows in two bytes, and their shape.
_MAGIC = b"\x93NUMPY\x01\x00"
_BEGIN = len(_MAGIC) + 2
_HEAD = re.compile(
    rb"\{'descr': '(?P<kind>[<|][a-z]\d)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(\d{1,12},? ?){1,4})\), \} *\n"
)
_BROKEN = (OSError, EOFError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile)


class DamagedArraysError(ValueError):
    """A file that holds other things than were asked for."""


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to a file that nobody but the user may read, wholly or not at all.

    Raises:
        BadInputError: It cannot be written.
    """
    with write_atomically(path, private=True) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(path: Path, wanted: Mapping[str, str], most_bytes: int) -> dict[str, np.ndarray]:
    """Return the arrays of a file, by name.

    Args:
        path: The file.
        wanted: What it must hold: names, and the format of the numbers of each (`<i4`), in rows.
        most_bytes: A larger file is not read.

    Raises:
        FileNotFoundError: There is none.
        DamagedArraysError: It is too large, cannot be read, or holds anything else.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise DamagedArraysError("too large")
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            held = archive.infolist()
            names = {info.filename for info in held}
            if len(held) != len(wanted) or names != {name + _ENDING for name in wanted}:
                raise DamagedArraysError("other arrays than are wanted")
            if sum(info.file_size for info in held) > most_bytes:
                raise DamagedArraysError("larger than the file")
            return {name: _array(archive, name, kind) for name, kind in wanted.items()}
    except FileNotFoundError:
        raise
    except _BROKEN as error:
        raise DamagedArraysError(str(error)) from error


def _array(archive: zipfile.ZipFile, name: str, kind: str) -> np.ndarray:
    info = archive.getinfo(name + _ENDING)
    if info.compress_type != zipfile.ZIP_STORED:
        raise DamagedArraysError("packed")
    with archive.open(info) as stored:
        begin = stored.read(_BEGIN)
        head = _HEAD.fullmatch(stored.read(int.from_bytes(begin[len(_MAGIC) :], "little")))
        if begin[: len(_MAGIC)] != _MAGIC or head is None or head["kind"] != kind.encode():
            raise DamagedArraysError("numbers of another format")
        numbers = stored.read()
    shape = tuple(int(n) for n in head["shape"].split(b",") if n.strip())
    if len(numbers) != prod(shape) * np.dtype(kind).itemsize:
        raise DamagedArraysError("not all numbers are there")
    return np.frombuffer(numbers, kind).reshape(shape)
