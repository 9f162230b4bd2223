"""The numbers of steering, taken apart with the values on screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop_app.analyses.steer.explain import WHATS, explain
from desktop_app.contract.registry import file_of
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.pictures.facts import Place
from tests.samples.steered import plain_result, steer_result, strip


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("loss", "−((−0.50) + (−6.50) + (−1.00) + (−12.00)) / 4 = 5.00   (steered)"),
        ("logprob", "log 0.407 = −0.900   (steered, step 1, “␠cold”)"),
        ("plain_logprob", "−0.900 − (−6.500) = 5.600   (own − plain, steered, step 1, “␠cold”)"),
        ("recompute", "the same tokens, largest difference of a logit 2.0e−06"),
        ("control", "add 4 × (“cold” − “hot”)"),
    ],
)
def test_the_values_stand_in_the_working(what, part):
    assert part in explain(steer_result(), what, Place()).working


def test_the_full_pass_claims_no_more_of_the_cache_than_holds():
    forgotten = {"same_tokens": False, "max_logit_difference": 1.3, "first_apart": 1}
    result = steer_result()
    result = replace(result, data=result.data | {"recompute": (forgotten,)})
    told = explain(result, "recompute", Place())
    assert told.working.startswith("other tokens")
    assert "With the cache" in told.sign
    assert "Without it" in told.sign


@pytest.mark.parametrize(
    ("more", "warnings", "why"),
    [
        ({}, (Notice(PARTIAL, "Stopped."),), "the run stopped before that"),
        ({}, (), "there was too little memory for it"),
        ({"steered": (strip([], [], []),)}, (), "there is no token of it"),
    ],
)
def test_a_text_that_was_not_read_again_is_not_compared(more, warnings, why):
    unknown = {"same_tokens": None, "max_logit_difference": float("nan"), "first_apart": None}
    result = steer_result()
    data = result.data | {"recompute": (unknown,)} | more
    result = replace(result, data=data, warnings=warnings)
    assert explain(result, "recompute", Place()).working == f"not read again: {why}"


def test_a_reading_rises_by_the_length_of_what_is_added_at_its_place_alone():
    told = explain(steer_result(), "reading", Place())
    assert "at its very place" in told.sign
    assert "coefficient · ‖vector‖" in told.sign


def test_of_plain_generation_the_plain_text_is_explained():
    told = explain(plain_result(), "loss", Place())
    assert told.working == "−((−0.50) + (−0.10) + (−1.20) + (−2.40)) / 4 = 1.05   (plain)"


@pytest.mark.parametrize("what", WHATS)
def test_every_number_leads_to_a_heading_of_the_help_page(what):
    told = explain(steer_result(), what, Place(1))
    assert told.formula
    page = file_of(told.page, "help.md").read_text(encoding="utf-8")
    assert f"## {told.heading}\n" in page


def test_what_is_no_number_of_it_is_not_explained():
    assert explain(steer_result(), "patched", Place()) is None
