from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desktop_app.analyses.detect import card_words
from desktop_app.analyses.detect import picture as detect_data
from desktop_app.analyses.detect.card import ablations, card_pair, loss_sentence
from tests.samples.heads import CARD, detect_result


def test_only_the_scores_that_are_there_are_shown():
    assert detect_data.score_names(detect_result().data) == (
        "induction",
        "duplicate_token",
        "previous_token",
        "first_token",
        "current_token",
        "successor",
    )
    assert detect_data.score_names({"previous_token": 1, "other": 2}) == ("previous_token",)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("induction", [(4, 2), (5, 3), (6, 4)]),
        ("duplicate_token", [(4, 1), (5, 2), (6, 3)]),
        ("previous_token", [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5)]),
        ("first_token", [(q, 0) for q in range(7)]),
        ("current_token", [(q, q) for q in range(7)]),
        ("successor", []),
    ],
)
def test_the_stripe_is_where_the_score_looks(name, cells):
    assert detect_data.stripe_cells(detect_result(), name) == cells


def test_the_whole_diagonal_begins_at_the_first_key():
    result = detect_result(params={"whole_diagonal": True})
    assert detect_data.stripe_cells(result, "induction") == [(2, 0), (3, 1), (4, 2), (5, 3), (6, 4)]


def test_stripes_of_prompts_follow_their_own_repeats():
    result = detect_result(params={"on": "prompts"})  # ids 0 5 6 7 5 6 7
    assert detect_data.stripe_cells(result, "duplicate_token") == [(4, 1), (5, 2), (6, 3)]
    assert detect_data.stripe_cells(result, "induction") == [(4, 2), (5, 3), (6, 4)]


def test_a_painted_pattern_is_its_own_stripe():
    result = detect_result(params={"pattern": ((0.0, 0.0), (0.5, 0.0))})
    assert detect_data.stripe_cells(result, "target") == [(1, 0)]


def test_neighbours_are_joined_down_diagonals_and_columns():
    assert detect_data.runs([(4, 2), (5, 3), (6, 4)]) == [((4, 2), (6, 4))]
    assert detect_data.runs([(0, 0), (1, 0), (2, 0)]) == [((0, 0), (2, 0))]
    assert detect_data.runs([(1, 0), (5, 3)]) == [((1, 0), (1, 0)), ((5, 3), (5, 3))]
    assert detect_data.runs([]) == []


def test_the_best_head_stands_first_by_the_models_numbers():
    best = detect_data.top_heads(detect_result().data, "induction").rows[0]
    assert (best.key, best.values) == ((1, 3), ("L5H3", 0.9))


def test_the_spread_over_seeds_is_told():
    data = dict(detect_result().data)
    data["induction_spread"] = np.full((2, 4), 0.01)
    assert detect_data.score_text(data, "induction", 1, 3) == "0.900 ± 0.010"
    ranking = detect_data.top_heads(data, "induction")
    assert ranking.told(0) == "1. L5H3, score 0.900, ± 0.010"


def test_a_head_is_told_with_all_scores_and_its_families():
    data = detect_result().data
    assert detect_data.head_sentence(data, 1, 3).startswith(
        "L5H3: induction 0.90 · duplicate token"
    )
    told = detect_data.family_sentence(data, "successor", 0, 1)
    assert told == "L4H1, successor: days 0.75 (of 6) · number words 0.25 (of 11)"
    assert detect_data.family_sentence(data, "induction", 0, 1) == ""


def test_heads_are_found_by_the_models_numbers():
    data = detect_result().data
    assert detect_data.find_head(data, 5, 3) == (1, 3)
    assert detect_data.find_head(data, 0, 3) is None
    assert detect_data.find_head(data, 5, 4) is None
    assert detect_data.find_head(data, None, None) is None


def test_a_pattern_is_given_only_where_it_was_kept():
    assert detect_data.head_pattern(detect_result(kept=False), (1, 3)) is None
    pattern, texts = detect_data.head_pattern(detect_result(), (1, 3))
    assert pattern[4, 2] == 1.0
    assert len(texts) == 7


