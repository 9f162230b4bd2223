"""Which edges are run exactly, in which order, and how many of them a time holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

TOP = 100
"""How many edges of largest effect are asked whether the estimate has them too."""
# The first block is a small one, so that there is something to see and a rate to go by.
_FIRST_SHARE = 0.25
# Seconds that a block should take: after each of them the picture is shown anew.
_BLOCK_SECONDS = 20.0
_LARGEST_BLOCK = 8192


@dataclass
class Pace:
    """How fast exact effects come: honest by what has been measured so far.

    Attributes:
        clock: Seconds from anywhere.
        limit: How many seconds all may take; None: as many as it takes.
    """

    clock: Callable[[], float]
    limit: float | None = None
    _began: float = field(init=False)
    _work: float = 0.0
    _decided: bool = False

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def seconds(self) -> float:
        """How many have gone by."""
        return self.clock() - self._began

    def did(self, work: float) -> None:
        """Take over work that was done since the last call."""
        self._work += work

    def fits(self, costs: np.ndarray) -> int:
        """Return how many of the next edges, of these costs in their order, are within the limit.

        All of them once the whole was foreseen to be within it: then it is finished.
        """
        if self.limit is None or self._decided:
            return len(costs)
        if not self._work:
            return len(costs) if self.limit > 0 else 0
        each = self.seconds / self._work
        whole = self.seconds + each * float(costs.sum())
        if whole <= self.limit:
            self._decided = True
            return len(costs)
        return int(np.searchsorted(np.cumsum(costs) * each, self.limit - self.seconds, "right"))

    def block(self, costs: np.ndarray, rows: int) -> int:
        """Return how many of the next edges make a block, at least one.

        Args:
            costs: What they cost, in their order.
            rows: How many rows a pass has.
        """
        if not self._work:
            return max(1, min(len(costs), int(rows * _FIRST_SHARE)))
        each = max(self.seconds, 1e-9) / self._work
        many = int(np.searchsorted(np.cumsum(costs) * each, _BLOCK_SECONDS, "right"))
        # Whole passes, so that the last one of a block is not nearly empty.
        many = max(rows, many // rows * rows)
        return max(1, min(len(costs), _LARGEST_BLOCK, many))


def order_by(guess: np.ndarray | None, edges: int) -> np.ndarray:
    """Return edges from the largest mean estimate to the smallest, int64 `[edge]`.

    Without an estimate, those into the last parts first: their runs cost least.

    Args:
        guess: The estimate `[edge, N]`, or None.
        edges: How many there are.
    """
    if guess is None:
        return np.arange(edges, dtype=np.int64)[::-1]
    size = np.abs(guess.mean(-1))
    size[~np.isfinite(size)] = 0.0
    return np.argsort(-size, kind="stable").astype(np.int64)


def overlap(guess: np.ndarray, exact: np.ndarray) -> float:
    """Return which share of the 100 largest estimates are among the 100 largest effects.

    Over the edges known in both; NaN where they are no more than those: of all edges all are the
    largest.
    """
    known = np.isfinite(guess) & np.isfinite(exact)
    if known.sum() <= TOP:
        return float("nan")
    one, two = (np.argsort(-np.abs(x[known]), kind="stable")[:TOP] for x in (guess, exact))
    return len(set(one.tolist()) & set(two.tolist())) / TOP
