"""Draws a widget whose handlers fail: `guard_child.py WHAT`, in a process that may die of it."""

from __future__ import annotations

import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.support.guard import override

FAULTS = {
    "zero": lambda: 1 // 0,
    "index": lambda: [][3],  # noqa: PLE0643
    "value": lambda: float("x"),
    "key": lambda: {}["k"],
    "raised": lambda: int.from_bytes("text"),
}


class Faulty(QWidget):
    """Fails wherever Qt asks."""

    @override
    def resizeEvent(self, event):
        FAULTS[sys.argv[1]]()

    @override
    def paintEvent(self, event):
        FAULTS[sys.argv[1]]()

    @override
    def sizeHint(self):
        return FAULTS[sys.argv[1]]() or QSize(7, 7)


app = QApplication([])
sys.excepthook = lambda kind, error, trace: print("told", kind.__name__)  # noqa: T201
widget = Faulty()
widget.show()
widget.resize(50, 60)
widget.grab()
widget.adjustSize()
print("ok")  # noqa: T201
