"""Words, where they stand, and how often: against a slow count character by character."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from desktop_app.analyses.candidates import words as words_module
from desktop_app.analyses.candidates.words import Spot, count_words, spot_of, spots_of, word_pattern
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.support.errors import BadInputError, Cancelled


def slowly(text):
    """Return the words of a text without scripts that are unspaced, one character at a time."""
    found, word = [], ""
    for c in f"{text} ":
        letter = c == "_" or c.isalnum()
        if letter or (word and unicodedata.category(c).startswith("M")):
            word += c
        else:
            found += [word] if word else []
            word = ""
    return found


@pytest.mark.parametrize(
    "text",
    [
        "def f(param, self): return self_param  # don't",
        "Café cafe\u0301 हिन्दी भाषा naïve",
        "1 2 3.5 x_1 __init__ ünïcödé",
        "",
        " \n\t ",
        "a" * 30,
    ],
)
def test_words_are_runs_of_letters_digits_and_marks(text):
    assert word_pattern().findall(text) == slowly(text)


def test_each_character_of_an_unspaced_script_is_one():
    assert word_pattern().findall("漢字 kana かな") == ["漢", "字", "kana", "か", "な"]


@pytest.mark.parametrize(
    ("text", "word", "count"),
    [
        ("param params a_param param", "param", 2),
        ("self.self(self)", "self", 3),
        ("a+b+c", "+", 2),
        (" param", " param", 1),
        ("a  b", " ", 2),
        ("cafe\u0301 cafe", "cafe", 1),
        ("漢字漢", "漢", 2),
        ("don't", "don", 1),
    ],
)
def test_whole_words_alone_are_found(text, word, count):
    spots = spots_of(text, word)
    assert len(spots) == count
    assert {text[spot.start : spot.end] for spot in spots} == {word}


def test_only_the_word_is_exchanged():
    spot = spot_of("a param, a params", "param", 0, 0)
    assert spot == Spot(2, 7)
    assert spot.with_word("a param, a params", "arg") == "a arg, a params"


def test_several_places_are_shown_with_what_stands_around_them():
    with pytest.raises(BadInputError, match="2 places") as refused:
        spot_of("first word here and another word there", "word", 0, 1)
    assert "1 “first␠word␠here" in str(refused.value)
    assert "prompt 2" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "word", "told"),
    [
        ("one Two", "two", "“Two” does: capitals count"),
        ("İstanbul Two", "two", "“Two” does: capitals count"),  # its small letters are more
        ("Twofold, TWO", "two", "“TWO” does: capitals count"),
        ("one (Two)", " two ", "“Two” does: capitals count"),
        ("a+B", "A+b", "“a+B” does: capitals count"),
        ("ẞ one", "ss", "name a word of it as it is written"),
        ("Twofold", "two", "name a word of it as it is written"),
        ("Two", "  ", "name a word of it as it is written"),
    ],
)
def test_a_word_in_other_letters_is_named_as_it_stands(text, word, told):
    with pytest.raises(BadInputError) as refused:
        spot_of(text, word, 0, 0)
    assert told in str(refused.value)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1 << 20])
def test_a_text_is_counted_alike_in_pieces_of_any_size(tmp_path, monkeypatch, chunk):
    text = "One two, two cafe\u0301 three_3 — naïve 漢字 two\n" * 3 + "end"
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(words_module, "_CHUNK", chunk)
    found = count_words(path, SilentReporter())
    assert found.counts == Counter(word_pattern().findall(text))
    assert found.total == found.counts.total()
    assert (found.of("two"), found.of(" two"), found.of("two two"), found.of("x")) == (
        9,
        9,
        None,
        0,
    )
    assert (found.rank("two"), found.rank("One"), found.rank("x")) == (0, 1, None)


def test_a_mark_at_the_start_of_a_file_is_no_word(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbfone one")
    assert count_words(path, SilentReporter()).counts == {"one": 2}


def test_letters_without_end_are_counted_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(words_module, "_CHUNK", 100)
    monkeypatch.setattr(words_module, "_LONGEST", 50)
    path = tmp_path / "text.txt"
    path.write_text("x" * 10_000, encoding="utf-8")
    found = count_words(path, SilentReporter())
    assert sum(len(word) * count for word, count in found.counts.items()) == 10_000


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "is not there"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path, make, told):
    path = tmp_path / "text.txt"
    make(path)
    with pytest.raises(BadInputError, match=told) as refused:
        count_words(path, SilentReporter())
    assert "--text text.txt" in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def test_a_name_that_no_file_can_have(tmp_path):
    with pytest.raises(BadInputError, match="not there"):
        count_words(tmp_path / "a\0b", SilentReporter())


def test_sizes_are_bounded(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text("one two three", encoding="utf-8")
    monkeypatch.setattr(words_module, "MAX_DIFFERENT", 2)
    with pytest.raises(BadInputError, match="more than 2 different words"):
        count_words(path, SilentReporter())
    monkeypatch.setattr(words_module, "MAX_TEXT_BYTES", 5)
    with pytest.raises(BadInputError, match="larger than"):
        count_words(path, SilentReporter())


def test_counting_can_be_stopped(tmp_path):
    class Stopping(Reporter):
        def step(self, fraction, note=""):
            raise Cancelled

    path = tmp_path / "text.txt"
    path.write_text("one", encoding="utf-8")
    with pytest.raises(Cancelled):
        count_words(path, Stopping())
