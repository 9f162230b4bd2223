"""Painted patterns from files."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from desktop_app.support.errors import BadInputError
from desktop_app.text.painted import read_pattern
from desktop_app.text.prompts import read_prompts, read_texts

TABLE = ((1.0, 0.0), (0.5, 0.5))


def test_every_ending_reads_the_same_table(tmp_path):
    (tmp_path / "a.csv").write_text("1,0\n0.5,0.5\n\n", encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps(TABLE), encoding="utf-8")
    np.save(tmp_path / "a.npy", np.array(TABLE))
    for name in ("a.csv", "a.json", "a.npy"):
        assert read_pattern(tmp_path / name) == TABLE


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "1", "must end in"),
        ("a.csv", "1,two", "no table of numbers"),
        ("a.csv", "1,0", "no square table"),
        ("a.csv", "nan", "no square table"),
        ("a.csv", "", "no square table"),
        ("a.json", "[[1,0],[1]]", "no table of numbers"),
        ("a.json", "{}", "no table of numbers"),
        ("a.npy", "junk", "no table of numbers"),
    ],
)
def test_what_is_no_pattern_is_refused(tmp_path, name, text, words):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=words):
        read_pattern(tmp_path / name)


def test_a_missing_file_and_a_pickle_are_refused(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        read_pattern(tmp_path / "none.csv")
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInputError, match="no table of numbers"):
        read_pattern(tmp_path / "a.npy")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
@pytest.mark.parametrize("reader", [read_pattern, read_prompts, read_texts])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, reader):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(BadInputError, match="pipe or a device"):
        reader(pipe)


def test_a_pattern_nested_without_end_is_no_table(tmp_path):
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(BadInputError, match="no table of numbers"):
        read_pattern(tmp_path / "a.json")
