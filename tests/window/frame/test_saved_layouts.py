"""Layouts saved by name: saved, opened, deleted, kept over restarts, and fitted into less room."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from desktop_app.window.frame import dialogs, layout
from desktop_app.window.frame.edges import EdgeButton
from tests.finding import in_sight
from tests.patience import turn_the_loop

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def search(qtbot, window, words):
    """Choose an action by the search, with keys; return whether one of that name was found."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(window.top_bar.search, words.rstrip("…"))  # no such key
    found = words.lower() in [name.lower() for name in window.top_bar.search.matches()[:1]]
    QTest.keyClick(window.top_bar.search, Qt.Key.Key_Return if found else Qt.Key.Key_Escape)
    turn_the_loop()
    return found


def press(window, code):
    QTest.keyClick(window.windowHandle(), code)
    turn_the_loop()


def standing(window):
    turn_the_loop()
    parts = [*window.docks.values(), window.views.shown()]
    return [(p.mapTo(window, QPoint()), p.size()) for p in parts if p.isVisible()]


def menu_of(window, *path):
    """Return what a menu of the bar, or one within, offers."""
    menu = window.menuBar()
    for title in path:
        menus = [action.menu() for action in menu.actions() if action.menu() is not None]
        (menu,) = [m for m in menus if m.title().replace("&", "") == title]
    assert isinstance(menu, QMenu)
    return [action.text() for action in menu.actions() if action.text()]


@pytest.fixture
def names(monkeypatch):
    """Answer the question for a name, one after another."""
    given = []
    monkeypatch.setattr(dialogs, "ask_text", lambda *_a: given.pop(0))
    return given


def test_a_layout_is_saved_opened_and_deleted(qtbot, window, names):
    names += ["For pictures", "All panels"]
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    before = standing(window)
    press(window, Qt.Key.Key_F7)
    press(window, Qt.Key.Key_F9)
    bare = standing(window)
    assert search(qtbot, window, "Save layout as…")
    press(window, Qt.Key.Key_F7)
    press(window, Qt.Key.Key_F9)
    assert search(qtbot, window, "Save layout as…")
    assert menu_of(window, "View", "Layouts")[:2] == ["Layout: All panels", "Layout: For pictures"]
    assert search(qtbot, window, "Layout: For pictures")
    assert standing(window) == bare
    assert len(in_sight(window, EdgeButton)) == 3
    assert search(qtbot, window, "Layout: All panels")
    assert standing(window) == before
    assert in_sight(window, EdgeButton) == []
    deleting = menu_of(window, "View", "Layouts", "Delete")
    assert deleting == ["Delete layout: All panels", "Delete layout: For pictures"]
    assert search(qtbot, window, "Delete layout: For pictures")
    assert not search(qtbot, window, "Layout: For pictures")
    assert menu_of(window, "View", "Layouts") == [
        *("Layout: All panels", "Save layout as…", "Reset layout", "Delete")
    ]


def test_layouts_are_kept_over_restarts_and_the_same_name_replaces(
    qtbot, open_window, service, names
):
    window = open_window(service)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    names += ["  my   room ", "my room", ""]
    window.actions_by_name["save_layout"].trigger()
    press(window, Qt.Key.Key_F9)
    for _ in range(2):  # under the same name, and called off
        window.actions_by_name["save_layout"].trigger()
    assert window.layouts.names() == ["my room"]
    press(window, Qt.Key.Key_F9)
    with qtbot.waitSignal(window.closed):
        window.close()
    again = open_window(type(service)(), placed=False)  # on a screen that may be small
    again.resize(1280, 800)
    turn_the_loop()
    assert again.docks["inspector"].isVisible()
    assert search(qtbot, again, "Layout: my room")
    assert [strip.text() for strip in in_sight(again, EdgeButton)] == ["Inspector"]


def test_a_layout_of_a_large_screen_fits_a_small_one(qtbot, window, names):
    names.append("large")
    window.resize(1900, 1200)
    turn_the_loop()
    docks = [window.docks[name] for name in ("prompts", "inspector")]
    window.resizeDocks(docks, [520, 400], Qt.Orientation.Horizontal)
    turn_the_loop()
    assert search(qtbot, window, "Save layout as…")
    window.resize(1024, 700)
    turn_the_loop()
    window.actions_by_name["reset_layout"].trigger()
    assert search(qtbot, window, "Layout: large")
    shown = window.views.shown()
    assert window.size().width() == 1024
    assert shown.width() > 640
    for part in (shown, window.docks["prompts"], window.docks["results"]):
        place = part.mapTo(window, QPoint())
        assert window.rect().contains(place)
        assert window.rect().contains(place + QPoint(part.width() - 1, part.height() - 1))


def test_a_damaged_file_leaves_out_what_it_cannot_tell(open_window, service, tmp_path, names):
    folder = tmp_path / "config"
    folder.mkdir()
    store = QSettings(str(folder / layout.GEOMETRY_FILE), QSettings.Format.IniFormat)
    store.setValue("layouts", '[{"name": "", "state": 1}, 5, {"name": "odd", "state": "AAAA"}]')
    store.sync()
    window = open_window(service)
    assert window.layouts.names() == ["odd"]
    before = standing(window)
    window.actions_by_name["layout odd"].trigger()
    assert "save it anew" in window.banner.text()
    assert standing(window) == before
