"""What a map or a list says of prompts like these: intervals and q in words, columns and marks.

A slice whose cells are effects offers their values per prompt in its picture as
`per_prompt(result)`: arrays that end in prompts, by name, 0 where nothing is done. From 5 prompts
on its view shows each cell's interval and q, the table of an export has them as columns, and cells
above a level of q can step back.
"""

from __future__ import annotations

import math
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.registry import hook
from desktop_app.pictures.facts import Explained, Fact
from desktop_app.pictures.statistics import LEAST, RESAMPLES, Evidence, adjusted, least_p
from desktop_app.pictures.words import number, plural, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from desktop_app.contract.result import Result
    from desktop_app.pictures.matrix import Cell

    Grid = Callable[[], NDArray[np.float64] | None]

LEVELS = (0.05, 0.1, 0.2)
"""The levels of q above which cells can step back."""

FEW = f"Intervals and q: from {LEAST} prompts on"
NO_MEAN = "Intervals and q need one mean over prompts: these differ in length"
OF_THE_MEAN = "Intervals and q are of the mean over prompts"
LIKE_THESE = "They speak of prompts like these only."
INTERVAL_TIP = f"95 % bootstrap interval of the mean: {RESAMPLES:,} resamples of these prompts"
Q_TIP = (
    "Sign-flip test of the mean against 0, after Benjamini and Hochberg over all cells: of those "
    "with q up to 0.1 about one in ten is a chance find"
)
_MOST_KEPT = 12


@dataclass(frozen=True)
class PerPrompt:
    """Values per prompt of a slice's cells.

    Attributes:
        values: Float `[…, prompt]`, 0 where nothing is done, as the picture has its cells.
        axes: The names of all axes but the last; one of length 1 at the end has none.
    """

    values: NDArray[np.float64]
    axes: tuple[str, ...]


_known: OrderedDict[int, tuple[weakref.ref[Result], dict[str, tuple[PerPrompt, Evidence]]]] = (
    OrderedDict()
)


def tables_of(result: Result) -> Mapping[str, tuple[PerPrompt, Evidence]]:
    """Return what a result's slice offers, by name, each computed once for a result."""
    kept = _known.get(id(result))
    if kept is not None and kept[0]() is result:
        _known.move_to_end(id(result))
        return kept[1]
    give = hook(result.analysis, "picture", "per_prompt")
    offered: Mapping[str, PerPrompt] = give(result) if give else {}
    found = {name: (one, Evidence(one.values)) for name, one in offered.items()}
    _known[id(result)] = weakref.ref(result), found
    while len(_known) > _MOST_KEPT:
        _known.popitem(last=False)
    return found


def evidence_of(result: Result) -> dict[str, Evidence]:
    """Return the same without the values, as far as there are prompts enough."""
    tables = tables_of(result).items()
    return {name: evidence for name, (_values, evidence) in tables if evidence.offered}


def _same(cell: Any) -> Any:
    return cell


def derived(result: Result) -> dict[str, tuple[tuple[str, ...], NDArray[np.float64]]]:
    """Return intervals, p and q of all cells as fields with their axes, for a table."""
    found = {}
    for name, (table, evidence) in tables_of(result).items():
        if evidence.offered:
            low, high = evidence.intervals()
            known = evidence.finish()
            shape = evidence.shape[: len(table.axes)]
            for what, values in (("low", low), ("high", high), ("p", known.p), ("q", known.q)):
                if values is not None:
                    found[f"{name}_{what}"] = (table.axes, values.reshape(shape))
    return found


SPREAD = ["95 % low", "95 % high", "q"]
"""Headings of what `spread_of` gives."""


def spread_of(evidence: Evidence, cell: tuple[int, ...]) -> list[float]:
    """Return the ends of a cell's interval and its q, for a table."""
    q = evidence.finish().q
    return [*evidence.interval(cell), math.nan if q is None else float(q[cell])]


