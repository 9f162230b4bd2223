"""Sessions of late: in the File menu, on the start, and the last one offered with one click."""

from __future__ import annotations

import json
import shutil
import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app.session import unsaved
from desktop_app.session.store import Session
from desktop_app.window.frame.parts import elided_folder
from desktop_app.window.sessions import recent_desk
from desktop_app.window.sessions.recent_list import Recent, RecentList
from desktop_app.window.settings import MAX_RECENT, Settings, load_settings
from tests.finding import in_sight
from tests.samples import drawn
from tests.window.fakes import settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture(autouse=True)
def nothing_unsaved():
    shutil.rmtree(unsaved.folder(), ignore_errors=True)
    yield
    shutil.rmtree(unsaved.folder(), ignore_errors=True)


def a_session(path, count=1):
    with Session.create(path) as session:
        for _ in range(count):
            session.add(drawn.rank_result())
    return path


def close(qtbot, window):
    window.session.has_unsaved = False
    with qtbot.waitSignal(window.closed):
        window.close()


@pytest.fixture
def used(qtbot, open_window, service, tmp_path):
    """Return the folder of a user who has opened two sessions, `old` and then `new`."""
    window = open_window(service)
    for name in ("old", "new"):
        window.files.open_any(a_session(tmp_path / f"{name}.lens"))
        settle(qtbot, window)
    close(qtbot, window)
    return tmp_path


def shown_menu(window):
    """Open the menu as a pointer over it does, and return its entries."""
    window.recent.menu.aboutToShow.emit()
    window.session.wait()
    return [action for action in window.recent.menu.actions() if action.text()]


def click_entry(window, text):
    next(action for action in shown_menu(window) if action.text().startswith(text)).trigger()


def offers(banner):
    QApplication.sendPostedEvents()
    return {b.property("code"): b for b in in_sight(banner, QPushButton) if b.property("code")}


def test_the_file_menu_holds_the_sessions_of_late(qtbot, open_window, service, used):
    window = open_window(service)
    bar = [action.text() for action in window.menuBar().actions()]
    file_menu = window.menuBar().actions()[bar.index("&File")].menu()
    assert "Open recent" in [action.text() for action in file_menu.actions()]
    texts = [action.text() for action in shown_menu(window)]
    assert texts[0].startswith("new")
    assert texts[1].startswith("old")
    assert texts[-1] == "Clear this list"
    click_entry(window, "old")
    settle(qtbot, window)
    assert window.windowTitle() == "old – Lensbench"
    assert [action.text().split(" ")[0] for action in shown_menu(window)][:2] == ["old", "new"]


def test_the_start_lists_them_where_results_will_be(qtbot, open_window, service, used):
    window = open_window(service)
    listed = in_sight(window.results, RecentList)[0]
    assert [text.split(" ")[0] for text in listed.texts()] == ["new", "old"]
    place = listed.visualItemRect(listed.item(1)).center()
    qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=place)
    settle(qtbot, window)
    assert window.windowTitle() == "old – Lensbench"
    assert not in_sight(window.results, RecentList)


def test_keys_alone_open_one_and_take_one_off(qtbot, open_window, service, used):
    window = open_window(service)
    listed = in_sight(window.results, RecentList)[0]
    listed.setFocus()
    qtbot.keyClick(listed, Qt.Key.Key_Delete)
    assert [text.split(" ")[0] for text in listed.texts()] == ["old"]
    assert (used / "new.lens").exists()
    qtbot.keyClick(listed, Qt.Key.Key_Return)
    settle(qtbot, window)
    assert window.windowTitle() == "old – Lensbench"


