"""What the map of a circuit shows in each cell: kept, in part, outside, dropped, staying. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.matrix import Axis, Matrix, centred_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from desktop_app.analyses.circuit.keeping import Shape
    from desktop_app.contract.grammar import Part
    from desktop_app.contract.kept import Kept
    from desktop_app.pictures.matrix import Cell

OUTSIDE, KEPT, PARTLY, DROPPED, STAYS = range(5)
WORDS = {
    KEPT: "kept",
    PARTLY: "kept at some positions",
    OUTSIDE: "outside",
    DROPPED: "dropped by pruning",
    STAYS: "stays, no part of the circuit",
}
"""States in the order in which a legend names them."""


def grid_of(kept: Kept, shape: Shape, gone: Iterable[Part] = ()) -> np.ndarray:
    """Return the state of every part as `[layers, heads + 1]`; the last column is the MLPs'."""
    states = np.full((shape.layers, shape.heads + 1), OUTSIDE, dtype=np.uint8)
    if not shape.mlps:
        states[:, -1] = STAYS
    for part in gone:
        if not shape.lacks(part):
            states[cell_of(part, shape)] = DROPPED
    for part, places in kept.items():
        if not shape.lacks(part):
            states[cell_of(part, shape)] = KEPT if places is None else PARTLY
    return states


def cell_of(part: Part, shape: Shape) -> Cell:
    """Return where a part lies on the map."""
    layer, head = part
    return layer, shape.heads if head is None else head


def part_at(cell: Cell, shape: Shape) -> Part:
    """Return the part of a cell."""
    row, column = cell
    return row, None if column == shape.heads else column


@dataclass(frozen=True)
class Board:
    """The map: a state per cell, and a number where there is one.

    Attributes:
        shape: Which parts there are.
        states: `[layers, heads + 1]`.
        matrix: What each part costs, NaN where that is not known; the axes, and words for a cell.
        ringed: Cells of a circuit that is laid over it.
        told: What is laid over it, in a few words.
    """

    shape: Shape
    states: np.ndarray
    matrix: Matrix
    ringed: frozenset[Cell] = frozenset()
    told: str = ""


def board_of(
    shape: Shape,
    states: np.ndarray,
    changes: np.ndarray | None,
    tip: Callable[[int, int], str],
    name: str = "",
) -> Board:
    """Return the map of a set, coloured by what each part costs where that is known."""
    values = np.full(states.shape, np.nan) if changes is None else changes
    columns = [*map(str, range(shape.heads)), "MLP"]
    matrix = Matrix(
        np.asarray(values, dtype=np.float32),
        Axis("Layer", [str(layer) for layer in range(shape.layers)]),
        Axis("Head", columns, tokens=False),
        name if np.isfinite(values).any() else "",
        scale=centred_limits(values),
        value_format="{:+.1f}",
        tip=tip,
    )
    return Board(shape, states, matrix)


def counts(states: np.ndarray) -> dict[int, int]:
    """Return how many cells are in each state."""
    return {state: int((states == state).sum()) for state in WORDS}


def shown_states(states: np.ndarray) -> Collection[int]:
    """Return the states that occur, as a legend names them; kept and outside always."""
    found = counts(states)
    return [state for state in WORDS if found[state] or state in {KEPT, OUTSIDE}]
