"""What room the columns and lines of the prompt table get."""

from __future__ import annotations

import pytest

from desktop_app.window.prompts.prompt_rows import TypedRow
from desktop_app.window.prompts.widths import column_widths, line_count


def test_prompts_get_most_of_the_width():
    pair, alone = TypedRow("a", "b"), TypedRow("a")
    assert column_widths(320, [pair])[:4] == (124, 84, 56, 56)
    assert column_widths(232, [pair])[:2] == (90, 62)  # the heading is not cut
    prompt, corrupt, *_ = column_widths(320, [alone])
    assert prompt > 2 * corrupt
    for width in (0, 90, 320, 900, 2400):
        assert sum(column_widths(width, [pair])) == max(width, 80)


def test_answers_are_as_wide_as_what_stands_in_them_within_bounds():
    short, long = TypedRow("a b", answer="5", wrong="4"), TypedRow("a b", answer=" San Francisco")
    assert column_widths(600, [short])[2:4] == (56, 56)
    answer, wrong = column_widths(600, [short, long])[2:4]
    assert answer == 14 * 7 + 14
    assert wrong == 56
    endless = column_widths(600, [TypedRow("a b", answer="x" * 500, wrong="y" * 500)])
    assert endless[2] == endless[3] <= 150
    assert endless[0] >= 200


def test_labels_and_groups_take_room_only_where_there_are_any():
    assert column_widths(600, [TypedRow("a b")])[4:] == (0, 0)
    assert column_widths(600, [TypedRow("a b", label="odd")])[4:] == (56, 0)


def test_labels_are_seen_in_a_narrow_dock_and_what_is_empty_makes_room():
    labelled = [TypedRow("1 2 3", label="up"), TypedRow("3 2 1", label="a label without an end")]
    prompt, corrupt, answer, wrong, label, group = column_widths(300, labelled)
    assert (label, group) == (72, 0)
    assert answer == wrong == corrupt == 32
    assert prompt > label
    tight = column_widths(220, [TypedRow("a b", answer=" Berlin", wrong=" Paris", label="de")])
    assert tight == (58, 26, 40, 40, 56, 0)
    full = column_widths(300, [TypedRow("1 2", "2 1", "3", "4", label="up")])
    assert full[4] == 56
    assert sum(full) == 300


def test_labels_are_seen_where_they_are_about_to_be_typed():
    assert column_widths(300, [TypedRow("1 2 3")])[4] == 0
    assert column_widths(300, [TypedRow("1 2 3")], labels=True)[4] == 56


@pytest.mark.parametrize(
    ("text", "letters", "lines"),
    [("", 10, 1), ("one two", 7, 1), ("one two", 6, 2), ("a b c d", 3, 2), ("unbreakable", 3, 1)],
)
def test_lines_break_at_spaces(text, letters, lines):
    assert line_count(text, letters) == lines
