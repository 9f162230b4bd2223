"""What the inspector says of a head and a token, asked from whoever knows."""

from __future__ import annotations

import dataclasses

import numpy as np

from desktop_app.contract.registry import ANALYSES, hook, serving
from desktop_app.pictures.facts import Place
from desktop_app.window.inspector.known import Known
from tests.samples import drawn, patching
from tests.samples.heads import detect_result


def values(facts):
    return {fact.name: fact.value for fact in facts}


def head_facts(result, **place):
    return hook(result.analysis, "picture", "head_facts")(result, Place(**place))


def knowing(*results, tokens=None):
    known = Known()
    known.tokens = tokens
    for result in results:
        known.add(result)
    return known


def test_a_heads_effect_with_its_error_and_this_prompts():
    facts = values(head_facts(drawn.ablate_result(), layer=5, head=3, prompt=1))
    assert facts["Effect of removal (zero, mean of 2)"] == "−2.000 ± 1.000"
    assert facts["… on this prompt"] == "−1.000"
    assert facts["Kept without it (1 of 2 prompts)"] == "25.0 %"  # the other's is withheld


def test_a_layers_effect():
    facts = values(head_facts(drawn.ablate_result(component="mlp"), layer=5))
    assert facts["Effect of removal (zero, mean of 2)"].startswith("−2.000")


def test_what_a_result_does_not_hold_is_left_out():
    assert head_facts(drawn.ablate_result(), layer=99, head=0) == []
    assert head_facts(drawn.ablate_result(), layer=5, head=99) == []
    assert head_facts(drawn.attention_result(), layer=0, head=0) == []
    assert head_facts(drawn.attention_result(), layer=5, head=2, prompt=9) == []
    assert knowing(tokens=drawn.tokens_result()).of_token(Place(position=99)) == []
    assert knowing().of_token(Place(position=0)) == []


def test_a_heads_attention():
    result = drawn.attention_result()
    facts = values(head_facts(result, layer=5, head=2))
    assert facts == {"Entropy": "0.00 nats", "Key-value head": "1"}
    pattern, texts = knowing(result).small_pattern(Place(layer=5, head=2))
    np.testing.assert_array_equal(pattern, np.eye(8))
    assert texts == ["1", "␠", "2", "␠", "3", "␠", "4", "␠"]


def test_a_long_prompts_pattern_is_left_to_the_attention_view(monkeypatch):
    monkeypatch.setattr("desktop_app.window.inspector.known._LONGEST_SMALL_PATTERN", 3)
    known = knowing(drawn.attention_result())
    assert known.small_pattern(Place(layer=5, head=2)) is None


def test_a_token_and_how_well_it_was_foreseen():
    known = knowing(drawn.rank_result(), tokens=drawn.tokens_result())
    facts = values(known.of_token(Place(prompt=1, position=3)))
    assert facts["Text"] == "␠"
    assert facts["Piece"] == "Ġ"
    assert facts["Id"] == "216"
    assert facts["Position"] == "3 of 6"
    assert facts["Log-probability"] == "−3.000 nats"
    assert facts["Rank"] == "2"
    first = values(known.of_token(Place(prompt=1, position=0)))
    assert "Rank" not in first  # nothing comes before it


def test_without_live_tokens_the_results_own_are_told():
    facts = values(knowing(drawn.rank_result()).of_token(Place(prompt=1, position=3)))
    assert (facts["Id"], facts["Rank"]) == ("216", "2")


def test_other_tokens_of_the_same_prompt_are_not_mixed_in():
    ranking = drawn.rank_result()
    tokens = drawn.tokens_result()
    other = dataclasses.replace(tokens, prompts=tuple(reversed(tokens.prompts)))
    facts = values(knowing(ranking, tokens=other).of_token(Place(prompt=1, position=3)))
    assert "Id" in facts
    assert "Rank" not in facts


def test_a_heads_detector_scores():
    facts = values(head_facts(detect_result(), layer=4, head=1))
    assert facts["Induction"]
    assert next(iter(facts)) == "Induction"
    assert head_facts(detect_result(), layer=99, head=1) == []


def test_what_patching_says_of_the_selected_part():
    result = patching.patch_result()
    assert values(head_facts(result, layer=5, prompt=1, position=4)) == {
        "Enough (denoising), residual stream before the block": "0.20",
        "Needed (noising), residual stream before the block": "1.00",
    }
    assert head_facts(result, layer=5) == []
    assert head_facts(result, layer=99, position=4) == []
    one_way = values(head_facts(patching.one_way_result(), layer=5, position=4))
    assert one_way == {"Enough (denoising), residual stream before the block": "0.50"}
    heads = values(head_facts(patching.heads_result(), layer=5, head=3, position=4))
    assert heads["Enough (denoising), head output (z)"] == "0.80"


def test_where_nothing_is_known_it_says_what_would_tell():
    (fact,) = knowing().of_head(Place(layer=0, head=0))
    *most, last = (ANALYSES[name].title for name in serving("head_facts"))
    assert fact.name == f"Run {', '.join(most)} or {last} to fill this."
    assert {"Ablation", "Attention", "Patching", "Heads"} <= {*most, last}
