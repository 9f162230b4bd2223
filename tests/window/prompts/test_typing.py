"""Typing in the prompt table as in any spreadsheet, and tables pasted into a single cell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QPlainTextEdit

from desktop_app.window.prompts.prompt_rows import TEXTS, TypedRow
from tests.finding import find, in_sight, press, said
from tests.window.fakes import settle
from tests.window.hands import (
    CONTROL,
    NONE,
    SHIFT,
    activate,
    choose,
    click_cell,
    open_menu,
    press_key,
    undo,
)

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ONE = TypedRow("The capital of Germany is", "", " Berlin", " Paris")
TWO = TypedRow("The capital of France is", "", " Paris", " Berlin")
TABLE = "prompt,corrupt,answer,wrong\n1 2 3 ,3 2 1 ,4,5\n2 3 4 ,4 3 2 ,5,6\n"
MADE = [TypedRow("1 2 3 ", "3 2 1 ", "4", "5"), TypedRow("2 3 4 ", "4 3 2 ", "5", "6")]
# Of such a text an editor of one line is made.
ODD = TypedRow("a\u2028b", "", " Berlin")


@pytest.fixture
def busy(qtbot, window):
    """Return a window with two prompts, in front of all others."""
    activate(qtbot, window)
    window.prompts.set_rows([ONE, TWO])
    settle(qtbot, window)
    window.prompts.table.setFocus()
    return window


def type_in(text):
    """Type letters, each wherever the focus is by then: the first one opens an editor."""
    for letter in text:
        QTest.keyClicks(QApplication.focusWidget(), letter)


def open_by(table, how, row=0, column=2):
    """Open the editor of a cell, or be about to, as a user does."""
    place = table.visualRect(table.model().index(row, column)).center()
    click_cell(table, row, column)
    if how == "double click":
        QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, NONE, place)
    elif how:
        press_key(getattr(Qt.Key, f"Key_{how}"))


@pytest.mark.parametrize("rows", [[ONE, TWO], [ODD, TWO]])
@pytest.mark.parametrize(
    ("how", "kept"), [("", False), ("F2", True), ("double click", True), ("Return", True)]
)
def test_typing_over_a_cell_replaces_its_text(qtbot, busy, rows, how, kept):
    busy.prompts.set_rows(rows)
    column = 0 if rows[0] is ODD else 2
    old = rows[0].cell(column)
    open_by(busy.prompts.table, how, 0, column)
    type_in("Rome")
    press_key(Qt.Key.Key_Return)
    assert busy.prompts.rows()[0].cell(column) == (f"{old}Rome" if kept else "Rome")
    undo()
    assert busy.prompts.rows() == rows


def test_tab_and_typing_replaces_too(busy):
    table = busy.prompts.table
    click_cell(table, 0, 1)
    press_key(Qt.Key.Key_Tab)
    type_in("Bonn")
    press_key(Qt.Key.Key_Tab)  # opens the next one as a whole
    type_in("Rome")
    press_key(Qt.Key.Key_Return)
    assert busy.prompts.rows()[0] == TypedRow(ONE.prompt, "", "Bonn", "Rome")


def test_tab_alone_changes_nothing(busy):
    open_by(busy.prompts.table, "F2", 0, 0)
    for _ in range(5):
        press_key(Qt.Key.Key_Tab)
    press_key(Qt.Key.Key_Return)
    assert busy.prompts.rows() == [ONE, TWO]


def let_double_clicks_pass(qtbot):
    """Wait for a timer that ends after all that was started for a double click."""
    later = QTimer(singleShot=True, interval=QApplication.doubleClickInterval() + 50)
    with qtbot.waitSignal(later.timeout):
        later.start()


def test_nothing_is_lost_that_is_typed_after_a_second_click(qtbot, busy):
    table = busy.prompts.table
    click_cell(table, 0, 2)
    click_cell(table, 0, 2)
    type_in("Rome")
    let_double_clicks_pass(qtbot)
    type_in("!")
    press_key(Qt.Key.Key_Return)
    assert busy.prompts.rows()[0].answer == "Rome!"


def test_a_second_click_opens_nothing(qtbot, busy):
    table = busy.prompts.table
    click_cell(table, 0, 2)
    click_cell(table, 0, 2)
    let_double_clicks_pass(qtbot)
    QApplication.clipboard().setText(TABLE)
    press_key(Qt.Key.Key_V, CONTROL)
    assert busy.prompts.rows() == [ONE, *MADE, TWO]


def test_an_editor_that_covers_other_cells_says_which_it_is(busy):
    busy.prompts.table.setFixedWidth(270)
    click_cell(busy.prompts.table, 1, 0)
    press_key(Qt.Key.Key_F2)
    (editor,) = in_sight(busy.prompts.table.viewport(), QPlainTextEdit)
    assert editor.width() > busy.prompts.table.columnWidth(0)
    assert "Prompt 2" in said(editor)
    press_key(Qt.Key.Key_A, CONTROL)
    type_in("x")
    assert not said(editor)


# A table that is pasted into a cell.


def paste_into(window, how):
    """Paste what the clipboard holds into the editor that is open."""
    if how == "menu":
        (editor,) = in_sight(window.prompts.table.viewport(), QPlainTextEdit)
        choose(open_menu(editor.viewport(), editor.viewport().rect().center()), "Paste")
    else:
        press_key(Qt.Key.Key_V, CONTROL)


@pytest.mark.parametrize("how", ["keys", "menu"])
def test_a_table_pasted_into_a_cell_becomes_rows(busy, how):
    QApplication.clipboard().setText(TABLE)
    open_by(busy.prompts.table, "F2")
    paste_into(busy, how)
    assert busy.prompts.rows() == [ONE, *MADE, TWO]
    assert not in_sight(busy.prompts.table.viewport(), QPlainTextEdit)
    assert "Pasted 2 prompts as rows" in busy.banner.text()
    undo()
    assert busy.prompts.rows() == [ONE, TWO]


@pytest.mark.parametrize("rows", [[ONE, TWO], [ODD, TWO]])
def test_it_can_be_a_text_after_all(busy, rows):
    busy.prompts.set_rows(rows)
    column = 0 if rows[0] is ODD else 2
    QApplication.clipboard().setText(TABLE)
    open_by(busy.prompts.table, "F2", 0, column)
    press_key(Qt.Key.Key_Left)
    press_key(Qt.Key.Key_V, CONTROL)
    assert busy.prompts.rows() == [rows[0], *MADE, TWO]
    press(busy.banner, "Paste as text instead")
    old = rows[0].cell(column)
    assert busy.prompts.rows()[0].cell(column) == f"{old[:-1]}{TABLE}{old[-1]}"
    undo()
    assert busy.prompts.rows() == rows


def test_a_table_pasted_into_the_large_field_becomes_rows(qtbot, busy):
    click_cell(busy.prompts.table, 0, 0)
    press_key(Qt.Key.Key_F2, SHIFT)
    shown = [part for part in QApplication.topLevelWidgets() if part.isVisible()]
    (dialog,) = [part for part in shown if isinstance(part, QDialog)]
    QApplication.clipboard().setText(TABLE)
    QTest.keyClick(find(dialog, QPlainTextEdit), Qt.Key.Key_V, CONTROL)
    assert not dialog.isVisible()
    assert busy.prompts.rows() == [ONE, *MADE, TWO]
    press(busy.banner, "Paste as text instead")
    assert busy.prompts.rows() == [TypedRow(ONE.prompt + TABLE, "", ONE.answer, ONE.wrong), TWO]


def test_a_faulty_table_is_refused_there_too(busy):
    faulty = "prompt,answer\na,5\nb,6,7\n"
    QApplication.clipboard().setText(faulty)
    open_by(busy.prompts.table, "F2")
    press_key(Qt.Key.Key_V, CONTROL)
    assert busy.prompts.rows() == [ONE, TWO]
    assert "line 3" in busy.banner.text()
    press(busy.banner, "Paste as text instead")
    assert busy.prompts.rows()[0].answer == f" Berlin{faulty}"


@pytest.mark.parametrize("text", ["prompt,answer", "Rome, or\nBonn", "a,b\nc,d"])
def test_other_texts_go_into_the_cell(busy, text):
    QApplication.clipboard().setText(text)
    open_by(busy.prompts.table, "F2")
    press_key(Qt.Key.Key_V, CONTROL)
    press_key(Qt.Key.Key_Return)
    assert busy.prompts.rows()[0].answer == f" Berlin{text}"


def test_a_new_prompt_takes_a_table_in_its_place(busy):
    press_key(Qt.Key.Key_N, CONTROL)
    QApplication.clipboard().setText(TABLE)
    press_key(Qt.Key.Key_V, CONTROL)
    assert busy.prompts.rows() == [ONE, TWO, *MADE]


def test_the_probe_leads_to_where_labels_are_typed(qtbot, busy):
    """The column is not there before; with the panel folded away it is brought back."""
    column, table = TEXTS.index("label"), busy.prompts.table
    assert table.isColumnHidden(column)
    busy.panels.edges.fold("prompts")
    busy.views.open("probe")
    press(busy.views["probe"], "Label prompts…")
    assert busy.docks["prompts"].isVisible()
    assert not table.isColumnHidden(column)
    assert table.columnWidth(column) >= 56
    type_in("north")
    press_key(Qt.Key.Key_Return)
    table.select_row(1, column)
    type_in("south")
    press_key(Qt.Key.Key_Return)
    assert [row.label for row in busy.prompts.rows()] == ["north", "south"]
    undo()
    assert [row.label for row in busy.prompts.rows()] == ["north", ""]


def test_labels_of_a_file_are_seen_in_the_narrow_panel(qtbot, busy):
    column, table = TEXTS.index("label"), busy.prompts.table
    busy.prompts.set_rows([replace(ONE, label="de"), replace(TWO, label="fr")])
    settle(qtbot, busy)
    assert not table.isColumnHidden(column)
    end = table.columnViewportPosition(column) + table.columnWidth(column)
    assert end <= table.viewport().width()
