"""Views as they are made: nothing of them is a window of its own, which would take the keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.contract.registry import ANALYSES, BUILT_IN
from desktop_app.views.making import create_view
from desktop_app.widgets.basics.selection import Selection

pytestmark = pytest.mark.gui


class _Windows(QObject):
    def __init__(self):
        super().__init__()
        self.shown = []

    def eventFilter(self, watched, event):  # noqa: N802 - Qt calls it so
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.shown.append(type(watched).__name__)
        return False


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_part_of_a_view_is_shown_before_it_has_its_place(qtbot, name):
    windows, app = _Windows(), QApplication.instance()
    app.installEventFilter(windows)
    try:
        qtbot.addWidget(create_view(ANALYSES[name], Selection()))
    finally:
        app.removeEventFilter(windows)
    assert windows.shown == []