def test_the_last_session_is_one_click_away_and_not_forced(qtbot, open_window, service, used):
    window = open_window(service)
    window.session.wait()
    assert window.session.session.is_temporary  # nothing is opened unasked
    assert "“new”" in window.banner.text()
    qtbot.mouseClick(offers(window.banner)["open_last"], Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert window.windowTitle() == "new – Lensbench"
    assert window.banner.isHidden()


def test_the_offer_goes_when_work_begins(qtbot, open_window, service, used):
    window = open_window(service)
    assert window.banner.offers("open_last")
    window.views.open("rank")
    window.actions_by_name["run"].trigger()
    settle(qtbot, window)
    assert not window.banner.offers("open_last")


def test_unsaved_work_comes_first(qtbot, open_window, service, used):
    unsaved.folder().mkdir(parents=True, exist_ok=True)
    with Session.create(unsaved.folder() / "20260101-a.lens") as session:
        unsaved.mark_worth_keeping(session)
        session.add(drawn.rank_result())
    window = open_window(service)
    assert not window.recovery.banner.isHidden()
    assert not window.banner.offers("open_last")
    qtbot.mouseClick(offers(window.recovery.banner)["discard_unsaved"], Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert window.recovery.banner.isHidden()
    assert window.banner.offers("open_last")


def test_a_session_that_is_asked_for_is_not_offered_another(qtbot, open_window, service, used):
    window = open_window(service, wait=False)
    with qtbot.waitSignal(window.started):
        window.start(used / "old.lens")
    settle(qtbot, window)
    assert not window.banner.offers("open_last")
    assert window.windowTitle() == "old – Lensbench"


def test_a_missing_file_is_said_and_stays_until_it_is_taken_off(qtbot, open_window, service, used):
    (used / "new.lens").unlink()
    window = open_window(service)
    window.session.wait()
    assert not window.banner.offers("open_last")
    assert "new (missing)" in shown_menu(window)[0].text()
    click_entry(window, "new")
    assert "is not there" in window.banner.text()
    assert window.session.session.is_temporary
    assert "new (missing)" in shown_menu(window)[0].text()
    qtbot.mouseClick(offers(window.banner)["forget_session"], Qt.MouseButton.LeftButton)
    assert shown_menu(window)[0].text().startswith("old")


def test_clearing_empties_the_list_and_no_file(qtbot, open_window, service, used):
    window = open_window(service)
    click_entry(window, "Clear")
    assert [action.isEnabled() for action in shown_menu(window)] == [False]
    assert not in_sight(window.results, RecentList)
    assert (used / "new.lens").exists()
    assert load_settings(window.config_dir).recent_sessions == ()


def test_saving_counts_exporting_does_not(qtbot, window, answers, tmp_path):
    answers["save"] = tmp_path / "mine.lens"
    window.actions_by_name["save_session_as"].trigger()
    settle(qtbot, window)
    window.session.export(window.session.result(1), tmp_path / "a.json")
    window.session.wait()
    assert [recent.name for recent in window.recent.recent()] == ["mine"]
    # It is known at once: a program that dies later has it all the same.
    assert load_settings(window.config_dir).recent_sessions == (str(tmp_path / "mine.lens"),)


def test_the_list_is_bounded_and_holds_each_once(qtbot, window, tmp_path):
    for number in [*range(MAX_RECENT + 3), 5, 5]:
        path = tmp_path / f"{number:02}.lens"
        window.files.open_any(path if path.exists() else a_session(path))
    settle(qtbot, window)
    names = [recent.name for recent in window.recent.recent()]
    assert len(names) == MAX_RECENT
    assert len(set(names)) == MAX_RECENT
    assert names[0] == "05"


def test_a_first_start_offers_nothing(window):
    assert window.banner.isHidden()
    assert [action.text() for action in shown_menu(window)] == [
        "No session was opened or saved yet"
    ]


def test_the_search_finds_the_list(qtbot, open_window, service, used):
    window = open_window(service)
    qtbot.keyClicks(window.top_bar.search, "open recent")
    assert "Open recent" in window.top_bar.search.matches()
    qtbot.keyClick(window.top_bar.search, Qt.Key.Key_Return)
    menu = QApplication.activePopupWidget()
    assert menu is window.recent.menu
    menu.close()


def test_long_folders_lose_their_middle(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert elided_folder("/home/me/work/a.lens") == "~/work"
    assert elided_folder("/home/me/a.lens") == "~"
    assert elided_folder("/home/menu/a.lens") == "/home/menu"
    long = elided_folder("/data/" + "very long name of a folder/" * 6 + "a.lens")
    assert len(long) <= 44
    assert "…" in long
    assert Recent("/x/a\nb.lens").name.isprintable()


@pytest.mark.parametrize("spoilt", [5, "x", [1, 2], [None], {"a": 1}, ["x" * 100_000]])
def test_a_spoilt_list_costs_no_start(tmp_path, spoilt):
    (tmp_path / "settings.json").write_text(
        json.dumps({"theme": "dark", "recent_sessions": spoilt, "recent_models": spoilt}),
        encoding="utf-8",
    )
    found = load_settings(tmp_path)
    assert found.theme == "dark"
    assert found.recent_sessions == Settings().recent_sessions
    assert found.recent_models == ()


def test_a_slow_disk_holds_no_window_up(qtbot, open_window, service, used, monkeypatch):
    """Whether files are there is found out on the session's thread."""
    asked = []

    def isfile(path):
        asked.append((path, threading.current_thread()))
        return True

    monkeypatch.setattr(recent_desk, "is_file", isfile)
    window = open_window(service)
    shown_menu(window)
    assert {path for path, _ in asked} == {str(used / "new.lens"), str(used / "old.lens")}
    assert threading.main_thread() not in {thread for _, thread in asked}
