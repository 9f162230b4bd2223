"""Random sets: controls of a circuit, and parts taken out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.contract.kept import Kept, Positions, in_order

if TYPE_CHECKING:
    from desktop_app.contract.grammar import Part

_OUT_OF_TWO = 0.5


def controls(kept: Kept, heads: int, count: int, seed: int) -> list[Kept]:
    """Return random circuits of as many heads of the same layers.

    Each layer keeps as many heads as the circuit does, drawn without order, at the positions of
    those they stand for; MLPs stay as they are. None where there is nothing to draw: every layer
    keeps all of its heads or none.
    """
    by_layer: dict[int, list[Positions]] = {}
    for (layer, head), positions in kept.items():
        if head is not None:
            by_layer.setdefault(layer, []).append(positions)
    if all(len(found) == heads and len(set(found)) == 1 for found in by_layer.values()):
        return []
    random = np.random.default_rng(seed)
    mlps = {part: positions for part, positions in kept.items() if part[1] is None}
    found: list[Kept] = []
    while len(found) < count:
        drawn = in_order(_drawn(by_layer, heads, random) | mlps)
        if drawn != kept:  # the circuit itself is no control of it
            found.append(drawn)
    return found


def _drawn(
    by_layer: dict[int, list[Positions]], heads: int, random: np.random.Generator
) -> dict[Part, Positions]:
    found: dict[Part, Positions] = {}
    for layer, places in by_layer.items():
        chosen = random.choice(heads, len(places), replace=False)
        found |= {(layer, int(h)): at for h, at in zip(chosen, places, strict=True)}
    return found


def removals(kept: Kept, count: int, seed: int) -> list[list[Part]]:
    """Return random sets of a circuit's parts, each part in a set by the toss of a coin."""
    random = np.random.default_rng((seed, 1))
    parts = list(kept)
    sets = []
    for _ in range(count):
        taken = random.random(len(parts)) < _OUT_OF_TWO
        sets.append([part for part, out in zip(parts, taken, strict=True) if out])
    return sets
