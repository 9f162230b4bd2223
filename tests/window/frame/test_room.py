"""Room for pictures: panels that fold to their edge, and one thing that takes the whole window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QTabBar, QToolBar, QToolButton

from desktop_app.window.frame.edges import EdgeButton
from tests.finding import in_sight
from tests.patience import turn_the_loop

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

SHIFT = Qt.KeyboardModifier.ShiftModifier
NO_KEY = Qt.KeyboardModifier.NoModifier


def key(qtbot, window, code, modifiers=NO_KEY):
    """Press a key in whatever window is in front, which is this one."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window.windowHandle(), code, modifiers)
    turn_the_loop()


def click(part):
    QTest.mouseClick(part, Qt.MouseButton.LeftButton)
    turn_the_loop()


def button(window, name):
    """Return the button in sight of that name."""
    (found,) = in_sight(window, QToolButton, name)
    return found


def geometry(window):
    """Return where everything stands, for comparing."""
    turn_the_loop()
    bars = (window.menuBar(), window.statusBar(), window.rail, *window.findChildren(QToolBar))
    parts = [*window.docks.values(), window.centralWidget(), window.views.shown(), *bars]
    shown = [part for part in parts if part.isVisible()]
    return [(part, part.mapTo(window, QPoint()), part.size()) for part in shown]


@pytest.mark.parametrize(
    ("code", "names"),
    [(Qt.Key.Key_F7, ["prompts", "results"]), (Qt.Key.Key_F9, ["inspector"])],
)
def test_a_key_folds_a_side_to_its_edge_and_brings_it_back(qtbot, window, code, names):
    before, width = geometry(window), window.views.shown().width()
    key(qtbot, window, code)
    assert all(not window.docks[name].isVisible() for name in names)
    assert window.views.shown().width() > width + 90
    strips = in_sight(window, EdgeButton)
    assert [strip.text().lower() for strip in strips] == names
    assert all(strip.accessibleName() and strip.width() < 30 for strip in strips)
    key(qtbot, window, code)
    assert geometry(window) == before


def test_a_panel_folds_by_its_button_and_comes_back_by_its_name(qtbot, window):
    before = geometry(window)
    click(button(window.docks["results"], "Fold Results away"))
    assert not window.docks["results"].isVisible()
    assert window.docks["prompts"].isVisible()
    (name,) = in_sight(window, EdgeButton)
    click(name)
    assert in_sight(window, EdgeButton) == []
    assert geometry(window) == before
    window.docks["results"].titleBarWidget().fold.setFocus()
    QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Space)
    (name,) = in_sight(window, EdgeButton)
    name.setFocus()
    QTest.keyClick(name, Qt.Key.Key_Space)
    turn_the_loop()
    assert window.docks["results"].isVisible()


def test_a_panel_shown_from_the_menu_is_folded_no_longer(qtbot, window):
    key(qtbot, window, Qt.Key.Key_F7)
    window.actions_by_name["dock_results"].trigger()
    turn_the_loop()
    assert [strip.text() for strip in in_sight(window, EdgeButton)] == ["Prompts"]


def test_the_log_folds_to_the_bottom(qtbot, window):
    key(qtbot, window, Qt.Key.Key_F8)  # nothing is there: then what is usual there
    assert window.docks["log"].isVisible()
    key(qtbot, window, Qt.Key.Key_F8)
    (name,) = in_sight(window, EdgeButton)
    assert (name.text(), name.height() < 30) == ("Log", True)
    click(name)
    assert window.docks["log"].isVisible()


def test_what_was_folded_is_folded_after_a_restart(qtbot, open_window, service, tmp_path):
    window = open_window(service)
    key(qtbot, window, Qt.Key.Key_F9)
    with qtbot.waitSignal(window.closed):
        window.close()
    again = open_window(type(service)(), placed=False)
    assert [strip.text() for strip in in_sight(again, EdgeButton)] == ["Inspector"]
    key(qtbot, again, Qt.Key.Key_F9)
    assert again.docks["inspector"].isVisible()


def test_one_key_gives_the_picture_the_window_and_back(qtbot, window):
    key(qtbot, window, Qt.Key.Key_F7)  # one side is folded before, and is so afterwards
    before = geometry(window)
    key(qtbot, window, Qt.Key.Key_F11)
    view = window.views.shown()
    assert view.mapTo(window, QPoint()) == QPoint(0, 0)
    assert view.size() == window.size()
    key(qtbot, window, Qt.Key.Key_F11)
    assert geometry(window) == before


def test_a_button_does_it_too_and_escape_leaves(qtbot, window):
    before = geometry(window)
    click(button(window, "Give the picture the whole window"))
    assert window.views.shown().size() == window.size()
    window.views.open("rank")  # one that is built meanwhile says it, too
    assert in_sight(window, QToolButton, "Show panels and bars again")
    window.views.open("tokens")
    key(qtbot, window, Qt.Key.Key_Escape)
    assert geometry(window) == before


