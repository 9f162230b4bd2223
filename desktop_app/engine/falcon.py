"""Falcon's later decoder layout (40B, 180B, 11B), which TransformerLens' own adapter misreads.

There the joint projection holds, for each key-value head, its query heads, then its key and its
value; TransformerLens takes all queries, all keys, all values in turn, counts one key-value head
where the settings also say `multi_query`, and looks for two norms where the 11B has one.
"""

from __future__ import annotations

from typing import Any

import torch
from transformer_lens.factories.architecture_adapter_factory import ArchitectureAdapterFactory
from transformer_lens.model_bridge.supported_architectures.falcon import FalconArchitectureAdapter
from typing_extensions import override


class GroupedFalconAdapter(FalconArchitectureAdapter):
    """TransformerLens' Falcon, with the later layout read as transformers reads it."""

    def __init__(self, cfg: Any) -> None:
        is_later = bool(getattr(cfg, "new_decoder_architecture", False))
        self.is_grouped = is_later
        if is_later:
            cfg.multi_query = False  # what this layout passes over
            # With one norm for attention and MLP, the blocks are those of the earlier layout.
            cfg.new_decoder_architecture = getattr(cfg, "num_ln_in_parallel_attn", 2) != 1
        super().__init__(cfg)
        if is_later:
            cfg.new_decoder_architecture = True

    @override
    def _split_falcon_qkv(self, original_attention_component: Any) -> tuple[Any, Any, Any]:
        """Return the query, key and value projections of one layer's joint one."""
        if not self.is_grouped:
            parts: tuple[Any, Any, Any] = super()._split_falcon_qkv(original_attention_component)
            return parts
        joint = original_attention_component.query_key_value
        heads = self.cfg.n_heads
        groups = self.cfg.n_key_value_heads or heads
        width = self.cfg.d_model // heads
        weights = _by_group(joint.weight, groups, width)
        biases = None if joint.bias is None else _by_group(joint.bias, groups, width)
        return (
            _linear(weights[0], biases and biases[0]),
            _linear(weights[1], biases and biases[1]),
            _linear(weights[2], biases and biases[2]),
        )


def _by_group(
    joint: torch.Tensor, groups: int, width: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the rows of queries, keys and values of a joint matrix or bias, heads in order."""
    rows = joint.detach().view(groups, -1, width, *joint.shape[1:])
    return (
        rows[:, :-2].flatten(0, 2).clone(),
        rows[:, -2].flatten(0, 1).clone(),
        rows[:, -1].flatten(0, 1).clone(),
    )


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> torch.nn.Linear:
    d_out, d_in = weight.shape
    linear = torch.nn.Linear(d_in, d_out, bias=bias is not None, device="meta")
    linear.weight = torch.nn.Parameter(weight.contiguous())
    if bias is not None:
        linear.bias = torch.nn.Parameter(bias.contiguous())
    return linear


def register() -> None:
    """Let TransformerLens take this adapter for Falcon."""
    ArchitectureAdapterFactory.register_adapter("FalconForCausalLM", GroupedFalconAdapter)
