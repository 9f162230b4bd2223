"""Ordered families as single tokens."""

from __future__ import annotations

import pytest

from desktop_app.support.errors import BadInputError
from desktop_app.text.families import Family, as_tokens, choose_families, load_families

DAYS = Family("days", "Days", ("Mon", "Tue", "Wed", "Thu"), cyclic=False, standard=True)


def encoder(vocabulary):
    """Return an encoder that knows whole texts, and cuts all others into characters."""

    def encode(text):
        if text in vocabulary:
            return [(vocabulary[text], text)]
        return [(1000 + ord(c), "Ġ" if c == " " else c) for c in text]

    return encode


def test_the_standard_families_have_71_pairs():
    families = choose_families("")
    names = ["digits", "number_words", "ordinals", "days", "months", "letters"]
    assert [f.name for f in families] == names
    assert sum(len(f.members) - 1 for f in families) == 71
    assert len({f.name for f in load_families()}) == len(load_families())
    assert all(len(set(f.members)) == len(f.members) for f in load_families())


def test_families_are_chosen_by_name_and_once():
    assert [f.name for f in choose_families("days, months,days")] == ["days", "months"]
    with pytest.raises(BadInputError, match="planets does not exist"):
        choose_families("days,planets")


def test_the_form_with_more_single_tokens_is_taken():
    spaced = as_tokens(DAYS, encoder({" Mon": 1, " Tue": 2, " Wed": 3, " Thu": 4, "Mon": 9}))
    assert spaced.ids == (1, 2, 3, 4)
    assert spaced.pairs == ((0, 1), (1, 2), (2, 3))
    bare = as_tokens(DAYS, encoder({"Mon": 1, "Tue": 2, "Thu": 4, " Mon": 9}))
    assert bare.ids == (1, 2, 4)


def test_members_of_several_tokens_are_left_out_with_their_pairs():
    found = as_tokens(DAYS, encoder({" Mon": 1, " Tue": 2, " Thu": 4}))
    assert found.left_out == ("Wed",)
    assert found.members == ("Mon", "Tue", "Thu")
    assert found.pairs == ((0, 1),)


def test_a_leading_piece_of_space_alone_is_dropped():
    digits = Family("digits", "Digits", ("1", "2"), cyclic=False, standard=True)
    found = as_tokens(digits, lambda text: [(0, "▁"), (int(text.strip()), text.strip())])
    assert found.ids == (1, 2)


def test_cyclic_families_close():
    ring = Family("ring", "Ring", DAYS.members, cyclic=True, standard=False)
    found = as_tokens(ring, encoder({" Mon": 1, " Tue": 2, " Wed": 3, " Thu": 4}))
    assert found.pairs[-1] == (3, 0)


def test_a_tokenizer_that_knows_nothing_leaves_all_out():
    found = as_tokens(DAYS, lambda _text: [])
    assert found.ids == ()
    assert found.pairs == ()
    assert found.left_out == DAYS.members


def test_two_members_of_one_token_count_once():
    found = as_tokens(DAYS, encoder({" Mon": 1, " Tue": 1, " Wed": 3, " Thu": 4}))
    assert found.left_out == ("Tue",)
    assert found.pairs == ((1, 2),)
