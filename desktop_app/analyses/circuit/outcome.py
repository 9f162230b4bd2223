"""What a circuit's result says in numbers: means, controls, what each part costs. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.circuit.keeping import Shape, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result

_ROUNDING = 1e-3
HARM_RISES = frozenset({"loss", "kl", "rank"})


def values(data: Mapping[str, Any], name: str) -> np.ndarray:
    """Return a field as floats; of one that is not there, nothing."""
    given = data.get(name)
    return np.empty(0) if given is None else np.asarray(given, dtype=float)


def mean(data: Mapping[str, Any], name: str) -> float:
    """Return the mean of a field over prompts, NaN where nothing is known."""
    found = values(data, name)
    known = found[np.isfinite(found)]
    return float(known.mean()) if known.size else math.nan


def single(data: Mapping[str, Any], name: str) -> float:
    """Return a single value, NaN where it is withheld."""
    found = values(data, name).ravel()
    return float(found[0]) if found.size == 1 else math.nan


@dataclass(frozen=True)
class Outcome:
    """A circuit beside the whole model, the empty one, and random ones.

    Attributes:
        full: Mean metric of the untouched model.
        empty: With every part replaced.
        score: Of the circuit.
        percent: 100 · mean score / mean full; NaN where withheld.
        faithfulness: Mean of (score − empty) / (full − empty).
        controls: Percentages of random circuits of as many heads of the same layers.
    """

    full: float
    empty: float
    score: float
    percent: float
    faithfulness: float
    controls: np.ndarray

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Outcome:
        """Read it off a result, or off what is known so far."""
        controls = values(data, "control_percent")
        return cls(
            mean(data, "full"),
            mean(data, "empty"),
            mean(data, "score"),
            single(data, "percent_of_means"),
            mean(data, "faithfulness"),
            controls[np.isfinite(controls)],
        )

    @property
    def empty_percent(self) -> float:
        """Return what the empty circuit keeps; NaN where percentages are withheld."""
        known = math.isfinite(self.percent) and self.full
        return 100 * self.empty / self.full if known else math.nan

    def as_good(self) -> int:
        """Return how many random circuits keep at least as much; rounding makes no difference."""
        return int((self.controls > self.percent - _ROUNDING).sum())


@dataclass(frozen=True)
class Cost:
    """What removing one kept part from the whole circuit does.

    Attributes:
        entry: The part as the circuit names it, perhaps with a position.
        part: The part.
        without: The mean metric of the circuit without it.
        percent: 100 · that / mean full; NaN where withheld.
        change: Points of per cent, or the metric where those are withheld; negative hurts (for
            loss, KL and rank: positive).
    """

    entry: str
    part: Part
    without: float
    percent: float
    change: float


def costs(data: Mapping[str, Any]) -> list[Cost]:
    """Return what each part costs, in the circuit's order; nothing where it was not computed."""
    names, minus = [str(name) for name in data.get("kept", ())], values(data, "minus")
    if len(minus) != len(names) or not names:
        return []
    shares = values(data, "minus_percent")
    if len(shares) != len(names):
        shares = np.full(len(names), math.nan)
    outcome = Outcome.of(data)
    found = []
    for name, without, share in zip(names, minus.tolist(), shares.tolist(), strict=True):
        part = part_of(name)
        change = share - outcome.percent
        if not math.isfinite(change):
            change = without - outcome.score
        found.append(Cost(name, part, without, share, change))
    return found


def in_percent(data: Mapping[str, Any]) -> bool:
    """Return whether changes are points of per cent, rather than of the metric."""
    return math.isfinite(single(data, "percent_of_means"))


def harm(result: Result) -> int:
    """Return by what a change is multiplied so that what hurts is negative."""
    return -1 if result.params.get("metric") in HARM_RISES else 1


def change_grid(result: Result) -> np.ndarray:
    """Return what each part costs as `[layers, heads + 1]`, the last column that of the MLPs."""
    shape = Shape.of_result(result)
    grid = np.full((shape.layers, shape.heads + 1), math.nan)
    for cost in costs(result.data):
        layer, head = cost.part
        if shape.lacks(cost.part):
            continue
        place = layer, shape.heads if head is None else head
        # Of a part that is kept at several positions the costliest is shown.
        if not abs(grid[place]) > abs(cost.change):
            grid[place] = cost.change
    return grid
