"""The history: searching, stars, notes, deleting; and what is offered after a crash."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton, QTabWidget

from desktop_app.session import unsaved
from desktop_app.session.store import Session, SessionRow
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.window.frame import dialogs
from desktop_app.window.prompts.prompt_rows import TypedRow
from desktop_app.window.sessions.entries import matches, words
from desktop_app.window.sessions.history_desk import ResultDialog
from desktop_app.window.sessions.results_panel import ResultsPanel
from tests.finding import find, in_sight
from tests.samples import drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

ROWS = (
    SessionRow(1, "rank", "First try", "2026-11-21T10:00:00+00:00", "toy"),
    SessionRow(
        2,
        "ablate",
        "Digits",
        "2026-11-21T11:00:00+00:00",
        "smollm2",
        "Head *18.6*",
        True,
        ("Paper",),
    ),
    SessionRow(3, "future", "", "yesterday", "gpt2", "", False, ("paper", "draft")),
)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ("", [1, 2, 3]),
        ("  ", [1, 2, 3]),
        ("first", [1]),
        ("FIRST toy", [1]),
        ("first smollm2", []),
        ("18.6", [2]),
        ("ablation", [2]),
        ("paper", [2, 3]),
        ("#pap", [2, 3]),
        ("#per", []),
        ("#paper #draft", [3]),
        ("*", [2]),
        ("* first", []),
        ("future", [3]),
    ],
)
def test_search(wanted, ids):
    assert [row.id for row in ROWS if matches(row, wanted)] == ids


def test_words_of_a_row():
    assert words(ROWS[2]) == ("future", "gpt2 · yesterday · #paper · #draft")
    assert words(SessionRow(-1, "rank", "x", "now", "toy"))[1] == "in memory only · toy · now"


@pytest.fixture
def panel(qtbot):
    panel = ResultsPanel()
    qtbot.addWidget(panel)
    panel.set_rows(ROWS)
    panel.show()
    return panel


def shown(panel):
    return panel.listed()


def test_typing_filters_and_a_new_result_is_never_hidden(qtbot, panel):
    qtbot.keyClicks(panel.search, "digits")
    assert shown(panel) == [2]
    qtbot.keyClicks(panel.search, "zzz")
    assert shown(panel) == []
    assert [state.accessibleName() for state in in_sight(panel, EmptyState)] == ["Nothing found"]
    panel.select(3)
    assert panel.search.text() == ""
    assert panel.current_id() == 3


def test_every_entry_of_the_menu_does_something(qtbot, window, monkeypatch):
    idle(qtbot, window)
    monkeypatch.setattr(dialogs, "ask_text", lambda *a: "Better")
    done = []
    watched = {
        "show": (window.showing, "show"),
        "reuse": (window.prompts, "set_prompts"),
        "star": (window.session, "set_star"),
        "rename": (window.session, "rename"),
        "details": (window.history, "_open_details"),
        "export": (window.pictures, "export_data"),
        "compare": (window.comparisons, "compare_marked"),
        "delete": (window.session, "delete"),
    }
    for code, (owner, name) in watched.items():
        monkeypatch.setattr(owner, name, lambda *a, code=code: done.append((code, *a)))
    row = next(row for row in window.session.rows() if row.analysis == "rank")
    menu = window.results.menu_of(row)
    codes = [action.data() for action in menu.actions() if not action.isSeparator()]
    for code in codes:
        window.results.asked.emit(code, row.id)
    assert sorted(codes) == sorted(watched)
    assert [code for code, *_ in done] == codes
    assert ("star", row.id, True) in done
    assert ("rename", row.id, "Better") in done
    menu.deleteLater()


def test_the_delete_key_asks_for_deletion(qtbot, panel):
    panel.activateWindow()
    panel.select(2)
    panel.tree.setFocus()
    with qtbot.waitSignal(panel.asked) as heard:
        qtbot.keyClick(panel.tree, Qt.Key.Key_Delete)
    assert heard.args == ["delete", 2]


def test_a_star_is_drawn(panel):
    picture = panel.tree.viewport().grab().toImage()
    wanted = theme_hub().current.color("warn").rgb()

    def has_star(number):
        area = panel.tree.visualItemRect(panel.item_of(number))
        return any(
            picture.pixel(x, y) == wanted
            for x in range(area.right() - 40, area.right() - 4)
            for y in range(area.top(), area.top() + 24)
        )

    assert has_star(2)
    assert not has_star(1)


def test_the_dialog_tells_only_what_changed(qtbot):
    parent = ResultsPanel()
    qtbot.addWidget(parent)
    heard = []

    def hear(*told):
        heard.append(told)

    session = SimpleNamespace(
        result=lambda _number: drawn.ablate_result(),
        rename=hear,
        set_star=hear,
        annotate=hear,
    )
    dialog = ResultDialog(ROWS[1], session, parent)
    assert "metric" in dialog.settings.toPlainText() or "mode" in dialog.settings.toPlainText()
    dialog.tags.setText("#new, , Paper ")
    find(dialog, QTabWidget).setCurrentWidget(dialog.preview)
    assert dialog.preview.toPlainText() == "Head 18.6"
    dialog.accept()
    assert heard == [(2, "Head *18.6*", ("new", "Paper"))]


# In the window.


def idle(qtbot, window):
    qtbot.waitUntil(lambda: not window.runner.is_busy())
    window.session.wait()
    QApplication.processEvents()  # buttons of a banner are shown by the next turn of the loop


def buttons(banner):
    QApplication.sendPostedEvents()  # those of a message that came a moment ago are shown then
    return {b.property("code"): b for b in banner.findChildren(QPushButton) if not b.isHidden()}


def test_deleting_asks_and_the_banner_undoes_it(qtbot, window, answers):
    idle(qtbot, window)
    rows = window.session.rows()
    answers["delete"] = False
    window.results.asked.emit("delete", rows[0].id)
    idle(qtbot, window)
    assert window.session.rows() == rows
    answers["delete"] = True
    window.results.asked.emit("delete", rows[0].id)
    idle(qtbot, window)
    assert window.session.rows() == rows[1:]
    assert rows[0].title in window.banner.text()
    buttons(window.banner)["undo"].click()
    idle(qtbot, window)
    assert window.session.rows() == rows
    assert window.banner.isHidden()


def test_undoing_from_the_menu_takes_the_banner_away(qtbot, window):
    idle(qtbot, window)
    rows = window.session.rows()
    window.results.asked.emit("delete", rows[0].id)
    idle(qtbot, window)
    assert window.banner.offers("undo")
    window.actions_by_name["undo"].trigger()
    idle(qtbot, window)
    assert window.session.rows() == rows
    assert window.banner.isHidden()
    assert not window.actions_by_name["undo"].isEnabled()


def leave_behind(folder, name, count=1):
    folder.mkdir(parents=True, exist_ok=True)
    with Session.create(folder / name) as session:
        unsaved.mark_worth_keeping(session)
        for _ in range(count):
            session.add(drawn.rank_result(), "left behind")
    return folder / name


@pytest.fixture
def clean_folder():
    shutil.rmtree(unsaved.folder(), ignore_errors=True)
    yield unsaved.folder()
    shutil.rmtree(unsaved.folder(), ignore_errors=True)


def test_unsaved_work_is_offered_and_restored(qtbot, open_window, service, clean_folder, tmp_path):
    older = leave_behind(clean_folder, "20260101-a.lens")
    newer = leave_behind(clean_folder, "20260102-b.lens", 2)
    window = open_window(service)
    idle(qtbot, window)
    banner = window.recovery.banner
    assert "2 results were not saved" in banner.text()
    buttons(banner)["restore_unsaved"].click()
    idle(qtbot, window)
    assert [row.title for row in window.session.rows()] == ["left behind"] * 2
    assert window.session.has_unsaved
    assert window.session.session.path == newer
    assert "1 result was not saved" in banner.text()
    buttons(banner)["discard_unsaved"].click()
    idle(qtbot, window)
    assert not older.exists()
    assert banner.isHidden()
    window.session.save_as(tmp_path / "kept.lens")
    window.session.wait()
    assert not newer.exists()
    assert not window.session.has_unsaved


def test_a_dismissed_offer_comes_again(qtbot, open_window, service, clean_folder):
    path = leave_behind(clean_folder, "20260101-a.lens")
    for _ in range(2):
        window = open_window(service)
        idle(qtbot, window)
        assert not window.recovery.banner.isHidden()
        window.recovery.banner.dismiss()
        window.close()
        qtbot.waitUntil(lambda w=window: not w.isVisible())
    assert path.exists()


def test_a_result_that_cannot_be_written_is_offered_another_place(
    qtbot, window, answers, tmp_path, service
):
    idle(qtbot, window)
    window.session.save_as(tmp_path / "a.lens")
    window.session.wait()
    (tmp_path / "a.lens").unlink()
    window.views.open("rank")
    window.actions_by_name["run"].trigger()
    idle(qtbot, window)
    assert "no longer there" in window.banner.text()
    assert window.session.rows()[-1].id == -1
    answers["save"] = tmp_path / "b.lens"
    buttons(window.banner)["save_as"].click()
    idle(qtbot, window)
    assert window.session.rows()[-1].id > 0
    with Session.open(tmp_path / "b.lens") as session:
        assert len(session.rows()) == len(window.session.rows())
    assert window.windowTitle() == "b – Lensbench"


def test_closing_is_refused_where_saving_failed(qtbot, window, answers, tmp_path):
    window.views.open("rank")
    window.actions_by_name["run"].trigger()
    idle(qtbot, window)
    assert window.session.has_unsaved
    answers["close"], answers["save"] = "save", tmp_path / "missing" / "x.lens"
    window.close()
    assert window.isVisible()
    assert "folder does not exist" in window.banner.text()
    answers["save"] = tmp_path / "x.lens"
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert (tmp_path / "x.lens").exists()


def test_a_damaged_session_opens_as_far_as_it_goes(qtbot, window, tmp_path):
    path = tmp_path / "a.lens"
    with Session.create(path) as session:
        for make in (drawn.rank_result, drawn.ablate_result, drawn.attention_result):
            session.add(make())
        session.query("UPDATE results SET title = x'00' WHERE id = 1")
        session.query("UPDATE results SET document = 'spoilt' WHERE id = 2")
        session.query("UPDATE meta SET value = 'spoilt'")
    idle(qtbot, window)
    heard = []
    window.session.failed.connect(heard.append)
    assert window.session.open(path)
    assert [row.id for row in window.session.rows()] == [2, 3]
    assert window.views["attention"].current_result is not None
    assert window.views["ablate"].current_result is None
    assert any("Result 2" in sentence for sentence in heard)
    assert not window.banner.isHidden()


def test_prompts_are_kept_without_pressing_anything(qtbot, window, tmp_path):
    idle(qtbot, window)
    window.session.save_as(tmp_path / "a.lens")
    window.session.wait()
    window.prompts.table.prompts.set_rows([TypedRow("new prompt ", "", "5", "4")])
    window.prompts.flush()
    window.files.flush()
    window.session.wait()
    with Session.open(tmp_path / "a.lens") as session:
        assert [row.text for row in session.prompts()[0]] == ["new prompt "]
