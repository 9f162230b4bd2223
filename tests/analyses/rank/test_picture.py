from __future__ import annotations

import math

import numpy as np
import pytest

from desktop_app.analyses.rank import picture as data
from tests.samples import drawn


def test_heading_shows_the_end_of_what_is_read():
    result = drawn.rank_result()
    assert data.heading(result, 0) == "Predicting the token after “…␠3␠4␠”"
    assert data.read_sentence(result, 0) == (
        "read at position 7 of 0…7 (the last), token “␠” id 216"
    )


def test_heading_follows_the_read_position():
    result = drawn.rank_result(data={"read_position": np.array([2, 5])})
    assert data.heading(result, 0) == "Predicting the token after “1␠2”"
    assert "(the last)" not in data.read_sentence(result, 0)


def test_answers_and_wrongs_are_marked_in_the_list():
    rows = data.predictions(drawn.rank_result(), 0)
    assert rows.values("place") == [0, 1, 2]
    assert rows.values("token") == ["5", "4", "␠"]
    assert [row.key for row in rows.rows] == rows.values("id") == [37, 36, 216]
    assert rows.values("mark") == ["answer", "wrong", ""]
    assert [row.emphasis for row in rows.rows] == ["good", "bad", ""]


def test_each_answer_token_is_predicted_given_those_before_it():
    tables = data.answer_tables(drawn.rank_result(), 0)
    assert [(t.text, t.mark) for t in tables] == [("5", "answer"), ("56", "answer"), ("4", "wrong")]
    two = tables[1]
    assert two.ranking.values("token") == ["5", "6"]
    assert two.ranking.values("given") == ["…␠4␠", "…4␠5"]
    assert two.ranking.values("rank") == [0, 1]
    assert two.ranking.text(0, 2) == "0 (top)"
    tips = [row.tooltip for row in two.ranking.rows]
    said = f"Predicting token 1, “6” (id {drawn.VOCABULARY['6']}), given “…4␠5”\nprobability 0."
    assert tips[1].startswith(said)
    assert two.logprob_total == pytest.approx(math.log(0.35))
    assert data.table_sentence(two) == "“56” is 2 tokens: 5 + 6"
    assert data.table_sentence(tables[0]) == "“5” is one token"


def test_what_is_given_ends_at_the_read_position():
    result = drawn.rank_result(data={"read_position": np.array([2, 5])})
    assert data.answer_tables(result, 0)[0].ranking.values("given")[0] == "1␠2"


def test_logit_difference_over_prompts():
    spread = data.logit_diff(drawn.rank_result(), 1)
    assert (spread.prompt, spread.mean, spread.sem) == (4.0, 3.0, 1.0)
    assert data.spread_sentence(spread) == "mean 3.000 ± 1.000 over 2 prompts"
    assert "prefers the answer" in data.logit_diff_sentence(drawn.rank_result(), 1)


def test_no_pair_means_no_logit_difference():
    nothing = drawn.rank_result(data={"logit_diff": np.full(2, np.nan)})
    assert data.logit_diff(nothing, 0) is None
    assert "Give this prompt an answer" in data.logit_diff_sentence(nothing, 0)


def test_a_prompt_without_pair_among_others():
    mixed = drawn.rank_result(data={"logit_diff": np.array([math.nan, 4.0])})
    assert math.isnan(data.logit_diff(mixed, 0).prompt)
    assert "over 1 prompt" in data.spread_sentence(data.logit_diff(mixed, 0))


def test_surprise_starts_at_the_second_token():
    values = data.surprise(drawn.rank_result(), 1)
    assert math.isnan(values[0])
    assert values[1:].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert data.surprise_sentence(drawn.rank_result(), 1) == (
        "loss 3.000 nats a token · perplexity 20.1"  # e³ = 20.0855
    )


def test_surprise_tips_name_probability_and_rank():
    tips = data.surprise_texts(drawn.rank_result(), 1)
    assert "nothing predicts it" in tips[0]
    assert tips[2] == "“3” at 2: log p −2.00 (p 0.135), rank 1"


def test_a_prompt_of_one_token_has_nothing_to_predict():
    one = drawn.rank_result(
        prompts=(drawn.prompt("1"),),
        data={
            "prompt_logprob": (np.empty(0),),
            "prompt_rank": (np.empty(0, int),),
            "read_position": np.array([0]),
        },
    )
    assert np.isnan(data.surprise(one, 0)).tolist() == [True]
    assert "nothing to predict" in data.surprise_sentence(one, 0)
