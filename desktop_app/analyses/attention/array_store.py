"""Arrays that lie on the disk where there are too many for memory."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np

from desktop_app.engine.memory import human_bytes
from desktop_app.support.errors import BadInputError

# Arrays beyond this go to a file and are read head by head.
_MEMORY_BYTES = 64_000_000


class ArrayStore:
    """Gives out arrays: in memory while they are small in sum, else as files of a folder.

    The folder goes when the last array that lies in it does.
    """

    def __init__(self, total_bytes: int) -> None:
        self._folder: Path | None = None
        self._count = 0
        if total_bytes <= _MEMORY_BYTES:
            return
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if total_bytes > 0.9 * free:
            raise BadInputError(
                f"These patterns take {human_bytes(total_bytes)} and the disk has "
                f"{human_bytes(free)} free: choose fewer --layers or --heads, or shorter prompts."
            )
        self._folder = Path(tempfile.mkdtemp(prefix="lensbench-attention-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return a float32 array of that shape."""
        if self._folder is None:
            return np.empty(shape, dtype=np.float32)
        self._count += 1
        path = self._folder / f"{self._count}.f32"
        array = np.memmap(path, dtype=np.float32, mode="w+", shape=shape)
        array._lensbench_store = self  # type: ignore[attr-defined]  # noqa: SLF001 - keeps the folder
        return array
