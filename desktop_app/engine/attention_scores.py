"""Attention scores before the softmax, whatever a bridge's own hook holds.

WORKAROUND(TransformerLens 4.3): on OPT, GPT-J, GPT-Neo and XGLM `hook_attn_scores` sees the pattern
after the softmax. What goes into the softmax itself is seen here, and nothing is taken for scores
that does not become the pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable

_SOFTMAXES = frozenset({F.softmax, torch.softmax, torch.Tensor.softmax})
_TOLERANCE = {torch.float32: 1e-4}
_HALF_TOLERANCE = 2e-2


class SoftmaxInputs(TorchFunctionMode):
    """Within it, the last `[batch, head, query, key]` that went into a softmax is kept.

    Batch and head may be one axis, as in XGLM.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: torch.Tensor | None = None

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
        self, pattern: torch.Tensor, hooked: torch.Tensor | None = None
    ) -> torch.Tensor | None:
        """Return the scores `[batch, head, query, key]` whose softmax a pattern is, or None.

        Args:
            pattern: That has just been computed, `[batch, head, query, key]`.
            hooked: What the bridge's own hook held, preferred where it is right.
        """
        for scores in (hooked, self._last):
            if scores is None:
                continue
            if scores.ndim == 3 and len(scores) == pattern.shape[0] * pattern.shape[1]:
                scores = scores.view(*pattern.shape[:2], *scores.shape[1:])  # noqa: PLW2901
            if _becomes(scores, pattern):
                return scores[..., : pattern.shape[-1]]
        return None


def _becomes(scores: torch.Tensor, pattern: torch.Tensor) -> bool:
    """Return whether a softmax turns scores into a pattern; a sink may take a column of its own."""
    if scores.shape[:-1] != pattern.shape[:-1] or scores.shape[-1] < pattern.shape[-1]:
        return False
    found = torch.softmax(scores.float(), -1)[..., : pattern.shape[-1]]
    tolerance = _TOLERANCE.get(pattern.dtype, _HALF_TOLERANCE)
    return bool(torch.allclose(found, pattern.float(), atol=tolerance, rtol=0, equal_nan=True))