def test_the_prompt_table_takes_the_window(qtbot, window):
    before = geometry(window)
    click(button(window, "Give the prompts the whole window"))
    assert window.docks["prompts"].size() == window.size()
    assert not window.views.shown().isVisible()
    assert window.focusWidget() is window.prompts.table
    assert in_sight(window.docks["prompts"], QToolButton, "Close Prompts") == []
    click(button(window, "Show the picture again"))
    assert geometry(window) == before
    key(qtbot, window, Qt.Key.Key_F11, SHIFT)
    assert window.docks["prompts"].size() == window.size()
    key(qtbot, window, Qt.Key.Key_F11)  # from one to the other
    assert window.views.shown().size() == window.size()
    key(qtbot, window, Qt.Key.Key_F11)
    assert geometry(window) == before


def test_the_search_works_in_the_whole_window(qtbot, window):
    key(qtbot, window, Qt.Key.Key_F11)
    key(qtbot, window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    search = window.top_bar.search
    assert search.isVisible()
    assert search.is_open()
    QTest.keyClicks(search, "help on this")
    QTest.keyClick(search, Qt.Key.Key_Return)
    turn_the_loop()
    assert window.docks["help"].isVisible()  # what was asked for is not hidden
    assert window.menuBar().isVisible()
    key(qtbot, window, Qt.Key.Key_F11)
    key(qtbot, window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(search, Qt.Key.Key_Escape)
    turn_the_loop()
    assert not window.top_bar.isVisible()


def test_closing_in_the_whole_window_keeps_the_panels(qtbot, open_window, service):
    window = open_window(service)
    key(qtbot, window, Qt.Key.Key_F11)
    with qtbot.waitSignal(window.closed):
        window.close()
    again = open_window(type(service)(), placed=False)
    assert again.docks["prompts"].isVisible()
    assert again.top_bar.isVisible()


def test_panels_give_room_before_the_picture_is_cut(qtbot, window):
    window.resize(1500, 900)
    turn_the_loop()
    wide = [window.docks["prompts"], window.docks["inspector"]]
    window.resizeDocks(wide, [344, 260], Qt.Orientation.Horizontal)
    turn_the_loop()
    before = geometry(window)
    window.resize(1024, 700)
    turn_the_loop()
    assert window.views.shown().width() > 640
    assert [strip.text() for strip in in_sight(window, EdgeButton)] == ["Inspector"]
    window.resize(1500, 900)
    turn_the_loop()
    for (part, place, size), old in zip(geometry(window), before, strict=True):
        assert part is old[0]
        assert (place - old[1]).manhattanLength() <= 2
        assert abs(size.width() - old[2].width()) <= 2


def test_what_is_brought_back_by_hand_in_a_narrow_window_stays(qtbot, window):
    window.resize(1024, 700)
    turn_the_loop()
    (name,) = in_sight(window, EdgeButton)
    click(name)
    assert window.docks["inspector"].isVisible()
    assert window.docks["inspector"].width() <= 230
    window.resize(1020, 690)
    turn_the_loop()
    assert window.docks["prompts"].isVisible()


def tabs_in_sight(window):
    """Return the names on each row of tabs that is seen."""
    bars = [bar for bar in window.findChildren(QTabBar) if bar.parent() is window]
    seen = [bar for bar in bars if bar.isVisible() and window.rect().intersects(bar.geometry())]
    return [[bar.tabText(k) for k in range(bar.count())] for bar in seen if bar.count() > 1]


def test_no_tabs_stay_behind(qtbot, open_window, service):
    window = open_window(service, size=(1024, 700))
    turn_the_loop()
    assert tabs_in_sight(window) == [["Results", "Inspector"]]
    before = geometry(window)
    key(qtbot, window, Qt.Key.Key_F11)
    assert tabs_in_sight(window) == []
    key(qtbot, window, Qt.Key.Key_F11)
    assert tabs_in_sight(window) == [["Results", "Inspector"]]
    assert geometry(window) == before
    window.resize(1440, 900)
    key(qtbot, window, Qt.Key.Key_F11)
    window.actions_by_name["reset_layout"].trigger()  # both in one turn
    turn_the_loop()
    assert tabs_in_sight(window) == []
    assert window.docks["results"].isVisible()
    assert window.docks["inspector"].isVisible()


def test_what_was_edited_when_the_picture_took_the_window_does_no_harm(qtbot, window, caplog):
    table = window.prompts.table
    table.select_row(0, 0)
    table.edit(table.currentIndex())
    (editor,) = in_sight(table, QPlainTextEdit)
    editor.setFocus()
    key(qtbot, window, Qt.Key.Key_F11)
    key(qtbot, window, Qt.Key.Key_F11)
    assert table.isVisible()
    assert "already deleted" not in caplog.text


def test_a_window_made_narrow_meanwhile_has_room_when_the_panels_come_back(qtbot, window):
    window.resize(1500, 900)
    turn_the_loop()
    docks = [window.docks["prompts"], window.docks["inspector"]]
    window.resizeDocks(docks, [344, 260], Qt.Orientation.Horizontal)
    key(qtbot, window, Qt.Key.Key_F11)
    window.resize(1024, 700)
    key(qtbot, window, Qt.Key.Key_F11)
    assert window.views.shown().width() > 640
    window.resize(1500, 900)
    turn_the_loop()
    assert window.docks["inspector"].isVisible()
    window.resize(1024, 700)  # and again: it was not brought back by hand
    turn_the_loop()
    assert window.views.shown().width() > 640
