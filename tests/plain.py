"""Plain Hugging Face with its attention opened: what hooks are held to where axes are unusual."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM

if TYPE_CHECKING:
    from collections.abc import Iterator

Edit = "Callable[[int, str, torch.Tensor], None]"
"""(layer, place, `[batch, head, position, width]` or the pattern), changed where it is."""


class Opened:
    """A plain model whose queries, keys, values, patterns and z can be seen and changed.

    Args:
        source: Its folder.
    """

    def __init__(self, source: str, **options: Any) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(
            source, attn_implementation="eager", **options
        ).eval()
        self._modeling = importlib.import_module(type(self.model).__module__)

    def logits(self, ids: list[int], edit: Any = None) -> torch.Tensor:
        """Return the logits `[position, V]` of one prompt with an edit of its attention."""
        with torch.no_grad(), self._watched(edit or (lambda *_place: None)):
            return self.model(torch.tensor([ids]), use_cache=False).logits[0]

    def seen(self, ids: list[int]) -> dict[tuple[int, str], torch.Tensor]:
        """Return what passes, by layer and place: `[head, position, width]`, the pattern as it is.

        Before the softmax too: `scores`, `[head, query, key]`, masked keys far below all others.
        """
        found: dict[tuple[int, str], torch.Tensor] = {}
        self.logits(ids, lambda layer, place, x: found.update({(layer, place): x[0].clone()}))
        return found

    @contextmanager
    def _watched(self, edit: Any) -> Iterator[None]:
        usual = self._modeling.eager_attention_forward

        def opened(
            module: Any, q: Any, k: Any, v: Any, mask: Any, scaling: float, **options: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            layer = module.layer_idx
            q, k, v = (x.clone() for x in (q, k, v))
            for place, x in (("head_q", q), ("head_k", k), ("head_v", v)):
                edit(layer, place, x)
            keys = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
            edit(layer, "scores", q @ keys.transpose(2, 3) * scaling + mask)
            _out, pattern = usual(module, q, k, v, mask, scaling=scaling, **options)
            pattern = pattern.clone()
            edit(layer, "pattern", pattern)
            z = pattern @ v.repeat_interleave(q.shape[1] // v.shape[1], dim=1)
            edit(layer, "head_z", z)
            return z.transpose(1, 2).contiguous(), pattern

        self._modeling.eager_attention_forward = opened
        try:
            yield
        finally:
            self._modeling.eager_attention_forward = usual
