from __future__ import annotations

import math

import numpy as np
import pytest

from desktop_app.analyses.ablate import picture as data
from desktop_app.analyses.ablate import picture as said_of
from desktop_app.analyses.ablate.explain import explain
from desktop_app.pictures.facts import Place
from tests.samples import drawn


def test_effect_map_is_symmetric_about_zero():
    shown = data.part_map(drawn.ablate_result(), "effect")
    assert shown.values.shape == (3, 4)
    assert shown.values[1, 3] == -2.0  # the mean of −3 and −1
    assert shown.limits == (-2.0, 2.0)
    assert shown.rows.labels == ["4", "5", "6"]
    assert shown.columns.labels == ["0", "1", "2", "3"]
    assert shown.diverging


def test_percent_map_centres_on_untouched_and_keeps_what_is_withheld():
    shown = data.part_map(drawn.ablate_result(), "percent", 0)
    assert shown.values[1, 3] == 25.0  # (4 − 3) / 4
    assert shown.limits == (25.0, 175.0)
    assert np.isnan(data.part_map(drawn.ablate_result(), "percent", 1).values).all()


def test_metric_without_the_part_centres_on_the_base():
    shown = data.part_map(drawn.ablate_result(), "ablated", 0)
    assert shown.limits == (1.0, 7.0)  # 4 ± 3
    assert sum(shown.limits) / 2 == 4.0


def test_standard_error_starts_at_zero():
    shown = data.part_map(drawn.ablate_result(), "sem")
    assert shown.limits == (0.0, 1.0)
    assert not shown.diverging


def test_a_map_without_any_value_has_limits_all_the_same():
    empty = drawn.ablate_result(data={"percent_mean": np.full((3, 4), np.nan)})
    assert data.part_map(empty, "percent").limits == (99.0, 101.0)


def test_most_harmful_first_with_every_prompt():
    found = data.ranking(drawn.ablate_result())
    first = found.rows[0]
    assert first.key == (1, 3)
    name, bar, *numbers = first.values
    assert (name, numbers) == ("L5H3", [-2.0, 25.0])
    assert (bar.value, bar.dots, bar.chosen, bar.error) == (-2.0, (-3.0, -1.0), None, 1.0)
    assert data.part_at(drawn.ablate_result(), first.key) == (5, 3)
    assert found.text(len(found.rows) - 1, 0) == "L4H2"  # removing it helps most
    assert len(data.ranking(drawn.ablate_result(), limit=5).rows) == 5
    assert first.tooltip == "L5H3: effect −2.000 ± 1.000, 25.0 % kept (1 of 2 prompts)"


def test_a_rising_loss_is_harm():
    result = drawn.ablate_result(params={"component": "head", "metric": "loss"})
    assert data.ranking(result).text(0, 0) == "L4H2"
    assert data.best_head(result) == (4, 2)


def test_parts_of_one_prompt_have_no_standard_error():
    _name, bar, effect, percent = data.ranking(drawn.ablate_result(), prompt=0).rows[0].values
    assert (effect, percent) == (-3.0, 25.0)
    assert math.isnan(bar.error)


def test_layers_count_as_one_column():
    result = drawn.ablate_result(component="mlp")
    assert data.part_map(result, "effect").values.shape == (3, 1)
    found = data.ranking(result)
    assert (found.text(0, 0), found.rows[0].key) == ("L5 MLP", (1, 0))
    assert data.part_at(result, (1, 0)) == (5, None)
    assert data.find_part(result, 5, None) == (1, 0)
    assert [row.key for row in data.by_layer(found).rows] == [(0, 0), (1, 0), (2, 0)]


def test_rows_per_prompt_name_prompts():
    found = data.prompt_rows(drawn.ablate_result(), 1, 3)
    assert [row.values[:3] for row in found.rows] == [
        ("1 · 1␠2␠3␠4␠", "4.00 → 1.00", -3.0),
        ("2 · 2␠3␠4␠", "−2.00 → −3.00", -1.0),
    ]
    assert found.rows[0].values[3] == 25.0
    assert math.isnan(found.rows[1].values[3])


def test_the_sentence_of_a_part():
    said = said_of.part_sentence(drawn.ablate_result(), 1, 3)
    assert "from 1.00 to −1.00 (−2.00 ± 1.00)" in said
    assert "25.0 % is kept, over the one prompt of 2 where the model does the task." in said


def _over(count, failing):
    """Return a result of so many prompts, of which the percentages of some are withheld."""
    two = drawn.ablate_result()
    made = {}
    for name in ("base", "ablated", "effect", "percent", "answer_rank"):
        values = np.asarray(two.data[name], dtype=float)
        made[name] = np.repeat(values[..., :1], count, axis=-1)
    made["percent"][..., list(failing)] = np.nan
    made["task_done"] = np.array([i not in failing for i in range(count)])
    return drawn.ablate_result(prompts=drawn.PROMPTS[:1] * count, data=made)