def test_the_card_sums_up_its_controls():
    assert card_pair(CARD) == ((4, 0), (5, 3))
    assert list(ablations(CARD).lines(range(5)))[1:] == [
        "previous-token head\tL4H0\t+2.000\t0.100",
        "both\tL4H0, L5H3\t+3.000\t–",
        "random heads, mean\t2 draws\t+0.200\t–",
        "random heads, 5 %\t2 draws\t+0.110\t–",
        "random heads, 95 %\t2 draws\t+0.290\t–",
    ]


def card_of(previous, induction, both, together, *, drawn=(0.0, 0.1, 6.3), alone=()):
    """Return a card of L0H3 and L1H3 with these rises of the loss."""
    rises = {
        "previous-token head": (previous, [[0, 3]]),
        "induction head": (induction, [[1, 3]]),
        "both": (both, [[0, 3], [1, 3]]),
        "all induction heads": (together, [[1, head] for head in range(4)]),
    }
    return {
        **CARD,
        "previous": {**CARD["previous"], "layer": 0, "head": 3},
        "induction": {**CARD["induction"], "layer": 1, "head": 3},
        "ablation": [
            {"title": title, "heads": heads, "rise": rise, "sem": None}
            for title, (rise, heads) in rises.items()
        ],
        "controls": [{"title": "random heads", "heads": [], "rise": rise} for rise in drawn],
        "induction_alone": list(alone),
    }


def test_the_card_says_which_head_carries_it_beside_random_draws():
    told = card_words.card_headline(card_of(7.05, 0.12, 7.04, 7.77, drawn=range(20)))
    assert told == (
        "No more than chance: the loss rises without L0H3 by 7.05, without L1H3 by 0.12, without "
        "both by 7.04 nats, and as much without random heads. 20 random draws of two other heads: "
        "+9.50 on average, 90 % of them from +0.95 to +18.05, 12 as much as both"
    )
    told = card_words.card_headline(card_of(7.05, 0.12, 7.04, 7.77, drawn=np.arange(20) / 10))
    assert told.startswith("L0H3, the previous-token head, carries the circuit: the loss rises ")
    assert told.endswith("+0.95 on average, 90 % of them from +0.10 to +1.81, none as much as both")
    both = card_words.card_headline(card_of(5.0, 4.0, 7.0, 7.0, drawn=(0.0,)))
    assert both.startswith("Each of the two heads is needed: ")
    neither = card_words.card_headline(card_of(0.1, 0.2, 7.0, 7.0, drawn=()))
    assert neither.startswith("Neither head carries it alone: ")
    assert neither.endswith("; there are no other heads to compare with")


def test_a_rise_below_the_noise_floor_is_no_more_than_rounding():
    card = {**card_of(0.1, 0.02, 0.11, 0.2, drawn=np.arange(20) / 1000), "noise": 0.12}
    told = card_words.card_headline(card)
    assert told.startswith("No more than rounding: the loss rises without L0H3 by 0.10")
    assert told.endswith("below the noise floor 0.120")
    assert "nats, noise floor 0.120; rise" in card_words.card_summary(card)[-1]
    assert loss_sentence(card).endswith(" · noise floor 0.120")
    assert "carries" in card_words.card_headline({**card, "noise": 0.01})


def test_the_card_says_whether_induction_heads_back_each_other_up():
    card = card_of(7.05, 0.12, 7.04, 7.77, alone=(0.02, 0.1, 0.12, 0.12))
    assert card_words.backup_sentence(card) == (
        "Induction heads back each other up: without L1H3 alone the loss rises by 0.12, without "
        "all 4 induction heads by 7.77 (the sum of each alone: 0.36)."
    )
    card = card_of(7.05, 1.0, 7.04, 4.0, alone=(1.0, 1.0, 1.0, 1.0))
    assert card_words.backup_sentence(card).startswith("Induction heads do not back each other up")
    assert card_words.backup_sentence(CARD) == ""  # of one induction head nothing can be said
    assert card_words.backup_sentence(card) in card_words.card_summary(card)


def test_only_heads_that_deserve_a_role_are_lent():
    score = np.array([[0.1, 0.9], [0.5, np.nan]])
    result = detect_result()
    lent = detect_data.head_roles(replace(result, data={"induction": score, "copy": score * 0.1}))
    assert lent == {"induction": ((0, 1), (1, 0)), "copy": ()}
