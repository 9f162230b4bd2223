"""Measures how long the window's event loop is held up; names the culprit for developers."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections import deque

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS = 4
_MAX_SAMPLES = 200_000
_log = logging.getLogger(__name__)


class StallWatchdog(QObject):
    """A precise timer on the window's thread that notes how late it is called.

    A stall is the time by which a tick came later than asked: for that long no click, key or
    repaint could have been served.

    Attributes:
        last_tick: `time.perf_counter()` of the latest tick.
    """

    def __init__(self, parent: QObject | None = None, tick_ms: int = TICK_MS) -> None:
        super().__init__(parent)
        self._tick_s = tick_ms / 1000
        self._stalls: deque[float] = deque(maxlen=_MAX_SAMPLES)
        self.last_tick = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(tick_ms)
        self._timer.timeout.connect(self._on_tick)

    def start(self) -> None:
        """Forget earlier measurements and begin."""
        self._stalls.clear()
        self.last_tick = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """End the measurement; the numbers stay."""
        if self._timer.isActive():
            self._on_tick()  # a stall that is still going on counts too
            self._timer.stop()

    def stalls_ms(self) -> tuple[float, ...]:
        """Return every tick's delay in milliseconds, in order."""
        return tuple(self._stalls)

    def max_ms(self) -> float:
        """Return the longest delay, 0 before the first tick."""
        return max(self._stalls, default=0.0)

    def percentile_ms(self, percent: float) -> float:
        """Return the delay that `percent` of the ticks did not exceed."""
        ordered = sorted(self._stalls)
        if not ordered:
            return 0.0
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    def summary(self) -> str:
        """Return the measurement in one line."""
        return (
            f"{len(self._stalls)} ticks: p50 {self.percentile_ms(50):.1f} ms, "
            f"p99 {self.percentile_ms(99):.1f} ms, max {self.max_ms():.1f} ms"
        )

    def _on_tick(self) -> None:
        now = time.perf_counter()
        self._stalls.append(max(0.0, (now - self.last_tick - self._tick_s) * 1000))
        self.last_tick = now


class StackReporter:
    """Logs the window's Python stack while it hangs (developer runs: `LENSBENCH_STALLS=1`)."""

    def __init__(self, watchdog: StallWatchdog, threshold_ms: float = 100.0) -> None:
        self._watchdog = watchdog
        self._threshold_s = threshold_ms / 1000
        self._window_thread = threading.get_ident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stall-reporter", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the watching thread."""
        self._stop.set()
        self._thread.join(timeout=1.0)

    def _watch(self) -> None:
        reported = 0.0
        while not self._stop.wait(self._threshold_s / 4):
            last = self._watchdog.last_tick
            if last == reported or time.perf_counter() - last < self._threshold_s:
                continue
            reported = last
            frame = sys._current_frames().get(self._window_thread)  # noqa: SLF001 - the only way
            if frame is not None:
                _log.warning("The window hangs in:\n%s", "".join(traceback.format_stack(frame)))
