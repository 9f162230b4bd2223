"""A ranking or any other table as data: columns that know how to write, and rows with keys.

The widget draws it; copying, the screen reader and tests read the same texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

from desktop_app.pictures.words import clipped, number, percent
from desktop_app.text.cells import plain_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

Kind = Literal["text", "name", "mono", "number", "percent", "bar", "token", "mark"]
"""How a column is drawn: words, a name that stands out, the face of tokens, a number, a bar, a
token in its box, a word in the colour of its row."""

Emphasis = Literal["", "good", "bad"]
"""What a row is: of the answer, or of a wrong one."""

_RIGHT = frozenset({"number", "percent"})


@dataclass(frozen=True)
class Bar:
    """The value of a bar, and what is drawn over it.

    Attributes:
        value: Where it ends; NaN draws none.
        dots: One value per prompt.
        chosen: Which of the dots is filled.
        error: Half the length of a whisker, such as the standard error.
        tick: A value to compare with, drawn as a line across.
    """

    value: float
    dots: tuple[float, ...] = ()
    chosen: int | None = None
    error: float = math.nan
    tick: float = math.nan


@dataclass(frozen=True)
class Column:
    """One column: its heading, how its values are written and drawn, and what room it takes.

    Attributes:
        key: Its name, for whoever looks for it.
        kind: How it is drawn.
        title: The heading; the key where None.
        format: Turns a value into text; by kind where None.
        align: Where the text stands; by kind where empty.
        width: Pixels with the margins, `stretch` for a share of the rest (bars, where None), else
            what the contents need.
        priority: Columns of the highest number are left out first where room is scarce; 0 stays.
        tooltip: Explains the heading.
        muted: Whether it steps back, as ranks and ids do.
        bar: For numbers: whether a soft bar behind shows the share of the column's largest.
        signed: For bars: whether they go both ways from a line at 0, in the maps' own colours.
        limits: Values at the ends of the bars; what holds all values and 0 where None.
        least: The least width where it stretches, below which others are left out.
    """

    key: str
    kind: Kind = "text"
    title: str | None = None
    format: Callable[[Any], str] | None = None
    align: Literal["", "left", "right", "center"] = ""
    width: int | Literal["stretch"] | None = None
    priority: int = 0
    tooltip: str = ""
    muted: bool = False
    bar: bool = False
    signed: bool = False
    limits: tuple[float, float] | None = None
    least: int = 0

    @property
    def heading(self) -> str:
        """What stands above it."""
        return self.key if self.title is None else self.title

    @property
    def side(self) -> str:
        """Where its texts stand: `left`, `right` or `center`."""
        return self.align or ("right" if self.kind in _RIGHT else "left")

    @property
    def stretches(self) -> bool:
        """Whether it takes a share of the room that the others leave."""
        return self.width == "stretch" or (self.width is None and self.kind == "bar")

    def text(self, value: object) -> str:
        """Return a value as it is written; nothing where there is none."""
        value = plain(value)
        if value is None:
            return ""
        if self.format is not None:
            return clipped(self.format(value))
        if self.kind == "percent" and isinstance(value, Real):
            return percent(float(value))
        if self.kind in {"number", "bar"} and isinstance(value, Real):
            digits = 0 if isinstance(value, Integral) else 2
            return number(float(value), digits, sign=self.signed)
        return clipped(str(value))


@dataclass(frozen=True)
class Row:
    """One row: what signals carry for it, a value per column, and what it is.

    Attributes:
        key: Any hashable, such as (layer, head) or a token's id.
        values: One per column; a `Bar` or a number for bars.
        tooltip: Said under the pointer; the row in words where empty.
        emphasis: Colours its token, mark and bar.
        faint: Whether it steps back, as what may be a chance find.
    """

    key: Any
    values: tuple[object, ...]
    tooltip: str = ""
    emphasis: Emphasis = ""
    faint: bool = False


@dataclass(frozen=True)
class Ranking:
    """Rows in order, best first.

    Raises:
        ValueError: A row has more or fewer values than there are columns.
    """

    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(
                    f"A row of {len(row.values)} values for {len(self.columns)} columns."
                )

    def text(self, row: int, column: int) -> str:
        """Return a cell as it is written."""
        return self.columns[column].text(self.rows[row].values[column])

    def values(self, key: str) -> list[Any]:
        """Return what the rows hold in the column of a key."""
        at = [column.key for column in self.columns].index(key)
        return [plain(row.values[at]) for row in self.rows]

    def row_of(self, key: object) -> int | None:
        """Return the number of the row that has a key, or None."""
        return self._places.get(key)

    def told(self, row: int) -> str:
        """Return a row in words: `1. L23H3, effect −4.91, kept 12.0 %`."""
        said = [
            text if column.kind in {"name", "token", "mark"} else f"{column.key} {text}"
            for number_, column in enumerate(self.columns)
            if column.kind != "bar" and (text := self.text(row, number_))
        ]
        return f"{row + 1}. {', '.join(said)}"

    def lines(self, rows: Iterable[int]) -> Iterator[str]:
        """Write headings and these rows, cells apart by tabs; a bar's number stands beside it."""
        shown = [i for i, column in enumerate(self.columns) if column.kind != "bar"]
        yield "\t".join(_flat(self.columns[i].heading) for i in shown)
        for row in rows:
            yield "\t".join(_flat(self.text(row, i)) for i in shown)

    def limits(self, column: int) -> tuple[float, float]:
        """Return the values at the ends of a column's bars, with some room beside a signed 0."""
        spec = self.columns[column]
        if spec.limits is not None:
            return spec.limits
        shown = [value for row in self.rows for value in _reached(row.values[column])]
        low, high = min([0.0, *shown]), max([0.0, *shown])
        margin = 0.04 * (high - low) or 1.0
        if spec.signed:
            return min(low, -margin), max(high, margin)
        return low, high or 1.0

    def order(self, column: int, *, descending: bool = False) -> list[int]:
        """Return the rows sorted by a column's values; what is missing goes last either way."""
        values = [plain(row.values[column]) for row in self.rows]
        there = [i for i, value in enumerate(values) if not _missing(value)]
        there.sort(key=lambda i: _sort_key(values[i]), reverse=descending)
        return there + [i for i, value in enumerate(values) if _missing(value)]

    @cached_property
    def _places(self) -> dict[object, int]:
        # From the end, so that of two equal keys the first is found.
        return {self.rows[i].key: i for i in reversed(range(len(self.rows)))}


