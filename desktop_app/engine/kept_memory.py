"""The memory of texts that grow: what a pass takes, and the keys and values that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.engine.memory import BYTES_PER_ITEM, budget_bytes, row_bytes

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel

_ALLOCATOR = 1.5  # what the allocator and the matrix products hold on top, measured
# Beyond this many tokens in the prompt pass, and this many texts, a CPU gains no speed.
_CPU_TOKENS = 4096
_CPU_TEXTS = 64
_GPU_TEXTS = 512


def grown_bytes(
    model: LoadedModel, length: int, steps: int, *, cached: bool, columns: int = 1
) -> int:
    """Return the memory that one text takes at its peak, of so many tokens and as many new ones.

    Args:
        model: The model.
        length: The prompt's token count.
        steps: How many tokens follow.
        cached: Whether keys and values are kept; without, the last pass holds the whole text.
        columns: Of how many columns of the prompt pass logits are made: more than one where texts
            are padded at the right.
    """
    info = model.info
    item = BYTES_PER_ITEM.get(info.dtype, 4)
    whole = length + steps
    # As they come, in float32, and sorted to be drawn from.
    logits = (item + 4) * info.d_vocab * (3 + columns)
    held = length if cached else whole
    inside = row_bytes(model, held, held, read_all=False)
    if not cached:
        return int(_ALLOCATOR * (inside + logits))
    heads = info.n_kv_heads * max(info.d_head, model.widest_head)
    kept = 2 * whole * heads * item
    # A layer's are put together anew at every step, beside what was there.
    return int(_ALLOCATOR * (inside + logits + kept * (info.n_layers + 1)))


def texts_at_once(model: LoadedModel, length: int, each: int) -> int:
    """Return how many texts of a token length grow together, at least one; each takes `each`."""
    rows = budget_bytes(model) // each
    most = _GPU_TEXTS
    if model.device.type == "cpu":
        most = min(_CPU_TEXTS, max(8, _CPU_TOKENS // length))
    return max(1, min(rows, most))
