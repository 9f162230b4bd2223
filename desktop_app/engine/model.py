"""A loaded model: the hooked bridge, its tokenizer, and the names of the places in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from desktop_app.engine.products import FastProducts

if TYPE_CHECKING:
    from desktop_app.contract.requests import ModelSpec, Parity
    from desktop_app.contract.result import ModelInfo
    from desktop_app.engine.tokenizing import TextTokenizer

Site = Literal[
    "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out",
    "head_z", "head_q", "head_k", "head_v", "scores", "pattern",
]  # fmt: skip

_SITE_HOOKS: dict[str, str] = {
    "resid_pre": "hook_in",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_out",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "head_z": "attn.hook_z",
    "head_q": "attn.hook_q",
    "head_k": "attn.hook_k",
    "head_v": "attn.hook_v",
    "scores": "attn.hook_attn_scores",
    "pattern": "attn.hook_pattern",
}
READ_HOOK = "unembed.hook_in"

HookFn = Callable[..., torch.Tensor | None]
Hooks = Sequence[tuple[str, HookFn]]


def site_hook(layer: int, site: Site) -> str:
    """Return the TransformerLens hook name of a place in the model."""
    return f"blocks.{layer}.{_SITE_HOOKS[site]}"


def mlp_input_hook(layer: int) -> str:
    """Return the TransformerLens hook name of what a block's MLP is given."""
    return f"blocks.{layer}.mlp.hook_in"


@dataclass
class LoadedModel:
    """A model on its device, used only by the thread that loaded it.

    Attributes:
        bridge: TransformerLens' TransformerBridge around the Hugging Face model.
        tokenizer: Its tokenizer, never changed by TransformerLens.
        device: Where token ids must go.
        forward_passes: Passes over the weights since the model was loaded.
        budget_bytes: Memory that the rows of a sweep may take; None: a share of what is free.
    """

    bridge: Any
    tokenizer: TextTokenizer
    info: ModelInfo
    spec: ModelSpec
    parity: Parity
    device: torch.device
    memory_bytes: int
    forward_passes: int = 0
    budget_bytes: int | None = None

    def run(
        self,
        ids: torch.Tensor,
        hooks: Hooks = (),
        cache: Any = None,
        *,
        gradients: bool = False,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Return the logits `[batch, position, d_vocab]` of one pass with hooks.

        Args:
            ids: Token ids `[batch, position]`.
            hooks: Names and functions, called in this order where a name occurs twice.
            cache: A transformers cache of keys and values that the pass reads and tells.
            gradients: Whether what the hooks see can be differentiated.
            kwargs: Passed on to TransformerLens.
        """
        self.forward_passes += 1
        kwargs |= {"use_cache": False} if cache is None else {"past_key_values": cache}
        with torch.set_grad_enabled(gradients), FastProducts():
            found = self.bridge.run_with_hooks(ids.to(self.device), fwd_hooks=list(hooks), **kwargs)
        logits: torch.Tensor = found[0] if isinstance(found, tuple) else found
        return logits

    def ids(self, token_ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return token ids as a tensor `[batch, position]` on the model's device."""
        return torch.tensor(token_ids, dtype=torch.long, device=self.device)

    def has_hook(self, name: str) -> bool:
        """Return whether the architecture offers a hook of that name."""
        return name in self.bridge.hook_dict

    def hooks_left(self) -> int:
        """Return how many hook functions are attached: 0 between runs."""
        points = {id(point): point for point in self.bridge.hook_dict.values()}
        return sum(len(point.fwd_hooks) + len(point.bwd_hooks) for point in points.values())

    def kv_head(self, head: int) -> int:
        """Return the key-value head that a query head reads."""
        return head // (self.info.n_heads // self.info.n_kv_heads)

    def output_weights(self, layer: int) -> torch.Tensor:
        """Return a layer's `W_O`, float32 `[head, d_head, d_model]`, whatever its layout.

        Read off the output projection by feeding it the identity and taking its bias away again,
        so that Linear, Conv1D and offloaded weights all come out the same way round.
        """
        project = self.bridge.blocks[layer].attn.o
        width = self.info.n_heads * self.info.d_head
        dtype = next(iter(self.bridge.original_model.parameters())).dtype
        unit = torch.eye(width, dtype=dtype, device=self.device)
        with torch.no_grad():
            out = project(unit[None])[0] - project(torch.zeros_like(unit[None, :1]))[0]
        weights: torch.Tensor = out.float().view(self.info.n_heads, self.info.d_head, -1)
        return weights
