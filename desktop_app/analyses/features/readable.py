"""Whether a feature can be read from the embedding: what its numbers say, and by which rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from desktop_app.pictures.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LEFT, LEAST_LEFT = 0.5, 0.1
RULE = (
    f"Readable where it keeps at least {MOST_LEFT:.0%} of its activation, on average over the "
    "tokens at which it is active, when a BOS takes the place of all that stands before each; not "
    f"readable where it keeps at most {LEAST_LEFT:.0%}."
)
_SAYS = {
    "embedding": "it can be read from the embedding",
    "partly": "it can be read from the embedding in part",
    "context": "it cannot be read from the embedding: it needs the context",
}


def compared(context: np.ndarray, alone: np.ndarray) -> dict[str, Any]:
    """Compare a feature's activations at some tokens with those at the same tokens by themselves.

    Args:
        context: In their texts, `[tokens]`.
        alone: Without what stands before them, `[tokens]`.

    Returns:
        `tokens` compared, `active` of them in context, `largest` and `largest_alone`, `kept`: the
        mean alone over the mean in context, at the tokens that are active there; `r2`: which
        share of the variance in context a straight line from the activation alone tells; and
        `verdict`: `embedding`, `partly` or `context`. What cannot be told is None.
    """
    active = context > 0
    kept = float(alone[active].mean() / context[active].mean()) if active.any() else None
    return {
        "tokens": len(context),
        "active": int(active.sum()),
        "largest": float(context.max()) if len(context) else None,
        "largest_alone": float(alone.max()) if len(alone) else None,
        "kept": kept,
        "r2": _squared_correlation(context.astype(np.float64), alone.astype(np.float64)),
        "verdict": None if kept is None else _verdict(kept),
    }


def _verdict(kept: float) -> str:
    if kept >= MOST_LEFT:
        return "embedding"
    return "context" if kept <= LEAST_LEFT else "partly"


def _squared_correlation(left: np.ndarray, right: np.ndarray) -> float | None:
    """Return r², None where there are too few numbers or one side does not vary."""
    if len(left) < 3:
        return None
    left, right = left - left.mean(), right - right.mean()
    size = float(np.square(left).sum() * np.square(right).sum())
    return float((left * right).sum()) ** 2 / size if size > 0 else None


def sentence(found: Mapping[str, Any]) -> str:
    """Return what `from_embedding` of a result says, in words; it may be a stranger's."""
    kept, verdict = found.get("kept"), _SAYS.get(str(found.get("verdict")))
    if not _is_number(kept) or verdict is None:
        return "The feature is active at none of these tokens, so this cannot be told."
    before = f"“{found['lead']}”" if found.get("lead") else "nothing"
    over = plural(_count(found.get("active")), "token")
    said = (
        f"With {before} alone before each token the feature keeps {kept:.0%} of its activation "
        f"(mean over the {over} at which it is active): {verdict}."
    )
    linear = found.get("linear_r2")
    if not _is_number(linear):
        return said
    over = plural(_count(found.get("linear_tokens")), "held-out token")
    return (
        f"{said} The best linear read from the embedding tells {max(0.0, linear):.0%} of its "
        f"variance over {over}."
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
