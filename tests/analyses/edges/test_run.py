"""`edges`: what is computed under which settings, and what is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.methods import edge_measures, edge_memory
from desktop_app.methods.estimates import rank_agreement
from desktop_app.session.exports import to_json_text
from desktop_app.support.errors import BadInputError
from tests.analyses.edges.running import EDGES, LONGER, ROWS, Ticks, edges, sides_of
from tests.models import named, tiny


def test_auto_gives_estimates_and_exact_effects_of_all_edges_where_time_allows():
    found = edges().data
    assert found["effect"].shape == found["estimate"].shape == (EDGES, 2)
    assert found["estimate_eap"].shape == (EDGES, 2)
    assert np.isfinite(found["effect"]).all()
    assert found["computed"] == EDGES
    assert not found["estimated"]
    assert {"sender", "receiver", "input"} <= found.keys()
    names = list(zip(found["sender"], found["receiver"], found["input"], strict=True))
    assert names[0] == ("embed", "0.0", "q")
    assert names[-1] == (f"m{found['layers']['layers'] - 1}", "logits", "in")
    assert len(set(names)) == EDGES
    mean = found["effect"].mean(-1)
    np.testing.assert_allclose(found["effect_mean"], mean)
    spread = found["effect"].std(-1, ddof=1) / np.sqrt(2)
    np.testing.assert_allclose(found["effect_sem"], spread, atol=1e-12)
    for end in ("", "_eap"):
        guess = found[f"estimate{end}"].mean(-1)
        assert found[f"agreement{end}"] == pytest.approx(rank_agreement(guess, mean))
        tops = [set(np.argsort(-np.abs(x))[:100].tolist()) for x in (guess, mean)]
        assert found[f"overlap{end}"] == len(tops[0] & tops[1]) / 100


@pytest.mark.parametrize("method", ["eap", "eap-ig"])
def test_estimates_alone_compute_no_effect_and_say_nothing_false(method):
    result = edges(method=method)
    both = edges(method="exact").data
    name = "estimate_eap" if method == "eap" else "estimate"
    np.testing.assert_allclose(result.data["estimate"], both[name], atol=1e-6)
    assert ("estimate_eap" in result.data) is (method == "eap-ig")
    assert np.isnan(result.data["effect"]).all()
    assert result.data["estimated"]
    assert result.data["computed"] == 0
    assert np.isnan(result.data["agreement"])
    codes = {notice.code for notice in result.warnings}
    assert not {"not_finite", "partial", "edges_estimated"} & codes


def test_the_best_estimated_are_computed_and_the_others_not():
    whole, some = edges(method="exact").data, edges(method="exact", best=30).data
    best = np.argsort(-np.abs(whole["estimate"].mean(-1)), kind="stable")[:30]
    known = np.isfinite(some["effect"]).all(-1)
    assert set(np.flatnonzero(known)) == set(best.tolist())
    np.testing.assert_allclose(some["effect"][known], whole["effect"][known], atol=1e-5)
    assert some["computed"] == 30
    assert np.isnan(some["overlap"])  # of 30 edges all are the largest
    assert np.isfinite(some["agreement"])
    assert "not_finite" not in {notice.code for notice in edges(method="exact", best=30).warnings}


def test_auto_takes_as_many_of_the_best_estimated_as_fit_its_budget():
    none = edges(budget=0)
    assert none.data["computed"] == 0
    some = edges(budget=0.1, clock=Ticks())
    count = some.data["computed"]
    assert 0 < count < EDGES
    best = np.argsort(-np.abs(some.data["estimate"].mean(-1)), kind="stable")[:count]
    assert set(np.flatnonzero(np.isfinite(some.data["effect"]).all(-1))) == set(best.tolist())
    for result, number in ((none, 0), (some, count)):
        said = next(n.message for n in result.warnings if n.code == "edges_estimated")
        assert f"held {number} of {EDGES} edges" in said
        assert "partial" not in {n.code for n in result.warnings}
    assert edges(budget=100_000, clock=Ticks()).data["computed"] == EDGES


def test_a_rank_has_no_estimate_and_exact_effects_all_the_same():
    found = edges(metric="rank").data
    assert "estimate" not in found
    assert found["computed"] == EDGES
    assert np.array_equal(found["effect"], np.round(found["effect"]))


def test_a_divergence_has_an_estimate_from_two_steps_on():
    for steps in (1, 2):
        found = edges(ROWS[:1], metric="kl", steps=steps).data
        assert ("estimate" in found) is (steps == 2)
        assert found["computed"] == EDGES
    assert found["estimate"].any()
    some = edges(ROWS[:1], metric="kl", steps=1, budget=0.1, clock=Ticks())
    (said,) = (n.message for n in some.warnings if n.code == "edges_estimated")
    assert "of the others nothing is known" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metric": "rank", "method": "eap"}, "rank has no gradient"),
        ({"metric": "kl", "method": "eap"}, "kl has no gradient to estimate by in the untouched"),
        ({"metric": "kl", "method": "eap-ig", "steps": 1}, "kl has no gradient .* several --steps"),
        ({"metric": "rank", "best": 5}, "--best"),
        ({"metric": "kl", "best": 5, "steps": 1}, "--best"),
        ({"replace": "zero", "reference": ("1 2 3 4 ",)}, "--reference is for --replace mean"),
        ({"method": "none"}, "--method none"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(settings, said):
    sides_of()  # whether its places can be changed is tried once for each model
    passes = named("toy").forward_passes
    with pytest.raises(BadInputError, match=said):
        edges(**settings)
    assert named("toy").forward_passes - passes <= 2


def test_twins_of_another_length_and_missing_ones_are_refused():
    short = ROWS[0].model_copy(update={"corrupt": "7 9 6 "})
    with pytest.raises(BadInputError, match="make them equally long"):
        edges((short,))
    with pytest.raises(BadInputError, match="no corrupt twin"):
        edges((ROWS[0].model_copy(update={"corrupt": None}),))


def test_a_twin_of_the_same_tokens_is_refused():
    same = ROWS[1].model_copy(update={"corrupt": ROWS[1].text})
    with pytest.raises(BadInputError, match="Prompt 2 and its corrupt twin have the same tokens"):
        edges((ROWS[0], same))


def test_prompts_of_several_lengths_are_what_each_is_alone():
    both = edges((ROWS[0], LONGER), method="exact").data
    for number, row in enumerate((ROWS[0], LONGER)):
        alone = edges((row,), method="exact").data
        for name in ("effect", "estimate", "estimate_eap"):
            np.testing.assert_allclose(both[name][:, number], alone[name][:, 0], atol=2e-5)
    assert both["read_position"][0] < both["read_position"][1]


@pytest.mark.parametrize("elsewhere", ["mean", "zero"])
def test_without_twins_means_and_nothing_stand_elsewhere(elsewhere):
    rows = tuple(row.model_copy(update={"corrupt": None}) for row in ROWS)
    found = edges(rows, replace=elsewhere).data
    assert np.isfinite(found["effect"]).all()
    whole = edges(replace=elsewhere, reference=tuple(row.text for row in ROWS)) if (
        elsewhere == "mean"
    ) else edges(replace=elsewhere)  # fmt: skip
    np.testing.assert_allclose(found["effect"], whole.data["effect"], atol=1e-6)


def test_a_reference_of_other_lengths_is_pooled_and_that_is_said():
    result = edges(replace="mean", method="eap", reference=("1 2 3 ", "4 5 6 7 8 "))
    assert "means_pooled" in {notice.code for notice in result.warnings}
    alone = edges(ROWS[:1], replace="mean", method="eap")
    assert "reference_is_self" in {notice.code for notice in alone.warnings}
    assert not alone.data["estimate"].any()


def test_a_reference_beside_twins_changes_nothing_and_that_is_said():
    told = edges(method="eap", reference=("1 2 3 4 ",))
    (said,) = (n.message for n in told.warnings if n.code == "reference_unused")
    assert "--replace mean" in said
    plain = edges(method="eap")
    assert "reference_unused" not in {notice.code for notice in plain.warnings}
    assert np.array_equal(told.data["estimate"], plain.data["estimate"])


@pytest.mark.parametrize("method", ["auto", "exact"])
def test_an_effect_that_is_not_finite_is_told_and_is_none_that_time_left_out(method, monkeypatch):
    measured = edge_measures.exact_effects

    def overflowing(sides, edges, effects, report, **more):
        noise = measured(sides, edges, effects, report, **more)
        effects[edges[edges == 7], 1] = -np.inf
        return noise

    monkeypatch.setattr(edge_measures, "exact_effects", overflowing)
    edge_memory.forget(sides_of(metric="loss"))
    result = edges(method=method, metric="loss")
    said = {notice.code: notice.message for notice in result.warnings}
    assert "the edges of prompt 2 holds numbers that are not finite" in said["not_finite"]
    assert "edges_estimated" not in said
    assert result.data["computed"] == EDGES - 1


def test_grouped_queries_have_keys_and_values_of_the_key_value_heads():
    row = PromptRow(text="ab cd f", corrupt="ab zd f", answer=("g",), wrong=("h",))
    found = edges((row,), model=tiny("llama"), method="eap").data
    shared = {r for r, kind in zip(found["receiver"], found["input"], strict=True) if kind == "k"}
    assert shared == {f"{layer}.{head}" for layer in range(3) for head in range(2)}
    assert found["layers"] == {"layers": 3, "heads": 4, "kv_heads": 2, "parallel": []}


def test_a_small_budget_of_memory_gives_the_same_numbers():
    model = named("toy")
    whole = edges(method="exact").data["effect"]
    model.budget_bytes = 2_000_000
    try:
        small = edges(method="exact").data["effect"]
    finally:
        model.budget_bytes = None
    np.testing.assert_allclose(small, whole, atol=1e-5)


def test_the_result_is_plain_data():
    result = json.loads(to_json_text(edges(method="exact", best=10)))["result"]
    assert len(result["effect"]) == len(result["sender"]) == EDGES
    assert sum(row[0] is not None for row in result["effect"]) == 10
