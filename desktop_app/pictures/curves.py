"""Curves, bars and scatters as data: what stands over which axis, and each point in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from collections.abc import Callable

Limits = tuple[float, float]

# How many dots are drawn; of more, the caller chooses.
MAX_DOTS = 20_000
# Room beside the outermost values, as a share of their range.
_ROOM = 0.05
_FARTHEST = 1e300


@dataclass(frozen=True)
class Scale:
    """One direction of a plot.

    Attributes:
        name: What is measured, with its unit.
        labels: What the places 0, 1, 2, … are called; empty where they are plain numbers.
        limits: The ends; None takes them from the values.
        log: Whether equal distances are equal ratios; values of 0 and below then have no place.
        zero: Whether a log axis begins at 0, as ranks do: values stand by the logarithm of 1 more.
        whole: Whether only whole numbers exist.
        shown: Whether the axis is drawn.
        named: Places that have a name of their own, beside numbered ones.
    """

    name: str = ""
    labels: tuple[str, ...] = ()
    limits: Limits | None = None
    log: bool = False
    zero: bool = False
    whole: bool = False
    shown: bool = True
    named: tuple[tuple[float, str], ...] = ()

    def label(self, value: float) -> str:
        """Return what a place is called."""
        for place, name in self.named:
            if place == value:
                return name
        if self.labels:
            place = round(value)
            return self.labels[place] if 0 <= place < len(self.labels) else ""
        return f"{value:g}"

    def placed(self, values: np.ndarray) -> np.ndarray:
        """Return where values stand: themselves, or their logarithms; NaN where there is none."""
        found = np.asarray(values, dtype=float)
        if self.log:
            found = np.where(found >= 0, found + 1.0, np.nan) if self.zero else found
            found = np.log10(np.where(found > 0, found, np.nan))
        return np.where(np.isfinite(found), found, np.nan)

    def reach(self, *values: np.ndarray) -> Limits:
        """Return the ends of the axis where these values must be seen, as they are placed."""
        if self.limits is not None:
            low, high = self.placed(np.array(self.limits))
            if low < high:  # not where a result has no number
                return float(low), float(high)
        found = np.concatenate([self.placed(v).ravel() for v in values] or [np.empty(0)])
        found = found[np.isfinite(found)]
        if self.whole and found.size:
            return float(found.min()) - 0.5, float(found.max()) + 0.5
        if not found.size:
            return 0.0, 1.0
        low, high = (float(np.clip(v, -_FARTHEST, _FARTHEST)) for v in (found.min(), found.max()))
        room = _ROOM * (high - low) or max(abs(high), 1.0) / 2
        return low - room, high + room


@dataclass(frozen=True)
class Line:
    """One number per place.

    Attributes:
        name: Whose it is; empty for the only line.
        values: `[places]`; NaN leaves a gap.
        low: Lower edge of a band around it, such as mean − standard deviation, or None; of bars,
            the lower end of a whisker.
        high: Upper edge.
        tone: A colour of the theme, or `below` and `above` for the two ends of the maps' colours.
        thin: Whether it stands behind the others.
        bars: Whether it is drawn as bars from 0; bars of several lines stand side by side.
        signed: Of bars: whether they have the maps' own colours, one below 0 and one above.
        pale: Of bars, `[places]`: which are drawn pale with an edge; None: none.
        dashed: Whether it is broken, as a fit or an expectation is.
        dots: Whether each place is marked on it.
    """

    name: str
    values: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    tone: str = "accent"
    thin: bool = False
    bars: bool = False
    signed: bool = False
    pale: np.ndarray | None = None
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A value told by a straight line: `up` from left to right, `across` from top to bottom.

    Its words stand at the line's end, or at its start.
    """

    value: float
    text: str = ""
    axis: Literal["across", "up"] = "up"
    tone: str = "text_muted"
    dashed: bool = True
    at_start: bool = False


@dataclass(frozen=True)
class Region:
    """A part of the axis across on another ground."""

    start: float
    end: float
    text: str = ""
    tone: str = "hover"


@dataclass(frozen=True)
class Key:
    """One entry of a legend: what is drawn like this, and its name."""

    name: str
    tone: str = "accent"
    drawn: Literal["line", "dashed", "thin", "bar", "pale"] = "line"


@dataclass(frozen=True)
class Trace:
    """A line through a scatter, with places of its own: a fit.

    Attributes:
        x: `[points]`.
        y: `[points]`.
        name: What it is.
        tone: A colour of the theme.
        dashed: Whether it is broken.
    """

    x: np.ndarray
    y: np.ndarray
    name: str = ""
    tone: str = "text_muted"
    dashed: bool = True


