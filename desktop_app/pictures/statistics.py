"""What values per prompt say of prompts like these: intervals, a test against 0, false discoveries.

*Interval*: the 95 % percentile bootstrap of the mean over prompts (Efron and Tibshirani 1993, 13.3:
2,000 resamples of the prompts with replacement, the same ones for every cell, seed 0).

*p*: the sign-flip permutation test of the mean against 0, two-sided: were the signs of a cell's
values a matter of chance, how often would their mean lie as far from 0 as it does? All 2^N sign
patterns are counted up to 13 prompts; beyond, 9,999 random ones (seed 0), and the pattern at hand
counts as one more (Phipson and Smyth 2010), so that p is never 0. Whatever the values are, N
prompts give no smaller p than 2 / 2^N: 5 give 0.0625, 6 give 0.03, 10 give 0.002.

*q*: p after Benjamini and Hochberg (1995) over the cells of one map, monotone: among the cells with
q up to 0.1 about one in ten is expected to be a chance find. No q lies below the smallest p there
can be: with 5 prompts none below 0.0625, and whoever shows q has to say so.

A prompt without a value is left out of its cell; a cell with fewer than 5 has neither interval nor
p, and is not counted among the cells tested.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

LEAST = 5
"""From so many prompts on there is something to say."""

RESAMPLES = 2_000
SEED = 0
COUNTED = 13
"""Up to so many prompts all sign patterns are tried."""

DRAWN = 9_999
"""Sign patterns of more prompts."""

_ENDS = (0.025, 0.975)
# So many sums are held at once; larger products of matrices would be shared among threads, which
# wait for one another while a model uses the cores.
_BLOCK, _PRODUCT = 100_000, 250_000
# Sums of the same values in another order differ by less.
_ROUNDING = 1e-12


def least_p(prompts: int) -> float:
    """Return the smallest p that so many prompts can give, whatever their values are."""
    return 2.0 / 2**prompts if prompts <= COUNTED else 1.0 / (DRAWN + 1)


def adjusted(p: ArrayLike) -> Floats:
    """Return q after Benjamini and Hochberg, over all that is known of `p`; NaN stays NaN."""
    given = np.asarray(p, dtype=np.float64)
    found = np.full(given.shape, np.nan)
    known = np.isfinite(given)
    values = given[known]
    if not values.size:
        return found
    order = np.argsort(values, kind="stable")
    shares = values[order] * (values.size / np.arange(1, values.size + 1))
    ranked = np.minimum.accumulate(shares[::-1])[::-1]
    own = np.empty_like(ranked)
    own[order] = np.minimum(ranked, 1.0)
    found[known] = own
    return found


def intervals(values: ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of the interval of each cell's mean; `values` are `[…, prompt]`."""
    given = np.asarray(values, dtype=np.float64)
    flat = given.reshape(-1, given.shape[-1])
    ends = np.full((2, len(flat)), np.nan)
    for cells, prompts in _alike(flat):
        shares = _resampled(int(prompts.sum())).T
        for block in _blocks(cells, shares):
            means = _sums(flat[np.ix_(block, prompts)], shares)
            means.sort(axis=1)  # faster than to part them at the ends
            ends[:, block] = [_between(means, share) for share in _ENDS]
    low, high = ends.reshape(2, *given.shape[:-1])
    return low, high


def sign_flip(values: ArrayLike) -> Floats:
    """Return p of each cell's mean against 0; `values` are `[…, prompt]`."""
    given = np.asarray(values, dtype=np.float64)
    found = np.full(given.shape[:-1], np.nan)
    for _done in _sign_flips(given, found):
        pass
    return found


def _sign_flips(values: Floats, found: Floats) -> Iterator[float]:
    """Fill in p block by block; yield how much is done."""
    flat, into = values.reshape(-1, values.shape[-1]), found.reshape(-1)
    done = 0
    for cells, prompts in _alike(flat):
        count = int(prompts.sum())
        signs = _signs(count).T
        for block in _blocks(cells, signs):
            own = flat[np.ix_(block, prompts)]
            least = np.abs(own.sum(1)) - _ROUNDING * np.abs(own).sum(1)
            sums = _sums(own, signs)
            farther = (np.abs(sums, out=sums) >= least[:, None]).sum(1)
            if count <= COUNTED:
                into[block] = farther / signs.shape[1]
            else:
                into[block] = (farther + 1) / (signs.shape[1] + 1)
            done += block.size
            yield done / len(flat)