def test_a_mean_percentage_says_over_which_prompts_it_is():
    result, few = _over(4, [2]), "3 of 4 prompts"
    place = Place(layer=5, head=3)
    told = (
        said_of.part_sentence(result, 1, 3),
        data.part_map(result, "percent").name,
        data.cell_tip(result, None, 1, 3),
        data.ranking(result).rows[0].tooltip,
        data.ranking(result).columns[-1].tooltip,
        data.drop_sentence(result),
        explain(result, "percent", place).working,
        " ".join(fact.name for fact in data.head_facts(result, place)),
        "\n".join(data.lines(result)),
    )
    assert all(few in words for words in told), [words for words in told if few not in words]
    assert "kept, over the 3 of 4 prompts where the model does the task." in told[0]


def test_where_all_percentages_are_known_or_none_nothing_is_added():
    for failing in ([], [0, 1, 2, 3]):
        result = _over(4, failing)
        told = (
            said_of.part_sentence(result, 1, 3),
            data.part_map(result, "percent").name,
            data.cell_tip(result, None, 1, 3),
            data.drop_sentence(result),
        )
        assert not [words for words in told if "of 4 prompts" in words]
        assert data.cell_tip(result, 2, 1, 3)  # of one prompt nothing is a mean


def test_the_gate_speaks_of_the_prompts_that_fail():
    said = said_of.gate_sentence(drawn.ablate_result())
    assert "prompt 2 (answer rank 3, logit difference −2.00)" in said
    assert "withheld" in said
    done = drawn.ablate_result(data={"task_done": np.array([True, True])})
    assert said_of.gate_sentence(done) == ""


def test_the_gate_counts_when_many_fail():
    prompts = drawn.PROMPTS[:1] * 5
    many = drawn.ablate_result(prompts=prompts, data={"task_done": np.zeros(5, bool)})
    assert "5 of 5 prompts" in said_of.gate_sentence(many)


def test_what_is_kept_is_said():
    said = said_of.kept_sentence(drawn.ablate_result())
    assert said == (
        "One head at a time is replaced by zero at all positions. "
        "Kept in every run: every other head and every MLP."
    )
    assert said_of.base_sentence(drawn.ablate_result()) == (
        "Untouched: logit difference 1.000 ± 3.000 over 2 prompts"
    )


def test_the_mean_drop_counts_no_rises():
    # Of 12 parts one keeps 25 %, one rises to 125 %, ten stay at 100 %: −75 / 12.
    assert said_of.drop_sentence(drawn.ablate_result()) == "mean drop 6.25 points, 1 of 2 prompts"
    withheld = drawn.ablate_result(data={"percent_mean": np.full((3, 4), np.nan)})
    assert said_of.drop_sentence(withheld) == ""


def test_the_reference_of_means_is_said():
    params = {"component": "attn", "metric": "logit_diff", "positions": "last", "reference": ["a"]}
    said = said_of.kept_sentence(
        drawn.ablate_result(component="attn", params=params, data={"mode": "mean"})
    )
    assert "attention output" in said
    assert "its mean over the reference (1 prompt) at the last position" in said


def test_a_tip_says_when_the_percentage_is_withheld():
    result = drawn.ablate_result()
    assert said_of.cell_tip(result, 0, 1, 3) == "L5H3  −3.000 · 25.0 % kept"
    assert said_of.cell_tip(result, 1, 1, 3) == "L5H3  −1.000 · percentage withheld"


@pytest.mark.parametrize(
    ("head", "place"), [((5, 3), (1, 3)), ((0, 0), None), ((5, 9), None), ((None, None), None)]
)
def test_a_head_is_found_by_its_own_numbers(head, place):
    assert data.find_part(drawn.ablate_result(), *head) == place


def test_partial_results_know_what_is_missing():
    partial = {"effect_mean": np.array([[0.5, -2.0], [np.nan, np.nan]]), "layers": [4, 5]}
    assert data.partial_map(partial, data.partial_grid(partial)).limits == (-2.0, 2.0)
    assert [row.values[0] for row in data.partial_ranking(partial, "head").rows] == ["L4H1", "L4H0"]
    assert data.partial_grid({"note": 1}) is None


def test_partial_results_of_layers():
    partial = {"effect_mean": np.array([0.5, np.nan]), "layers": [4, 5]}
    assert data.partial_grid(partial).shape == (2, 1)
    assert [row.values[0] for row in data.partial_ranking(partial, "mlp").rows] == ["L4 MLP"]
