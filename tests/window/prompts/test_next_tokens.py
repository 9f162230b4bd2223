"""A next token of the ranking becomes an answer, a wrong one, or the prompt's next word."""

from __future__ import annotations

import pytest

from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import find
from tests.window.fakes import settle
from tests.window.hands import activate, choose, click_cell, open_menu, undo

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ROWS = [TypedRow("1 2 ", "", "x", "y"), TypedRow("3 2 ", "2 3 ", "x", "5")]


@pytest.fixture
def ranked(qtbot, window):
    """Return a window that shows the ranking of its second prompt."""
    window.prompts.set_rows(ROWS)
    window.views.open("rank")
    window.runs.run("rank")
    settle(qtbot, window)
    window.prompts.table.select_row(1)
    activate(qtbot, window)
    return window


def menu_of(window, place):
    table = find(window.views["rank"], RankingList, "Most likely next tokens")
    click_cell(table, place, 1)
    return open_menu(table.viewport(), table.visualRect(table.model().index(place, 1)).center())


@pytest.mark.parametrize(
    ("place", "words", "row"),
    [
        (0, "as answer", TypedRow("3 2 ", "2 3 ", "5", "")),
        (1, "as wrong", TypedRow("3 2 ", "2 3 ", "x", "4")),
        (0, "to the prompt", TypedRow("3 2 5", "2 3 5", "x", "5")),
    ],
)
def test_a_next_token_is_used_for_the_prompt_that_it_follows(ranked, place, words, row):
    choose(menu_of(ranked, place), words)
    assert ranked.prompts.rows() == [ROWS[0], row]
    ranked.prompts.table.setFocus()
    undo()
    assert ranked.prompts.rows() == ROWS


def test_a_prompt_that_is_gone_is_said(qtbot, ranked):
    other = TypedRow("another ")
    ranked.prompts.set_rows([other])
    choose(menu_of(ranked, 0), "as answer")
    assert ranked.prompts.rows() == [other]
    assert ranked.job_bar.title() == "That prompt is no longer in the table."
