"""The numbers of prompts, and what is said of several of them, are those of a run."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QToolTip

from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import in_sight, said
from tests.window.fakes import settle
from tests.window.hands import CONTROL, activate, click_cell, press_key, undo

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ONE, TWO, THREE = (TypedRow(f"{n} 2 ", "", "5", "4") for n in (1, 2, 3))
LONG = TypedRow("1 2 3 4 5 6", "", "5", "4")


@pytest.fixture
def busy(qtbot, window):
    """Return a window in front of all others."""
    activate(qtbot, window)
    window.prompts.table.setFocus()
    return window


def fill(qtbot, window, *rows):
    window.prompts.set_rows(rows)
    settle(qtbot, window)


def tick(qtbot, window, row):
    click_cell(window.prompts.table, row)
    press_key(Qt.Key.Key_T, CONTROL)
    settle(qtbot, window)


def numbers(window):
    model = window.prompts.table.model()
    down = Qt.Orientation.Vertical
    return [model.headerData(row, down) for row in range(model.rowCount())]


def chips(window):
    return {chip.code: chip for chip in window.prompts.live.chips.chips()}


def test_rows_are_numbered_as_a_run_does(qtbot, busy):
    fill(qtbot, busy, ONE, TypedRow(), TWO, THREE)
    assert numbers(busy) == ["1", "·", "2", "3"]
    tick(qtbot, busy, 0)
    assert numbers(busy) == ["·", "·", "1", "2"]
    undo()
    assert numbers(busy) == ["1", "·", "2", "3"]


def test_a_refused_run_names_the_prompt_by_that_number(qtbot, busy):
    faulty = TypedRow("2 2 ", "", "5", "5")
    fill(qtbot, busy, TypedRow("1 2 ", "", "5", "4", ticked=False), TWO, faulty)
    busy.views.open("rank")
    settle(qtbot, busy)
    activate(qtbot, busy)
    press_key(Qt.Key.Key_R, CONTROL)
    settle(qtbot, busy)
    assert numbers(busy)[2] == "2"
    assert busy.views["rank"].read_out()["failure"].startswith("Prompt 2: “5” is both")


def test_lengths_of_what_no_run_takes_are_no_matter(qtbot, busy):
    fill(qtbot, busy, ONE, TWO, LONG)
    click_cell(busy.prompts.table, 2)
    assert "lengths_differ" in chips(busy)
    tick(qtbot, busy, 2)
    assert "lengths_differ" not in chips(busy)
    assert "".join(busy.prompts.live.strip.texts()) == LONG.prompt
    tick(qtbot, busy, 0)
    click_cell(busy.prompts.table, 1)
    assert "lengths_differ" not in chips(busy)


def test_a_notice_calls_prompts_as_a_run_would(qtbot, busy):
    spaced = TypedRow("1 2  ", "", "5", "4")
    fill(qtbot, busy, TypedRow("8 9  ", ticked=False), spaced, LONG)
    click_cell(busy.prompts.table, 2)
    chip = chips(busy)["lengths_differ"]
    assert "prompt 1 has 5, prompt 2 has 11" in chip.toolTip()
    click_cell(busy.prompts.table, 1)
    assert "Prompt 1 ends in" in chips(busy)["trailing_space"].toolTip()
    click_cell(busy.prompts.table, 0)
    assert "This prompt ends in" in chips(busy)["trailing_space"].toolTip()


@pytest.mark.parametrize("how", ["mouse", "keys"])
def test_a_chip_tells_its_sentence(qtbot, busy, how):
    fill(qtbot, busy, ONE, LONG)
    click_cell(busy.prompts.table, 1)
    chip = chips(busy)["lengths_differ"]
    if how == "mouse":
        QTest.mouseClick(chip, Qt.MouseButton.LeftButton)
    else:
        chip.setFocus()
        press_key(Qt.Key.Key_Return)
    assert QToolTip.isVisible()
    assert "tokens" in QToolTip.text()
    QToolTip.hideText()


def test_the_count_is_shortened_before_it_is_cut(qtbot, busy):
    fill(qtbot, busy, ONE, TWO)
    busy.prompts.table.select_row(1)
    assert "2 of 2 prompts" in said(busy.prompts)
    busy.prompts.setFixedWidth(270)
    qtbot.waitUntil(lambda: "2/2" in [part.text() for part in in_sight(busy.prompts, QLabel)])


@pytest.mark.parametrize("width", [290, 420])
def test_headings_of_twins_are_not_cut(qtbot, busy, width):
    fill(qtbot, busy, TypedRow("1 2 3", "3 2 1", "5", "4"))
    busy.prompts.setFixedWidth(width)
    table = busy.prompts.table
    head = table.horizontalHeader()
    qtbot.waitUntil(lambda: table.width() < width)
    assert head.sectionSize(1) >= head.fontMetrics().horizontalAdvance("Corrupt") + 8
