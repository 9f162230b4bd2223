"""Which result a picture of moves, or of a part's effect, may be taken from."""

from __future__ import annotations

import dataclasses

import pytest

from desktop_app.pictures.effects import AskedEffect
from desktop_app.pictures.moves import AskedMoves
from tests.samples import drawn, patching

PAIR = patching.PAIR
RESULT = patching.finish({}, (patching.OTHER, PAIR), {})


def places(result=RESULT, *, model=None, record=PAIR, metric="logit_diff"):
    """Return where a result speaks of a pair, of its tokens, and of its clean prompt."""
    model = model or drawn.model()
    moves = AskedMoves(model, record, metric, "resid_pre", "corrupt")
    effect = AskedEffect(model, (record,), metric, 0, None)
    return list(moves.places(result)), list(moves.places_of_tokens(result)), effect.places(result)


def test_a_result_of_that_model_and_pair_speaks_of_it():
    assert places() == ([1], [1], [1])
    assert places(model=drawn.model(name="a copy", device="cuda")) == ([1], [1], [1])


@pytest.mark.parametrize(
    "other",
    [{"fingerprint": "1"}, {"dtype": "bfloat16"}, {"weights": "processed"}, {"layernorm": "eps"}],
)
def test_that_of_another_model_or_another_form_of_it_does_not(other):
    assert places(model=drawn.model(**other)) == ([], [], None)


@pytest.mark.parametrize(
    "other",
    [
        {"answers": (drawn.answer("6"),)},
        {"wrongs": (drawn.answer("6"),)},
        {"wrongs": PAIR.answers, "answers": PAIR.wrongs},
        {"read_position": 5},
    ],
)
def test_what_is_asked_of_the_prompt_counts_where_it_is_compared(other):
    asked = dataclasses.replace(PAIR, **other)
    assert places(record=asked) == ([], [1], None)


def test_another_metric_and_another_twin_are_another_question():
    assert places(metric="prob") == ([], [1], None)
    assert places(record=drawn.prompt("1 2 3 4 ", "1 2 6 3 ")) == ([], [], [1])
