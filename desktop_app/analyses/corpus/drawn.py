"""Queries drawn by the seed out of all that pass, and one of them in each tenth of every head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desktop_app.analyses.corpus.spec import PLACES

MOST_WEIGHTS = 8_000_000
"""Largest weights that are kept for the tenths: of all queries, or of a sample of them."""
_MOST_ROWS, _FEWEST_ROWS = 128, 20
_ROOM = 256_000_000


def priorities(seed: int, windows: range, length: int) -> np.ndarray:
    """Return a random number for each query `[window, query]`, whatever else is read with it.

    The queries of lowest numbers are the sample. The first two have no place off position 0 and
    off themselves, and are never drawn.
    """
    drawn = np.stack([np.random.default_rng([seed, n]).random(length) for n in windows])
    drawn[:, :2] = np.inf
    return drawn


def rooms(layers: int, heads: int, length: int) -> tuple[int, int]:
    """Return of how many queries the largest weights are kept at most, and of how many the rows."""
    few = _ROOM // (4 * layers * heads * length)
    weights = max(_MOST_ROWS, MOST_WEIGHTS // (layers * heads))
    return weights, min(_MOST_ROWS, max(_FEWEST_ROWS, few))


class Sample:
    """The queries of lowest priority so far, each with some numbers.

    Attributes:
        priority: Of each of them, infinite where none is kept.
        place: Its window and position, `[kept, 2]`.
        values: Its numbers, `[kept, ...]`.
    """

    def __init__(self, room: int, shape: tuple[int, ...]) -> None:
        self.priority = np.full(room, np.inf)
        self.place = np.zeros((room, 2), dtype=np.int64)
        self.values = np.empty((room, *shape), dtype=np.float32)

    def entering(self, drawn: np.ndarray) -> np.ndarray:
        """Return which of new queries `[window, query]` come in: (window, query) `[some, 2]`."""
        flat = drawn.ravel()
        every = np.concatenate([self.priority, flat])
        room = len(self.priority)
        lowest = np.argpartition(every, room - 1)[:room] if len(every) > room else slice(None)
        chosen = np.zeros(len(every), dtype=bool)
        chosen[lowest] = True
        some: np.ndarray = np.argwhere((chosen[room:] & np.isfinite(flat)).reshape(drawn.shape))
        return some

    def take(self, drawn: np.ndarray, some: np.ndarray, values: np.ndarray, first: int) -> None:
        """Put new queries in the place of those of highest priority.

        Args:
            drawn: The priorities of the pass.
            some: Which of its queries come in, as `entering` said.
            values: Their numbers, `[some, ...]`.
            first: The number of the pass's first window.
        """
        slots = np.argsort(-self.priority, kind="stable")[: len(some)]
        self.priority[slots] = drawn[some[:, 0], some[:, 1]]
        self.place[slots] = some + np.array([first, 0])
        self.values[slots] = values

    def by_priority(self) -> np.ndarray:
        """Return where the kept ones are, the lowest priority first."""
        order: np.ndarray = np.argsort(self.priority, kind="stable")
        return order[: int(np.isfinite(self.priority).sum())]


@dataclass(frozen=True)
class Tenths:
    """One place per tenth.

    Attributes:
        edges: 11 quantiles of the largest weight, `[L, H, 11]`.
        places: (window, q, k, weight), `[L, H, tenth, 4]`, NaN where none was drawn.
        rows: The attention rows of these queries, `[L, H, tenth, key]`.
    """

    edges: np.ndarray
    places: np.ndarray
    rows: np.ndarray


class Draws:
    """What is kept of queries that the seed draws, for the tenths.

    Attributes:
        weights: The largest weight of each, `[kept, L, H]`.
        rows: The attention rows of fewer, `[kept, L, H, key]`.
    """

    def __init__(self, seed: int, layers: int, heads: int, length: int) -> None:
        self._seed, self._length = seed, length
        many, few = rooms(layers, heads, length)
        self.weights = Sample(many, (layers, heads))
        self.rows = Sample(few, (layers, heads, length))

    def draw(self, windows: range) -> tuple[np.ndarray, np.ndarray]:
        """Return the priorities of a pass, and whose rows are to be kept, `[some, 2]`."""
        drawn = priorities(self._seed, windows, self._length)
        return drawn, self.rows.entering(drawn)

    def add(
        self,
        windows: range,
        drawn: tuple[np.ndarray, np.ndarray],
        most: np.ndarray,
        rows: np.ndarray,
    ) -> None:
        """Take in a pass.

        Args:
            windows: Their numbers.
            drawn: As `draw` returned.
            most: The largest weights, `[L, window, H, query]`.
            rows: The rows that were to be kept, `[some, L, H, key]`.
        """
        numbers, some = drawn
        self.rows.take(numbers, some, rows, windows.start)
        some = self.weights.entering(numbers)
        found = most[:, some[:, 0], :, some[:, 1]]
        self.weights.take(numbers, some, found, windows.start)

    def tenths(self) -> Tenths:
        """Return where the tenths part, and the place of lowest priority in each of them."""
        order = self.rows.by_priority()
        rows, place = self.rows.values[order], self.rows.place[order]
        weights = rows.copy()
        weights[..., 0] = 0
        weights[np.arange(len(rows)), ..., place[:, 1]] = 0
        # Behind position 0 a query has a key before itself, and where it gives none any weight the
        # first of them stands for all.
        key = weights[..., 1:].argmax(-1) + 1
        most = np.take_along_axis(weights, key[..., None], -1)[..., 0]
        kept = self.weights.values[self.weights.by_priority()]
        edges = _edges(kept)
        chosen = _one_in_each(most, edges)
        found = chosen >= 0
        layer, head = np.ogrid[: edges.shape[0], : edges.shape[1]]
        at = (np.maximum(chosen, 0), layer[..., None], head[..., None])
        columns = (place[at[0], 0], place[at[0], 1], key[at], most[at])
        places = np.where(
            found[..., None], np.stack([c.astype(float) for c in columns], -1), np.nan
        )
        own = np.where(found[..., None], rows[at], np.float32(np.nan))
        return Tenths(edges, places, own)


def _edges(kept: np.ndarray) -> np.ndarray:
    """Return the quantiles of `[kept, L, H]`, layer by layer to hold no second copy of all."""
    shares = np.linspace(0, 1, PLACES + 1)
    found = [np.quantile(kept[:, n].astype(float), shares, axis=0) for n in range(kept.shape[1])]
    return np.stack(found).transpose(0, 2, 1)


def _one_in_each(most: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the first query of each tenth `[L, H, tenth]` that no lower tenth has; −1: none.

    A weight on an edge belongs to the tenths on both sides, so that equal ones are shared out.
    """
    chosen = np.full((*edges.shape[:2], PLACES), -1)
    free = np.ones(most.shape, dtype=bool)
    for tenth in range(PLACES):
        inside = free & (edges[..., tenth] <= most) & (most <= edges[..., tenth + 1])
        first = np.where(inside.any(0), inside.argmax(0), -1)
        chosen[..., tenth] = first
        free &= np.arange(len(most))[:, None, None] != first
    return chosen
