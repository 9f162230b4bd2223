from __future__ import annotations

import math

import numpy as np
import pytest

from desktop_app.analyses.ablate import picture as data
from desktop_app.analyses.ablate import words as said_of
from tests.views import samples


def test_effect_map_is_symmetric_about_zero():
    shown = data.part_map(samples.ablate_result(), "effect")
    assert shown.values.shape == (3, 4)
    assert shown.values[1, 3] == -2.0  # the mean of −3 and −1
    assert shown.limits == (-2.0, 2.0)
    assert shown.row_labels == ("4", "5", "6")
    assert shown.col_labels == ("0", "1", "2", "3")
    assert shown.diverging


def test_percent_map_centres_on_untouched_and_keeps_what_is_withheld():
    shown = data.part_map(samples.ablate_result(), "percent", 0)
    assert shown.values[1, 3] == 25.0  # (4 − 3) / 4
    assert shown.limits == (25.0, 175.0)
    assert np.isnan(data.part_map(samples.ablate_result(), "percent", 1).values).all()


def test_metric_without_the_part_centres_on_the_base():
    shown = data.part_map(samples.ablate_result(), "ablated", 0)
    assert shown.limits == (1.0, 7.0)  # 4 ± 3
    assert sum(shown.limits) / 2 == 4.0


def test_standard_error_starts_at_zero():
    shown = data.part_map(samples.ablate_result(), "sem")
    assert shown.limits == (0.0, 1.0)
    assert not shown.diverging


def test_a_map_without_any_value_has_limits_all_the_same():
    empty = samples.ablate_result(data={"percent_mean": np.full((3, 4), np.nan)})
    assert data.part_map(empty, "percent").limits == (99.0, 101.0)


def test_most_harmful_first_with_every_prompt():
    found = data.parts(samples.ablate_result())
    assert found[0].name == "L5H3"
    assert (found[0].row, found[0].column, found[0].layer, found[0].head) == (1, 3, 5, 3)
    assert found[0].per_prompt == (-3.0, -1.0)
    assert found[0].effect == -2.0
    assert found[-1].name == "L4H2"  # removing it helps most
    assert len(data.parts(samples.ablate_result(), limit=5)) == 5


def test_a_rising_loss_is_harm():
    result = samples.ablate_result(params={"component": "head", "metric": "loss"})
    assert data.parts(result)[0].name == "L4H2"


def test_parts_of_one_prompt_have_no_standard_error():
    first = data.parts(samples.ablate_result(), prompt=0)[0]
    assert (first.effect, first.percent) == (-3.0, 25.0)
    assert math.isnan(first.sem)


def test_layers_count_as_one_column():
    result = samples.ablate_result(component="mlp")
    assert data.part_map(result, "effect").values.shape == (3, 1)
    first = data.parts(result)[0]
    assert (first.name, first.head, first.column) == ("L5 MLP", None, 0)
    assert data.find_part(result, 5, None) == (1, 0)


def test_prompt_effects_name_prompts():
    found = data.prompt_effects(samples.ablate_result(), 1, 3)
    assert [(e.text, e.base, e.ablated, e.effect, e.done) for e in found] == [
        ("1␠2␠3␠4␠", 4.0, 1.0, -3.0, True),
        ("2␠3␠4␠", -2.0, -3.0, -1.0, False),
    ]
    assert found[0].percent == 25.0
    assert math.isnan(found[1].percent)


def test_the_sentence_of_a_part():
    said = said_of.part_sentence(samples.ablate_result(), 1, 3)
    assert "from 1.00 to −1.00 (−2.00 ± 1.00)" in said
    assert "25.0 % is kept" in said


def test_the_gate_speaks_of_the_prompts_that_fail():
    said = said_of.gate_sentence(samples.ablate_result())
    assert "prompt 2 (answer rank 3, logit difference −2.00)" in said
    assert "withheld" in said
    done = samples.ablate_result(data={"task_done": np.array([True, True])})
    assert said_of.gate_sentence(done) == ""


def test_the_gate_counts_when_many_fail():
    prompts = samples.PROMPTS[:1] * 5
    many = samples.ablate_result(prompts=prompts, data={"task_done": np.zeros(5, bool)})
    assert "5 of 5 prompts" in said_of.gate_sentence(many)


def test_what_is_kept_is_said():
    said = said_of.kept_sentence(samples.ablate_result())
    assert said == (
        "One head at a time is replaced by zero at all positions. "
        "Kept in every run: every other head and every MLP."
    )
    assert said_of.base_sentence(samples.ablate_result()) == (
        "Untouched: logit difference 1.000 ± 3.000 over 2 prompts"
    )


def test_the_mean_drop_counts_no_rises():
    # Of 12 parts one keeps 25 %, one rises to 125 %, ten stay at 100 %: −75 / 12.
    assert said_of.drop_sentence(samples.ablate_result()) == "mean drop −6.25 points"
    withheld = samples.ablate_result(data={"percent_mean": np.full((3, 4), np.nan)})
    assert said_of.drop_sentence(withheld) == ""


def test_the_reference_of_means_is_said():
    params = {"component": "attn", "metric": "logit_diff", "positions": "last", "reference": ["a"]}
    said = said_of.kept_sentence(
        samples.ablate_result(component="attn", params=params, data={"mode": "mean"})
    )
    assert "attention output" in said
    assert "its mean over the reference (1 prompt) at the last position" in said


def test_a_tip_says_when_the_percentage_is_withheld():
    result = samples.ablate_result()
    assert said_of.cell_tip(result, 1, 3, 0) == "L5H3  −3.000 · 25.0 % kept"
    assert said_of.cell_tip(result, 1, 3, 1) == "L5H3  −1.000 · percentage withheld"


@pytest.mark.parametrize(
    ("head", "place"), [((5, 3), (1, 3)), ((0, 0), None), ((5, 9), None), ((None, None), None)]
)
def test_a_head_is_found_by_its_own_numbers(head, place):
    assert data.find_part(samples.ablate_result(), *head) == place


def test_partial_results_know_what_is_missing():
    partial = {"effect_mean": np.array([[0.5, -2.0], [np.nan, np.nan]]), "layers": [4, 5]}
    assert data.partial_limits(data.partial_grid(partial)) == (-2.0, 2.0)
    assert [p.name for p in data.partial_parts(partial, "head")] == ["L4H1", "L4H0"]
    assert data.partial_grid({"note": 1}) is None


def test_partial_results_of_layers():
    partial = {"effect_mean": np.array([0.5, np.nan]), "layers": [4, 5]}
    assert data.partial_grid(partial).shape == (2, 1)
    assert [p.name for p in data.partial_parts(partial, "mlp")] == ["L4 MLP"]