def ranked(
    columns: Sequence[Column],
    values: Iterable[Iterable[object]],
    keys: Sequence[Hashable] | None = None,
) -> Ranking:
    """Return plain rows as a ranking; their keys are their numbers where None are given.

    Raises:
        ValueError: There are more or fewer keys than rows, or values than columns.
    """
    found = [tuple(row) for row in values]
    rows = zip(range(len(found)) if keys is None else keys, found, strict=True)
    return Ranking(tuple(columns), tuple(Row(key, row) for key, row in rows))


def plain(value: object) -> Any:
    """Return a value without what is drawn over it."""
    return value.value if isinstance(value, Bar) else value


def _reached(value: object) -> Iterator[float]:
    """Yield the finite numbers that a bar and its dots reach."""
    reached = (value.value, *value.dots) if isinstance(value, Bar) else (value,)
    for one in reached:
        if isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one):
            yield float(one)


def _missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _sort_key(value: Any) -> tuple[int, float, str]:
    """Order numbers by value and before words."""
    try:
        return (0, float(value), "")
    except (TypeError, ValueError):
        return (1, 0.0, str(value).casefold())


def _flat(text: str) -> str:
    """Return a cell without the characters that part cells and rows, and no formula."""
    return plain_cell(text.replace("\t", " ").replace("\n", " "))
