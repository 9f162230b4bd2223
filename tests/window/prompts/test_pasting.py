"""What is pasted as prompts: tables of all kinds, JSON lines, and plain lines of prose."""

from __future__ import annotations

import pytest

from desktop_app.support.errors import BadInputError
from desktop_app.window.prompts.pasting import parse_pasted, to_pasted
from desktop_app.window.prompts.prompt_rows import TypedRow


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
    assert parse_pasted(text).rows == rows


def test_copied_rows_can_be_pasted_again():
    rows = [TypedRow('a "b" ', "c\nd", " 5", "4"), TypedRow("1 2 ", "", "3", "")]
    assert parse_pasted(to_pasted(rows)).rows == rows


ROW = TypedRow("1 2 3 4 ", "7 9 6 1 ", "5", "4")


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("header", [True, False])
def test_a_table_is_read_with_and_without_its_header(sign, header):
    lines = [["prompt", "corrupt", "answer", "wrong"]] if header else []
    lines += [["1 2 3 4 ", "7 9 6 1 ", "5", "4"], ["2 3 4 5 ", "5 3 4 2 ", "6", "5"]]
    found = parse_pasted("\n".join(sign.join(line) for line in lines) + "\n")
    assert found.rows == [ROW, TypedRow("2 3 4 5 ", "5 3 4 2 ", "6", "5")]
    assert bool(found.parted) != header


def test_the_header_says_which_column_is_which():
    text = "wrong;answer;prompt;label;group\n4;5|five;1 2 3 4 ;up;numbers\n"
    assert parse_pasted(text).rows == [
        TypedRow("1 2 3 4 ", "", "5|five", "4", label="up", group="numbers")
    ]


@pytest.mark.parametrize("sign", [",", ";"])
def test_quotes_may_hold_signs_quotes_and_lines(sign):
    cells = '"He said ""no"",\nthen left; and"', '"a, b"', '" 5"', '"4"'
    (row,) = parse_pasted(sign.join(cells)).rows
    assert row == TypedRow('He said "no",\nthen left; and', "a, b", " 5", "4")


@pytest.mark.parametrize(
    "text",
    [
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and John left, John gave it to\nWhen Tom and Ann left, Ann gave it to",
        "1,2,3,4\n2,3,4,5",
        "1, 2, 3, 4,",
        "Paris, Rome, Oslo; which is it?",
        'She said "yes, please" and left',
        "a { b",
    ],
)
def test_prose_with_commas_stays_one_prompt_a_line(text):
    found = parse_pasted(text)
    assert [row.prompt for row in found.rows] == text.split("\n")
    assert not found.parted


def test_a_table_without_a_header_can_be_taken_for_lines():
    found = parse_pasted("1 2 3 ,3 2 1 ,4,5")
    assert found.parted == "commas"
    assert [row.prompt for row in found.lines] == ["1 2 3 ,3 2 1 ,4,5"]


def test_json_lines_are_prompts():
    text = '{"prompt": "1 2 ", "answer": ["3", "4"]}\n{"text": "x", "label": "odd"}'
    assert parse_pasted(text).rows == [TypedRow("1 2 ", "", "3|4"), TypedRow("x", label="odd")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prompt,answer\na,5\nb,6,7", "line 3, column 3: more cells"),
        ("prompt;answer\na;5;6", "a semicolon in quotes"),
        ('prompt,answer\n"a,5', "line 2"),
        ('{"prompt": "a"}\n{"promt": "b"}', "line 2: there is no column “promt”"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_its_line(text, words):
    with pytest.raises(BadInputError, match=words) as caught:
        parse_pasted(text)
    assert str(caught.value).startswith("The pasted text")


def test_labels_and_groups_are_copied_under_a_header():
    rows = [TypedRow("a b", "", "c", "", label="x"), TypedRow("d e", group="g")]
    assert parse_pasted(to_pasted(rows)).rows == rows
