"""How much memory the program takes, of how much there is."""

from __future__ import annotations

import psutil
from PySide6.QtCore import QObject, QTimer, Signal

INTERVAL_MS = 1_500


class MemoryMeter(QObject):
    """Measures every 1.5 s.

    Signals:
        measured: The reading in words, such as `RAM 1.9 / 24 GB`.
    """

    measured = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process = psutil.Process()
        self._total = psutil.virtual_memory().total
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self.measure)

    def start(self) -> None:
        """Begin, with a first reading at once."""
        self._timer.start()
        self.measure()

    def stop(self) -> None:
        """End."""
        self._timer.stop()

    def measure(self) -> None:
        """Take one reading."""
        used = self._process.memory_info().rss
        self.measured.emit(f"RAM {used / 1e9:.1f} / {self._total / 1e9:.0f} GB")
