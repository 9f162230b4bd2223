"""What stands in a norm's place: the same weights, without the division by what was measured.

A norm is `(x - mean) / deviation * w + b`, and RMSNorm the same without the mean. Here the division
is left out, or made by a constant. Position 0 has a constant of its own, since the first token's
stream is far larger than all others in most models; where a pass begins, which of its tokens is the
first one, and what stands behind padding is read off the pass itself.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping


class WithoutDivision(nn.Module):
    """A norm that divides by nothing.

    Args:
        weight: The norm's own parameter; None where it has none.
        bias: Likewise.
        centres: Whether the mean is taken away.
        offset: What the norm adds to its weight before it multiplies.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        weight: nn.Parameter | None,
        bias: nn.Parameter | None,
        *,
        centres: bool,
        offset: float,
    ) -> None:
        super().__init__()
        self.register_parameter("weight", weight)
        self.register_parameter("bias", bias)
        self.centres = centres
        self.offset = offset

    def centred(self, x: Tensor) -> Tensor:
        """Return what is divided, float32."""
        wide = x if x.dtype is torch.float64 else x.float()
        return wide - wide.mean(-1, keepdim=True) if self.centres else wide

    def scale(self, x: Tensor) -> Tensor:
        """Return what `centred(x)` is divided by, `[..., 1]`."""
        return x.new_ones((*x.shape[:-1], 1))

    def affine(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Return what is made of the quotient."""
        if self.weight is not None:
            x = x * (self.offset + self.weight)
        if self.bias is not None:
            x = x + self.bias
        return x.to(dtype).contiguous()

    @override
    def forward(self, x: Tensor) -> Tensor:
        inside = self.centred(x)
        return self.affine(inside / self.scale(inside), x.dtype)


class ConstantDivision(WithoutDivision):
    """A norm that divides by constants.

    Args:
        first: By what position 0 is divided.
        rest: By what all others are.
        positions: What the passes of its model tell.
        own: The parameters and keywords of `WithoutDivision`.
    """

    def __init__(self, first: float, rest: float, positions: Positions, **own: Any) -> None:
        super().__init__(**own)
        self.first, self.rest = first, rest
        self._positions = positions

    @override
    def scale(self, x: Tensor) -> Tensor:
        is_first = self._positions.are_first(x)
        return torch.where(is_first, self.first, self.rest).to(x)[..., None]


class Positions:
    """Which tokens of the pass that runs stand at position 0 of their text."""

    def __init__(self) -> None:
        self._length: int | None = None
        self._start = 0
        self._first: Tensor | None = None

    def watch(self, hf_model: nn.Module) -> None:
        """Listen where each of a model's passes begins and ends, also one that fails."""
        hf_model.register_forward_pre_hook(self._begin, with_kwargs=True)
        hf_model.register_forward_hook(self._end, always_call=True)

    def are_first(self, x: Tensor) -> Tensor:
        """Return for each place of `x`, `[..., width]`, whether it is at position 0.

        Outside of a pass, `[runs, S, width]` begins at position 0, and `[rows, width]` nowhere.

        Raises:
            ValueError: It holds fewer positions than the pass, so that nobody knows which.
        """
        if self._length is None:
            found = torch.zeros(x.shape[:-1], dtype=torch.bool, device=x.device)
            if x.ndim > 2:
                found[..., 0] = True
            return found
        joined = x.ndim == 2  # OPT joins rows and positions to one axis
        length = self._length
        shape = (x.shape[0] // length, length) if joined else x.shape[:-1]
        if shape[-1] != length or (joined and shape[0] * length != len(x)):
            raise ValueError("a norm with a constant for position 0 must be given all positions")
        found = self._of(shape, x.device)
        return found.flatten() if joined else found

    def _of(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        if self._first is None:
            found = torch.zeros(shape, dtype=torch.bool, device=device)
            found[..., 0] = self._start == 0
            return found
        first = self._first.to(device)
        if len(first) != shape[0]:
            if not bool((first == first[:1]).all()):
                raise ValueError("rows joined a pass whose texts are padded differently")
            first = first[:1]
        return first.expand(shape)

    def _begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = inspect.signature(module.forward).bind_partial(*args, **kwargs).arguments
        told: Mapping[str, Any] = {**given, **given.get("kwargs", {})}
        tokens = told.get("input_ids")
        tokens = told.get("inputs_embeds") if tokens is None else tokens
        if not isinstance(tokens, Tensor):
            self._length = None
            return
        cache, mask = told.get("past_key_values"), told.get("attention_mask")
        self._length = tokens.shape[1]
        self._start = 0 if cache is None else int(cache.get_seq_length())
        self._first = None
        if isinstance(mask, Tensor) and mask.ndim == 2 and not bool(mask.all()):
            seen = mask.long()
            first = (seen.cumsum(-1) == 1) & (seen == 1)
            self._first = first[:, -self._length :]

    def _end(self, *_of_the_pass: object) -> None:
        self._length, self._first, self._start = None, None, 0


def hear(bridge: Any) -> None:
    """Let TransformerLens' norms do what the modules do that they stand around.

    By itself a bridge computes some norms anew, from its own settings: whatever was changed in the
    module goes unheard.
    """
    from transformer_lens.model_bridge.generalized_components.normalization import (
        NormalizationBridge,
    )

    for part in bridge.modules():
        if isinstance(part, NormalizationBridge):
            part.use_native_layernorm_autograd = True
            if isinstance(part.original_component, WithoutDivision):
                part.__class__ = type(type(part).__name__, (_Shown, type(part)), {})


class _Shown:
    """Shows the quotient and the divisor of a norm that does not divide by what it reads."""

    hook_in: Any
    hook_scale: Any
    hook_normalized: Any
    hook_out: Any
    original_component: WithoutDivision

    def forward(self, hidden_states: Tensor, **_more: Any) -> Tensor:
        x = self.hook_in(hidden_states)
        norm = self.original_component
        inside = norm.centred(x)
        quotient = self.hook_normalized(inside / self.hook_scale(norm.scale(inside)))
        found: Tensor = self.hook_out(norm.affine(quotient, x.dtype))
        return found
