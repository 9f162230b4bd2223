"""What a hand does with a mouse, as the window system says it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from tests.patience import turn_the_loop


def wheel(widget, point, turn, keys=Qt.KeyboardModifier.ControlModifier):
    """Turn the wheel over a place of a widget."""
    window = widget.window()
    place = QPointF(widget.mapTo(window, point))
    QTest.wheelEvent(window.windowHandle(), place, QPoint(0, turn), QPoint(), keys)
    turn_the_loop()


def drag(widget, button, start, step):
    """Press a button, move and let go."""
    QTest.mousePress(widget, button, pos=start)
    QTest.mouseMove(widget, start + step)
    QTest.mouseMove(widget, start + step)
    QTest.mouseRelease(widget, button, pos=start + step)
