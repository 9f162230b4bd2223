"""Every number of an attribution, taken apart with the values on screen."""

from __future__ import annotations

import re

import pytest

from desktop_app.analyses.attribute.explain import WHATS, explain
from desktop_app.contract.registry import file_of
from desktop_app.pictures.facts import Place
from tests.samples.attributed import attribute_result

HEAD = Place(0, 1, 2)


def test_a_head_is_a_slice_along_the_direction_and_sums_to_its_attention():
    told = explain(attribute_result(count=1), "head", HEAD)
    assert "slice of W_O · direction" in told.formula
    assert "W_U(answer) − W_U(wrong)" in told.formula
    assert "scale held" in told.formula
    assert told.working.splitlines()[1] == (
        "L1 attention: 3.000 + (−0.500) of its other heads + 0.031 of its biases = 2.531"
    )


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("mlp", "L1 MLP +0.500"),
        ("share", "100 · 3.000 / 2.375 = 126.3 %"),
        ("sum", "embeddings 0.125 + attention 2.812 + MLPs (−0.500) + final bias (−0.062) = 2.375"),
        ("cumulative", "−0.594 before L1 attention, 1.938 after it: +2.531"),
        ("bias", "attention biases +0.062"),
        ("source", "2.250 + 0.000 + 0.000 + 0.000 + 0.000 + 0.000 + 0.000 + 0.750 = 3.000"),
        ("sem", "With one prompt there is none."),
    ],
)
def test_the_values_stand_in_the_working(what, part):
    result = attribute_result(count=1, by_source=True, neurons=2)
    assert part in explain(result, what, HEAD).working


def test_means_say_over_how_many_prompts_they_are():
    result = attribute_result()
    assert "mean of 2 prompts" in explain(result, "head", HEAD).working
    assert explain(result, "sem", HEAD).working == "1.061 / √2 = 0.750"


def test_the_direction_is_that_of_the_named_token_and_of_the_layer():
    told = explain(attribute_result(params={"token": " 5", "layer": 1}), "head", Place(0, 0, 1))
    assert "W_U(“␠5”)" in told.formula
    assert "before block 1" in told.formula


@pytest.mark.parametrize("what", [*WHATS, "base", "sum_error", "adds", "embed", "neuron"])
@pytest.mark.parametrize("place", [HEAD, Place(0, 1, None), Place(), Place(5, 9, 9)])
@pytest.mark.parametrize("params", [{}, {"layer": 0}])
def test_every_number_is_explained_wherever_one_points(what, place, params):
    told = explain(attribute_result(by_source=True, params=params), what, place)
    assert told is not None
    assert told.formula
    assert "nan" not in told.text()


def test_what_is_explained_stands_under_a_heading_of_the_help():
    text = file_of("attribute", "help.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^## (.+)$", text, re.MULTILINE))
    for what in WHATS:
        assert explain(attribute_result(), what, HEAD).heading in headings


def test_what_nobody_knows_is_not_explained():
    assert explain(attribute_result(), "nothing", HEAD) is None
