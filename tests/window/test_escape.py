"""Escape leaves what one is in, and never ends work."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit

from desktop_app.widgets.basics.job_bar import JobBar
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import in_sight
from tests.patience import turn_the_loop
from tests.window.fakes import FakeService

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def in_front(qtbot, window):
    """Have the window take the keys."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def goes_on(qtbot, window, part):
    """Press Escape in a part of the window; return whether the job then makes further steps."""
    in_front(qtbot, window)
    steps = []
    window.conductor.job_moved.connect(steps.append)
    QTest.keyClick(part, Qt.Key.Key_Escape)
    turn_the_loop()
    steps.clear()
    qtbot.waitUntil(lambda: len(steps) > 5 or not window.conductor.is_busy())
    return window.conductor.is_busy()


@pytest.fixture
def busy(qtbot, open_window):
    """Return a window in which a job runs and another waits."""
    service = FakeService()
    window = open_window(service)
    service.slow |= {"ablate", "attention"}
    for name in ("ablate", "attention"):
        window.views.open(name)
        window.actions_by_name["run"].trigger()
    qtbot.waitUntil(window.conductor.is_busy)
    assert window.views["ablate"].is_busy()
    assert window.views["attention"].is_busy()
    yield window
    service.slow.clear()
    window.actions_by_name["stop"].trigger()
    qtbot.waitUntil(lambda: not window.runner.is_busy())


def test_an_empty_search_is_left(qtbot, busy):
    in_front(qtbot, busy)
    search = busy.top_bar.search
    QTest.keyClick(busy, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert search.is_open()
    assert goes_on(qtbot, busy, search)
    assert not search.is_open()
    QTest.mouseClick(search, Qt.MouseButton.LeftButton)  # no list, nothing typed
    assert goes_on(qtbot, busy, search)
    assert busy.conductor.has_more()


def test_notes_stay_as_they_are(qtbot, busy):
    (notes,) = in_sight(busy.inspector, QPlainTextEdit)
    QTest.mouseClick(notes.viewport(), Qt.MouseButton.LeftButton)
    QTest.keyClicks(notes, "L3H2 matters")
    assert goes_on(qtbot, busy, notes)
    assert notes.toPlainText() == "L3H2 matters"


def test_a_cell_is_left(qtbot, busy):
    table = busy.prompts.table
    table.select_row(0, 0)
    table.setFocus()
    table.edit(table.currentIndex())
    (editor,) = in_sight(table, QPlainTextEdit)
    QTest.keyClicks(editor, "what was typed")
    assert goes_on(qtbot, busy, editor)
    assert in_sight(table, QPlainTextEdit) == []
    assert busy.prompts.rows()[0] == TypedRow("1 2 3 4 ", "7 9 6 1 ", "5", "4")


def test_a_dialog_closes(qtbot, busy):
    QTest.mouseClick(busy.top_bar.model_button, Qt.MouseButton.LeftButton)
    dialog = busy.models.dialog
    qtbot.waitUntil(dialog.isVisible)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dialog.isVisible())
    assert goes_on(qtbot, busy, busy)


def test_pictures_and_panels_swallow_it_or_let_it_go(qtbot, busy):
    busy.views.open("ablate")
    for part in (in_sight(busy, Heatmap)[0].canvas, busy.results.tree, busy.rail.list):
        part.setFocus()
        assert goes_on(qtbot, busy, part), part
    assert all(busy.views[name].is_busy() for name in ("ablate", "attention"))


def test_stop_has_its_own_keys_and_the_texts_say_so(busy):
    (bar,) = busy.findChildren(JobBar)
    tips = [part.toolTip() for part in bar.children() if part.isWidgetType()]
    assert not any("Esc" in tip for tip in tips)
    assert any("Ctrl+." in tip for tip in tips)
