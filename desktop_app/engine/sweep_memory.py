"""How many rows a pass may carry: what a row takes, and how much memory there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.engine.memory import free_bytes, is_out_of_memory, release_memory
from desktop_app.support.errors import MemoryExhaustedError

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.sweep_pass import SweepPlan

# Beyond this many tokens at once a CPU gains no speed, and a pass takes too long to cancel.
_CPU_TOKENS_PER_PASS = 8192
_SHARE_OF_FREE_MEMORY = 0.4
_ALLOCATOR = 1.35  # what the allocator and the matrix products hold on top, measured


def rows_per_pass(
    model: LoadedModel, computed: int, shape: tuple[int, ...], plan: SweepPlan
) -> int:
    """Return how many variants fit in one pass under the budget, at least one.

    Args:
        model: The model.
        computed: Positions that the pass computes of each row.
        shape: Prompts and their token count.
        plan: With what is read.
    """
    n, length = shape
    row = row_bytes(model, computed, length, read_all=plan.loss is not None)
    rows = max(1, int(budget_bytes(model) / (_ALLOCATOR * row)))
    if model.device.type == "cpu":
        rows = min(rows, max(16, _CPU_TOKENS_PER_PASS // computed))
    return max(1, rows - n)


def budget_bytes(model: LoadedModel) -> int:
    """Return the memory that a sweep's rows may take: the user's, or a share of what is free."""
    if model.budget_bytes is not None:
        return model.budget_bytes
    return int(_SHARE_OF_FREE_MEMORY * free_bytes(model.device))


def fewer_rows(
    model: LoadedModel, error: Exception, rows: int, words: tuple[str, str] = ("change", "prompts")
) -> int:
    """Return how many rows to try next, where memory ran out; raise any other error again.

    Args:
        model: The model.
        error: What ended the pass.
        rows: How many it carried.
        words: What one row is, and what would have to be shorter.

    Raises:
        MemoryExhaustedError: It was a single row.
    """
    if not is_out_of_memory(error):
        raise error
    release_memory(model.device)
    if rows <= 1:
        raise MemoryExhaustedError(
            f"{model.info.name} ran out of memory with a single {words[0]} at a time: shorten the "
            f"{words[1]}, choose --dtype bfloat16, or use --offload disk."
        )
    return rows // 2


def row_bytes(model: LoadedModel, computed: int, length: int, *, read_all: bool) -> int:
    """Return the memory that one row takes at the peak of a pass.

    Three moments compete: inside attention, inside the MLP, and at the logits.

    Args:
        model: The model.
        computed: Positions that are computed of it.
        length: Positions that it attends to.
        read_all: Whether every computed position is unembedded.
    """
    info = model.info
    item = 2 if info.dtype in {"bfloat16", "float16"} else 4
    d_mlp = int(getattr(model.bridge.cfg, "d_mlp", None) or 4 * info.d_model)
    stream = 3 * computed * info.d_model
    heads = info.n_heads * info.d_head
    scores = 3 * info.n_heads * computed * length
    attention = 3 * computed * heads + 2 * length * heads + scores
    mlp = 3 * computed * d_mlp + computed * info.d_model
    logits = (computed if read_all else 1) * info.d_vocab
    return max(1, item * (stream + max(attention, mlp)), (item + 4) * logits)
