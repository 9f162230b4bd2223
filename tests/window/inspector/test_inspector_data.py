"""What the inspector says of a head and a token."""

from __future__ import annotations

import numpy as np

from desktop_app.window.inspector.inspector_data import (
    ablation_facts,
    attention_facts,
    detector_facts,
    head_pattern,
    patch_facts,
    token_facts,
)
from tests.analyses.detect.test_view import detect_result
from tests.views import patch_samples, samples


def values(facts):
    return {fact.name: fact.value for fact in facts}


def test_a_heads_effect_with_its_error_and_this_prompts():
    facts = values(ablation_facts(samples.ablate_result(), 5, 3, 1))
    assert facts["Effect of removal (zero, mean of 2)"] == "−2.000 ± 1.000"
    assert facts["… on this prompt"] == "−1.000"
    assert facts["Kept without it"] == "25.0 %"


def test_a_layers_effect():
    facts = values(ablation_facts(samples.ablate_result(component="mlp"), 5, None, 0))
    assert facts["Effect of removal (zero, mean of 2)"].startswith("−2.000")


def test_what_a_result_does_not_hold_is_left_out():
    assert ablation_facts(None, 5, 3, 0) == []
    assert ablation_facts(samples.ablate_result(), 99, 0, 0) == []
    assert ablation_facts(samples.ablate_result(), 5, 99, 0) == []
    assert attention_facts(samples.attention_result(), 0, 0, 0) == []
    assert attention_facts(samples.attention_result(), 5, 2, 9) == []
    assert head_pattern(samples.attention_result(), 5, 2, 0, longest=3) is None
    assert token_facts((samples.tokens_result(), 0), (None, 0), 99) == []


def test_a_heads_attention():
    result = samples.attention_result()
    facts = values(attention_facts(result, 5, 2, 0))
    assert facts == {"Entropy": "0.00 nats", "Key-value head": "1"}
    pattern, texts = head_pattern(result, 5, 2, 0, longest=48)
    np.testing.assert_array_equal(pattern, np.eye(8))
    assert texts == ["1", "␠", "2", "␠", "3", "␠", "4", "␠"]


def test_a_token_and_how_well_it_was_foreseen():
    facts = values(token_facts((samples.tokens_result(), 1), (samples.rank_result(), 1), 3))
    assert facts["Text"] == "␠"
    assert facts["Piece"] == "Ġ"
    assert facts["Id"] == "216"
    assert facts["Position"] == "3 of 6"
    assert facts["Log-probability"] == "−3.000 nats"
    assert facts["Rank"] == "2"
    first = values(token_facts((samples.tokens_result(), 1), (samples.rank_result(), 1), 0))
    assert "Rank" not in first  # nothing comes before it


def test_a_heads_detector_scores():
    facts = values(detector_facts(detect_result(), 4, 1))
    assert facts["Induction"]
    assert next(iter(facts)) == "Induction"
    assert detector_facts(None, 4, 1) == []
    assert detector_facts(detect_result(), 99, 1) == []


def test_what_patching_says_of_the_selected_part():
    result = patch_samples.patch_result()
    assert values(patch_facts(result, 5, None, 1, 4)) == {
        "Enough (resid_pre)": "0.20",
        "Needed (resid_pre)": "1.00",
    }
    assert patch_facts(result, 5, None, 0, None) == []
    assert patch_facts(result, 99, None, 0, 4) == []
    assert patch_facts(None, 5, None, 0, 4) == []
    one_way = values(patch_facts(patch_samples.one_way_result(), 5, None, 0, 4))
    assert one_way == {"Enough (resid_pre)": "0.50"}
    heads = values(patch_facts(patch_samples.heads_result(), 5, 3, 0, 4))
    assert heads["Enough (head_z)"] == "0.80"
