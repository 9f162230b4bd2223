"""Memory: what there is, what a model or a row of a pass needs, and what running out looks like."""

from __future__ import annotations

import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from desktop_app.support.errors import MemoryExhaustedError, is_out_of_memory

if TYPE_CHECKING:
    import torch

    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.sweep_pass import SweepPlan

BYTES_PER_ITEM = {"float32": 4, "bfloat16": 2, "float16": 2}
# Activations, the tokenizer and allocator slack on top of the weights.
_WORKING_SHARE = 0.15
_WORKING_BYTES = 200_000_000
# Beyond this many tokens at once a CPU gains no speed, and a pass takes too long to cancel.
_CPU_TOKENS_PER_PASS = 8192
# Texts that are read whole share passes of fewer tokens: from here on nothing is gained.
_TEXT_TOKENS_PER_PASS = {"cpu": 1024}
_GPU_TEXT_TOKENS_PER_PASS = 16_384
_SHARE_OF_FREE_MEMORY = 0.4
_ALLOCATOR = 1.35  # what the allocator and the matrix products hold on top, measured


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


def release_memory(device: torch.device) -> None:
    """Give back what the allocator holds without need."""
    if device.type == "cuda":
        import torch

        torch.cuda.empty_cache()


def rows_per_pass(
    model: LoadedModel, computed: int, shape: tuple[int, ...], plan: SweepPlan
) -> int:
    """Return how many variants fit in a pass that computes some positions of each, at least one."""
    n, length = shape
    row = row_bytes(model, computed, length, read_all=plan.loss is not None)
    rows = max(1, int(budget_bytes(model) / (_ALLOCATOR * row)))
    if model.device.type == "cpu":
        rows = min(rows, max(16, (plan.tokens or _CPU_TOKENS_PER_PASS) // computed))
    return max(1, rows - n)


def texts_per_pass(model: LoadedModel, length: int, read: int) -> int:
    """Return how many texts of one token length are read together, at least one.

    `read` is at how many positions of each the logits are wanted.
    """
    row = text_bytes(model, length, read)
    rows = int(budget_bytes(model) / (_ALLOCATOR * row))
    most = _TEXT_TOKENS_PER_PASS.get(model.device.type, _GPU_TEXT_TOKENS_PER_PASS)
    return max(1, min(rows, most // max(1, length)))


def text_bytes(model: LoadedModel, length: int, read: int) -> int:
    """Return the memory that a text takes at the peak of a pass: inside it, or at its logits."""
    inside = row_bytes(model, length, length, read_all=False)
    item = BYTES_PER_ITEM.get(model.info.dtype, 4)
    return max(inside, (item + 4) * read * model.info.d_vocab)


def budget_bytes(model: LoadedModel) -> int:
    """Return the memory that a sweep's rows may take: the user's, or a share of what is free."""
    if model.budget_bytes is not None:
        return model.budget_bytes
    return int(_SHARE_OF_FREE_MEMORY * free_bytes(model.device))


def fewer_rows(
    model: LoadedModel, error: Exception, rows: int, words: tuple[str, str] = ("change", "prompts")
) -> int:
    """Return how many rows to try next, where memory ran out; raise any other error again.

    `words` name what one row is, and what would have to be shorter.

    Raises:
        MemoryExhaustedError: It was a single row.
    """
    if not is_out_of_memory(error):
        raise error
    traceback.clear_frames(error.__traceback__)  # they hold what the failed pass had made
    release_memory(model.device)
    if rows <= 1:
        raise MemoryExhaustedError(
            f"{model.info.name} ran out of memory with a single {words[0]} at a time: shorten the "
            f"{words[1]}, choose --dtype bfloat16, or use --offload disk."
        )
    return rows // 2


def row_bytes(model: LoadedModel, computed: int, length: int, *, read_all: bool) -> int:
    """Return the memory that one row takes at the peak of a pass.

    Three moments compete: inside attention, inside the MLP, and at the logits, of every computed
    position where all are read. `length` positions are attended to.
    """
    info = model.info
    item = 2 if info.dtype in {"bfloat16", "float16"} else 4
    d_mlp = int(getattr(model.bridge.cfg, "d_mlp", None) or 4 * info.d_model)
    stream = 3 * computed * info.d_model
    heads = info.n_heads * max(info.d_head, model.widest_head)
    scores = 3 * info.n_heads * computed * length
    attention = 3 * computed * heads + 2 * length * heads + scores
    mlp = 3 * computed * d_mlp + computed * info.d_model
    logits = (computed if read_all else 1) * info.d_vocab
    return max(1, item * (stream + max(attention, mlp)), (item + 4) * logits)
