"""One stack for what is done to prompts and results: Ctrl+Z takes it back from anywhere."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app.session.store import Session
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import in_sight, press
from tests.window.fakes import settle
from tests.window.hands import (
    CONTROL,
    SHIFT,
    activate,
    click_cell,
    press_key,
    redo,
    type_in,
    undo,
)

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ONE, TWO, THREE = (TypedRow(f"{n} 2 ", "", "5", "4") for n in (1, 2, 3))


@pytest.fixture
def busy(qtbot, window):
    """Return a window with two prompts, in front of all others."""
    activate(qtbot, window)
    window.prompts.set_rows([ONE, TWO])
    settle(qtbot, window)
    window.prompts.table.setFocus()
    return window


def prompts(window):
    return [row.prompt for row in window.prompts.rows()]


def retype(window, row, text):
    """Type a text in place of a prompt's, as one does."""
    window.prompts.table.setFocus()
    window.prompts.table.select_row(row)
    press_key(Qt.Key.Key_F2)
    press_key(Qt.Key.Key_A, CONTROL)
    type_in(text)
    press_key(Qt.Key.Key_Return)


def test_a_cell_edit_is_one_step_however_many_keys_it_took(busy):
    retype(busy, 0, "8 9 10 ")
    retype(busy, 1, "11 ")
    assert prompts(busy) == ["8 9 10 ", "11 "]
    undo()
    assert prompts(busy) == ["8 9 10 ", TWO.prompt]
    undo()
    assert prompts(busy) == [ONE.prompt, TWO.prompt]
    redo()
    press_key(Qt.Key.Key_Y, CONTROL)
    assert prompts(busy) == ["8 9 10 ", "11 "]


def test_every_kind_of_change_goes_back_and_forth(qtbot, busy):
    table, seen = busy.prompts.table, [busy.prompts.rows()]

    def note():
        assert busy.prompts.rows() != seen[-1]
        seen.append(busy.prompts.rows())

    retype(busy, 0, "two spaces  ")
    note()
    settle(qtbot, busy)
    press(busy.prompts.live, "Fix")
    note()
    table.setFocus()
    press_key(Qt.Key.Key_D, CONTROL)
    note()
    click_cell(table, 0, 2)
    press_key(Qt.Key.Key_Delete)
    note()
    QApplication.clipboard().setText("prompt,answer\nnew ,x\n")
    press_key(Qt.Key.Key_V, CONTROL)
    note()
    press_key(Qt.Key.Key_Delete, CONTROL | SHIFT)
    note()
    busy.actions_by_name["load_example"].trigger()
    note()
    settle(qtbot, busy)
    for state in reversed(seen[:-1]):
        undo()
        assert busy.prompts.rows() == state
    for state in seen[1:]:
        redo()
        assert busy.prompts.rows() == state


def test_it_works_from_an_empty_search_and_from_the_notes(busy):
    for elsewhere in (busy.results.search, busy.inspector.notes, busy.results.tree):
        retype(busy, 0, "8 ")
        elsewhere.setFocus()
        undo()
        assert prompts(busy)[0] == ONE.prompt
        redo()
        assert prompts(busy)[0] == "8 "
        undo()
        busy.prompts.table.setFocus()


@pytest.mark.parametrize("where", ["search", "notes"])
def test_a_field_undoes_its_own_typing_first(busy, where):
    field = busy.results.search if where == "search" else busy.inspector.notes
    retype(busy, 0, "8 ")
    field.setFocus()
    type_in("abc")
    undo()
    shown = field.text()
    assert "abc" not in shown
    assert prompts(busy)[0] == "8 "  # not yet
    while field.text():
        undo()
    undo()
    assert prompts(busy)[0] == ONE.prompt


def test_within_a_cell_its_own_typing_comes_first(busy):
    table = busy.prompts.table
    retype(busy, 1, "7 ")
    click_cell(table, 0)
    press_key(Qt.Key.Key_F2)
    type_in("xyz")
    assert prompts(busy)[0] == f"{ONE.prompt}xyz"
    undo()
    assert prompts(busy) == [ONE.prompt, "7 "]
    undo()  # the cell has nothing of its own any more
    assert prompts(busy) == [ONE.prompt, TWO.prompt]


def test_escape_in_a_cell_gives_up_what_was_typed(busy):
    busy.prompts.table.select_row(0)
    press_key(Qt.Key.Key_F2)
    type_in("xyz")
    press_key(Qt.Key.Key_Escape)
    assert prompts(busy)[0] == ONE.prompt
    assert not busy.actions_by_name["undo"].isEnabled()


