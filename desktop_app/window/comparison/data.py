"""What the comparison of two results shows, computed without Qt: fields, axes, matrices.

Two results of one analysis are laid over each other where they have the same layers, heads and
prompts. Patterns may lie on disk: one matrix is read at a time, never the whole array.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.curves import Scale, Scatter, thinned
from desktop_app.pictures.slicing import (
    MAX_SEARCHED_BYTES,
    Axis,
    Field,
    Source,
    field_of,
    matched,
    matrix,
    sides,
    source,
)
from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desktop_app.contract.result import Result

_MAX_SEARCHED = 600


@dataclass(frozen=True)
class Both:
    """A field that two results have, cut to the places that both have."""

    left: Field
    right: Field
    sources: tuple[Source, Source]

    @property
    def name(self) -> str:
        """What the field is called."""
        return self.left.name

    def choosers(self) -> tuple[Axis, ...]:
        """Return the axes of which one place at a time is shown."""
        return self.left.choosers()


@dataclass(frozen=True)
class Pair:
    """One matrix of each result, `[rows, columns]`, and what its rows and columns are called."""

    left: np.ndarray
    right: np.ndarray
    rows: Axis
    columns: Axis

    @property
    def difference(self) -> np.ndarray:
        """The second minus the first."""
        apart: np.ndarray = self.right - self.left
        return apart


@dataclass(frozen=True)
class Dots:
    """Two matrices against each other: a dot per cell, on the diagonal where they agree.

    Attributes:
        picture: What is drawn.
        cells: `[dots, 2]`, row and column of each dot.
        total: How many cells have both numbers; of very many only some are drawn.
    """

    picture: Scatter
    cells: np.ndarray
    total: int

    def index(self, row: int, column: int) -> int | None:
        """Return the dot of a cell, or None where it has none."""
        found = np.flatnonzero((self.cells == (row, column)).all(1))
        return int(found[0]) if found.size else None


def dots(pair: Pair, titles: tuple[str, str], name: Callable[[int, int], str]) -> Dots:
    """Return the scatter of two matrices; `name` says what a cell is.

    Of very many cells those that part the most and evenly spread others are drawn.
    """
    known = np.argwhere(np.isfinite(pair.left) & np.isfinite(pair.right))
    cells = known[thinned(np.abs(pair.difference[tuple(known.T)]))]
    one, two = pair.left[tuple(cells.T)], pair.right[tuple(cells.T)]

    def tip(index: int) -> str:
        place = name(*cells[index].tolist())
        first, second = float(one[index]), float(two[index])
        return (
            f"{place}\n{number(first, 4)} → {number(second, 4)}   "
            f"difference {number(second - first, 4, sign=True)}"
        )

    across, up = (Scale(title) for title in titles)
    return Dots(Scatter(one, two, across, up, tip, diagonal=True), cells, len(known))


def fields(left: Result, right: Result) -> list[Both]:
    """Return the fields of numbers that can be laid over each other, the most telling first."""
    one, two = source(left), source(right)
    told = {n: t for n, t in one.telling().items() if t >= 0 and n in two.data}
    found = {n: both for n in told if (both := _both(n, one, two)) is not None}
    # Where there is a mean over prompts, it tells what the field itself would.
    told |= {name: 0 for name in found if f"{name}_mean" in found}
    return sorted(found.values(), key=lambda b: (-told[b.name], -len(b.left.axes)))


def matrices(field: Both, chosen: Mapping[str, int]) -> Pair:
    """Read one matrix of both results, at a place of each axis of `field.choosers()`."""
    one, two = (
        matrix(shown, side, chosen)
        for shown, side in zip(field.sources, (field.left, field.right), strict=True)
    )
    if one.shape != two.shape:
        size = tuple(map(min, one.shape, two.shape))
        one, two = one[: size[0], : size[1]], two[: size[0], : size[1]]
    return Pair(one, two, *sides(field.left, one.shape))


def most_different(field: Both) -> dict[str, int]:
    """Return the place of the choosers' axes at which the matrices part the most.

    Only where that is quick to find: in arrays in memory, of moderate size; else the first place.
    """
    axes = field.choosers()
    counts = [len(a.labels) for a in axes]
    quick = math.prod(counts) <= _MAX_SEARCHED and all(
        _in_memory(shown.data[field.name]) for shown in field.sources
    )
    best, found = -1.0, dict[str, int]()
    for place in np.ndindex(*counts) if quick else ():
        chosen = {a.name: i for a, i in zip(axes, place, strict=True)}
        largest = summary(matrices(field, chosen))["largest"]
        if largest > best:
            best, found = largest, chosen
    return found


def _in_memory(value: Any) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    return all(isinstance(p, np.ndarray) and p.nbytes <= MAX_SEARCHED_BYTES for p in parts)


def summary(pair: Pair) -> dict[str, float]:
    """Return how two matrices part: largest and mean difference, and Pearson's correlation."""
    both = np.isfinite(pair.left) & np.isfinite(pair.right)
    if not both.any():
        return {"largest": float("nan"), "mean": float("nan"), "correlation": float("nan")}
    one, two = pair.left[both], pair.right[both]
    apart = two - one
    varied = len(one) > 2 and np.ptp(one) > 0 and np.ptp(two) > 0
    return {
        "largest": float(np.abs(apart).max()),
        "mean": float(apart.mean()),
        "correlation": float(np.corrcoef(one, two)[0, 1]) if varied else float("nan"),
    }


def _both(name: str, left: Source, right: Source) -> Both | None:
    # Yes and no have no difference.
    if getattr(left.data[name], "dtype", None) == np.bool_:
        return None
    one, two = field_of(left, name), field_of(right, name)
    pair = None if one is None or two is None else matched(one, two)
    return None if pair is None else Both(*pair, (left, right))
