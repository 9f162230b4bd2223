"""Runs made for what hooks see on the way: unembedded at one position, in batches that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from desktop_app.engine.model import READ_HOOK, LoadedModel
from desktop_app.engine.sweep_memory import fewer_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from desktop_app.engine.model import Hooks

T = TypeVar("T")


def watch(model: LoadedModel, ids: torch.Tensor, hooks: Hooks) -> None:
    """Run prompts `[N, S]` for their hooks' sake: of the logits one position alone is computed."""
    model.run(ids, [*hooks, (READ_HOOK, lambda x, hook: x[:, -1:])])


def in_batches(
    model: LoadedModel, count: int, limit: int, work: Callable[[slice], T]
) -> Iterator[tuple[slice, T]]:
    """Yield what is made of sequences, as many at once as memory allows.

    Args:
        model: The model.
        count: How many sequences there are.
        limit: The most at once; half as many where memory runs out.
        work: Reads the sequences of a slice.

    Raises:
        MemoryExhaustedError: Not even a single one fits.
    """
    start = 0
    while start < count:
        rows = slice(start, min(count, start + limit))
        try:
            found = work(rows)
        except (RuntimeError, MemoryError) as error:
            limit = fewer_rows(model, error, rows.stop - start, ("sequence", "sequences"))
            continue
        yield rows, found
        start = rows.stop
