"""The first GPT, whose blocks speak another way than TransformerLens hears them.

They give a list, so that the bridge never sees the stream behind a block, and they are given a mask
that tells of padding alone, which the bridge takes for the whole one: padded, it would look ahead.
"""

from __future__ import annotations

from typing import Any

import torch


def speak_plainly(hf_model: Any) -> None:
    """Let every block of it take a whole mask and give a tuple; its numbers stay the same."""
    for block in hf_model.transformer.h:
        block.register_forward_pre_hook(_whole_mask)
        block.register_forward_hook(_as_tuple)


def _whole_mask(_block: object, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Add what lies ahead to a mask `[batch, 1, 1, key]` of padding."""
    if len(given) < 2 or given[1] is None:
        return given
    stream, mask, *more = given
    keys = mask.shape[-1]
    ahead = torch.ones(stream.shape[1], keys, dtype=torch.bool, device=mask.device)
    ahead = ahead.triu(1 + keys - stream.shape[1])
    return (stream, mask.masked_fill(ahead, torch.finfo(mask.dtype).min), *more)


def _as_tuple(_block: object, _given: object, output: list[Any]) -> tuple[Any, ...]:
    return tuple(output)
