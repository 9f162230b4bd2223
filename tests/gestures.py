"""What a hand does with a mouse, as the window system says it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

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


def click_and_drag(widget, button, start, end):
    """Click, and press again so soon that Qt calls it a double click; then move and let go."""
    QTest.mouseClick(widget, button, pos=start)
    here, there = QPointF(start), QPointF(widget.mapToGlobal(start))
    no_keys = Qt.KeyboardModifier.NoModifier
    kind = QEvent.Type.MouseButtonDblClick
    second = QMouseEvent(kind, here, there, button, button, no_keys)
    QApplication.sendEvent(widget, second)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(widget, start + (end - start) * share)
    QTest.mouseRelease(widget, button, pos=end)
