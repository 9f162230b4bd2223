"""Whether a feature can be read from the embedding: what its numbers say, and by which rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from desktop_app.pictures.words import number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LEFT, LEAST_LEFT = 0.5, 0.1
MOST_TOLD, LEAST_TOLD = 0.5, 0.1
RULE = (
    f"Readable where it keeps at least {percent(100 * MOST_LEFT)} of its activation, on average "
    "over the tokens at which it is active, when a BOS takes the place of all that stands before "
    f"each, and where at least {percent(100 * MOST_TOLD)} of its variance over all tokens, those "
    "at which it is silent among them, is told by what it is without context, or by the best "
    "linear read of the embedding where one was fitted. It needs the context where it keeps at "
    f"most {percent(100 * LEAST_LEFT)} and that linear read tells at most "
    f"{percent(100 * LEAST_TOLD)} of its variance. Otherwise the embedding tells it in part at "
    "most."
)
_MORE = 1.05  # times as large alone: from here on it is said so
_SAYS = {
    "embedding": "So it can be read from the embedding: the token alone makes it active.",
    "partly": "So the embedding tells it in part at most.",
    "context": "So the token alone does not make it active: it needs the context.",
}


def compared(context: np.ndarray, alone: np.ndarray) -> dict[str, Any]:
    """Compare a feature's activations at some tokens with those at the same tokens by themselves.

    Args:
        context: In their texts, `[tokens]`.
        alone: Without what stands before them, `[tokens]`.

    Returns:
        `tokens` compared, `active` of them in context, `alone_only`: at how many it is active alone
        and silent in context; `largest` and `largest_alone`, `kept`: the mean alone over the mean
        in context, at the tokens that are active there, which may exceed 1; `r2`: which share of
        the variance in context a straight line from the activation alone tells; and `verdict` of
        both: `embedding`, `partly` or `context`. What cannot be told is None.
    """
    active = context > 0
    kept = float(alone[active].mean() / context[active].mean()) if active.any() else None
    r2 = _squared_correlation(context.astype(np.float64), alone.astype(np.float64))
    return {
        "tokens": len(context),
        "active": int(active.sum()),
        "alone_only": int(((alone > 0) & ~active).sum()),
        "largest": float(context.max()) if len(context) else None,
        "largest_alone": float(alone.max()) if len(alone) else None,
        "kept": kept,
        "r2": r2,
        "verdict": verdict_of(kept, r2),
    }


def verdict_of(kept: float | None, r2: float | None, linear_r2: float | None = None) -> str | None:
    """Return what all tests say by the rule; None where the first one says nothing.

    How large a feature is alone, where it is active in context, is not enough: it may be active
    alone at every other token as well.

    Args:
        kept: Which share of its activation the token alone keeps.
        r2: Which share of its variance over all tokens the activation alone tells; None: unknown.
        linear_r2: Which share of its variance the best linear read tells; None: none was fitted.
    """
    if kept is None:
        return None
    if kept >= MOST_LEFT and max(r2 or 0.0, linear_r2 or 0.0) >= MOST_TOLD:
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
    size = f"keeps {percent(100 * min(kept, 1.0))} of its activation"
    if kept > _MORE:
        size = f"is {number(kept, 1)} times as large as in context"
    said = [
        f"With {before} alone before each token the feature {size} (mean over the {over} at which "
        "it is active in context)."
    ]
    if others := _count(found.get("alone_only")):
        said.append(
            f"Alone it is also active at {plural(others, 'token')} at which it is silent in "
            "context."
        )
    r2 = found.get("r2")
    if _is_number(r2):
        told = percent(100 * max(0.0, r2))
        said.append(f"What it is alone tells {told} of its variance over all tokens.")
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
