"""The prompt table's content: checks, repairs and pasting, to the letter."""

from __future__ import annotations

import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.window.prompts.prompt_rows import (
    TypedRow,
    find_row,
    first_problem,
    fixed,
    problem,
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
