"""Which pairs of tokens are joined by arcs: of hundreds of tokens, the ones that matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# More arcs are a stain, and cost more than a frame.
MOST, MOST_OF_ONE = 800, 120
LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Arc:
    """From the token that looks to the one looked at, and the weight."""

    query: int
    key: int
    weight: float


def arcs(values: NDArray[Any], each: int, most: int = MOST) -> tuple[Arc, ...]:
    """Return the strongest arcs of every query, weakest first, at most `most` in all.

    Those of less than a hundredth of the strongest are left out, and so is what is no number.
    """
    sizes = np.tril(_finite(values))
    count = min(each, sizes.shape[1])
    keys = np.argpartition(-sizes, count - 1, axis=1)[:, :count] if count else np.zeros((0, 0), int)
    queries = np.repeat(np.arange(len(sizes)), count)
    found = sizes[queries, keys.ravel()]
    return _picked(values, found, queries, keys.ravel(), most)


def arcs_of(values: NDArray[Any], token: int, most: int = MOST_OF_ONE) -> tuple[Arc, ...]:
    """Return the arcs that leave a token or reach it, weakest first.

    Those of less than a hundredth of its own strongest are left out.
    """
    before, after = np.arange(token + 1), np.arange(token + 1, len(values))
    queries = np.concatenate((np.full(len(before), token), after))
    keys = np.concatenate((before, np.full(len(after), token)))
    sizes = _finite(np.concatenate((values[token, : token + 1], values[token + 1 :, token])))
    return _picked(values, sizes, queries, keys, most)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.nan_to_num(np.abs(values), nan=0.0, posinf=0.0, neginf=0.0))


def _picked(
    values: NDArray[Any], sizes: NDArray[Any], queries: NDArray[Any], keys: NDArray[Any], most: int
) -> tuple[Arc, ...]:
    """Return the largest of some pairs, smallest first."""
    least = LEAST_SHARE * float(sizes.max(initial=0.0))
    order = np.argsort(sizes, kind="stable")[-most:]
    return tuple(
        Arc(int(queries[i]), int(keys[i]), float(values[queries[i], keys[i]]))
        for i in order
        if sizes[i] > least
    )
