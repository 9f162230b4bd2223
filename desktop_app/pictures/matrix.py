"""A map as data: one number per cell, what rows and columns are, how far the colours reach."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.words import ABOUT, place_name, written
from desktop_app.support.errors import MISFITS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from desktop_app.pictures.stretch import Stretch

Cell = tuple[int, int]
"""Row and column of a map, counted from 0 at the upper left."""

MISSING_TEXT = "no value"
_FARTHEST = 1e300  # the distance of ends beyond is no number any more


@dataclass(frozen=True)
class PairColumn:
    """One position: the token of either prompt as it is shown, and whether they differ."""

    clean: str
    corrupt: str
    differs: bool = False


@dataclass(frozen=True)
class Axis:
    """What the rows or the columns of a map are.

    Attributes:
        name: What one of them is.
        labels: One for each.
        tokens: Whether labels are tokens or other words, which may be turned upright, and not
            numbers; None tells by their looks.
        pairs: Tokens of two prompts, which stand above columns in place of the labels.
        dimmed: So many columns from the left are dimmed.
        read: The column after whose token the metric is read.
    """

    name: str
    labels: Sequence[str]
    tokens: bool | None = None
    pairs: Sequence[PairColumn] = ()
    dimmed: int = 0
    read: int | None = None

    @cached_property
    def words(self) -> bool:
        """Whether the labels are words."""
        if self.tokens is not None:
            return self.tokens
        return any(len(label) > 4 and not label.lstrip("-").isdigit() for label in self.labels)


@dataclass(frozen=True)
class Matrix:
    """A map; several may stand side by side on one scale.

    Attributes:
        values: Float [rows, columns]; NaN where a value is withheld or not there yet.
        rows: What a row is.
        columns: What a column is.
        name: What the number is.
        diverging: Whether the middle of the limits is the middle of the colours.
        scale: Values at the ends of the colours; None takes them from the values.
        stretch: How values are laid along the colours where that is not evenly.
        seen: The part of the limits that values can reach, which the colour bar shows; None: all.
        value_format: How a number is written in its cell.
        exact_format: How it is written under the cursor; empty: as in its cell.
        tip: Gives the tooltip of (row, column); None writes place and value.
        title: What the map shows, in one word.
        sentence: The same in one line.
        short: The sentence where there is no room for it.
        square: Whether cells are as wide as high: both axes hold things of one kind.
        uncertain: Which cells are estimates or not complete yet, bool [rows, columns]; they are
            hatched, and their numbers marked.
        faint: Which cells step back, bool [rows, columns]: those that may be chance finds.
    """

    values: NDArray[Any]
    rows: Axis
    columns: Axis
    name: str = ""
    diverging: bool = True
    scale: tuple[float, float] | None = None
    stretch: Stretch | None = None
    seen: tuple[float, float] | None = None
    value_format: str = "{:+.3f}"
    exact_format: str = ""
    tip: Callable[[int, int], str] | None = None
    title: str = ""
    sentence: str = ""
    short: str = ""
    square: bool = False
    uncertain: NDArray[np.bool_] | None = None
    faint: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no matrix, and labels that do not fit it."""
        shape = np.shape(self.values)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"A map shows a matrix; these values have the shape {shape}.")
        for what, axis, count in (
            ("row", self.rows, shape[0]),
            ("column", self.columns, shape[1]),
        ):
            if len(axis.labels) != count:
                raise ValueError(f"There are {len(axis.labels)} {what} labels for {count} {what}s.")
        for marks in (self.uncertain, self.faint):
            if marks is not None and marks.shape != shape:
                raise ValueError(f"{marks.shape} marks for cells of the shape {shape}.")

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The values at the ends of the colours."""
        found = centred_limits if self.diverging else finite_limits
        given = None if any(map(math.isnan, self.scale or ())) else self.scale
        low, high = given or found(self.values)
        return max(low, -_FARTHEST), min(high, _FARTHEST)

    def place_text(self, row: int, column: int) -> str:
        """Return where a cell is, in words."""
        down, across = self.rows, self.columns
        return place_name((down.name, down.labels[row]), (across.name, across.labels[column]))

    def value_text(self, row: int, column: int) -> str:
        """Return the number of a cell as it stands under the cursor."""
        value = float(self.values[row, column])
        form = self.exact_format or self.value_format
        if not math.isfinite(value):
            return MISSING_TEXT
        return f"{self.mark(row, column)}{signed(form, value)}"

    def mark(self, row: int, column: int) -> str:
        """Return what stands before the number of a cell that is not sure."""
        return f"{ABOUT} " if self.uncertain is not None and self.uncertain[row, column] else ""

    def cell_text(self, row: int, column: int) -> str:
        """Return a cell in words: its place and its value."""
        dimmed = ", dimmed" if self.faint is not None and self.faint[row, column] else ""
        return f"{self.place_text(row, column)}    {self.value_text(row, column)}{dimmed}"

    def tip_text(self, row: int, column: int) -> str:
        """Return what the pointer says over a cell: its own words, else its place and value."""
        if self.tip is not None:
            with suppress(*MISFITS):  # a file's result may lack what the words are made of
                return self.tip(row, column)
        return self.cell_text(row, column)


def numbered(name: str, count: int) -> Axis:
    """Return rows or columns that are called by their numbers from 0."""
    return Axis(name, [str(index) for index in range(count)])


def centred_limits(
    *values: NDArray[Any], centre: float = 0.0, least: float = 0.0
) -> tuple[float, float]:
    """Return the ends of one scale that holds all values, symmetric about `centre`.

    The ends lie at least `least` from it, and 1 where nothing else says how far; what is not finite
    counts for nothing.
    """
    sizes = [np.abs(v[np.isfinite(v)] - centre) for v in map(np.asarray, values)]
    reach = max([least, *(float(s.max()) for s in sizes if s.size)])
    reach = reach if reach > 0 else 1.0
    return centre - reach, centre + reach


def finite_limits(values: NDArray[Any]) -> tuple[float, float]:
    """Return (0 or the least, the largest) finite value, for amounts."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return (0.0, 1.0)
    low, high = min(0.0, float(flat.min())), float(flat.max())
    return (low, high) if high > low else (low, low + 1.0)


def signed(value_format: str, value: float) -> str:
    """Format a number with a true minus sign, and nothing as 0 without one."""
    return written(value_format, value)
