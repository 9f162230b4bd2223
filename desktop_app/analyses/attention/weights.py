"""Weights as they are looked at: without the first position, weighted by values, or as they are.

Both can be chosen, in the order in which a run does both: the first column goes and rows are
renormalised, then sources are weighted and a head's largest entry becomes 1. What a run has
weighted is taken back by the norms that it keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

# More are not read at once to make small pictures: those that are kept are changed instead.
_MOST_READ = 60_000_000
# The arrays that are attention, whose rows can be renormalised.
WEIGHTS = frozenset({"pattern", "corrupt_pattern", "mean"})


@dataclass(frozen=True)
class Taste:
    """How weights are looked at, whatever the run did.

    Attributes:
        no_first: Without the first position's column, rows renormalised.
        weighted: Times the norm of what each source would write; None: as the run has them.
    """

    no_first: bool = False
    weighted: bool | None = None


def is_weighted(result: Result) -> bool:
    """Return whether the run weighted its patterns."""
    return bool(result.params.get("value_weighted"))


def can_weigh(result: Result, key: str) -> bool:
    """Return whether weighting can be switched without a run."""
    return key == "pattern" and "value_norm" in result.data


def seen_so(
    result: Result, values: np.ndarray, key: str, prompt: int, place: Any, taste: Taste
) -> np.ndarray:
    """Return one head's weights [S, S], or a layer's [H, S, S], as they are to be looked at.

    A row with nothing left is NaN, and so is a column that is dropped here.
    """
    if key not in WEIGHTS:
        return values
    drop, was = taste.no_first and not result.params.get("no_first"), is_weighted(result)
    wanted = was if taste.weighted is None else taste.weighted
    if not can_weigh(result, key):
        return without_first(values) if drop else values
    if wanted == was and not drop:
        return values
    norm = np.asarray(result.data["value_norm"][prompt][place], dtype=np.float32)[..., None, :]
    plain = _plain(result, values, norm, prompt, place) if was else values
    plain = without_first(plain) if drop else plain
    return _weighted(plain, norm) if wanted else plain


def _weighted(weights: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """Weigh each source, and let a head's largest entry be 1."""
    product = weights * norm
    most = np.nanmax(product, axis=(-1, -2), keepdims=True, initial=0.0)
    return np.asarray(product / np.maximum(most, 1e-30), dtype=np.float32)


def _plain(
    result: Result, values: np.ndarray, norm: np.ndarray, prompt: int, place: Any
) -> np.ndarray:
    """Return the weights that a run has weighted: each row's sum is known."""
    rest = np.divide(values, norm, out=np.zeros_like(values), where=norm > 0)
    total = rest.sum(-1, keepdims=True)
    rest = np.divide(rest, total, out=np.zeros_like(rest), where=total > 0)
    if "sink" in result.data and not result.params.get("no_first"):
        sink = np.asarray(result.data["sink"][prompt][place], dtype=np.float32)
        rest = rest * (1 - sink)[..., None]
    return np.asarray(rest)


def without_first(weights: np.ndarray) -> np.ndarray:
    """Drop the first position's column and renormalise rows; a row with nothing left is NaN."""
    rest = weights.copy()
    rest[..., 0] = 0
    sums = rest.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = np.where(sums > 0, rest / sums, np.nan).astype(np.float32)
    rest[..., 0] = np.nan
    return rest


def small_pictures(result: Result, prompt: int, taste: Taste) -> np.ndarray:
    """Return the small pictures of one prompt [L, H, t, t], NaN for what is dropped.

    Those that are kept show what the run made. Seen otherwise they are made anew from the patterns;
    where these are not kept, or too large to be read at once, from the small ones: what a cell of
    several tokens shows is then about right.
    """
    kept = np.asarray(result.data["thumbnail"][prompt], dtype=np.float32)
    drop = taste.no_first and not result.params.get("no_first")
    weigh = can_weigh(result, "pattern") and taste.weighted not in {None, is_weighted(result)}
    if not drop and not weigh:
        return kept
    if can_remake(result, prompt):
        patterns: Any = result.data["pattern"][prompt]
        side = kept.shape[-1]
        made = np.empty(kept.shape, dtype=np.float32)
        for layer in range(len(patterns)):
            place: Any = (layer, slice(None))
            values = np.array(patterns[layer], dtype=np.float32)
            made[layer] = _pooled(seen_so(result, values, "pattern", prompt, place, taste), side)
        return made
    return _about(kept) if drop else kept


def can_remake(result: Result, prompt: int) -> bool:
    """Return whether small pictures can be made anew from the patterns."""
    return "pattern" in result.data and result.data["pattern"][prompt].size <= _MOST_READ


def _about(kept: np.ndarray) -> np.ndarray:
    """Return small pictures without their first column, of which the rest is about a share."""
    rest = kept / np.maximum(1 - kept[..., :1], 0.02)
    rest[..., 0] = np.nan
    return np.asarray(np.minimum(rest, 1.0))


def _pooled(values: np.ndarray, side: int) -> np.ndarray:
    """Return [H, t, t] of [H, S, S], each cell the largest of those it stands for."""
    size = values.shape[-1]
    if size == side:
        return values
    starts = np.arange(side) * size // side
    filled = np.nan_to_num(values, nan=-1.0)
    small = np.maximum.reduceat(np.maximum.reduceat(filled, starts, axis=-1), starts, axis=-2)
    return np.where(small < 0, np.nan, small).astype(np.float32)
