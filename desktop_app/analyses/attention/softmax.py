"""Scores before the softmax, and the share of a row that goes to an attention sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.overrides import TorchFunctionMode
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import LoadedModel

_SOFTMAXES = frozenset({F.softmax, torch.softmax, torch.Tensor.softmax})
_TOLERANCE = {torch.float32: 1e-4}
_HALF_TOLERANCE = 2e-2
# How far a row of weights may be from 1 before it is said where the rest goes.
_ROW = {"float32": 1e-3}
_HALF_ROW = 3e-2


def row_tolerance(model: LoadedModel) -> float:
    """Return by how much rounding moves the sum of a row."""
    return _ROW.get(model.info.dtype, _HALF_ROW)


def sinks_of(model: LoadedModel, layer: int) -> torch.Tensor | None:
    """Return a layer's learned sink logits `[head]`, or None where it has none.

    A sink is a further key that holds no token: what a head gives to it, it gives to nothing.
    """
    attention = getattr(model.bridge.blocks[layer], "attn", None)
    found = getattr(getattr(attention, "original_component", None), "sinks", None)
    return found if isinstance(found, torch.Tensor) else None


class SoftmaxInputs(TorchFunctionMode):
    """Within it, the last `[batch, head, query, key]` that went into a softmax is kept.

    Batch and head may be one axis, as in XGLM.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: torch.Tensor | None = None

    @override
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Note the operand of a softmax, and do what was asked."""
        if func in _SOFTMAXES and args and args[0].ndim in {3, 4}:
            self._last = args[0]
        return func(*args, **(kwargs or {}))

    def scores_of(
        self,
        pattern: torch.Tensor,
        hooked: torch.Tensor | None = None,
        sinks: torch.Tensor | None = None,
    ) -> torch.Tensor | None:
        """Return the scores `[batch, head, query, key]` whose softmax a pattern is, or None.

        Args:
            pattern: That has just been computed, `[batch, head, query, key]`.
            hooked: What the bridge's own hook held, preferred where it is right.
            sinks: The layer's sink logits, which the pattern's rows have lost a share to.
        """
        for scores in (hooked, self._last):
            if scores is None:
                continue
            if scores.ndim == 3 and len(scores) == pattern.shape[0] * pattern.shape[1]:
                scores = scores.view(*pattern.shape[:2], *scores.shape[1:])  # noqa: PLW2901
            if _becomes(scores, pattern):
                return _unshifted(scores, pattern.shape[-1], sinks)
        return None


def _becomes(scores: torch.Tensor, pattern: torch.Tensor) -> bool:
    """Return whether a softmax turns scores into a pattern; a sink may take a column of its own.

    Where it has none the pattern's rows are held to their own sums.
    """
    keys = pattern.shape[-1]
    if scores.shape[:-1] != pattern.shape[:-1] or scores.shape[-1] < keys:
        return False
    found = torch.softmax(scores.float(), -1)[..., :keys]
    if scores.shape[-1] == keys:
        found = found * pattern.float().sum(-1, keepdim=True)
    tolerance = _TOLERANCE.get(pattern.dtype, _HALF_TOLERANCE)
    return bool(torch.allclose(found, pattern.float(), atol=tolerance, rtol=0, equal_nan=True))


def _unshifted(scores: torch.Tensor, keys: int, sinks: torch.Tensor | None) -> torch.Tensor | None:
    """Return scores of the keys alone, put back where a row's largest was taken off them.

    With a sink in their last column, its own logit tells by how much.
    """
    if scores.shape[-1] == keys:
        return scores
    if sinks is None or scores.shape[-1] != keys + 1:
        return None
    moved = sinks.to(scores)[:, None] - scores[..., -1]
    return scores[..., :keys] + moved[..., None]
