"""How long a job still takes: an estimate that is said once it is stable, and then counts down.

The plain rule, time so far × what is left / what is done, jumps by half wherever a job's parts are
not equally dear: estimates are quick, later layers carry more rows, a second prompt is longer. Here
the speed is a mean that forgets, nothing is said before it has settled, and what is said runs down
at a pace that is corrected, instead of being set anew.
"""

from __future__ import annotations

import math
from collections import deque

_LEAST_DONE = 0.03
_LEAST_S = 0.4
# The speed forgets what lies further back than this share of the time so far, or this time.
_MEMORY_SHARE = 0.3
_MEMORY_S = 1.0
_OF_LATE = 0.75
# It is said once the end that it foretells has moved by less than this share of what is left.
_STEADY = 0.25
_WINDOW = 6
# A job that never becomes steady is spoken of all the same.
_PATIENCE_S = 10.0
_ENOUGH_DONE = 0.1
# What is said runs down at most this many times as fast as a clock.
_FASTEST = 4.0
# And beyond what a clock takes by no more than this share of it at once.
_FALL = 0.25
# Where half as much again is left for so long, it was truly wrong: it rises, bit by bit.
_WRONG = 1.5
_WRONG_FOR_S = 2.0
_RISE = 1.25
_RISE_EVERY_S = 1.0


class TimeLeft:
    """Hears how far a job is, and tells how long it still takes.

    What it tells falls, faster or slower than a clock, so that it meets the end; it rises only
    where it has been wrong by far for some seconds, by a quarter a second. It knows no clock.
    """

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None
        self._last = (0.0, 0.0)
        self._speed = 0.0
        self._ends: deque[float] = deque(maxlen=_WINDOW)
        self._told: float | None = None
        self._wrong_since: float | None = None
        self._rose = -math.inf

    def heard(self, fraction: float, now: float) -> float | None:
        """Return the seconds left after news of a fraction done at a time; None: unknown as yet.

        Args:
            fraction: 0..1; one that falls begins the counting anew.
            now: Seconds of any clock that only goes forth.
        """
        # What comes before the first step, such as a trial or the reading of weights, is none.
        if self._began is None or fraction <= self._began[0]:
            self._begin(fraction, now)
            return None
        if fraction < self._last[0]:
            self._begin(fraction, now)
            return None
        done, passed = fraction - self._last[0], now - self._last[1]
        self._last = (fraction, now)
        if passed <= 0.0:
            return self._told
        left = self._foretell(fraction, now, passed, done)
        if fraction >= 1.0:
            self._told = 0.0
        elif self._told is None:
            self._told = left if self._may_tell(fraction, now, left) else None
        elif left is not None:
            self._told = self._corrected(self._told, left, now, passed)
        return self._told

    def _begin(self, fraction: float, now: float) -> None:
        self._began = self._last = (fraction, now)
        self._speed, self._told, self._wrong_since = 0.0, None, None
        self._ends.clear()

    def _foretell(self, fraction: float, now: float, passed: float, done: float) -> float | None:
        """Return what is left, by the speed of late above all and the speed so far."""
        from_fraction, began = self._began or self._last
        elapsed = now - began
        if elapsed <= 0.0 or fraction <= from_fraction:
            return None
        mean = (fraction - from_fraction) / elapsed
        forget = 1.0 - math.exp(-passed / max(_MEMORY_S, _MEMORY_SHARE * elapsed))
        self._speed = self._speed + forget * (done / passed - self._speed) if self._speed else mean
        speed = _OF_LATE * self._speed + (1.0 - _OF_LATE) * mean
        left = (1.0 - fraction) / speed
        self._ends.append(now + left)
        return left

    def _may_tell(self, fraction: float, now: float, left: float | None) -> bool:
        began = self._began[1] if self._began is not None else now
        elapsed = now - began
        if left is None or fraction < _LEAST_DONE or elapsed < _LEAST_S:
            return False
        if len(self._ends) < _WINDOW:
            return False
        is_late = elapsed >= _PATIENCE_S and fraction >= _ENOUGH_DONE
        return is_late or max(self._ends) - min(self._ends) <= _STEADY * left

    def _corrected(self, told: float, left: float, now: float, passed: float) -> float:
        """Run down at the pace at which both meet; rise where it has been far too low for long."""
        pace = min(told / (left + passed), _FASTEST)
        ahead = min(passed * max(pace - 1.0, 0.0), _FALL * told)
        told = max(0.0, told - passed * min(pace, 1.0) - ahead)
        if left < _WRONG * told:
            self._wrong_since = None
            return told
        if self._wrong_since is None:
            self._wrong_since = now
        if now - self._wrong_since < _WRONG_FOR_S or now - self._rose < _RISE_EVERY_S:
            return told
        self._rose = now
        return min(left, _RISE * told)
