"""The circuit that is tried by hand: which edges are in, and what was done before."""

from __future__ import annotations

import numpy as np

_MOST_STEPS = 200


class Hypothesis:
    """A set of edges with a way back and forth.

    It begins with a result's circuit, or, where there is none, with what the board shows when the
    first edge is taken out.

    Attributes:
        inside: Which edges are in, bool `[edge]`; None: nothing was said yet.
    """

    def __init__(self) -> None:
        self.inside: np.ndarray | None = None
        self._begun: np.ndarray | None = None
        self._past: list[np.ndarray | None] = []
        self._future: list[np.ndarray | None] = []
        self._touched: dict[int, None] = {}

    def touched(self) -> list[int]:
        """Return the edges that were taken out or put in: they stay on the board."""
        return list(self._touched)

    def begin(self, inside: np.ndarray | None) -> None:
        """Start anew from a circuit, or from nothing."""
        self.inside = self._begun = inside
        self._past, self._future, self._touched = [], [], {}

    def adopt(self, inside: np.ndarray) -> None:
        """Go on from another circuit; the one there was is one step back."""
        self._to(inside)

    def toggle(self, edges: np.ndarray, shown: np.ndarray, count: int) -> None:
        """Take edges out of the set; where none of them is in, put them in.

        Args:
            edges: Their numbers.
            shown: The numbers of those that the board shows: the set, where there is none yet.
            count: How many edges the model has.
        """
        if self.inside is None:
            now = np.zeros(count, dtype=bool)
            now[shown] = True
        else:
            now = self.inside.copy()
        now[edges] = not now[edges].any()
        self._touched |= dict.fromkeys(map(int, edges))
        self._to(now)

    def can_undo(self) -> bool:
        """Return whether there is a step back."""
        return bool(self._past)

    def can_redo(self) -> bool:
        """Return whether there is one forward."""
        return bool(self._future)

    def is_changed(self) -> bool:
        """Return whether it is no longer what it began with."""
        if self.inside is None or self._begun is None:
            return self.inside is not self._begun
        return not np.array_equal(self.inside, self._begun)

    def undo(self) -> None:
        """Go a step back."""
        if self._past:
            self._future.append(self.inside)
            self.inside = self._past.pop()

    def redo(self) -> None:
        """Go a step forward."""
        if self._future:
            self._past.append(self.inside)
            self.inside = self._future.pop()

    def reset(self) -> None:
        """Go back to the circuit that it began with; that is a step as well."""
        if self.is_changed():
            self._to(self._begun)

    def _to(self, inside: np.ndarray | None) -> None:
        self._past = [*self._past, self.inside][-_MOST_STEPS:]
        self._future = []
        self.inside = inside
