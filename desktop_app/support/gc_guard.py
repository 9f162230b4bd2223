"""Keeps Python's cycle collector on the window's thread.

A collection that starts on the compute thread may destroy widgets and timers there, which crashes
Qt. So automatic collection is off and a timer of the window's thread collects instead.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1_000
_MIDDLE_EVERY = 5
_FULL_EVERY = 60
# So many new objects within a second are modules being imported: they stay.
_IMPORTED_OBJECTS = 40_000


class GcGuard(QObject):
    """Turns automatic collection off while it runs, and collects on its own thread's clock.

    Young objects are looked at every second, all every minute. Modules of the size of torch hold
    close to a million objects that never die, and looking at them stalls the window by a quarter of
    a second: `settle` takes them out of the collector's sight, and so does the clock by itself
    while such modules are being imported.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ticks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._on_tick)

    def start(self) -> None:
        """Turn automatic collection off and start the clock."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Hand collection back to Python."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def settle(self) -> None:
        """Take everything that exists now out of later collections; costs no time."""
        gc.freeze()

    def collect_all(self) -> int:
        """Look at everything, also what was settled (such as a model that was replaced)."""
        gc.unfreeze()
        found = gc.collect()
        gc.freeze()
        return found

    def _on_tick(self) -> None:
        self._ticks += 1
        if gc.get_count()[0] > _IMPORTED_OBJECTS:
            gc.freeze()
            return
        if self._ticks % _FULL_EVERY == 0:
            gc.collect()
        else:
            gc.collect(1 if self._ticks % _MIDDLE_EVERY == 0 else 0)
