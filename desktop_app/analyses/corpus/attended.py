"""Which tokens a head attends to: what each token is given, summed over all its places."""

from __future__ import annotations

import numpy as np

from desktop_app.analyses.corpus.spec import PLACES


class Attended:
    """The weight that every head gives to every token that has occurred, position 0 left out."""

    def __init__(self, layers: int, heads: int) -> None:
        self._shape = (layers, heads)
        self._column: dict[int, int] = {}
        self._sums = np.zeros((layers * heads, 1024))

    def make_room(self, ids: np.ndarray) -> None:
        """Make room for the tokens of a pass, windows `[window, position]`.

        It is the largest there is to make; where memory ends at it, nothing was added.
        """
        for token in np.unique(ids[:, 1:]).tolist():
            self._column.setdefault(token, len(self._column))
        self._grow(len(self._column))

    def add(self, ids: np.ndarray, columns: np.ndarray) -> None:
        """Take in a pass, for which there is room.

        Args:
            ids: Tokens of its windows, `[window, position]`.
            columns: What each place is given by all queries, `[L, window, H, key]`.
        """
        for window, row in enumerate(ids[:, 1:].tolist()):
            at = np.array([self._column[token] for token in row])
            given = columns[:, window, :, 1:].reshape(len(self._sums), -1).astype(np.float64)
            order = np.argsort(at, kind="stable")
            starts = np.flatnonzero(np.diff(at[order], prepend=-1))
            self._sums[:, at[order][starts]] += np.add.reduceat(given[:, order], starts, axis=1)

    def most(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens of largest summed weight `[L, H, rank]`, and their shares of it all.

        Where fewer have any weight, −1 and NaN.
        """
        ids = np.array(list(self._column), dtype=np.int64)
        order = np.argsort(ids)
        ids, sums = ids[order], self._sums[:, : len(ids)][:, order]
        best = np.argsort(-sums, axis=1, kind="stable")[:, :PLACES]
        weights = np.take_along_axis(sums, best, 1)
        total = sums.sum(1, keepdims=True)
        found = np.full((len(sums), PLACES), -1)
        shares = np.full((len(sums), PLACES), np.nan)
        there = weights > 0
        count = best.shape[1]
        found[:, :count] = np.where(there, ids[best], -1)
        np.divide(weights, total, out=shares[:, :count], where=there)
        return found.reshape(*self._shape, PLACES), shares.reshape(*self._shape, PLACES)

    def _grow(self, needed: int) -> None:
        there = self._sums.shape[1]
        if needed > there:
            more = np.zeros((len(self._sums), max(needed, 2 * there) - there))
            self._sums = np.concatenate([self._sums, more], axis=1)
