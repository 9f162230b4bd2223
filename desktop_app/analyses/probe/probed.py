"""A result's probes as arrays over rows and positions, and what may be said of them. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.probe.places import place_words
from desktop_app.pictures.words import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result
    from desktop_app.pictures.shown import Shown

Cell = tuple[int, int]
"""A row and a position, counted as the arrays have them."""

_SAME = 1e-9
_Z = 1.959963984540054  # of a 95 % interval


def wilson(right: float, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share, of so many that are right."""
    if count < 1 or not math.isfinite(right):
        return math.nan, math.nan
    share, square = right / count, _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    spread = math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    reach = _Z * spread / (1 + square / count)
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True)
class Probed:
    """What a result says, or its first fields.

    Attributes:
        shown: The result.
        params: Its settings.
    """

    shown: Shown
    params: Mapping[str, Any]

    @classmethod
    def of(cls, result: Result) -> Probed:
        """Return what a finished result says."""
        return cls(result, result.params)

    @property
    def site(self) -> str:
        """Where it was read."""
        return str(self.params.get("site", "resid_post"))

    @property
    def each_position(self) -> bool:
        """Whether every position has a probe of its own."""
        return np.asarray(self.shown.data["accuracy"]).ndim > 1

    def table(self, name: str) -> np.ndarray:
        """Return a field `[rows, positions, …]`; of one position the second axis is of length 1."""
        values = np.asarray(self.shown.data[name])
        return values if self.each_position else values[:, None]

    @cached_property
    def accuracy(self) -> np.ndarray:
        """Held-out accuracy `[rows, positions]`."""
        return np.asarray(self.table("accuracy"), dtype=float)

    @cached_property
    def control(self) -> np.ndarray:
        """That of each shuffle `[rows, positions, shuffles]`."""
        return np.asarray(self.table("accuracy_control_each"), dtype=float)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.accuracy)

    @property
    def positions(self) -> int:
        """How many positions have probes."""
        return int(self.accuracy.shape[1])

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels."""
        return tuple(str(name) for name in self.shown.data["labels"])

    @cached_property
    def held_out(self) -> np.ndarray:
        """Which prompts were held out `[N]`."""
        return np.asarray(self.shown.data["held_out"], dtype=bool)

    @property
    def count(self) -> int:
        """How many prompts the accuracies are of."""
        return int(self.held_out.sum())

    def right(self, cell: Cell) -> int:
        """Return how many held-out prompts a probe names right."""
        return round(float(self.accuracy[cell]) * self.count)

    def interval(self, cell: Cell) -> tuple[float, float]:
        """Return the 95 % interval of a held-out accuracy."""
        return wilson(float(self.accuracy[cell]) * self.count, self.count)

    def known(self, cell: Cell) -> bool:
        """Return whether there is a probe."""
        row, position = cell
        inside = 0 <= row < self.rows and 0 <= position < self.positions
        return inside and bool(np.isfinite(self.accuracy[cell]))

    @cached_property
    def best(self) -> Cell:
        """The first cell of the highest held-out accuracy; rows before positions."""
        accuracy = np.where(np.isfinite(self.accuracy), self.accuracy, -1)
        row, position = np.unravel_index(int(accuracy.argmax()), accuracy.shape)
        return int(row), int(position)

    @property
    def as_good(self) -> int:
        """How many cells have that accuracy."""
        return int((np.abs(self.accuracy - self.accuracy[self.best]) < _SAME).sum())

    @cached_property
    def reached(self) -> int:
        """In how many shuffles as many cells do as well as the best ones: the luck of choosing."""
        cells = np.where(np.isfinite(self.accuracy)[..., None], self.control, -1.0)
        most = cells.max((0, 1))
        own = float(self.accuracy[self.best])
        as_many = (np.abs(cells - own) < _SAME).sum((0, 1)) >= self.as_good
        return int(((most > own + _SAME) | ((most > own - _SAME) & as_many)).sum())

    @property
    def shuffles(self) -> int:
        """How many shuffles there are."""
        return int(self.control.shape[-1])

    @property
    def is_told_apart(self) -> bool:
        """Whether the best probe is better than shuffled labels and than the commonest label."""
        low, _high = self.interval(self.best)
        return self.reached == 0 and low > float(self.shown.data["majority"])

    def place(self, cell: Cell) -> str:
        """Say where a cell is."""
        row, position = cell
        told = place_words(self.site, row)
        return f"{told}, position {position}" if self.each_position else told

    def share(self, cell: Cell) -> str:
        """Write a held-out accuracy with what it stands on: `93.3 % (14 of 15)`."""
        value = percent(100 * float(self.accuracy[cell]))
        return f"{value} ({self.right(cell)} of {self.count})"

    def interval_words(self, cell: Cell) -> str:
        """Write the interval of a held-out accuracy."""
        low, high = self.interval(cell)
        return f"{100 * low:.0f} to {percent_whole(high)}"


def percent_whole(share: float) -> str:
    """Write a share as a percentage without decimals, as rough as it is."""
    return f"{100 * share:.0f} %"
