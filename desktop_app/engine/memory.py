"""Memory: what there is, what a model needs, and what running out of it looks like."""

from __future__ import annotations

import gc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import torch

BYTES_PER_ITEM = {"float32": 4, "bfloat16": 2, "float16": 2}
# Activations, the tokenizer and allocator slack on top of the weights.
_WORKING_SHARE = 0.15
_WORKING_BYTES = 200_000_000


def bytes_needed(parameters: int) -> dict[str, int]:
    """Return the memory that a model needs per dtype: weights and working space."""
    return {
        dtype: int(parameters * size * (1 + _WORKING_SHARE)) + _WORKING_BYTES
        for dtype, size in BYTES_PER_ITEM.items()
    }


def free_bytes(device: torch.device) -> int:
    """Return the memory that is free on a device, in bytes."""
    if device.type == "cuda":
        import torch

        free, _total = torch.cuda.mem_get_info(device)
        return int(free)
    return int(psutil.virtual_memory().available)


def used_bytes(device: torch.device) -> int:
    """Return what this process holds on a GPU, or of the machine's memory, in bytes."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.memory_allocated(device))
    return int(psutil.Process().memory_info().rss)


class PeakMemory:
    """Measures the most memory held since it was made: of the process, or of its GPU."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        if self._cuda is not None:
            import torch

            torch.cuda.reset_peak_memory_stats(self._cuda)
        else:
            # Linux forgets the old high-water mark on request; elsewhere it is the process's.
            with suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def bytes(self) -> int:
        """Return the peak in bytes."""
        if self._cuda is not None:
            import torch

            return int(torch.cuda.max_memory_allocated(self._cuda))
        with suppress(OSError, ValueError, IndexError):
            for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        info = psutil.Process().memory_info()
        return int(getattr(info, "peak_wset", info.rss))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on the GPU or the CPU."""
    if isinstance(error, MemoryError):
        return True
    if type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text


def release_memory(device: torch.device) -> None:
    """Give back what the allocator holds without need."""
    gc.collect()
    if device.type == "cuda":
        import torch

        torch.cuda.empty_cache()


def human_bytes(count: float) -> str:
    """Return a number of bytes as people read it, such as `0.54 GB`."""
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    if count < 1e8:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.2f} GB"
