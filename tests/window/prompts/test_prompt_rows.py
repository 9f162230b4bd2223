"""The prompt table's content: checks, repairs and pasting, to the letter."""

from __future__ import annotations

import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.window.prompts.prompt_rows import (
    TypedRow,
    find_row,
    first_problem,
    fixed,
    parse_pasted,
    problem,
    to_pasted,
    to_prompts,
    typed,
)


def test_a_row_survives_the_way_there_and_back():
    row = PromptRow(text=" 1 2 ", corrupt="2 1 ", answer=("5", " five"), wrong=("4",))
    assert typed(row) == TypedRow(" 1 2 ", "2 1 ", "5| five", "4")
    prompts, places = to_prompts([TypedRow(), typed(row)])
    assert prompts == [row]
    assert places == [1]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (TypedRow(), None),
        (TypedRow("a"), None),
        (TypedRow("", "b"), "empty"),
        (TypedRow("a", "", "5|6", "4|6"), "“6” is both"),
        (TypedRow("a", "", "5", " 5"), None),
        (TypedRow("\udc00"), "surrogate"),
        (TypedRow("a" * 1_000_001), "1,000,000 characters"),
        (TypedRow("😀 ok"), None),
    ],
)
def test_problems(row, words):
    found = problem(row)
    assert (found is None) if words is None else words in found


def test_first_problem_names_the_row():
    assert first_problem([TypedRow("a"), TypedRow("", "x")])[0] == 1
    assert first_problem([TypedRow(), TypedRow()]) is not None
    assert first_problem([TypedRow("a"), TypedRow()]) is None


def test_a_fix_changes_only_what_it_names():
    row = TypedRow("1 2 3 4", "7 9 6 1", " 5", " 4")
    fix = {"index": 0, "prompt": "1 2 3 4 ", "answer": ["5", "five"], "wrong": "4"}
    assert fixed(row, fix) == TypedRow("1 2 3 4 ", "7 9 6 1", "5|five", "4")
    assert fixed(row, {"corrupt": None}).corrupt == ""


def test_a_fix_finds_its_row_by_text():
    rows = [TypedRow("new"), TypedRow("x"), TypedRow("y"), TypedRow("x")]
    assert find_row(rows, "x", 0) == 1
    assert find_row(rows, "x", 3) == 3
    assert find_row(rows, "gone", 0) is None
    assert find_row(rows, None, 2) == 2
    assert find_row(rows, None, 9) is None


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1 2 3 \n2 3 4 \n", [TypedRow("1 2 3 "), TypedRow("2 3 4 ")]),
        ("a\tb\tc\td\r\n", [TypedRow("a", "b", "c", "d")]),
        ("prompt\tcorrupt\tanswer\twrong\na \tb \t5\t4", [TypedRow("a ", "b ", "5", "4")]),
        ('"two\nlines"\tx', [TypedRow("two\nlines", "x")]),
        ("a\tb\tc\td\te\tf", [TypedRow("a", "b", "c", "d")]),
        ("", []),
        ("\n\n", []),
        ("prompt", [TypedRow("prompt")]),
    ],
)
def test_pasting(text, rows):
    assert parse_pasted(text) == rows


def test_copied_rows_can_be_pasted_again():
    rows = [TypedRow('a "b" ', "c\nd", " 5", "4"), TypedRow("1 2 ", "", "3", "")]
    assert parse_pasted(to_pasted(rows)) == rows
