"""What tokenizations are warned of, with tokens made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.text.warnings import TokenizerFacts, length_notices, prompt_notices
from tests.text.test_answers import Characters

FACTS = TokenizerFacts(
    bos_id=1, bos_piece="<s>", adds_bos=True, trained_with_bos=True, unknown_id=None, context=64
)


def notices(text, bos=0, typed=0, facts=FACTS):
    """Return the notices of a text behind `bos` added and `typed` written BOS tokens."""
    plain = Characters().encode(text[3 * typed :])
    spans = [(0, 0)] * bos + [(3 * i, 3 * i + 3) for i in range(typed)]
    count = bos + typed
    encoding = replace(
        plain,
        ids=(1,) * count + plain.ids,
        pieces=("<s>",) * count + plain.pieces,
        texts=("<s>",) * count + plain.texts,
        offsets=(*spans, *((a + 3 * typed, b + 3 * typed) for a, b in plain.offsets)),
        special=(True,) * count + plain.special,
    )
    found = prompt_notices(PromptRow(text=text), 0, encoding, text, facts)
    return {notice.code: notice for notice in found}


def test_a_bos_is_said_to_be_there_missing_or_doubled():
    assert "bos_added" in notices("a", bos=1)
    assert notices("a")["bos_missing"].fix == {"index": 0, "bos": "yes"}
    assert notices("<s>a", bos=1, typed=1)["bos_double"].fix["prompt"] == "a"


def test_the_repair_of_many_bos_leaves_one():
    assert notices("<s><s>a", bos=1, typed=2)["bos_double"].fix["prompt"] == "a"
    assert notices("<s><s>a", typed=2)["bos_double"].fix["prompt"] == "<s>a"


@pytest.mark.parametrize(("text", "words"), [("a ", "ends in a space"), ("a\n\n", "white space")])
def test_what_a_prompt_ends_in_is_named(text, words):
    assert words in notices(text, bos=1)["trailing_space"].message


@pytest.mark.parametrize(
    ("text", "split"),
    [("a 12", "12 is"), ("1,234.5 x", "1,234.5 is"), ("3.14", "3.14 is"), ("10, 25", "10, 25 is")],
)
def test_numbers_over_several_tokens_are_named_whole(text, split):
    assert f"Prompt 1: {split} split" in notices(text, bos=1)["digits_split"].message


@pytest.mark.parametrize("text", ["1,2,3", "1 2 3", "a.b"])
def test_lists_of_digits_are_no_split_numbers(text):
    assert "digits_split" not in notices(text, bos=1)


def test_lengths_that_differ_are_told_with_where_they_part():
    encode = Characters().encode
    [twin] = length_notices([encode("abc")], [encode("abxd")])
    assert (twin.prompt, twin.positions) == (0, (2,))
    [odd] = length_notices([encode("abc"), encode("ab")], [None, None])
    assert "2 to 3 tokens" in odd.message
