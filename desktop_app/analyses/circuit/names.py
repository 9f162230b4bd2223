"""What parts, entries and states of a circuit are called. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.circuit.keeping import Shape, dropped, kept_of, part_of
from desktop_app.analyses.circuit.outcome import in_percent
from desktop_app.analyses.circuit.states import grid_of
from desktop_app.pictures.words import MINUS, metric_name, part_name

if TYPE_CHECKING:
    import numpy as np

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result


def name_of(part: Part) -> str:
    """Name a part as the field does."""
    return part_name(*part, "mlp")


def entry_name(entry: str) -> str:
    """Name an entry of a list, perhaps with its positions: `L5H3 at 0, −1`."""
    part, at, places = entry.partition("@")
    listed = places.replace("-", MINUS).replace("@", ", ")
    return name_of(part_of(part)) + (f" at {listed}" if at else "")


def change_name(result: Result) -> str:
    """Name what colours the map."""
    return "without it, points" if in_percent(result.data) else f"without it, {metric_name(result)}"


def states_of(result: Result) -> np.ndarray:
    """Return the state of every cell."""
    return grid_of(kept_of(result.data), Shape.of_result(result), dropped(result.data))
