"""The rail: groups and entries, folding, keys, and views that are built when first opened."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from desktop_app.contract.registry import ANALYSES, worked_order
from desktop_app.contract.spec import GROUPS
from desktop_app.window.settings import SETTINGS_FILE
from tests.samples import drawn
from tests.window.fakes import FakeService

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ROLE = Qt.ItemDataRole


def items(window):
    entries = window.rail.list
    return [entries.item(place) for place in range(entries.count())]


def told(window, name):
    item = next(i for i in items(window) if i.data(ROLE.UserRole) == name)
    return item.data(ROLE.AccessibleTextRole)


def test_every_analysis_stands_in_its_group_in_the_registrys_order(window):
    by_group = {key: [n for n, a in ANALYSES.items() if a.group == key] for key in GROUPS}
    assert window.rail.names() == [name for names in by_group.values() for name in names]
    texts = [item.text() for item in items(window)]
    expected = []
    for key, names in by_group.items():
        expected += [GROUPS[key], *(ANALYSES[name].title for name in names)] if names else []
    assert texts == expected


def test_an_entry_says_what_it_is_and_how_to_reach_it(window):
    entries = [i for i in items(window) if i.data(ROLE.UserRole) in ANALYSES]
    assert len(entries) == len(ANALYSES)
    for place, item in enumerate(entries, start=1):
        name = item.data(ROLE.UserRole)
        keys = f"Ctrl+{place}" if place < 10 else ""  # the keyboard has no more digits
        assert ANALYSES[name].summary in item.toolTip()
        assert ("Ctrl+" in item.toolTip(), keys in item.toolTip()) == (bool(keys), True)
        assert window.actions_by_name[f"tab_{name}"].shortcut().toString() == keys
    window.views.open("rank")
    assert told(window, "rank") == "Ranking, shown, has a result"
    assert told(window, "patch") == "Patching"


def test_it_folds_where_the_window_is_narrow_and_unfolds_again(qtbot, open_window, service):
    window = open_window(service, size=(1500, 900))
    assert not window.rail.is_folded()
    wide = window.rail.width()
    window.resize(1000, 700)
    qtbot.waitUntil(window.rail.is_folded)
    assert window.rail.width() < wide
    assert not window.rail.is_folded_by_hand
    window.resize(1500, 900)
    qtbot.waitUntil(lambda: not window.rail.is_folded())


def test_folded_by_hand_it_stays_so_over_starts(qtbot, open_window, service, tmp_path):
    window = open_window(service, size=(1500, 900))
    window.rail.fold_button.click()
    assert window.rail.is_folded()
    assert window.rail.fold_button.accessibleName() == "Unfold the rail"
    window.close()
    again = open_window(FakeService(), folder=tmp_path / "config", size=(1500, 900))
    assert again.rail.is_folded()
    again.actions_by_name["fold_rail"].trigger()
    assert not again.rail.is_folded()


def test_in_a_narrow_window_it_can_be_unfolded_for_a_while(qtbot, window):
    window.resize(1000, 700)
    qtbot.waitUntil(window.rail.is_folded)
    window.rail.toggle()
    assert not window.rail.is_folded()
    assert not window.rail.is_folded_by_hand


def test_arrow_keys_move_along_and_return_or_space_opens(qtbot, window):
    window.views.open("attention")
    entries = window.rail.list
    entries.setFocus()
    qtbot.keyClick(entries, Qt.Key.Key_Down)  # over the title of the next group
    assert window.views.current == "attention"
    qtbot.keyClick(entries, Qt.Key.Key_Return)
    assert window.views.current == "ablate"
    qtbot.keyClick(entries, Qt.Key.Key_Down)
    qtbot.keyClick(entries, Qt.Key.Key_Space)
    assert window.views.current == "patch"
    for _ in window.rail.names():
        qtbot.keyClick(entries, Qt.Key.Key_Up)
    qtbot.keyClick(entries, Qt.Key.Key_Enter)
    assert window.views.current == window.rail.names()[0]


def test_a_click_opens_and_a_click_on_a_title_does_not(qtbot, window):
    entries = window.rail.list
    for item in items(window):
        before = window.views.current
        place = entries.visualItemRect(item).center()
        qtbot.mouseClick(entries.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert window.views.current == (item.data(ROLE.UserRole) or before)


def test_it_scrolls_where_it_is_too_low(qtbot, window):
    entries = window.rail.list
    entries.setFixedHeight(150)
    QApplication.processEvents()
    assert entries.verticalScrollBar().maximum() > 0
    window.views.open(window.rail.names()[-1])
    last = items(window)[-1]
    assert entries.viewport().rect().contains(entries.visualItemRect(last).center())


def test_what_runs_is_marked(qtbot, open_window):
    service = FakeService()
    window = open_window(service)
    service.slow.add("ablate")
    window.runs.run("ablate")
    assert told(window, "ablate").endswith("running")
    window.conductor.stop()
    qtbot.waitUntil(lambda: told(window, "ablate").endswith("has a result"))
    window.session.start_new()
    assert told(window, "ablate") == "Ablation"


class TestViewsAreBuiltWhenFirstOpened:
    def test_after_the_start_only_what_is_seen_is_built(self, open_window, service):
        window = open_window(service, wait=False)
        assert [view.analysis.name for view in window.views.standing()] == [window.views.current]

    def test_after_the_worked_example_too(self, window):
        built = {view.analysis.name for view in window.views.standing()}
        assert built <= {window.views.current, *worked_order()}

    def test_results_of_a_session_are_drawn_when_their_view_is_opened(self, window, tmp_path):
        window.session.wait()
        other = next(n for n in window.rail.names() if window.views.there(n) is None)
        assert window.views.there(other) is None
        window.showing.show(drawn.ablate_result())
        window.views.open("ablate")
        assert window.views["ablate"].current_result.analysis == "ablate"

    def test_a_view_built_during_its_run_says_that_it_waits(self, qtbot, open_window):
        service = FakeService()
        window = open_window(service)
        service.slow.add("load")
        window.models.load("toy")
        window.runs.run("detect", ANALYSES["detect"].params())
        assert window.views.there("detect") is None
        assert window.views["detect"].is_busy()
        window.conductor.stop()
        qtbot.waitUntil(lambda: not window.views["detect"].is_busy())

    def test_a_result_made_for_other_prompts_says_so_when_its_view_is_opened(self, window):
        window.showing.clear()
        window.showing.show(drawn.rank_result())
        assert window.views["rank"].read_out()["chips"][:2] == ["other_model", "other_prompts"]


def test_an_unknown_tab_in_the_settings_falls_back_to_the_first(open_window, service, tmp_path):
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / SETTINGS_FILE).write_text(json.dumps({"tab": "telepathy"}), encoding="utf-8")
    window = open_window(service, folder=folder)
    assert window.views.current == next(iter(ANALYSES))
