"""Keys and values of untouched prompts, so that a pass may begin in the middle of them.

A change at position p reaches no position before it: runs that differ only from p on compute the
positions from p on, and read the keys and values of what comes before from the untouched run.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache

KeysValues = dict[int, tuple[torch.Tensor, torch.Tensor]]
"""Per layer: keys and values `[prompt, kv_head, position, d_head]`, positions embedded."""


class RecordingCache(DynamicCache):
    """Stays empty and notes the keys and values of the first rows: those of untouched prompts."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.found: KeysValues = {}
        self._rows = rows

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_args: Any,
        **_kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Note a layer's keys and values, and pass them on as they are."""
        rows = slice(self._rows)
        self.found[layer_idx] = (key_states[rows].clone(), value_states[rows].clone())
        return key_states, value_states


class PrefixCache(DynamicCache):
    """Puts the first keys and values of each row's own prompt before those computed.

    Args:
        found: What a recording cache noted.
        start: How many positions come from it.
        prompts: Which prompt each row runs; a layer with fewer rows takes the first of them.
    """

    def __init__(self, found: KeysValues, start: int, prompts: torch.Tensor) -> None:
        super().__init__()
        self._found, self._start, self._prompts = found, start, prompts
        for layer, (keys, values) in sorted(found.items()):
            # The library asks a cache for its length and builds masks and positions after it.
            super().update(keys[:1, :, :start], values[:1, :, :start], layer)

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_args: Any,
        **_kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a layer's keys and values from position 0 on; nothing is kept."""
        prompts = self._prompts[: len(key_states)]
        keys, values = self._found[layer_idx]
        before = slice(self._start)
        return (
            torch.cat([_rows(keys[:, :, before], prompts), key_states], dim=-2),
            torch.cat([_rows(values[:, :, before], prompts), value_states], dim=-2),
        )


def _rows(known: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
    if len(known) == 1:
        return known.expand(len(prompts), *known.shape[1:])
    return known[prompts.to(known.device)]
