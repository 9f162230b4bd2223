"""What an ablation lends to who knows only direct effects."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from desktop_app.analyses.ablate.picture import part_effect, part_effects
from desktop_app.pictures.effects import AskedEffect
from tests.samples import drawn


def asked(**changes):
    given = {"model": drawn.model(), "records": drawn.PROMPTS, "metric": "logit_diff"}
    return AskedEffect(**{**given, "layer": 5, "head": 3, **changes})


def test_the_effect_of_a_head_is_lent_per_prompt():
    found = part_effect(drawn.ablate_result(), asked())
    assert found.values.tolist() == [-3.0, -1.0]
    assert (found.mode, found.estimated) == ("zero", False)
    assert (found.of(None), found.of(0)) == (-2.0, -3.0)


def test_prompts_are_found_wherever_they_stand():
    turned = drawn.PROMPTS[::-1]
    assert part_effect(drawn.ablate_result(), asked(records=turned)).values.tolist() == [-1.0, -3.0]
    one = part_effect(drawn.ablate_result(), asked(records=drawn.PROMPTS[1:]))
    assert one.values.tolist() == [-1.0]


def test_an_mlp_is_lent_by_a_sweep_over_mlps():
    found = part_effect(drawn.ablate_result(component="mlp"), asked(head=None))
    assert found.values.tolist() == [-3.0, -1.0]
    assert part_effect(drawn.ablate_result(component="attn"), asked(head=None)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "prob"},
        {"layer": 1},
        {"head": None},
        {"model": drawn.model(dtype="bfloat16")},
        {"model": drawn.model(weights="processed")},
        {"records": (drawn.prompt("1 2 3 4 ", right="6"),)},
    ],
)
def test_nothing_is_lent_of_another_model_number_or_prompt(changes):
    assert part_effect(drawn.ablate_result(), asked(**changes)) is None


def test_estimates_say_so_and_what_was_not_computed_is_not_lent():
    estimate = drawn.ablate_result(data={"estimated": True})
    assert part_effect(estimate, asked()).estimated
    missing = drawn.ablate_result(data={"effect": np.full((3, 4, 2), np.nan)})
    assert part_effect(missing, asked()) is None


def test_what_all_parts_change_is_lent_so_that_harm_is_negative():
    lent = part_effects(drawn.ablate_result())
    assert lent.metric == "logit difference"
    assert lent.below(0.5) == ((5, 3),)
    assert len(lent.values) == 12
    harmed = drawn.ablate_result()
    harmed = dataclasses.replace(harmed, params={**harmed.params, "metric": "loss"})
    assert part_effects(harmed).below(0.5) == ((4, 2),)
    of_mlps = part_effects(drawn.ablate_result(component="mlp"))
    assert of_mlps.values[5, None] == -2.0
    assert part_effects(drawn.ablate_result(component="attn")) is None
