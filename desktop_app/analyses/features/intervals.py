"""Which of a feature's activations stand as examples: the largest, and some of each interval.

Equal intervals part the way from 0 to the largest activation, so that weak ones are seen as well as
strong ones. numpy alone: what a run keeps of every feature is enough to draw any feature's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Drawn:
    """Examples of one feature.

    Attributes:
        edges: `[intervals + 1]`, from 0 to the largest activation.
        counts: `[intervals]`: activations above 0 in each; a value on an edge is in the upper one,
            and the largest in the last.
        top: Numbers of the largest activations, the largest first; of equal ones the earlier.
        drawn: Of each interval, numbers of those that were drawn, in the order of the text.
    """

    edges: np.ndarray
    counts: np.ndarray
    top: np.ndarray
    drawn: tuple[np.ndarray, ...]


def interval_of(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return in which interval each activation lies, int64 as many as there are."""
    found = np.searchsorted(edges, values, side="right") - 1
    inside: np.ndarray = np.clip(found, 0, len(edges) - 2)
    return inside


def draw(values: np.ndarray, intervals: int, examples: int, seed: tuple[int, ...]) -> Drawn:
    """Return a feature's examples.

    Args:
        values: `[activations]`, all above 0, in the order of the text.
        intervals: How many there are.
        examples: How many are listed as the largest, and how many are drawn of each interval,
            without replacement.
        seed: What the draw follows from: the setting and the feature.
    """
    numbers = np.asarray(values, dtype=np.float64)
    largest = float(numbers.max()) if numbers.size else 0.0
    edges = np.linspace(0.0, largest, intervals + 1)
    places = interval_of(numbers, edges) if largest > 0 else np.zeros(len(numbers), dtype=np.int64)
    counts = np.bincount(places, minlength=intervals) if numbers.size else np.zeros(intervals, int)
    source = np.random.default_rng(seed)
    drawn = []
    for interval in range(intervals):
        inside = np.flatnonzero(places == interval)
        count = min(examples, len(inside))
        drawn.append(np.sort(source.choice(inside, count, replace=False)) if count else inside)
    top = np.argsort(-numbers, kind="stable")[:examples]
    return Drawn(edges, counts, top, tuple(drawn))
