"""Sets of texts: to the letter, or those of the prompt files that they name."""

from __future__ import annotations

import json

import pytest

from desktop_app.contract.steering import MAX_TEXTS
from desktop_app.support.errors import BadInputError
from desktop_app.text.text_sets import looks_like_file, names_file, read_sets, read_written


def test_texts_are_kept_to_the_letter():
    given = (" a ", "", "b, c", "x\ny.txt", "the file notes.txt", "\ud7ff")
    assert read_sets(given) == given


def test_files_stand_for_their_texts(tmp_path, monkeypatch):
    lines, table = tmp_path / "lines.txt", tmp_path / "table.CSV"
    lines.write_text(" one \n\ntwo\n")
    table.write_text("prompt,label\nthree,a\nfour ,b\n")
    objects = tmp_path / "objects.jsonl"
    objects.write_text('{"prompt": "five"}\n')
    texts = read_sets((str(lines), "between", str(table), str(objects)))
    assert texts == (" one ", "two", "between", "three", "four ", "five")
    monkeypatch.chdir(tmp_path)
    assert read_sets(["lines.txt"]) == (" one ", "two")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert read_sets(["~/lines.txt"]) == (" one ", "two")


def test_files_stand_for_their_texts_in_what_is_written_too(tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text(f"one\n{lines}\n")
    told = {"op": "difference", "from": ["a"], "to": [str(lines), "b"], "file": str(lines)}
    (written,) = read_written([json.dumps(told)])
    # Once: a line that is itself the name of a file is a text.
    assert json.loads(written) == {**told, "to": ["one", str(lines), "b"]}
    others = ("no JSON", "[1]", "3", '{"to": 3}', '{"to": [3]}', '{"op": "zero"}')
    assert read_written(others) == others
    gone = tmp_path / "bad.csv"
    gone.write_text("nothing\n1\n")
    with pytest.raises(BadInputError, match=r"bad\.csv"):
        read_written([json.dumps({"from": [str(gone)]})])


def test_what_names_no_file(tmp_path):
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    for text in (str(folder), "none.txt", "n\0.txt", "n\ud800.txt", "x" * 9_000 + ".txt", ""):
        assert not names_file(text)
        assert read_sets([text]) == (text,)
    assert looks_like_file("none.txt")
    assert looks_like_file(" none.CSV ") is False  # to the letter, it ends in a space
    assert not looks_like_file("see none.txt")
    assert not looks_like_file("none")


def test_what_cannot_be_read(tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing\n1\n")
    with pytest.raises(BadInputError, match=r"bad\.csv"):
        read_sets([str(bad)])
    many = tmp_path / "many.txt"
    many.write_text("a\n" * MAX_TEXTS)
    assert len(read_sets([str(many)])) == MAX_TEXTS
    with pytest.raises(BadInputError, match="--from has more than 10,000 texts"):
        read_sets([str(many), "one more"], "--from")