def _blocks(cells: NDArray[np.intp], by: Floats) -> Iterator[NDArray[np.intp]]:
    """Yield the cells in blocks of which a few milliseconds make the sums."""
    step = max(1, _BLOCK // by.shape[1])
    for start in range(0, cells.size, step):
        yield cells[start : start + step]


def _sums(own: Floats, by: Floats) -> Floats:
    """Return the product of two matrices, made piece by piece."""
    found = np.empty((len(own), by.shape[1]))
    step = max(1, _PRODUCT // own.size)
    for start in range(0, by.shape[1], step):
        np.matmul(own, by[:, start : start + step], out=found[:, start : start + step])
    return found


def _between(ordered: Floats, share: float) -> Floats:
    """Return a quantile of ordered rows, between two of their values as numpy takes it."""
    place = share * (ordered.shape[1] - 1)
    first = int(place)
    low, high = ordered[:, first], ordered[:, min(first + 1, ordered.shape[1] - 1)]
    found: Floats = np.asarray(low + (place - first) * (high - low), dtype=np.float64)
    return found


def _alike(flat: Floats) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Yield the cells that have values on the same prompts, enough of them, and these prompts."""
    known = np.isfinite(flat)
    whole = known.all(1)
    if flat.shape[1] >= LEAST and whole.any():
        yield np.flatnonzero(whole), np.ones(flat.shape[1], dtype=bool)
    rest = np.flatnonzero(~whole & (known.sum(1) >= LEAST))
    if rest.size:
        kinds, which = np.unique(known[rest], axis=0, return_inverse=True)
        for number, prompts in enumerate(kinds):
            yield rest[which.reshape(-1) == number], prompts


@lru_cache(maxsize=4)
def _resampled(prompts: int) -> Floats:
    """Return the share of each prompt in each resample, `[resample, prompt]`."""
    drawn = np.random.default_rng(SEED).integers(0, prompts, (RESAMPLES, prompts))
    drawn += prompts * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=RESAMPLES * prompts)
    return np.asarray(counts.reshape(RESAMPLES, prompts) / prompts, dtype=np.float64)


@lru_cache(maxsize=4)
def _signs(prompts: int) -> Floats:
    """Return sign patterns `[pattern, prompt]`: all of them up to turning all signs, or drawn ones.

    A pattern and its opposite lie as far from 0: of all, the half that begins with + will do.
    """
    if prompts <= COUNTED:
        numbers = np.arange(2 ** (prompts - 1))[:, None]
        bits = (numbers >> np.arange(prompts - 1)) & 1
        halves: Floats = np.hstack([np.ones((len(numbers), 1)), 1.0 - 2.0 * bits])
        return halves
    drawn = np.random.default_rng(SEED).integers(0, 2, (DRAWN, prompts)) * 2.0 - 1.0
    return np.asarray(drawn, dtype=np.float64)


class Evidence:
    """The values per prompt of a map's cells, and what they say of prompts like these.

    Intervals are computed when they are asked for; p and q block by block, by whoever has time.
    """

    def __init__(self, values: ArrayLike) -> None:
        """Take values `[…, prompt]`."""
        self.values: Floats = np.asarray(values, dtype=np.float64)
        self.shape = self.values.shape[:-1]
        self.prompts = int(self.values.shape[-1])
        self._p = np.full(self.shape, np.nan)
        self._q: Floats | None = None
        self._steps: Iterator[float] | None = None
        self._ends: tuple[Floats, Floats] | None = None
        self._single: dict[Any, tuple[float, float]] = {}

    @property
    def offered(self) -> bool:
        """Whether there are prompts enough."""
        return self.prompts >= LEAST

    @property
    def done(self) -> bool:
        """Whether p and q are known."""
        return self._q is not None or not self.offered

    @property
    def p(self) -> Floats | None:
        """The sign-flip test of each cell; None while it is not known."""
        return self._p if self._q is not None else None

    @property
    def q(self) -> Floats | None:
        """The same, adjusted over all cells."""
        return self._q

    def step(self) -> bool:
        """Compute one more block; return whether all is known."""
        if self.done:
            return True
        if self._steps is None:
            self._steps = _sign_flips(self.values, self._p)
        if next(self._steps, None) is None:
            self._steps, self._q = None, adjusted(self._p)
        return self.done

    def finish(self) -> Evidence:
        """Compute what is missing."""
        while not self.step():
            pass
        return self

    def interval(self, cell: Any) -> tuple[float, float]:
        """Return the interval of one cell."""
        if self._ends is not None:
            low, high = self._ends
            return float(low[cell]), float(high[cell])
        if cell not in self._single:
            low, high = intervals(self.values[cell][None])
            self._single[cell] = float(low[0]), float(high[0])
        return self._single[cell]

    def prepare(self, cells: Sequence[tuple[int, ...]]) -> None:
        """Compute the intervals of many cells at once."""
        new = [] if self._ends is not None else [c for c in cells if c not in self._single]
        if new:
            low, high = intervals(self.values[tuple(np.transpose(new))])
            self._single.update(
                zip(new, zip(low.tolist(), high.tolist(), strict=True), strict=True)
            )

    def intervals(self) -> tuple[Floats, Floats]:
        """Return those of all cells."""
        if self._ends is None:
            self._ends = intervals(self.values)
        return self._ends