@dataclass(frozen=True)
class Cells:
    """What is known of the cells of a map or a list; keys are those of its picture.

    Attributes:
        evidence: All that must be computed.
        interval: From a cell to the ends of its interval.
        grid: q of all cells as the picture has them; None while it is not known.
        name: What they are, where a picture has several: `enough`.
        key: The beginning of their columns' keys.
        place: From a cell to its place in the grid.
        digits: How many are written after the point in a list.
    """

    evidence: tuple[Evidence, ...]
    interval: Callable[[Cell], tuple[float, float]]
    grid: Grid
    name: str = ""
    key: str = ""
    place: Callable[[Any], Any] = _same
    digits: int = 2

    @property
    def done(self) -> bool:
        """Whether q is known."""
        return all(one.done for one in self.evidence)

    @property
    def prompts(self) -> int:
        """Over how many prompts it is."""
        return self.evidence[0].prompts

    def q(self, cell: Cell) -> float:
        """Return q of a cell; NaN while it is not known, or where there is none."""
        grid = self.grid()
        return math.nan if grid is None else float(grid[self.place(cell)])

    def faint(self, level: float) -> NDArray[np.bool_] | None:
        """Return which cells have a q above a level, or none."""
        grid = self.grid()
        return None if grid is None else ~(grid <= level)


def _once(make: Grid) -> Grid:
    """Return what gives a grid again where it is known."""
    known: list[NDArray[np.float64]] = []

    def grid() -> NDArray[np.float64] | None:
        if not known and (found := make()) is not None:
            known.append(found)
        return known[0] if known else None

    return grid


def whole(evidence: Evidence, name: str = "", key: str = "") -> Cells:
    """Return the cells of a picture that shows all there are."""
    return Cells((evidence,), evidence.interval, lambda: evidence.q, name, key)


def listed(
    evidence: Evidence,
    place: Callable[[Any], int],
    keys: Sequence[Any] = (),
    *,
    scale: float = 1.0,
    digits: int = 2,
) -> Cells:
    """Return the rows of a list of what is one after another; `place` says where a key stands.

    Args:
        evidence: Of all that could be listed.
        place: From the key of a row to its number there.
        keys: Those that are listed, whose intervals are computed at once.
        scale: By what the list multiplies values.
        digits: How many are written after the point.
    """
    evidence.prepare([(place(key),) for key in keys])

    def interval(key: Any) -> tuple[float, float]:
        low, high = (scale * end for end in evidence.interval((place(key),)))
        return (low, high) if low <= high else (high, low)

    def q() -> NDArray[np.float64] | None:
        return evidence.q

    return Cells((evidence,), interval, q, place=place, digits=digits)


def at_places(
    evidence: Evidence,
    places: NDArray[np.intp],
    name: str = "",
    key: str = "",
    *,
    chosen: bool = False,
) -> Cells:
    """Return the cells of a picture that shows one place of the last axis for each.

    Where each shows the place at which it does most, they were selected among all: then q is that
    over all places. A `chosen` place is a map of its own.
    """
    index = places[..., None]

    def grid() -> NDArray[np.float64] | None:
        if evidence.p is None or evidence.q is None:
            return None
        if chosen:
            return adjusted(np.take_along_axis(evidence.p, index, -1)[..., 0])
        return np.asarray(np.take_along_axis(evidence.q, index, -1)[..., 0])

    def interval(cell: Cell) -> tuple[float, float]:
        return evidence.interval((*cell, int(places[cell])))

    return Cells((evidence,), interval, _once(grid), name, key)


def beside(first: Evidence, last: Evidence) -> Cells:
    """Return cells `[row, column]` with one more behind each row, which is a family of its own."""
    end = first.shape[1]

    def interval(cell: Cell) -> tuple[float, float]:
        return last.interval(cell[:1]) if cell[1] == end else first.interval(cell)

    def grid() -> NDArray[np.float64] | None:
        if first.q is None or last.q is None:
            return None
        return np.concatenate([first.q, last.q[:, None]], axis=1)

    return Cells((first, last), interval, _once(grid))


# Words.


