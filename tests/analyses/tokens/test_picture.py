from __future__ import annotations

import dataclasses

import pytest

from desktop_app.analyses.tokens import picture as data
from tests.samples import drawn


def test_rows_count_positions_and_characters():
    table = data.token_table(drawn.tokens_result(), 1)
    assert [row.values for row in table.rows[:2]] == [
        (0, 34, "2", "2", "0–1", ""),
        (1, 216, "Ġ", "␠", "1–2", ""),
    ]


@pytest.mark.parametrize(
    ("left", "right", "place"),
    [((1, 2, 3), (1, 5, 3), 1), ((1, 2), (1, 2), None), ((1, 2), (1, 2, 3), 2), ((), (1,), 0)],
)
def test_first_difference(left, right, place):
    assert data.first_difference(left, right) == place


def test_twins_are_compared_in_words():
    result = drawn.tokens_result()
    assert data.card_sentence(result, 0) == (
        "8 tokens · read at position 7 · corrupt twin parts at position 4, 2 tokens differ"
    )
    assert data.card_sentence(result, 1) == (
        "6 tokens · read at position 5 · corrupt twin has 8 tokens and parts at position 0"
    )


def test_overview_tells_unequal_lengths():
    assert data.overview_sentence(drawn.tokens_result()) == "2 prompts of 6 to 8 tokens"


def test_notices_of_a_prompt_leave_out_those_of_all():
    codes = [n.code for n in data.prompt_notices(drawn.tokens_result(), 0)]
    assert codes == ["trailing_space", "space_token"]
    assert data.prompt_notices(drawn.tokens_result(), 1) == []


def test_alignment_joins_tokens_within_their_characters():
    result = drawn.tokens_result(data=drawn.compare_data())
    rows = data.aligned_rows(result, 0)
    assert [(r.start, r.end, r.left, r.right, r.same) for r in rows[:2]] == [
        (0, 3, ("1", "␠", "2"), ("1␠2",), False),
        (3, 5, ("␠", "3"), ("␠3",), False),
    ]
    assert data.compare_table(result, 0).rows[1].values == (
        "3–5",
        "␠3",
        "␠ | 3",
        2,
        "␠3",
        1,
        "✗",
    )
    assert "3 of 4 stretches" in data.compare_sentence(result, 0)
    assert "alike" in data.compare_sentence(result, 1)
    assert data.aligned_rows(drawn.tokens_result(), 0) == []


def test_padding_rows_say_why():
    result = drawn.tokens_result(data=drawn.padding_data())
    table = data.padding_table(result, 0)
    assert table.values("agrees") == ["✓", "✗", "✓", "✗", "✓"]
    assert data.padding_sentence(result, 0).startswith("2 of 4 padded readings agree")
    told = table.values("why")
    assert "reference" in told[0]
    assert "last column is padding" in told[1]
    assert "own last token" in told[2]
    assert "Without a mask" in told[3]
    assert "mask hides" in told[4]


def test_look_up_by_id_and_by_text():
    result = drawn.tokens_result()
    assert [m.id for m in data.find_tokens(result, "216")] == [216]
    assert [m.id for m in data.find_tokens(result, " ")] == [216]
    assert [m.id for m in data.find_tokens(result, "␠")] == [216]
    five = data.find_tokens(result, "5")
    assert [(m.id, m.places) for m in five] == [(37, 0)]  # an answer, in no prompt
    assert data.find_tokens(result, "") == []
    assert "not a token" in data.lookup_sentence(result, "zebra")
    assert data.lookup_sentence(result, "216").startswith("216 = “␠” (Ġ), 7×")


def test_an_id_comes_before_a_text_of_the_same_digits():
    odd = drawn.prompt("1x")
    tokens = dataclasses.replace(odd.tokens, ids=(33, 5), texts=("1", "33"))
    result = drawn.tokens_result(prompts=(dataclasses.replace(odd, tokens=tokens),))
    assert [m.id for m in data.find_tokens(result, "33")] == [33, 5]
