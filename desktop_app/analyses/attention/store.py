"""Where patterns are kept: in memory while they are small in sum, else in files of a folder."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.support.errors import BadInputError
from desktop_app.support.sizes import human_bytes
from desktop_app.support.unfinished import Workplace

if TYPE_CHECKING:
    from pathlib import Path

# Arrays beyond this go to a file and are read head by head.
MEMORY_BYTES = 64_000_000


def lies_on_disk(total_bytes: int) -> bool:
    """Return whether arrays of that size in sum are kept in files."""
    return total_bytes > MEMORY_BYTES


class ArrayStore:
    """Gives out arrays: in memory while they are small in sum, else as files of a folder.

    The folder goes when the last array that lies in it does.
    """

    def __init__(self, total_bytes: int) -> None:
        self._folder: Path | None = None
        self._count = 0
        if not lies_on_disk(total_bytes):
            return
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if total_bytes > 0.9 * free:
            raise BadInputError(
                f"These patterns take {human_bytes(total_bytes)} and the disk has "
                f"{human_bytes(free)} free: choose fewer --layers or --heads, or shorter prompts."
            )
        work = Workplace("attention")
        self._folder = work.path
        weakref.finalize(self, work.close)

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return a float32 array of that shape."""
        if self._folder is None:
            return np.empty(shape, dtype=np.float32)
        self._count += 1
        path = self._folder / f"{self._count}.f32"
        array = np.memmap(path, dtype=np.float32, mode="w+", shape=shape)
        array._lensbench_store = self  # type: ignore[attr-defined]  # noqa: SLF001 - keeps the folder
        return array
