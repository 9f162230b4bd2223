"""What a user's hands do in a window: keys go to whatever has the focus, clicks to what is seen."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier


def activate(qtbot, window):
    """Bring a window to the front, so that it hears its shortcuts."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def press_key(key, held=NONE):
    """Press a key wherever the focus is."""
    target = QApplication.focusWidget() or QApplication.activeWindow()
    assert target is not None, "no window hears the keys"
    QTest.keyClick(target, key, held)


def type_in(text):
    """Type letters wherever the focus is."""
    QTest.keyClicks(QApplication.focusWidget(), text)


def click_cell(table, row, column=0, button=Qt.MouseButton.LeftButton):
    """Click into a cell of a table."""
    place = table.visualRect(table.model().index(row, column)).center()
    QTest.mouseClick(table.viewport(), button, NONE, place)


def undo():
    """Press Ctrl+Z."""
    press_key(Qt.Key.Key_Z, CONTROL)


def redo():
    """Press Ctrl+Shift+Z."""
    press_key(Qt.Key.Key_Z, CONTROL | SHIFT)


def open_menu(widget, place):
    """Ask for the menu of a place, and return it."""
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, widget.mapToGlobal(place))
    QApplication.sendEvent(widget, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def choose(menu, words):
    """Click an entry of a menu."""
    (action,) = [action for action in menu.actions() if words in action.text()]
    assert action.isEnabled(), words
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
