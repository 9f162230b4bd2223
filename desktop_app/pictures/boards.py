"""Two grids of layers × tokens as data: what they are, what stands in the cells, what is put where.

Patching by hand and the lens draw them: both speak of streams of two runs, cell by cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.matrix import Axis, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from desktop_app.contract.moves import HandSite, Move, RunName
    from desktop_app.pictures.stretch import Stretch

RUNS: tuple[RunName, RunName] = ("clean", "corrupt")
OTHER: dict[RunName, RunName] = {"clean": "corrupt", "corrupt": "clean"}


@dataclass(frozen=True)
class Cell:
    """A layer and a position of one of the two grids.

    Attributes:
        run: Which grid: `clean` is the left one, `corrupt` the right one.
        layer: Its row, counted from 0 at the top.
        position: Its column.
    """

    run: RunName
    layer: int
    position: int


@dataclass(frozen=True)
class Board:
    """Both grids: their tokens, at which positions these differ, where the metric is read.

    Attributes:
        layers: How many rows there are.
        tokens: Those above the columns of each grid.
        differs: At which positions the tokens of both are others.
        read: The position that the prediction is read at.
        run: Which run the moves change; None: neither is changed.
        moves: What is put where.
        reach: Which of that run's cells `[layers, positions]` the moves reach.
        alone: Whether there is no corrupt run, so that one grid stands alone.
        rows: What the rows are called; their numbers where None.
        titles: What stands above each grid; the runs' names where nothing is said.
    """

    layers: int
    tokens: Mapping[RunName, tuple[str, ...]]
    differs: tuple[bool, ...]
    read: int
    run: RunName | None
    moves: tuple[Move, ...]
    reach: np.ndarray
    alone: bool = False
    rows: Axis | None = None
    titles: Mapping[RunName, str] | None = None

    @property
    def length(self) -> int:
        """The number of positions of the left grid."""
        return len(self.tokens["clean"])

    @property
    def shown(self) -> tuple[RunName, ...]:
        """The grids that are drawn, from the left."""
        return RUNS[:1] if self.alone else RUNS

    def length_of(self, run: RunName) -> int:
        """Return the number of positions of a grid."""
        return len(self.tokens[run])

    def row_axis(self) -> Axis:
        """Return what the rows are called."""
        return self.rows or numbered("Layer", self.layers)

    def title(self, run: RunName) -> str:
        """Return what stands above a grid."""
        if self.titles is not None:
            return self.titles[run]
        return f"{run.capitalize()} run" + (", changed" if run == self.run else "")


@dataclass(frozen=True)
class Cells:
    """What stands in the cells of one grid.

    Attributes:
        values: Float [rows, positions], NaN where there is none; None: no colours.
        limits: The values at both ends of the colours.
        diverging: Whether their middle is the middle of the colours.
        stretch: How values are laid along the colours where that is not evenly.
        texts: What is written into each cell, as it is shown; None: nothing.
        marked: Which cells have a mark in their corner, bool [rows, positions].
        tip: Gives what the pointer says over a cell beside its place; None: nothing.
    """

    values: np.ndarray | None = None
    limits: tuple[float, float] = (0.0, 1.0)
    diverging: bool = False
    stretch: Stretch | None = None
    texts: Sequence[Sequence[str]] | None = None
    marked: np.ndarray | None = None
    tip: Callable[[int, int], str] | None = None


def differing(one: Sequence[int], other: Sequence[int]) -> tuple[bool, ...]:
    """Return at which positions two lists of ids are others; beyond the shorter all are."""
    longest = max(len(one), len(other))
    return tuple(
        place >= min(len(one), len(other)) or one[place] != other[place] for place in range(longest)
    )


def cone(board: Board, site: HandSite, layer: int, position: int) -> np.ndarray:
    """Return the cells [layers, positions] whose stream a change at one cell can reach.

    Within its own layer only what comes before attention reaches other positions.
    """
    reach = np.zeros((board.layers, board.length), dtype=bool)
    reach[layer, position] = True
    if site == "resid_pre":
        reach[layer, position:] = True
    reach[layer + 1 :, position:] = True
    return reach
