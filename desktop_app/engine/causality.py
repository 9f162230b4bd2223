"""Whether a model is causal: tried once on a few tokens, since no description can prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable

# Largest change of log-probabilities that rounding makes, as a mixture of experts groups tokens
# anew: in float32 that, or as much of the largest log-probability; in half precision these.
_ROUNDING, _OF_LARGEST = 1e-4, 1e-5
_HALF_ROUNDING = {torch.bfloat16: 0.25, torch.float16: 0.05}


def refuse_two_way(
    name: str,
    logprobs: Callable[[torch.Tensor], torch.Tensor],
    ids: torch.Tensor,
    plain: torch.Tensor,
    dtype: torch.dtype,
) -> None:
    """Refuse a model in which changing later tokens changes what is predicted before them.

    Args:
        name: What the user calls it.
        logprobs: Gives the log-probabilities `[S, V]` of token ids `[1, S]`.
        ids: A few token ids.
        plain: Their log-probabilities.
        dtype: The model's numbers.

    Raises:
        ModelLoadError: It reads in both directions.
    """
    kept = ids.shape[1] // 2
    if not kept:
        return
    changed = ids.clone()
    changed[0, kept:] = (changed[0, kept:] + 1) % plain.shape[1]
    difference = float((logprobs(changed)[:kept] - plain[:kept]).abs().max())
    usual = max(_ROUNDING, _OF_LARGEST * float(plain.abs().max()))
    if difference > _HALF_ROUNDING.get(dtype, usual):  # not-a-number is told of elsewhere
        raise ModelLoadError(
            f"“{name}” cannot be loaded: changing its later tokens changes what it predicts before "
            f"them, by {difference:.2g} in log-probability, so it is no causal language model; "
            "choose one that is."
        )
