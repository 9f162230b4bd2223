"""Activations of features over windows of a text, one by one as far as they are few. No torch.

Whatever is summed is summed in the order of the text, an activation at a time, so that no number
depends on how many windows were read at once, nor on where a run was stopped and went on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

ALL, NONE = -1, -2
"""Whose activations are kept one by one, where it is not a single feature's."""


@dataclass(frozen=True)
class Active:
    """Activations that are not zero, in the order of the text.

    Attributes:
        place: `[n]` int32: window · length + position.
        feature: `[n]` int32.
        value: `[n]` float32.
        spoilt: Places whose activations are not finite: such a token counts nowhere.
    """

    place: np.ndarray
    feature: np.ndarray
    value: np.ndarray
    spoilt: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    @classmethod
    def joined(cls, parts: list[Active]) -> Active:
        """Return several in a row as one; none are empty."""
        names = (("place", np.int32), ("feature", np.int32), ("value", np.float32))
        arrays = (
            np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in parts)])
            for name, kind in (*names, ("spoilt", np.int32))
        )
        return cls(*arrays)

    def where(self, wanted: np.ndarray) -> Active:
        """Return some of them, what is spoilt untouched."""
        return Active(self.place[wanted], self.feature[wanted], self.value[wanted], self.spoilt)

    def before(self, place: int) -> Active:
        """Return those before a place."""
        end = int(np.searchsorted(self.place, place))
        spoilt = self.spoilt[: int(np.searchsorted(self.spoilt, place))]
        return Active(self.place[:end], self.feature[:end], self.value[:end], spoilt)


class Tally:
    """What is known of all features after some windows.

    Attributes:
        features: How many there are.
        length: Tokens of a window, what it begins with among them.
        of: Whose activations are kept: `ALL`, `NONE`, or the number of the one feature.
        windows: How many were read.
        entries: Activations that are kept.
        active: Tokens at which each feature is active, int64 `[feature]`.
        largest: Its largest activation, float32 `[feature]`; 0 where it is never active.
        total: The sum of its activations, float64 `[feature]`.
    """

    def __init__(self, features: int, length: int) -> None:
        self.features, self.length = features, length
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.of = ALL
        self.windows = self.entries = 0
        self._ids: list[np.ndarray] = []
        self._parts: list[Active] = []
        self._count_none()

    def add(self, ids: np.ndarray, found: Active) -> None:
        """Take in what was found in the next windows, whose ids are int32 `[windows, length]`."""
        self._ids.append(ids)
        self.windows += len(ids)
        self._count(found)
        if self.of != ALL:
            found = found.where(found.feature == self.of)
        self._parts.append(found)
        self.entries += len(found.place)

    def narrow(self, of: int) -> None:
        """Let go of the activations of all features but one, or of all (`NONE`)."""
        kept = self.found()
        kept = kept.where(kept.feature == of)
        self.of, self._parts, self.entries = of, [kept], len(kept.place)

    def cut(self, windows: int) -> bool:
        """Go back to the first windows; return whether what is kept tells how it was there."""
        if windows >= self.windows:
            return True
        if self.of != ALL:
            return False
        ids, found = self.ids()[:windows], self.found().before(windows * self.length)
        self.clear()
        self.add(ids, found)
        return True

    def resume(self, of: int, counts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Take over counts of all features where one feature's activations alone are here."""
        self.narrow(of)
        self.active, self.largest, self.total = (numbers.copy() for numbers in counts)

    def ids(self) -> np.ndarray:
        """Return the token ids of all windows, int32 `[windows, length]`."""
        if len(self._ids) != 1:
            self._ids = [np.concatenate([np.zeros((0, self.length), np.int32), *self._ids])]
        return self._ids[0]

    def found(self) -> Active:
        """Return all activations that are kept, in the order of the text."""
        if len(self._parts) != 1:
            self._parts = [Active.joined(self._parts)]
        return self._parts[0]

    def spoilt(self) -> int:
        """Return how many tokens count nowhere."""
        return sum(len(part.spoilt) for part in self._parts)

    def by_feature(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the activations feature by feature, each in the order of the text.

        Returns:
            Where each feature's begin, int64, of all features `[feature + 1]`, of one `[0, n]`, of
            none `[0]`; places int32 `[n]`; values float32 `[n]`.
        """
        found = self.found()
        if self.of == NONE:
            return np.zeros(1, np.int64), found.place, found.value
        if self.of != ALL:
            return np.array([0, len(found.place)], np.int64), found.place, found.value
        start = np.zeros(self.features + 1, np.int64)
        np.cumsum(self.active, out=start[1:])
        order = np.argsort(found.feature, kind="stable")
        return start, found.place[order], found.value[order]

    def of_feature(self, feature: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one feature's places and values, in the order of the text."""
        found = self.found()
        own = found.where(found.feature == feature)
        return own.place, own.value

    def _count_none(self) -> None:
        self.active = np.zeros(self.features, np.int64)
        self.largest = np.zeros(self.features, np.float32)
        self.total = np.zeros(self.features, np.float64)

    def _count(self, found: Active) -> None:
        self.active += np.bincount(found.feature, minlength=self.features)
        np.maximum.at(self.largest, found.feature, found.value)
        np.add.at(self.total, found.feature, found.value.astype(np.float64))
