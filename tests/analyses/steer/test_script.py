"""What the script of a steering is told: the texts to the letter, and what a sweep moves."""

from __future__ import annotations

import pytest

from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.script import facts
from tests.analyses.steer.asked import steer
from tests.models import named

pytestmark = pytest.mark.model

LEAD = {"from": ["7 9", "notes.txt"], "to": ["1 2 3"]}


def told(**settings):
    shared = {"max_new_tokens": 1, "control": "no", "layer": 1}
    result = steer(named("toy"), ["1 2 3 4"], **shared, **settings)
    return facts(result, made_params(result.params))


def test_texts_are_the_ones_of_the_result_also_where_one_looks_like_a_file():
    also = ({"op": "difference", "layer": 2, "from": ["a"], "to": ["b.csv"]},)
    found = told(also=also, **LEAD)
    assert found["differences"] == {
        0: [["7 9", "notes.txt"], ["1 2 3"]],
        1: [["a"], ["b.csv"]],
    }
    assert found["recorded"] == {}


def test_coefficients_alone_move_nothing_from_its_layer():
    alone = told(sweep_coefs=(0.0, 2.0), **LEAD)
    assert (alone["sweep_layers"], alone["moved"], alone["multiplied"]) == ([1], [], [0])
    moved = told(sweep_layers="0:2", sweep_coefs=(2.0,), **LEAD)
    assert (moved["sweep_layers"], moved["moved"], moved["multiplied"]) == ([0, 1], [0], [0])