@dataclass(frozen=True)
class Curves:
    """Lines or bars over common places.

    Attributes:
        lines: All as long as the axis.
        x: Where the places stand; 0, 1, 2, … where None.
        tip: Tells a place by its number; None tells what each line says there.
        legend: What the legend says; the lines that have names where empty.
    """

    lines: tuple[Line, ...]
    across: Scale = Scale(whole=True)
    up: Scale = Scale()
    x: np.ndarray | None = None
    tip: Callable[[int], str] | None = None
    marks: tuple[Mark, ...] = ()
    regions: tuple[Region, ...] = ()
    legend: tuple[Key, ...] = ()

    def entries(self) -> tuple[Key, ...]:
        """Return what a legend says; nothing where a single line needs none."""
        named = [line for line in self.lines if line.name]
        return self.legend or (tuple(map(_key, named)) if len(self.lines) > 1 else ())

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where the first line's points stand: the read-out goes from one to the next."""
        values = self.lines[0].values if self.lines else np.empty(0)
        return self.across.placed(self._places(len(values))), self.up.placed(values)

    def reach(self) -> tuple[Limits, Limits]:
        """Return the ends of both axes, as values are placed."""
        shown = [v for line in self.lines for v in (line.values, line.low, line.high)]
        shown += [np.array([m.value]) for m in self.marks if m.axis == "up"]
        shown += [np.zeros(1)] * any(line.bars for line in self.lines)
        places = self._places(max((len(line.values) for line in self.lines), default=0))
        return self.across.reach(places), self.up.reach(*[v for v in shown if v is not None])

    def text(self, index: int) -> str:
        """Return a place in words: what each line says there, with its spread."""
        if self.tip is not None:
            return self.tip(index)
        places = self._places(index + 1)
        told = [self._told(line, index) for line in self.lines if index < len(line.values)]
        place = f"{self.across.name} {self.across.label(float(places[index]))}".strip()
        return "\n".join([place, *told])

    def summary(self) -> str:
        """Return the picture in one sentence, for who does not see it."""
        names = ", ".join(line.name for line in self.lines if line.name)
        count = max((len(line.values) for line in self.lines), default=0)
        return f"{self.up.name} over {self.across.name}: {names or 'one line'}, {count:,} places"

    def _places(self, count: int) -> np.ndarray:
        return np.arange(count, dtype=float) if self.x is None else np.asarray(self.x, dtype=float)

    def _told(self, line: Line, index: int) -> str:
        told = f"{line.name} {number(float(line.values[index]), 4)}".strip()
        if line.low is not None and line.high is not None:
            told += f" ({number(float(line.low[index]))} … {number(float(line.high[index]))})"
        return told


@dataclass(frozen=True)
class Scatter:
    """Dots over two axes.

    Attributes:
        x: `[dots]`; NaN has no dot.
        y: `[dots]`.
        tip: Names a dot by its number.
        diagonal: Whether both axes share one scale, and the line of equal values is drawn.
        names: What is written beside some of the dots, by their numbers.
        tones: A colour of the theme per dot; one for all where empty.
        traces: Lines through them.
        legend: What the legend says; the traces that have names where empty.
    """

    x: np.ndarray
    y: np.ndarray
    across: Scale = Scale()
    up: Scale = Scale()
    tip: Callable[[int], str] | None = None
    diagonal: bool = False
    marks: tuple[Mark, ...] = ()
    regions: tuple[Region, ...] = ()
    names: tuple[tuple[int, str], ...] = ()
    tones: tuple[str, ...] = ()
    traces: tuple[Trace, ...] = ()
    legend: tuple[Key, ...] = ()

    def entries(self) -> tuple[Key, ...]:
        """Return what a legend says."""
        named = (trace for trace in self.traces if trace.name)
        return self.legend or tuple(
            Key(t.name, t.tone, "dashed" if t.dashed else "line") for t in named
        )

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where the dots stand."""
        return self.across.placed(self.x), self.up.placed(self.y)

    def reach(self) -> tuple[Limits, Limits]:
        """Return the ends of both axes, as values are placed."""
        known = np.isfinite(self.x) & np.isfinite(self.y)
        x, y = (
            np.append(v[known], [m.value for m in self.marks if m.axis == axis])
            for v, axis in ((self.x, "across"), (self.y, "up"))
        )
        if self.diagonal:
            both = self.across.reach(x, y)
            return both, both
        lines = self.traces
        return (
            self.across.reach(x, *(trace.x for trace in lines)),
            self.up.reach(y, *(trace.y for trace in lines)),
        )

    def text(self, index: int) -> str:
        """Return a dot in words."""
        if self.tip is not None:
            return self.tip(index)
        return f"{number(float(self.x[index]), 4)}, {number(float(self.y[index]), 4)}"

    def summary(self) -> str:
        """Return the picture in one sentence, for who does not see it."""
        return f"{len(self.x):,} dots; across {self.across.name}, up {self.up.name}"


def _key(line: Line) -> Key:
    if line.bars:
        return Key(line.name, line.tone, "bar" if line.pale is None else "pale")
    style: Literal["line", "dashed", "thin"] = "thin" if line.thin else "line"
    return Key(line.name, line.tone, "dashed" if line.dashed else style)


def thinned(apart: np.ndarray, most: int = MAX_DOTS) -> np.ndarray:
    """Return which of many dots to draw: the farthest from where they belong, and spread ones."""
    if len(apart) <= most:
        return np.arange(len(apart))
    farthest = np.argpartition(apart, -most // 4)[-most // 4 :]
    spread = np.linspace(0, len(apart) - 1, most - len(farthest)).astype(np.int64)
    kept: np.ndarray = np.unique(np.concatenate([farthest, spread]))
    return kept
