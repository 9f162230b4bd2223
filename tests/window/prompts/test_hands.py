"""The prompt table under a user's hands: pasted and dropped tables, ticks, long texts, menus."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QMessageBox,
    QPlainTextEdit,
)

from desktop_app.contract.requests import RunAnalysis
from desktop_app.window.frame.dialogs import ask_prompts
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import find, in_sight, press, said
from tests.window.fakes import settle
from tests.window.hands import (
    CONTROL,
    SHIFT,
    activate,
    choose,
    click_cell,
    open_menu,
    press_key,
    type_in,
    undo,
)

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ONE, TWO, THREE = (TypedRow(f"{n} 2 ", "", "5", "4") for n in (1, 2, 3))
TABLE = "prompt,corrupt,answer,wrong\n1 2 3 ,3 2 1 ,4,5\n2 3 4 ,4 3 2 ,5,6\n"
LONG = " ".join(f"word{n}" for n in range(306))


@pytest.fixture
def busy(qtbot, window):
    """Return a window with three prompts, in front of all others."""
    activate(qtbot, window)
    fill(qtbot, window, ONE, TWO, THREE)
    window.prompts.table.setFocus()
    return window


def fill(qtbot, window, *rows):
    window.prompts.set_rows(rows)
    settle(qtbot, window)


def paste(text):
    QApplication.clipboard().setText(text)
    press_key(Qt.Key.Key_V, CONTROL)


def prompts(window):
    return [row.prompt for row in window.prompts.rows()]


def strip(window):
    return "".join(window.prompts.live.strip.texts())


def tick_column(table):
    """Return the column of the boxes: the last one of the model, the first one to be seen."""
    return table.model().columnCount() - 1


# Tables that are pasted and dropped.


def test_a_pasted_csv_becomes_its_rows(qtbot, busy):
    paste(TABLE)
    made = [TypedRow("1 2 3 ", "3 2 1 ", "4", "5"), TypedRow("2 3 4 ", "4 3 2 ", "5", "6")]
    assert busy.prompts.rows() == [ONE, *made, TWO, THREE]
    undo()
    assert busy.prompts.rows() == [ONE, TWO, THREE]


def test_a_table_without_a_header_can_be_taken_for_lines_after_all(qtbot, busy):
    paste("1 2 3 ,3 2 1 ,4,5\n2 3 4 ,4 3 2 ,5,6\n")
    assert busy.prompts.rows()[1] == TypedRow("1 2 3 ", "3 2 1 ", "4", "5")
    assert "commas" in busy.banner.text()
    press(busy.banner, "One prompt a line instead")
    assert prompts(busy)[1:3] == ["1 2 3 ,3 2 1 ,4,5", "2 3 4 ,4 3 2 ,5,6"]
    undo()
    assert busy.prompts.rows() == [ONE, TWO, THREE]


def test_a_faulty_table_is_refused_in_a_sentence_with_its_line(busy):
    paste("prompt,answer\na,5\nb,6,7\n")
    assert busy.prompts.rows() == [ONE, TWO, THREE]
    assert "line 3" in busy.banner.text()
    assert "\n" not in busy.banner.text()


def drop(window, path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    place, action = QPointF(9, 9), Qt.DropAction.CopyAction
    left, held = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(place.toPoint(), action, data, left, held))
    QApplication.sendEvent(window, QDropEvent(place, action, data, left, held))


@pytest.mark.parametrize("answer", ["replace", "append", ""])
def test_a_dropped_csv_is_offered(qtbot, busy, tmp_path, answers, answer):
    (tmp_path / "p.csv").write_text(TABLE)
    answers["prompts"] = answer
    drop(busy, tmp_path / "p.csv")
    new, old = ["1 2 3 ", "2 3 4 "], [ONE.prompt, TWO.prompt, THREE.prompt]
    wanted = {"replace": new, "append": old + new, "": old}[answer]
    assert prompts(busy) == wanted
    if answer:
        undo()
        assert prompts(busy) == old


def test_an_empty_table_takes_a_file_without_a_question(qtbot, busy, tmp_path, answers):
    answers["prompts"] = ""
    fill(qtbot, busy, TypedRow())
    (tmp_path / "p.jsonl").write_text('{"prompt": "a ", "label": "x"}\n')
    drop(busy, tmp_path / "p.jsonl")
    assert busy.prompts.rows() == [TypedRow("a ", label="x")]


@pytest.mark.parametrize("name", ["Replace", "Append", "Cancel"])
def test_the_question_has_its_answers(qtbot, busy, name):
    def answer():
        (box,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox)]
        assert "“p.csv” holds 2 prompts" in box.text()
        press(box, name)

    QTimer.singleShot(0, answer)
    wanted = {"Replace": "replace", "Append": "append", "Cancel": ""}
    assert ask_prompts(busy, "p.csv", 2) == wanted[name]


# Ticks.


def runs_of(service, name="rank"):
    return [
        [row.text for row in request.params.prompts]
        for request in service.asked
        if isinstance(request, RunAnalysis) and request.analysis == name
    ]


def show_ranking(qtbot, window):
    window.views.open("rank")
    settle(qtbot, window)
    activate(qtbot, window)


@pytest.mark.parametrize("how", ["mouse", "space", "shortcut"])
def test_a_run_takes_the_ticked_prompts_only(qtbot, busy, service, how):
    table = busy.prompts.table
    box = tick_column(table)
    if how == "mouse":
        click_cell(table, 1, box)
    elif how == "space":
        table.select_row(1, 0)
        press_key(Qt.Key.Key_Left)
        press_key(Qt.Key.Key_Space)
    else:
        click_cell(table, 1)
        press_key(Qt.Key.Key_T, CONTROL)
    assert [row.ticked for row in busy.prompts.rows()] == [True, False, True]
    assert "2 of 3 ticked" in said(busy.prompts)
    show_ranking(qtbot, busy)
    press_key(Qt.Key.Key_R, CONTROL)
    settle(qtbot, busy)
    assert runs_of(service)[-1] == [ONE.prompt, THREE.prompt]
    assert not busy.views["rank"].read_out()["chips"]
    table.setFocus()
    table.select_row(0)
    press_key(Qt.Key.Key_T, CONTROL)
    settle(qtbot, busy)
    assert busy.views["rank"].read_out()["chips"]  # made for other prompts


def test_what_is_not_ticked_keeps_its_tokens(qtbot, busy):
    table = busy.prompts.table
    click_cell(table, 1)
    press_key(Qt.Key.Key_T, CONTROL)
    settle(qtbot, busy)
    assert strip(busy) == TWO.prompt


def test_the_box_above_ticks_all_and_none(busy):
    table = busy.prompts.table
    box = find(table, QCheckBox, "Tick all prompts")
    QTest.mouseClick(box, Qt.MouseButton.LeftButton)
    assert not any(row.ticked for row in busy.prompts.rows())
    assert box.checkState() == Qt.CheckState.Unchecked
    click_cell(table, 0, tick_column(table))
    assert box.checkState() == Qt.CheckState.PartiallyChecked
    box.setFocus()
    press_key(Qt.Key.Key_Space)
    assert all(row.ticked for row in busy.prompts.rows())
    undo()
    assert [row.ticked for row in busy.prompts.rows()] == [True, False, False]


def test_without_ticks_nothing_runs_and_a_sentence_says_so(qtbot, busy, service):
    busy.actions_by_name["tick_none"].trigger()
    show_ranking(qtbot, busy)
    before = len(runs_of(service))
    press_key(Qt.Key.Key_R, CONTROL)
    settle(qtbot, busy)
    assert len(runs_of(service)) == before
    assert "No prompt is ticked" in busy.views["rank"].read_out()["failure"]


def test_a_faulty_prompt_that_is_not_ticked_is_in_nobodys_way(qtbot, busy, service):
    fill(qtbot, busy, ONE, TypedRow("", "", "5", ticked=False))
    show_ranking(qtbot, busy)
    press_key(Qt.Key.Key_R, CONTROL)
    settle(qtbot, busy)
    assert runs_of(service)[-1] == [ONE.prompt]


def test_ticks_are_remembered_by_settings_and_session(qtbot, open_window, service, tmp_path):
    window = open_window(service)
    rows = [ONE, TypedRow("2 ", "", "5", "4", "up", "g", ticked=False), THREE]
    window.prompts.set_rows(rows)
    window.prompts.flush()
    window.files.keep_prompts()
    window.session.save_as(tmp_path / "a.lens")
    window.session.wait()
    with qtbot.waitSignal(window.closed):
        window.close()
    again = open_window(service)
    assert again.prompts.rows() == rows
    again.prompts.set_rows([THREE])
    again.session.has_unsaved = False
    again.files.open_session(tmp_path / "a.lens")
    settle(qtbot, again)
    assert again.prompts.rows() == rows


# Long texts.


def cell_editor(window):
    (editor,) = in_sight(window.prompts.table.viewport(), QPlainTextEdit)
    return editor


def test_a_long_prompt_is_seen_while_it_is_edited(qtbot, busy):
    fill(qtbot, busy, TypedRow(LONG, "", "5", "4"), TWO)
    busy.prompts.table.select_row(0)
    press_key(Qt.Key.Key_F2)
    editor, table = cell_editor(busy), busy.prompts.table
    assert editor.toPlainText() == LONG
    assert editor.height() > 3 * editor.fontMetrics().lineSpacing()
    assert editor.width() > table.columnWidth(0)
    type_in("!")
    settle(qtbot, busy)
    assert strip(busy).startswith("word0 word1")
    assert prompts(busy)[0] == f"{LONG}!"


def test_lines_and_tabs_are_typed_by_the_keyboard_alone(qtbot, busy):
    busy.prompts.table.select_row(0)
    press_key(Qt.Key.Key_F2)
    press_key(Qt.Key.Key_Return, SHIFT)
    press_key(Qt.Key.Key_Tab, CONTROL)
    type_in("x")
    press_key(Qt.Key.Key_Return)
    assert prompts(busy)[0] == f"{ONE.prompt}\n\tx"
    assert busy.prompts.table.model().index(0, 0).data() == "1 2 ↵⇥x"
    settle(qtbot, busy)
    assert strip(busy) == f"{ONE.prompt}\n\tx"


def test_tab_goes_from_text_to_text(busy):
    table = busy.prompts.table
    table.select_row(0, 3)
    press_key(Qt.Key.Key_F2)
    type_in("7")
    press_key(Qt.Key.Key_Tab)
    assert busy.prompts.rows()[0].wrong == "47"
    assert (table.currentIndex().row(), table.currentIndex().column()) == (1, 0)
    type_in("x")
    press_key(Qt.Key.Key_Backtab, SHIFT)
    assert prompts(busy)[1] == "x"  # opened as a whole: typing replaces
    assert (table.currentIndex().row(), table.currentIndex().column()) == (0, 3)


@pytest.mark.parametrize("text", ["a\u00a0b ", "a\r\nb", "a\u2028b", "tab\tend\n"])
def test_texts_stay_to_the_letter_while_they_are_edited(qtbot, busy, text):
    fill(qtbot, busy, TypedRow(text))
    busy.prompts.table.select_row(0)
    press_key(Qt.Key.Key_F2)
    press_key(Qt.Key.Key_End)
    type_in("!")
    press_key(Qt.Key.Key_Return)
    assert prompts(busy) == [f"{text}!"]


def large_field():
    """Return the dialog that is open."""
    shown = [part for part in QApplication.topLevelWidgets() if part.isVisible()]
    (dialog,) = [part for part in shown if isinstance(part, QDialog)]
    return dialog


def test_the_large_field_has_room_and_is_live(qtbot, busy):
    fill(qtbot, busy, TypedRow(LONG, "", "5", "4"), TWO)
    busy.prompts.table.select_row(0)
    press_key(Qt.Key.Key_F2, SHIFT)
    (dialog,) = [
        w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()
    ]
    field = find(dialog, QPlainTextEdit)
    activate(qtbot, dialog)
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClicks(field, "end")
    assert prompts(busy)[0] == f"{LONG}\nend"
    settle(qtbot, busy)
    assert any("307 words" in words and "tokens" in words for words in said(dialog))
    QTest.keyClick(field, Qt.Key.Key_Return, CONTROL)
    assert not dialog.isVisible()
    activate(qtbot, busy)
    busy.prompts.table.setFocus()
    undo()
    assert prompts(busy)[0] == LONG


def test_the_large_field_gives_up_at_escape(qtbot, busy):
    busy.prompts.table.select_row(0)
    press_key(Qt.Key.Key_F2, SHIFT)
    (dialog,) = [
        w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()
    ]
    field = find(dialog, QPlainTextEdit)
    QTest.keyClicks(field, "end")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert prompts(busy)[0] == ONE.prompt
    assert not dialog.isVisible()


# Menus.


def cell_menu(window, row, column):
    table = window.prompts.table
    return open_menu(table.viewport(), table.visualRect(table.model().index(row, column)).center())


def test_a_cell_can_be_used_elsewhere_in_its_row(busy):
    choose(cell_menu(busy, 1, 3), "Use “4” as answer")
    assert busy.prompts.rows()[1] == TypedRow("2 2 ", "", "4", "")
    undo()
    choose(cell_menu(busy, 1, 2), "Append “5” to the prompt")
    assert busy.prompts.rows()[1].prompt == "2 2 5"


def test_a_whole_prompt_is_no_answer(busy):
    menu = cell_menu(busy, 0, 0)
    allowed = {action.text(): action.isEnabled() for action in menu.actions() if action.text()}
    assert not allowed["Use “1 2␠” as answer"]
    menu.close()


@pytest.mark.parametrize(
    ("words", "row"),
    [
        ("as answer", TypedRow("When Mary left", "", "Mary", "4")),
        ("as wrong", TypedRow("When Mary left", "", "5", "Mary")),
        ("to the prompt", TypedRow("When Mary leftMary", "", "5", "4")),
    ],
)
def test_selected_text_can_be_used(qtbot, busy, words, row):
    fill(qtbot, busy, TypedRow("When Mary left", "", "5", "4"))
    busy.prompts.table.select_row(0)
    press_key(Qt.Key.Key_F2)
    editor = cell_editor(busy)
    press_key(Qt.Key.Key_Home)
    for _ in range(5):
        press_key(Qt.Key.Key_Right)
    for _ in range(4):
        press_key(Qt.Key.Key_Right, SHIFT)
    choose(open_menu(editor.viewport(), editor.viewport().rect().center()), words)
    assert busy.prompts.rows() == [row]
    undo()
    assert busy.prompts.rows()[0].prompt == "When Mary left"


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("Duplicate", [ONE, TWO, TWO, THREE]),
        ("Remove", [ONE, THREE]),
        ("Tick or untick", [ONE, TypedRow("2 2 ", "", "5", "4", ticked=False), THREE]),
    ],
)
def test_rows_are_duplicated_removed_and_ticked_from_the_menu(busy, words, rows):
    choose(cell_menu(busy, 1, 0), words)
    assert busy.prompts.rows() == rows


def test_the_edit_menu_acts_where_the_focus_is(busy):
    busy.prompts.table.select_row(1)
    busy.actions_by_name["copy"].trigger()
    assert QApplication.clipboard().text() == "2 2 \t\t5\t4\n"
    busy.actions_by_name["paste"].trigger()
    assert prompts(busy) == ["1 2 ", "2 2 ", "2 2 ", "3 2 "]
    busy.results.search.setFocus()
    type_in("abc")
    busy.actions_by_name["select_all"].trigger()
    busy.actions_by_name["cut"].trigger()
    assert busy.results.search.text() == ""
    assert QApplication.clipboard().text() == "abc"


def test_answers_are_as_wide_as_their_content(qtbot, open_window, service):
    window = open_window(service, size=(1440, 900))
    table = window.prompts.table
    window.prompts.set_rows([TypedRow("The city of", "", " San Francisco", " Rome")])
    table.setFixedWidth(700)
    QApplication.sendPostedEvents()
    letters = table.fontMetrics().horizontalAdvance("␠San Francisco")
    assert table.columnWidth(2) >= letters
    assert table.columnWidth(3) < table.columnWidth(2) < table.columnWidth(0)


def test_too_much_for_the_notes_is_said(busy):
    QApplication.clipboard().setText("x" * 120_000)
    busy.inspector.notes.setFocus()
    press_key(Qt.Key.Key_V, CONTROL)
    assert "cut" in busy.banner.text()
    assert "100,000" in busy.banner.text()
    assert len(busy.inspector.notes.text()) < 120_000
