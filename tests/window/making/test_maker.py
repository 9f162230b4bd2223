"""Prompts of a family: made as the form is changed, tried, and put where they are wanted."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QSpinBox, QToolButton

from desktop_app.contract.requests import MakePrompts
from desktop_app.pictures.gate import NOTHING, RULE
from desktop_app.text.prompts import read_prompts
from desktop_app.widgets.basics.segmented import Toggle
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import choose, find, press
from tests.window.fakes import FakeService, settle
from tests.window.hands import CONTROL, SHIFT, activate, press_key, redo, undo

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
FIRST = ("1", "1 2 3 4␠", "5", "4")


@pytest.fixture
def maker(qtbot, window):
    """Return the dialog of a window, with the prompts of its first family."""
    return open_dialog(qtbot, window)


def open_dialog(qtbot, window):
    dialog = window.maker.open_dialog()
    qtbot.waitUntil(lambda: bool(dialog.read_out()["prompts"]))
    return dialog


def asked(service):
    return [request for request in service.asked if isinstance(request, MakePrompts)]


def cells(row):
    """Return number, prompt, answer and wrong of a row; its twin is drawn."""
    return row[0], row[1], row[3], row[4]


def turn(dialog, name, value):
    """Type a number into a field of the form."""
    box = find(dialog, QSpinBox, name)
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, str(value))


def try_them(qtbot, window, dialog):
    QTest.mouseClick(dialog.gate.button, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    return dialog.read_out()


def test_it_is_found_by_its_key_a_button_a_menu_and_the_search(qtbot, window):
    activate(qtbot, window)
    action = window.actions_by_name["make_prompts"]
    assert ("&Prompts", action) in window.actions_by_name.all()
    assert find(window.prompts, QToolButton, "Make prompts…").defaultAction() is action
    press_key(Qt.Key.Key_M, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: window.maker.dialog is not None and window.maker.dialog.isVisible())
    dialog = window.maker.dialog
    assert not dialog.isModal()
    qtbot.waitUntil(lambda: bool(dialog.read_out()["prompts"]))
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    activate(qtbot, window)
    press_key(Qt.Key.Key_K, CONTROL)
    QTest.keyClicks(window.top_bar.search, "make prompts")
    QTest.keyClick(window.top_bar.search, Qt.Key.Key_Return)
    qtbot.waitUntil(dialog.isVisible)


def test_the_preview_follows_the_form(qtbot, window, service, maker):
    told = maker.read_out()
    assert cells(told["prompts"][0]) == FIRST
    assert {row[5] for row in told["prompts"]} == {"8"}  # tokens
    assert told["sum"] == "5 prompts of 8 tokens each"
    assert len(told["reference"]) == 100
    assert told["pair"] == ("", "")
    before = len(asked(service))
    turn(maker, "Prompts", 2)
    turn(maker, "Start", 4)
    qtbot.waitUntil(lambda: len(maker.read_out()["prompts"]) == 2)
    qtbot.waitUntil(lambda: maker.read_out()["prompts"][0][1] == "4 5 6 7␠")
    assert len(asked(service)) > before
    assert asked(service)[-1].form.start == 4


def test_what_is_left_out_is_counted_with_its_reason(qtbot, window, maker):
    turn(maker, "Prompts", 9)
    qtbot.waitUntil(lambda: bool(maker.read_out()["dropped"]))
    told = maker.read_out()
    out = sum(int(row[0]) for row in told["dropped"])
    assert len(told["prompts"]) + out == 9
    assert told["chips"] == [f"{out} of 9 left out"]
    assert all(row[1] and row[2] for row in told["dropped"])
    press(maker, f"Left out {out}")
    assert maker.read_out()["page"] == "dropped"
    press(maker, "Reference set 100")
    assert maker.read_out()["page"] == "reference"


def test_each_family_has_its_form_and_keeps_it(qtbot, window, maker):
    turn(maker, "Prompts", 2)
    for name in ("Fibonacci", "Own template", "Numbers"):
        choose(maker.family, name)
        settle(qtbot, window)
        assert maker.family.currentText() == name
    assert maker.form().value().count == 2  # as it was left
    choose(maker.family, "Months")
    settle(qtbot, window)
    prompt, twin = maker.read_out()["pair"]  # too long for the table
    assert prompt.startswith(maker.read_out()["prompts"][0][1][:10])
    assert prompt.split(" ")[-1] == twin.split(" ")[-1] != ""
    second = maker.tables["prompts"]
    place = second.visualRect(second.model().index(1, 1)).center()
    QTest.mouseClick(second.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert maker.read_out()["pair"][0] != prompt


def test_a_setting_that_is_refused_leaves_nothing_to_put(qtbot, window, maker):
    turn(maker, "Step", 0)
    qtbot.waitUntil(lambda: not maker.read_out()["prompts"])
    assert "0 would repeat" in maker.form().error("step")
    for name in ("Replace table", "Append to table", "Save…", "Use as reference"):
        assert not find(maker, QPushButton, name).isEnabled()
    assert not maker.gate.button.isEnabled()
    turn(maker, "Step", 2)
    qtbot.waitUntil(lambda: bool(maker.read_out()["prompts"]))
    assert find(maker, QPushButton, "Replace table").isEnabled()


def test_the_model_is_asked_and_only_what_it_does_is_kept(qtbot, window, service, maker):
    service.cannot = lambda text: text.startswith(("2", "4"))
    keep = find(maker, Toggle, "Keep only those that the model does")
    assert not keep.isEnabled()
    told = try_them(qtbot, window, maker)
    assert told["gate"] == "smollm2 does 3 of 5 prompts."
    assert told["rule"] == RULE
    assert [row[6] for row in told["prompts"]] == ["yes", "no", "yes", "no", "yes"]
    QTest.mouseClick(keep, Qt.MouseButton.LeftButton)
    told = maker.read_out()
    assert [row[1][0] for row in told["prompts"]] == ["1", "3", "5"]
    assert told["dropped"][-1][:2] == ("2", "the model does not do it")
    turn(maker, "Length", 3)  # of others nothing is known, and all of them stay
    qtbot.waitUntil(lambda: len(maker.read_out()["prompts"]) == 5)
    assert not maker.read_out()["keep"]
    turn(maker, "Length", 4)
    qtbot.waitUntil(lambda: len(maker.read_out()["prompts"]) == 3)
    assert maker.read_out()["keep"]
    press(maker, "Replace table")
    assert [row.prompt[0] for row in window.prompts.rows()] == ["1", "3", "5"]
    again = open_dialog(qtbot, window)
    assert again.read_out()["gate"] == "smollm2 does 3 of 5 prompts."  # it is known by now


def test_where_it_does_none_that_is_said_before_an_hour_is_spent(qtbot, window, service, maker):
    choose(maker.family, "Fibonacci")
    settle(qtbot, window)
    service.cannot = lambda text: True
    told = try_them(qtbot, window, maker)
    assert told["gate"].startswith(NOTHING)
    assert f"0 of {len(told['prompts'])} prompts" in told["gate"]
    QTest.mouseClick(maker.gate.keep, Qt.MouseButton.LeftButton)
    assert maker.read_out()["prompts"] == []
    assert not find(maker, QPushButton, "Replace table").isEnabled()
    QTest.mouseClick(maker.gate.keep, Qt.MouseButton.LeftButton)
    press(maker, "Replace table")
    assert len(window.prompts.rows()) == len(told["prompts"])


def test_a_trial_is_a_job_like_others_and_ends_when_it_is_cancelled(qtbot, window, service, maker):
    service.slow.add("rank")
    QTest.mouseClick(maker.gate.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(window.job_bar.is_running)
    assert window.job_bar.title() == "Trying the prompts"
    assert maker.read_out()["trying"]
    assert maker.gate.button.text() == "Cancel"
    assert window.isEnabled()
    window.views.open("attention")  # nothing is held up
    QTest.mouseClick(maker.gate.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.runner.is_busy())
    assert window.job_bar.title() == "Trying the prompts stopped"
    told = maker.read_out()
    assert not told["trying"]
    assert "does" not in told["gate"] or "Tried" in told["gate"]
    QTest.mouseClick(maker.gate.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(window.job_bar.is_running)
    window.actions_by_name["stop"].trigger()
    qtbot.waitUntil(lambda: not maker.read_out()["trying"])
    QTest.mouseClick(maker.gate.button, Qt.MouseButton.LeftButton)
    turn(maker, "Length", 3)  # other prompts: the trial of those before is over
    qtbot.waitUntil(lambda: not maker.read_out()["trying"])
    settle(qtbot, window)
    assert maker.gate.button.text() == "Does the model do it?"


def test_they_are_put_and_taken_back(qtbot, window, maker):
    before = window.prompts.rows()
    press(maker, "Append to table")
    assert not maker.isVisible()
    assert window.prompts.rows()[: len(before)] == before
    assert len(window.prompts.rows()) == len(before) + 5
    activate(qtbot, window)
    assert window.banner.text() == "5 prompts of Numbers stand below the others."
    undo()
    assert window.prompts.rows() == before
    redo()
    assert len(window.prompts.rows()) == len(before) + 5
    open_dialog(qtbot, window)
    press(maker, "Replace table")
    rows = window.prompts.rows()
    assert len(rows) == 5
    assert (rows[0].prompt, rows[0].answer, rows[0].wrong) == ("1 2 3 4 ", "5", "4")
    assert rows[0].corrupt
    assert rows[0].group
    activate(qtbot, window)
    press(window.banner, "Undo")
    assert len(window.prompts.rows()) == len(before) + 5


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_they_are_written_to_a_file(qtbot, window, maker, answers, tmp_path, ending):
    answers["save"] = tmp_path / f"made.{ending}"
    press(maker, "Save…")
    assert maker.read_out()["said"] == f"Saved made.{ending}."
    read = read_prompts(answers["save"])
    assert [row.text for row in read] == [f"{n} {n + 1} {n + 2} {n + 3} " for n in range(1, 6)]
    assert all(row.corrupt and row.answer and row.wrong and row.group for row in read)
    answers["save"] = tmp_path / "missing" / f"made.{ending}"
    press(maker, "Save…")
    assert "missing" in maker.read_out()["said"]


def test_another_model_or_bos_makes_them_anew(qtbot, window, service, maker):
    before = len(asked(service))
    window.prompts.set_shared_settings("yes", chat=False)
    window.prompts.prompts_changed.emit()
    settle(qtbot, window)
    assert asked(service)[before:][-1].bos == "yes"
    before = len(asked(service))
    window.models.load("toy")
    settle(qtbot, window)
    assert len(asked(service)) == before + 1
    assert try_them(qtbot, window, maker)["gate"] == "toy does 5 of 5 prompts."
    window.prompts.set_rows([TypedRow("another")])
    settle(qtbot, window)
    assert len(asked(service)) == before + 1  # the table's own prompts are no matter here


def test_while_another_job_runs_it_says_that_it_waits(qtbot, window, service, maker):
    service.slow.add("attention")
    window.runs.run("attention")
    qtbot.waitUntil(window.job_bar.is_running)
    turn(maker, "Length", 3)
    qtbot.waitUntil(lambda: maker.read_out()["sum"] == "Waits for the running job…")
    service.slow.clear()
    qtbot.waitUntil(lambda: maker.read_out()["sum"] == "5 prompts of 6 tokens each")


def test_without_a_model_words_are_counted_and_nothing_is_tried(qtbot, open_window):
    service = FakeService()
    service.fail_models |= {"toy", "smollm2"}
    window = open_window(service, wait=False)
    dialog = open_dialog(qtbot, window)
    told = dialog.read_out()
    assert told["chips"] == ["counted without a model"]
    assert not dialog.gate.button.isEnabled()
    assert "No model is open" in dialog.gate.button.toolTip()
    press(dialog, "Replace table")
    assert len(window.prompts.rows()) == 5


def test_closing_the_window_closes_it(qtbot, window, service, maker):
    service.slow.add("rank")
    QTest.mouseClick(maker.gate.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(window.job_bar.is_running)
    with qtbot.waitSignal(window.closed):
        window.close()
    assert not maker.isVisible()


def test_what_was_typed_a_moment_ago_is_what_is_put(qtbot, window, service, maker):
    turn(maker, "Length", 3)
    press(maker, "Replace table")
    qtbot.waitUntil(lambda: not maker.isVisible())
    assert window.prompts.rows()[0].prompt == "1 2 3 "
    open_dialog(qtbot, window)
    service.slow.add("attention")  # what is asked for now is made in an hour
    window.runs.run("attention")
    qtbot.waitUntil(window.job_bar.is_running)
    turn(maker, "Length", 4)
    press(maker, "Replace table")
    assert maker.isVisible()
    assert maker.read_out()["sum"] == "Waits for the running job…"
    service.slow.clear()
    qtbot.waitUntil(lambda: not maker.isVisible())
    assert window.prompts.rows()[0].prompt == "1 2 3 4 "


def test_closing_it_takes_back_what_waits_to_be_put(qtbot, window, service, maker):
    before = window.prompts.rows()
    service.slow.add("attention")
    window.runs.run("attention")
    qtbot.waitUntil(window.job_bar.is_running)
    turn(maker, "Length", 3)
    press(maker, "Replace table")
    assert maker.read_out()["sum"] == "Waits for the running job…"
    QTest.keyClick(maker, Qt.Key.Key_Escape)
    assert not maker.isVisible()
    service.slow.clear()
    settle(qtbot, window)
    assert window.prompts.rows() == before
    open_dialog(qtbot, window)  # they are made, and stay in the dialog
    settle(qtbot, window)
    assert maker.isVisible()
    assert maker.read_out()["sum"] == "5 prompts of 6 tokens each"
    assert window.prompts.rows() == before


def test_tab_goes_as_one_reads_and_comes_round(qtbot, window, maker):
    activate(qtbot, maker)
    maker.family.setFocus()
    seen = []
    while QApplication.focusWidget() is not maker.family or not seen:
        press_key(Qt.Key.Key_Tab)
        seen.append(
            QApplication.focusWidget().accessibleName() or QApplication.focusWidget().text()
        )
        assert len(seen) < 40, seen
    order = ["Prompts", "Length", "More options", "Prompts of the family", "Replace table"]
    assert [seen.index(name) for name in order] == sorted(map(seen.index, order))


def test_the_help_tells_what_families_are(qtbot, window, maker):
    press(maker, "What families and reference sets are")
    qtbot.waitUntil(window.help.isVisible)
    assert window.help.page() == "start"
    assert window.help.seen_heading() == "Prompts of a family"


def test_its_menu_names_the_analyses_that_take_reference_prompts(window, maker):
    menu = find(maker, QPushButton, "Use as reference").menu()
    assert isinstance(menu, QMenu)
    told = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert told[0] == "All that take reference prompts"
    assert {"Ablation", "By hand", "Circuit", "Edges"} <= set(told)
