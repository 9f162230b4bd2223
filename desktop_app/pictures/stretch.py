"""How values are laid along the colours: evenly, by their size, or by how many are smaller.

Attention is mostly small: evenly laid, a weight of 0.01 cannot be told from none. The numbers
themselves never change, only which colour stands for which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

LINEAR, LOG, PERCENTILE = "linear", "log", "percentile"
KINDS: tuple[tuple[str, str, str], ...] = (
    (LINEAR, "Linear", "Colours follow the weights evenly"),
    (LOG, "Log", "Every tenfold weight takes an equal part of the colours: small ones show"),
    (PERCENTILE, "Percentile", "Colours follow how many weights are smaller: all differences show"),
)
# So many powers of ten are told apart below the end of the colours; on either side of 0 fewer.
_DECADES, _DECADES_EACH = 4.0, 3.0
_KNOTS = 201
_MOST_SORTED = 400_000


@dataclass(frozen=True)
class Stretch:
    """Where between the ends of the colours, 0 and 1, values lie.

    Attributes:
        kind: `linear`, `log`, `percentile`; of a `RankStretch` its name.
        limits: The values at both ends.
        diverging: Whether the middle of the limits is that of the colours; sizes are counted from
            there, else from the lower end.
        sizes: For percentiles: rising sizes, and in `shares` the share of values up to each.
        decades: How many powers of ten are told apart on a log scale; as usual where 0.
    """

    even: ClassVar[bool] = True
    """Whether the marks stand at equal distances; else each where its value lies."""

    kind: str
    limits: tuple[float, float]
    diverging: bool = False
    sizes: NDArray[np.float64] = field(default_factory=lambda: np.array([0.0, 1.0]))
    shares: NDArray[np.float64] = field(default_factory=lambda: np.array([0.0, 1.0]))
    decades: float = 0.0

    @property
    def reach(self) -> float:
        """The largest size."""
        low, high = self.limits
        return ((high - low) / 2 if self.diverging else high - low) or 1.0

    @property
    def centre(self) -> float:
        """The value of size 0."""
        return sum(self.limits) / 2 if self.diverging else self.limits[0]

    def share(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return where values lie, 0..1; what is not finite stays no number."""
        away = np.asarray(values, dtype=np.float32) - np.float32(self.centre)
        if not self.diverging:
            return np.asarray(np.clip(self._share(away), 0.0, 1.0))
        sizes = np.clip(self._share(np.abs(away)), 0.0, 1.0)
        return np.asarray(0.5 + 0.5 * np.sign(away) * sizes, dtype=np.float32)

    def value(self, share: float) -> float:
        """Return the value at a place of the colours."""
        if not self.diverging:
            return self.centre + self._size(share)
        sign = -1.0 if share < 0.5 else 1.0
        return self.centre + sign * self._size(abs(2 * share - 1))

    def marks(self, count: int) -> list[float]:
        """Return the values at equal distances along the colours, the lowest first."""
        return [self.value(float(share)) for share in np.linspace(0.0, 1.0, count)]

    def text(self, value: float) -> str:  # noqa: ARG002 - for subclasses
        """Return how a mark is written; empty where as any number is."""
        return ""

    def lowest_is_all_below(self) -> bool:
        """Return whether all that is smaller than the lowest mark has its colour."""
        return self.kind == LOG and not self.diverging

    def _share(self, sizes: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.kind == PERCENTILE:
            found = np.interp(sizes, self.sizes, self.shares).astype(np.float32)
            return np.where(np.isfinite(sizes), found, np.float32("nan"))
        part = np.asarray(sizes / np.float32(self.reach), dtype=np.float32)
        if self.kind != LOG:
            return part
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(np.maximum(part, 0)) / np.float32(self._decades)
        return np.asarray(np.float32(1) + logs, dtype=np.float32)

    def _size(self, share: float) -> float:
        if self.kind == PERCENTILE:
            return float(np.interp(share, self.shares, self.sizes))
        if self.kind != LOG:
            return self.reach * share
        if share <= 0 and self.diverging:
            return 0.0
        return float(self.reach * 10.0 ** (self._decades * (share - 1)))

    @property
    def _decades(self) -> float:
        return self.decades or (_DECADES_EACH if self.diverging else _DECADES)


def stretch_of(
    kind: str,
    limits: tuple[float, float],
    values: Iterable[NDArray[Any]],
    *,
    diverging: bool = False,
) -> Stretch:
    """Return how values are laid along the colours; percentiles are those of the values given."""
    plain = Stretch(kind, limits, diverging)
    if kind != PERCENTILE:
        return plain
    sizes = [_sizes(np.asarray(v), plain.centre, diverging=diverging) for v in values]
    flat = np.concatenate(sizes) if sizes else np.zeros(0)
    if not flat.size:
        return Stretch(LINEAR, limits, diverging)
    shares = np.linspace(0.0, 1.0, _KNOTS)
    knots = np.quantile(flat, shares)
    # Of equal sizes, the share that lies below or at them counts; nothing has no colour.
    knots, first = np.unique(knots[::-1], return_index=True)
    shares = shares[::-1][first]
    if knots[0] > 0:
        knots, shares = np.insert(knots, 0, 0.0), np.insert(shares, 0, 0.0)
    return Stretch(PERCENTILE, limits, diverging, knots, shares)


def _sizes(values: NDArray[Any], centre: float, *, diverging: bool) -> NDArray[np.float64]:
    flat = values.ravel()
    flat = flat[:: max(1, flat.size // _MOST_SORTED)].astype(np.float64)
    away = flat[np.isfinite(flat)] - centre
    away = np.abs(away) if diverging else away
    return np.asarray(away[away > 0])


@dataclass(frozen=True)
class RankStretch(Stretch):
    """Ranks from 0 at the upper end: every tenfold rank takes an equal part of the colours."""

    even: ClassVar[bool] = False

    @override
    def share(self, values: NDArray[Any]) -> NDArray[np.float32]:
        ranks = np.asarray(values, dtype=np.float32)
        with np.errstate(invalid="ignore"):
            logs = np.log10(np.float32(1) + np.maximum(ranks, 0)) / np.float32(self._span)
        return np.asarray(np.clip(np.float32(1) - logs, 0.0, 1.0), dtype=np.float32)

    @override
    def value(self, share: float) -> float:
        return float(10.0 ** ((1.0 - share) * self._span) - 1.0)

    @override
    def marks(self, count: int) -> list[float]:
        tens = [0.0, *(10.0**power for power in range(int(self._span) + 1))]
        known = [mark for mark in tens if mark <= self.limits[1]]
        step = -(-len(known) // max(count, 2))
        return known[::step][::-1]

    @override
    def text(self, value: float) -> str:
        return f"{value:,.0f}"

    @property
    def _span(self) -> float:
        return float(np.log10(1.0 + max(self.limits[1], 1.0)))


def rank_stretch(most: float) -> RankStretch:
    """Return how ranks from 0 to the most are laid along the colours."""
    return RankStretch("rank, log", (0.0, max(float(most), 1.0)))
