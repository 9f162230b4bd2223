"""A word in its place as tokens, with tokens cut by hand."""

from __future__ import annotations

import pytest

from desktop_app.analyses.candidates.places import swap_of
from desktop_app.analyses.candidates.words import Spot
from desktop_app.text.encoding import Encoding


def cut(*texts):
    """Return a text of these tokens."""
    ends = [sum(map(len, texts[: n + 1])) for n in range(len(texts))]
    spans = tuple(zip([0, *ends], ends, strict=False))
    ids = tuple(sum(map(ord, text)) for text in texts)
    return Encoding(ids, texts, texts, spans, (False,) * len(texts))


@pytest.mark.parametrize("end", [" ", "s"])
def test_the_first_word_of_a_prompt_without_a_bos(end):
    spot = Spot(0, 1)
    own = swap_of("(", cut("()", " pair", end), spot, None)
    swap = swap_of("[", cut("[", ")", " pair", end), spot, own)
    assert (swap.fits, swap.count) == (False, 2)
    assert (swap.told()["first"], swap.told()["texts"]) == (0, ["[", ")"])


@pytest.mark.parametrize(
    ("own", "changed", "count", "told"),
    [
        # A space of the own word's token, before it, is one of its own.
        (("a", " two", " c"), ("a", " ", "x", " c"), 2, [" ", "x"]),
        (("a", " two", " c"), ("a", " tw", "in", " c"), 2, [" tw", "in"]),
        # What it held behind the word.
        (("a", " two.", " c"), ("a", " x", "y", ".", " c"), 3, [" x", "y", "."]),
        # Fewer tokens.
        (("a", " t", "wo", " c"), ("a", " x", " c"), 1, [" x"]),
    ],
)
def test_all_that_stands_in_the_place_of_its_own_tokens_is_told(own, changed, count, told):
    old, new = "".join(own), "".join(changed)
    word = new[2 : len(new) - len(old) + 5]
    base = swap_of("two", cut(*own), Spot(2, 5), None)
    swap = swap_of(word, cut(*changed), Spot(2, 5), base)
    assert swap.fits is False
    assert (swap.count, swap.told()["texts"]) == (count, told)
    assert swap.told()["first"] == base.own.start