def test_the_menu_names_the_step(busy):
    undoing, redoing = busy.actions_by_name["undo"], busy.actions_by_name["redo"]
    assert not undoing.isEnabled()
    press_key(Qt.Key.Key_D, CONTROL)
    assert undoing.text() == "Undo duplicating 1 prompt"
    busy.actions_by_name["undo"].trigger()
    assert redoing.text() == "Redo duplicating 1 prompt"
    assert not undoing.isEnabled()
    menus = [action.text() for action in busy.menuBar().actions()]
    assert menus[:2] == ["&File", "&Edit"]


def test_shared_settings_are_steps(busy):
    press(busy.prompts, "Yes")
    assert busy.prompts.shared_settings()["bos"] == "yes"
    undo()
    assert busy.prompts.shared_settings()["bos"] == "auto"


def test_undo_goes_to_the_row_that_changes(busy):
    retype(busy, 1, "7 ")
    click_cell(busy.prompts.table, 0)
    undo()
    assert busy.prompts.table.current_row() == 1


# Deleted results.


def chosen(window):
    """Return the result that is chosen in the list."""
    return window.results.current_id()


def delete_result(qtbot, window, place):
    """Delete a result of the list by its key."""
    window.results.select(window.session.rows()[-1 - place].id)
    window.results.tree.setFocus()
    number = chosen(window)
    press_key(Qt.Key.Key_Delete)
    window.session.wait()
    assert number not in [row.id for row in window.session.rows()]
    return number


def test_a_deleted_result_comes_back_in_its_place_and_chosen(qtbot, busy):
    rows = busy.session.rows()
    number = delete_result(qtbot, busy, 1)
    busy.inspector.notes.setFocus()
    undo()
    busy.session.wait()
    assert busy.session.rows() == rows
    assert chosen(busy) == number
    redo()
    busy.session.wait()
    assert number not in [row.id for row in busy.session.rows()]
    undo()
    busy.session.wait()
    assert busy.session.rows() == rows


def test_deleting_and_typing_are_undone_in_the_order_in_which_they_were_done(qtbot, busy):
    rows = busy.session.rows()
    retype(busy, 0, "8 ")
    delete_result(qtbot, busy, 0)
    retype(busy, 1, "9 ")
    undo()
    assert prompts(busy) == ["8 ", TWO.prompt]
    assert busy.session.rows() != rows
    undo()
    busy.session.wait()
    assert busy.session.rows() == rows
    assert prompts(busy) == ["8 ", TWO.prompt]
    undo()
    assert prompts(busy) == [ONE.prompt, TWO.prompt]


def test_the_file_knows_at_each_moment_what_is_deleted(qtbot, busy, tmp_path):
    busy.session.save_as(tmp_path / "a.lens")
    busy.session.wait()

    def in_file():
        with Session.open(tmp_path / "a.lens") as other:
            return [row.id for row in other.rows()], [row.id for row in other.deleted_rows()]

    before = in_file()
    number = delete_result(qtbot, busy, 0)
    assert in_file() == ([n for n in before[0] if n != number], [number])
    undo()
    busy.session.wait()
    assert in_file() == before
    redo()
    busy.session.wait()
    assert in_file()[1] == [number]


def test_what_was_deleted_from_another_session_is_no_step_any_more(qtbot, busy, tmp_path):
    retype(busy, 0, "8 ")
    delete_result(qtbot, busy, 0)
    assert "deleting" in busy.actions_by_name["undo"].text()
    busy.session.has_unsaved = False
    busy.files.new_session()
    settle(qtbot, busy)
    assert busy.actions_by_name["undo"].text() == "Undo typing in prompt 1"
    busy.prompts.table.setFocus()
    undo()
    assert prompts(busy)[0] == ONE.prompt
    assert busy.session.rows() == ()


def test_prompts_of_an_opened_session_can_be_taken_back(qtbot, busy, tmp_path):
    busy.files.keep_prompts()
    busy.session.save_as(tmp_path / "a.lens")
    busy.session.wait()
    busy.session.start_new()
    busy.prompts.set_rows([THREE])
    busy.session.has_unsaved = False
    busy.files.open_session(tmp_path / "a.lens")
    settle(qtbot, busy)
    assert busy.prompts.rows() == [ONE, TWO]
    busy.prompts.table.setFocus()
    undo()
    assert busy.prompts.rows() == [THREE]


def test_the_banner_is_a_hint_to_the_same_stack(busy):
    press_key(Qt.Key.Key_Delete, CONTROL | SHIFT)
    (button,) = in_sight(busy.banner, QPushButton, "Undo")
    button.click()
    assert prompts(busy) == [ONE.prompt, TWO.prompt]
    assert busy.banner.isHidden()
    assert busy.actions_by_name["redo"].isEnabled()