def interval_text(ends: tuple[float, float], digits: int = 3) -> str:
    """Write an interval: `[−3.900, −2.610]`; nothing where there is none."""
    if math.isnan(ends[0]):
        return ""
    return f"[{number(ends[0], digits)}, {number(ends[1], digits)}]"


def q_text(q: float) -> str:
    """Write q to two digits that count: `0.063`; nothing where there is none."""
    return "" if math.isnan(q) else "< 0.001" if q < 1e-3 else written("{:.2g}", q)


def spread(cells: Cells, cell: Cell, digits: int = 3) -> str:
    """Write what follows the value of a cell: ` [−3.900, −2.610], q = 0.08`."""
    found, q = interval_text(cells.interval(cell), digits), q_text(cells.q(cell))
    if not found:
        return ""
    return f" {found}, q {q if q.startswith('<') else f'= {q}'}" if q else f" {found}"


def told(result: Result, name: str, cell: Cell) -> str:
    """Write the same of a cell of all that a result's slice offers under a name."""
    evidence = evidence_of(result).get(name)
    return "" if evidence is None else spread(whole(evidence), cell)


def sentence(cells: Sequence[Cells], cell: Cell) -> str:
    """Say what is known of a cell: `95 % interval [−3.9, −2.6], q = 0.08.`."""
    parts = [
        f"{one.name}{' ' if one.name else ''}{found.strip()}"
        for one in cells
        if (found := spread(one, cell, one.digits))
    ]
    return f"95 % interval {'; '.join(parts)}." if parts else ""


def floor_words(prompts: int) -> str:
    """Say how small q can be at best."""
    return f"{plural(prompts, 'prompt')}: q ≥ {least_p(prompts):.3g}"


def level_words(cells: Sequence[Cells], level: float) -> str:
    """Say how many cells stand out: `q ≤ 0.1: 12 of 270`; where none does, how few can."""
    if not all(one.done for one in cells):
        return "q follows …"
    texts, most = [], 0
    for one in cells:
        grid = one.grid()
        if grid is not None:
            count, known = int((grid <= level).sum()), int(np.isfinite(grid).sum())
            most = max(most, count)
            name = f"{one.name} " if one.name else ""
            texts.append(f"{name}{count:,} of {known:,}")
    if not most:
        return f"q ≤ {level:g}: none · {floor_words(cells[0].prompts)}"
    return f"q ≤ {level:g}: {', '.join(texts)}"


def level_tip(prompts: int) -> str:
    """Say what the choice of a level does."""
    return f"Which cells step back by their q. {Q_TIP}. {floor_words(prompts)}. {LIKE_THESE}"


def fact(result: Result, name: str, cell: Cell, what: str = "interval") -> list[Fact]:
    """Return a line for the inspector; none where there are too few prompts."""
    found = told(result, name, cell).strip()
    tip = f"{INTERVAL_TIP}. {Q_TIP}"
    return [Fact("95 % interval", found, tip, what)] if found else []


def explained(what: str, cells: Sequence[Cells], cell: Cell | None, page: str) -> Explained | None:
    """Take an interval or a q apart, by the key of its column; None where it is something else."""
    for one in cells:
        if what.removeprefix(one.key).strip() in {"interval", "q"} and what.startswith(one.key):
            break
    else:
        return None
    own = "" if cell is None else spread(one, cell).strip()
    heading = "Intervals and q"
    if what.endswith("interval"):
        made = (
            f"the middle 95 % of the means over {RESAMPLES:,} resamples of the "
            f"{plural(one.prompts, 'prompt')}, drawn with replacement"
        )
        sign = f"An interval that leaves 0 out: prompts like these agree on the sign. {LIKE_THESE}"
        return Explained("95 % interval", made, own, sign, page, heading)
    made = (
        "p = share of all patterns of signs whose mean lies as far from 0; "
        "q = p after Benjamini and Hochberg over the cells of the map"
    )
    return Explained("q", made, own, f"{floor_words(one.prompts)}. {LIKE_THESE}", page, heading)
