"""Prompts that come and go: what is current stays current, and nothing is lost for good."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from desktop_app.window.prompts.prompt_model import visible
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import press, said

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ONE, TWO, THREE = (TypedRow(f"{n} 2 ", "", "5", "4") for n in (1, 2, 3))


def fill(qtbot, window, *rows):
    window.prompts.table.prompts.set_rows(rows)
    settle(qtbot, window)


def settle(qtbot, window):
    with qtbot.waitSignal(window.prompts.live.tokens_shown):
        window.prompts.flush()


def strip_texts(window):
    return "".join(window.prompts.live.strip.texts())


@pytest.mark.parametrize("row", [0, 1])
def test_the_strip_follows_the_prompt_that_remains(qtbot, window, row):
    fill(qtbot, window, ONE, TWO)
    table = window.prompts.table
    table.select_row(row)
    window.actions_by_name["remove_prompt"].trigger()
    settle(qtbot, window)
    (left,) = window.prompts.rows()
    assert left == (ONE, TWO)[1 - row]
    assert not window.prompts.live.strip.isHidden()
    assert strip_texts(window) == left.prompt
    assert window.selection.prompt == 0


def test_the_selected_prompt_keeps_its_number_when_a_row_above_becomes_usable(qtbot, window):
    fill(qtbot, window, TypedRow("", "", "5"), TWO)
    window.prompts.table.select_row(1)
    assert window.selection.prompt == 0
    window.prompts.table.prompts.replace_row(0, ONE)
    assert window.selection.prompt == 1


@pytest.mark.parametrize("gone", [[0], [1], [0, 2], [0, 1, 2]])
def test_removed_prompts_come_back_to_their_places(qtbot, window, gone):
    fill(qtbot, window, ONE, TWO, THREE)
    table = window.prompts.table
    table.clearSelection()
    for place in gone:
        index = table.prompts.index(place, 0)
        table.selectionModel().select(index, table.selectionModel().SelectionFlag.Select)
    window.actions_by_name["remove_prompt"].trigger()
    assert len(window.prompts.rows()) == max(1, 3 - len(gone))
    assert window.banner.offers("undo")
    press(window.banner, "Undo")
    assert window.prompts.rows() == [ONE, TWO, THREE]
    assert window.banner.isHidden()


def test_the_banner_goes_with_the_next_step(qtbot, window):
    fill(qtbot, window, ONE, TWO)
    window.actions_by_name["remove_prompt"].trigger()
    assert window.banner.offers("undo")
    window.actions_by_name["copy_prompt"].trigger()
    assert window.banner.isHidden()


def test_removing_an_empty_row_needs_no_undo(qtbot, window):
    fill(qtbot, window, ONE, TypedRow())
    window.prompts.table.select_row(1)
    window.actions_by_name["remove_prompt"].trigger()
    assert window.banner.isHidden()


@pytest.mark.parametrize(
    ("rows", "current", "words"),
    [
        ((ONE, TWO, TypedRow("", "", "5"), TypedRow()), 3, "3 prompts, 1 unusable"),
        ((ONE, TypedRow(), TWO), 2, "2 of 2 prompts"),
        ((ONE,), 0, "1 prompt"),
        ((TypedRow(),), 0, "No prompts"),
    ],
)
def test_the_count_never_exceeds_what_there_is(qtbot, window, rows, current, words):
    window.prompts.table.prompts.set_rows(rows)
    window.prompts.table.select_row(current)
    assert words in said(window.prompts)


def test_half_typed_rows_are_there_after_a_restart(qtbot, open_window, service):
    window = open_window(service)
    rows = [TypedRow("", "only a twin", "5"), ONE, TypedRow("both ", "", "5", "5")]
    window.prompts.set_rows(rows)
    window.prompts.table.select_row(1)
    with qtbot.waitSignal(window.closed):
        window.close()
    again = open_window(service)
    assert again.prompts.rows() == rows
    assert again.prompts.table.current_row() == 1


def test_keys_that_are_held_do_not_decide_which_prompt_is_removed(qtbot, window):
    fill(qtbot, window, ONE, TWO, THREE)
    table = window.prompts.table
    table.select_row(0)
    qtbot.keyPress(table, Qt.Key.Key_Control, Qt.KeyboardModifier.ControlModifier)
    table.select_row(1)  # as a shortcut does that is still held
    assert table.selected_rows() == [1]
    window.actions_by_name["remove_prompt"].trigger()
    assert list(table.prompts.rows()) == [ONE, THREE]
    assert table.selected_rows() == [1]


def test_no_test_inherits_keys_that_are_held(qapp):
    assert QApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier
    assert QApplication.mouseButtons() == Qt.MouseButton.NoButton


def test_control_characters_are_shown_and_turn_nothing_round():
    assert visible("a\x00b\x1b[31m\r\n\u202edlrow\u2028 ") == ("a␀b␛[31m␍↵\\u202edlrow\\u2028␠")
    assert visible("é 日本") == "é 日本"


def test_what_is_asked_while_rows_go_is_not_believed_afterwards(qtbot, window):
    panel, asked = window.prompts, []
    panel.set_rows([TypedRow("1 2 3", answer="4"), TypedRow("5 6 7", answer="8"), TypedRow("9")])
    panel.table.select_row(2)
    panel.table.row_selected.connect(lambda _row: asked.append(panel.prompts()))
    panel.table.select_row(0)
    panel.table.setFocus()
    qtbot.keyClick(
        panel.table,
        Qt.Key.Key_Delete,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    qtbot.waitUntil(lambda: len(panel.rows()) == 2)
    assert asked
    assert [row.text for row in panel.prompts()[0]] == ["5 6 7", "9"]
    window.actions_by_name["undo"].trigger()
    assert [row.text for row in panel.prompts()[0]] == ["1 2 3", "5 6 7", "9"]
