"""Whether a feature can be read from the embedding: what its numbers say, and by which rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from desktop_app.pictures.words import percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LEFT, LEAST_LEFT = 0.5, 0.1
LEAST_TOLD = 0.1
RULE = (
    f"Readable where it keeps at least {percent(100 * MOST_LEFT)} of its activation, on average "
    "over the tokens at which it is active, when a BOS takes the place of all that stands before "
    f"each. It needs the context where it keeps at most {percent(100 * LEAST_LEFT)} and the best "
    f"linear read of the embedding, where one was fitted, tells at most {percent(100 * LEAST_TOLD)}"
    " of its variance. Otherwise the embedding tells it in part."
)
_SAYS = {
    "embedding": "So it can be read from the embedding: the token alone makes it active.",
    "partly": "So the embedding tells it in part.",
    "context": "So the token alone does not make it active: it needs the context.",
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
        `verdict` of that alone: `embedding`, `partly` or `context`. What cannot be told is None.
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
        "verdict": verdict_of(kept),
    }


def verdict_of(kept: float | None, linear_r2: float | None = None) -> str | None:
    """Return what both tests say by the rule; None where the first one says nothing.

    Args:
        kept: Which share of its activation the token alone keeps.
        linear_r2: Which share of its variance the best linear read tells; None: none was fitted.
    """
    if kept is None:
        return None
    if kept >= MOST_LEFT:
        return "embedding"
    told = linear_r2 is not None and linear_r2 > LEAST_TOLD
    return "partly" if told or kept > LEAST_LEFT else "context"


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
    said = [
        f"With {before} alone before each token the feature keeps {percent(100 * kept)} of its "
        f"activation (mean over the {over} at which it is active)."
    ]
    linear = found.get("linear_r2")
    if _is_number(linear):
        over = plural(_count(found.get("linear_tokens")), "held-out token")
        told = percent(100 * max(0.0, linear))
        said.append(
            f"The best linear read from the embedding tells {told} of its variance over {over}."
        )
    return " ".join([*said, verdict])


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
