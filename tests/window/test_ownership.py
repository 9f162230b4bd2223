"""Python never takes what is on the screen for garbage: collecting that would delete it.

PySide deletes a widget of Qt's own making whose wrapper is collected in a circle; `focusProxy()`
makes such circles, as it takes the proxy for a child of the widget that is asked.
"""

from __future__ import annotations

import gc

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shiboken6 import Shiboken

from tests.patience import turn_the_loop
from tests.window.fakes import settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def garbage():
    """Return a function that says which living objects of Qt Python would collect now."""
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)

    def living():
        gc.collect()
        found = [o for o in gc.garbage if isinstance(o, QObject) and Shiboken.isValid(o)]
        return [f"{type(o).__name__} “{o.objectName()}”" for o in found]

    yield living
    gc.set_debug(0)
    gc.freeze()  # what was saved is not looked at again
    gc.garbage.clear()


def test_a_walk_by_keys_leaves_nothing_living_to_the_collector(qtbot, window, garbage):
    assert garbage() == []
    for name in window.views:
        window.views.open(name)
        settle(qtbot, window)
        window.prompts.table.setFocus()
        for _ in range(40):
            QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
            turn_the_loop(1)
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F6)
    assert garbage() == []
