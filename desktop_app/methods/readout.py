"""Reading any stream as next tokens: through the model's own final norm and unembedding.

The streams go through the final norm's own module, and are put where the unembedding reads in a
pass over a single token; the model goes on from there by itself: whatever it does to its logits,
scaling or capping them, is done to these as well. They keep their places on the position axis,
since a norm may know the first position.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from desktop_app.engine.memory import BYTES_PER_ITEM, budget_bytes
from desktop_app.engine.model import READ_HOOK, LoadedModel, input_width
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.engine.weights import final_normed
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 400_000_000
_COPIES = 3  # logits in the model's dtype, in float32, and what is made of them


def logits_of(
    model: LoadedModel, streams: torch.Tensor
) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """Yield which streams and which positions were read, and their logits, as memory allows.

    Args:
        model: The model.
        streams: `[streams, S, d_model]`, each from position 0 on.

    Yields:
        Streams, positions, and float32 logits `[these streams, these positions, V]`.

    Raises:
        BadInputError: The unembedding does not read the stream itself.
        MemoryExhaustedError: Not even a single position fits.
    """
    require_read(model)
    count, length = streams.shape[:2]
    budget = min(_MOST_BYTES, budget_bytes(model))
    each = _COPIES * max(4, BYTES_PER_ITEM.get(model.info.dtype, 4)) * model.info.d_vocab
    places = max(1, int(budget / each))
    at_once = max(1, places // length)

    def read(rows: slice, at: slice) -> torch.Tensor:
        return _tail(model, streams[rows], at)

    if places >= length:
        for rows, found in in_batches(model, count, at_once, partial(read, at=slice(0, length))):
            yield rows, slice(0, length), found
        return
    for number in range(count):
        one = slice(number, number + 1)
        for at, found in in_batches(model, length, places, partial(read, one)):
            yield one, at, found


def require_read(model: LoadedModel) -> None:
    """Refuse a model that brings its stream to another width before the unembedding.

    Raises:
        BadInputError: It names both widths.
    """
    width = input_width(model.bridge.original_model.get_output_embeddings())
    if width is not None and width != model.info.d_model:
        raise BadInputError(
            f"{model.info.name} brings its stream of {model.info.d_model} numbers to {width} before"
            " it is unembedded, so that it cannot be read as tokens on the way: choose another "
            "model."
        )


def _tail(model: LoadedModel, streams: torch.Tensor, at: slice) -> torch.Tensor:
    """Return the logits of some positions; the first one goes along, so that it stays the first."""
    lead = [0] if at.start else []
    index = torch.tensor([*lead, *range(at.start, at.stop)], device=streams.device)
    given = final_normed(model, streams[:, index])[:, len(lead) :]

    def put(x: torch.Tensor, hook: object) -> torch.Tensor:
        return given.to(x)

    with no_hooks_left(model):
        return model.run(model.ids([[0]]), [(READ_HOOK, put)]).float()
