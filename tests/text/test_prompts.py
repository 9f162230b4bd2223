from __future__ import annotations

import json
import os
import sys

import numpy as np
import pytest

from desktop_app.contract.params import MAX_PROMPTS, PromptRow
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import resource
from desktop_app.text import prompts
from desktop_app.text.prompts import read_prompts, read_texts, write_prompts

# Characters that tables trip over: quotes, separators, line ends of all kinds, marks, NUL.
TROUBLE = " \t\n\r,;\"'|\\\x00\x0b\x1c\x85\u2028\ufeff\u200bé5日😀{}"

# Where Python finds fault with a comma before the end of an object: at it since 3.13, else after.
AFTER_COMMA = 15 if sys.version_info >= (3, 13) else 16


@pytest.fixture
def write(tmp_path):
    def write(content, name="p.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_texts_of_any_characters_come_back_to_the_letter(tmp_path, ending):
    numbers = np.random.default_rng(0)

    def text(alphabet=TROUBLE):
        return "".join(numbers.choice(list(alphabet), numbers.integers(9)))

    for _ in range(60):
        rows = tuple(
            PromptRow(
                text=text(),
                corrupt=text() or None,
                answer=tuple(text(TROUBLE.replace("|", "")) + "x" for _ in range(i % 3)),
                wrong=tuple(" " + text(TROUBLE.replace("|", "")) for _ in range(i % 4)),
            )
            for i in range(1, 7)
        )
        write_prompts(tmp_path / f"p{ending}", rows)
        assert read_prompts(tmp_path / f"p{ending}") == rows
        assert read_texts(tmp_path / f"p{ending}") == tuple(row.text for row in rows)


def test_a_plain_csv_keeps_its_spaces(write):
    path = write("prompt,corrupt,answer,wrong\n1 2 3 4 ,4 2 1 3 ,5| five,4\n a,,,\n\nb\n")
    assert read_prompts(path) == (
        PromptRow(text="1 2 3 4 ", corrupt="4 2 1 3 ", answer=("5", " five"), wrong=("4",)),
        PromptRow(text=" a"),
        PromptRow(text="b"),
    )


def test_a_byte_order_mark_windows_line_ends_and_text_as_a_heading(write):
    path = write(b'\xef\xbb\xbfAnswer,Text\r\n5,"1 2 \r\n"\r\n')
    assert read_prompts(path) == (PromptRow(text="1 2 \r\n", answer=("5",)),)


def test_jsonl_takes_lists_and_missing_keys(write):
    lines = [
        '{"prompt": "a\\u2028 ", "answer": ["x|y", "z"]}',
        "",
        '{"text": "b", "corrupt": null}',
    ]
    path = write("\r\n".join(lines), "p.jsonl")
    assert read_prompts(path) == (
        PromptRow(text="a\u2028 ", answer=("x|y", "z")),
        PromptRow(text="b"),
    )


def test_a_text_longer_than_the_csv_modules_limit(tmp_path):
    rows = (PromptRow(text="a," * 200_000),)
    write_prompts(tmp_path / "p.csv", rows)
    assert read_prompts(tmp_path / "p.csv") == rows


def test_an_answer_with_a_bar_needs_jsonl(tmp_path):
    rows = (PromptRow(text="a", answer=("x|y",)), PromptRow(text="b", wrong=("",)))
    write_prompts(tmp_path / "p.jsonl", rows)
    assert read_prompts(tmp_path / "p.jsonl") == rows
    for row in rows:
        with pytest.raises(BadInputError, match=r"Row 1, column (answer|wrong).*\.jsonl"):
            write_prompts(tmp_path / "p.csv", (row,))
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["line 1", "prompt"]),
        ("1 2 3 4 ,5\n", ["line 1, column 1", "1 2 3 4 "]),
        ("prompt,anwser\na,b\n", ["line 1, column 2", "anwser"]),
        ("corrupt,answer\na,b\n", ["line 1", "prompt"]),
        ("prompt,text\na,b\n", ["line 1", "once"]),
        ("prompt,answer\na,5\nb,6,7\n", ["line 3, column 3", "comma"]),
        ('prompt\n"a\nb"\n"c"d\n', ["line 4", "quote"]),
        ('prompt\na\n"b\n', ["line 3"]),
        ("prompt\n", ["no prompts"]),
        (b"prompt\na\n\xff\n", ["line 3", "UTF-8"]),
        ("prompt\na\nb".encode("utf-16"), ["line 1", "UTF-8"]),
        ("prompt\n" + "a" * 1_000_001, ["line 2, column prompt", "longer"]),
        ("prompt,wrong,corrupt\na,,\nb,," + "a" * 1_000_001, ["line 3, column corrupt"]),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_wrong_in_a_csv_is_named_with_its_place(write, content, words):
    path = write(content)
    with pytest.raises(BadInputError) as caught:
        read_prompts(path)
    for word in ["p.csv", *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"prompt": "a"}\n{"prompt": "b",}\n', [f"line 2, column {AFTER_COMMA}", "JSON"]),
        ('{"prompt": "a"}\n{"prompt" "b"}\n', ["line 2, column 11", "JSON"]),
        ('{"prompt": "a"}\n["b"]\n', ["line 2", "braces"]),
        ('{"prompt": "a", "anwser": "5"}', ["line 1", "anwser"]),
        ('{"answer": "a"}', ["line 1, column prompt"]),
        ('{"prompt": 5}', ["line 1, column prompt", "a number"]),
        ('{"prompt": "a", "answer": {"x": 1}}', ["line 1, column answer"]),
        ('{"prompt": "\\ud800"}', ["line 1, column prompt"]),
        ("[" * 100_000, ["line 1", "JSON"]),
        ('{"prompt": ' + "9" * 5000 + "}", ["line 1", "JSON"]),
        ("\n\n", ["no prompts"]),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_wrong_in_a_jsonl_is_named_with_its_place(write, content, words):
    path = write(content, "p.jsonl")
    with pytest.raises(BadInputError) as caught:
        read_prompts(path)
    for word in ["p.jsonl", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("reader", [read_prompts, read_texts])
def test_files_that_are_not_there_or_of_another_kind(write, tmp_path, reader):
    with pytest.raises(BadInputError, match="no file"):
        reader(tmp_path / "missing.csv")
    with pytest.raises(BadInputError, match=r"\.csv, \.jsonl"):
        reader(write("a", "p.xlsx"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadInputError, match="cannot be read"):
        reader(tmp_path / "folder.csv")


def test_size_and_number_are_bounded(write, monkeypatch):
    path = write("prompt\n" + "a\n" * (MAX_PROMPTS + 1))
    with pytest.raises(BadInputError, match=f"line {MAX_PROMPTS + 2}: more than 10,000"):
        read_prompts(path)
    with pytest.raises(BadInputError, match=f"line {MAX_PROMPTS + 1}: more than 10,000"):
        read_texts(write("a\n" * (MAX_PROMPTS + 1), "p.txt"))
    monkeypatch.setattr(prompts, "MAX_FILE_BYTES", 1024)
    with pytest.raises(BadInputError, match="larger than"):
        read_prompts(path)


def test_reference_texts_are_the_lines_of_a_file(write):
    path = write("1 2 \n\n 3\r\n\u2028\n \nlast", "p.txt")
    assert read_texts(path) == ("1 2 ", " 3", "\u2028", " ", "last")
    with pytest.raises(BadInputError, match="no prompts"):
        read_texts(write("\n\r\n", "p.txt"))
    with pytest.raises(BadInputError, match="line 2, column prompt: longer"):
        read_texts(write("a\n" + "b" * 1_000_001, "p.txt"))


def test_writing_is_all_or_nothing(tmp_path, monkeypatch):
    rows = (PromptRow(text="new"),)
    target = tmp_path / "p.csv"
    target.write_text("older")

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(BadInputError, match="disk is full"):
            write_prompts(target, rows)
    assert target.read_text() == "older"
    with pytest.raises(BadInputError, match="surrogate"):
        write_prompts(target, (PromptRow.model_construct(text="\ud800"),))
    with pytest.raises(BadInputError, match="folder does not exist"):
        write_prompts(tmp_path / "missing" / "p.csv", rows)
    with pytest.raises(BadInputError, match=r"\.csv, \.jsonl"):
        write_prompts(tmp_path / "p.txt", rows)
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv"]


@pytest.mark.parametrize("sign", [";", "\t"])
def test_other_signs_between_columns_are_known_by_the_header(write, sign):
    lines = [["prompt", "answer", "wrong"], ['"a; b,\tc "', "5| five", "4"], ["d", "6", ""]]
    text = "\n".join(sign.join(line) for line in lines)
    assert read_prompts(write(text)) == (
        PromptRow(text="a; b,\tc ", answer=("5", " five"), wrong=("4",)),
        PromptRow(text="d", answer=("6",)),
    )


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_label_and_group_are_read_and_kept(tmp_path, ending):
    rows = (PromptRow(text="a", label="up", group="=x"), PromptRow(text="b"))
    write_prompts(tmp_path / f"p{ending}", rows)
    assert read_prompts(tmp_path / f"p{ending}") == rows
    write_prompts(tmp_path / f"q{ending}", rows[1:])
    assert "label" not in (tmp_path / f"q{ending}").read_text()


def test_a_row_without_label_and_group_is_stored_as_ever():
    assert PromptRow(text="a").model_dump() == {
        "text": "a",
        "corrupt": None,
        "answer": (),
        "wrong": (),
    }
    assert PromptRow(text="a", label="x").model_dump(mode="json")["label"] == "x"


def test_the_tables_that_come_along():
    sequences = read_prompts(resource("prompts", "number_sequences.csv"))
    assert sequences == read_prompts(resource("prompts", "number_sequences.jsonl"))
    assert [row.text for row in sequences] == [
        "1 2 3 4 ",
        "2 3 4 5 ",
        "3 4 5 6 ",
        "4 5 6 7 ",
        "5 6 7 8 ",
    ]
    assert [(row.answer, row.wrong) for row in sequences] == [
        ((str(n),), (str(n - 1),)) for n in range(5, 10)
    ]
    for row in sequences:
        assert row.corrupt is not None
        assert sorted(row.corrupt) == sorted(row.text)
        assert row.corrupt.endswith(" ")
        second, last = row.corrupt.split()[-2:]
        assert abs(int(last) - int(second)) != 1
    assert read_prompts(resource("prompts", "worked_example.csv")) == sequences[:1]


def test_the_written_jsonl_is_readable_by_anyone(tmp_path):
    write_prompts(tmp_path / "p.jsonl", [PromptRow(text="日 ", answer=("5", "6"))])
    (line,) = (tmp_path / "p.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line) == {"prompt": "日 ", "answer": "5|6"}
    assert "日" in line
