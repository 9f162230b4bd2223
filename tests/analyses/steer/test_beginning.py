"""What continuations begin with: as settings write it, and as tokens of a model."""

from __future__ import annotations

import pytest

from desktop_app.analyses.steer.beginning import begun_ids
from desktop_app.analyses.steer.said import continuations
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.steering import Begin, parse_begin, written_begin
from desktop_app.support.errors import BadInputError
from desktop_app.text.encoding import Encoding
from tests.analyses.steer.asked import steer
from tests.models import tiny

LETTERS = "abcdefgh "


class Letters:
    """A tokenizer of single letters."""

    def encode(self, text):
        ids = tuple(LETTERS.index(letter) for letter in text)
        ends = tuple((place, place + 1) for place in range(len(text)))
        return Encoding(ids, tuple(text), tuple(text), ends, (False,) * len(text))

    encode_plain = encode


def decode(ids):
    return "".join(LETTERS[id_] for id_ in ids)


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("steered:0:216,34", Begin("steered", 0, (216, 34))),
        ("plain:12:7", Begin("plain", 12, (7,))),
        ("said:0:1,2+ rain, sun", Begin("said", 0, (1, 2), " rain, sun")),
        ("control:3:+\nso", Begin("control", 3, (), "\nso")),
        (" steered : 0 : 1 , 2 ", Begin("steered", 0, (1, 2))),
    ],
)
def test_what_is_written_is_read_and_written_again(text, begin):
    assert parse_begin(text) == begin
    assert parse_begin(written_begin(begin)) == begin


@pytest.mark.parametrize("text", ["", "steered:0:", "steered:0:+", "other:0:1", "steered:x:1"])
def test_what_says_nothing_is_refused(text):
    with pytest.raises(ValueError, match="is not written as steered"):
        parse_begin(text)


def test_settings_keep_a_text_to_the_letter():
    params = SteerParams(begin=("steered:0:1+ a  b ",))
    assert SteerParams.model_validate(params.model_dump()).begin == ("steered:0:1+ a  b ",)


def test_a_text_is_read_as_the_continuation_of_what_stands_before():
    ids = begun_ids(Begin("plain", 0, (0, 1), "cd"), "gh", Letters(), decode, 9)
    assert ids == (0, 1, 2, 3)


def test_tokens_alone_stay_as_they_are():
    assert begun_ids(Begin("plain", 0, (5, 8)), "gh", Letters(), decode, 9) == (5, 8)


def test_a_token_that_the_model_lacks_is_refused():
    with pytest.raises(BadInputError, match="names token 9, and this model has 9"):
        begun_ids(Begin("plain", 0, (9,)), "gh", Letters(), decode, 9)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_only_what_the_model_would_not_have_said_is_given(temperature):
    model = tiny("llama")
    shared = {"layer": 1, "zero": True, "ignore_eos": True, "temperature": temperature}
    found = steer(model, ["abc"], max_new_tokens=3, **shared)
    begin = [
        written_begin(Begin(run, 0, tuple(found.data[run][0]["ids"])))
        for run in ("plain", "steered")
    ]
    on = steer(model, ["abc"], max_new_tokens=5, begin=begin, **shared)
    assert on.data["plain"][0]["given"] == on.data["steered"][0]["given"] == []
    assert "given" not in on.data["control"][0]
    said = continuations(on, 0, on.params["begin"])
    assert not any(token.given for one in said for token in one.tokens)
    first, second, third = found.data["plain"][0]["ids"]
    edited = written_begin(Begin("plain", 0, (first, second + 1, third)))
    one = steer(model, ["abc"], max_new_tokens=5, begin=[edited], **shared)
    (plain, *_others) = continuations(one, 0, one.params["begin"])
    assert [token.given for token in plain.tokens][:2] == [False, True]
    assert not any(token.given for token in plain.tokens[3:])


def test_a_result_has_the_tokens_in_the_texts_place():
    begin = ("plain:1:0,1+cd", "steered:0:+ef", "control:0:5")
    settings = {"layer": 1, "zero": True, "max_new_tokens": 5}
    found = steer(tiny("llama"), ["abc", "ghi"], begin=begin, **settings)
    told = [parse_begin(text) for text in found.params["begin"]]
    assert [(one.run, one.prompt) for one in told] == [("plain", 1), ("steered", 0), ("control", 0)]
    for one in told:
        assert one.text == ""
        assert tuple(found.data[one.run][one.prompt]["ids"][: len(one.ids)]) == one.ids
    assert len(told[0].ids) > 2
    assert told[2].ids == (5,)
    again = steer(tiny("llama"), ["abc", "ghi"], begin=found.params["begin"], **settings)
    assert again.data["plain"] == found.data["plain"]
    assert again.data["steered"] == found.data["steered"]
