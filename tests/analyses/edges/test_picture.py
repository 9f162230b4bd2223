from __future__ import annotations

import math

import numpy as np
import pytest

from desktop_app.analyses.edges import picture as data_of
from desktop_app.analyses.edges.curves import (
    curves_of,
    curves_sentence,
    misses,
    ranking_title,
    scatter_of,
)
from desktop_app.analyses.edges.explain import WHATS, explain
from desktop_app.analyses.edges.known import known_of
from desktop_app.analyses.edges.spec import FRACTIONS
from desktop_app.pictures.facts import Place
from tests.samples import edged


def known(**told):
    return known_of(edged.edges_result(**told).data)


def test_exact_effects_take_the_place_of_estimates():
    result = edged.edges_result(exact=20)
    some = known_of(result.data)
    exact = some.exact
    assert exact.sum() == 20
    effect, estimate = (np.asarray(result.data[n]).mean(1) for n in ("effect", "estimate"))
    np.testing.assert_allclose(some.values()[exact], effect[exact])
    np.testing.assert_allclose(some.values()[~exact], estimate[~exact])
    np.testing.assert_array_equal(some.values(1)[exact], result.data["effect"][exact, 1])
    assert data_of.counted(some) == "20 of 190 edges exact, the others estimated"
    assert data_of.counted(known()) == "all 190 edges exact"
    assert data_of.counted(known(exact=0)) == "all 190 edges estimated"


def test_means_are_over_the_prompts_that_are_known():
    result = edged.edges_result()
    effect = np.array(result.data["effect"])
    effect[3] = math.nan, 2.0
    effect[4] = math.nan
    some = known_of({**result.data, "effect": effect, "estimate": None})
    assert some.mean_of("effect")[3] == 2.0
    assert math.isnan(some.values()[4])
    assert "not computed" in data_of.edge_sentence(some, 4)


def test_arrays_of_another_shape_are_refused():
    result = edged.edges_result()
    with pytest.raises(ValueError, match="effect has the shape"):
        known_of({**result.data, "effect": np.zeros((7, 2))}).values()
    with pytest.raises(ValueError, match="kept has the shape"):
        _ = known_of({**result.data, "kept": np.zeros(7)}).kept
    assert known_of({"effect": np.zeros((7, 2))}) is None


def test_an_edge_is_told_with_what_it_is_made_of():
    some = known(exact=20)
    told = data_of.edge_sentence(some, 0)
    assert told.startswith("embed → L0H0 q  −6.000 · exact · estimate +")
    guessed = int(np.flatnonzero(~some.exact)[0])
    assert "≈ estimated" in data_of.edge_sentence(some, guessed)
    sure = known(circuit=12, resamples=True)
    assert "of the resamples' circuits" in data_of.edge_sentence(sure, 0)


def test_the_list_marks_estimates_and_what_is_outside():
    some = known(exact=20)
    edges = np.array([0, *np.flatnonzero(~some.exact)[:2]])
    inside = np.ones(len(some), dtype=bool)
    inside[0] = False
    rows = data_of.edge_list(some, edges, None, inside)
    assert rows.values("made") == ["×", "≈", "≈"]
    assert rows.values("edge")[0] == "embed → L0H0 q"
    assert [row.key for row in rows.rows] == edges.tolist()
    assert "outside the circuit" in rows.rows[0].tooltip
    assert [c.key for c in data_of.edge_list(known(), edges, 0, None).columns][-1] == "estimate"


def test_a_circuit_is_told_with_its_faithfulness_and_beside_chance():
    result = edged.edges_result(circuit=12, curves=True)
    told = data_of.circuit_sentence(result, 12)
    assert told == "12 edges: logit difference 5.500 → 4.000, faithfulness 0.77"
    assert "5.000 → 4.000, faithfulness 0.83" in data_of.circuit_sentence(result, 12, 0)
    chance = data_of.controls_sentence(result.data, of=0.77)
    assert chance == ("20 random circuits of as many edges: 0.02 (−0.02 … 0.06); none reaches it.")
    assert data_of.controls_sentence(result.data, of=0.06).endswith("one reaches it.")
    assert data_of.controls_sentence(result.data, of=-1.0).endswith("20 of them reach it.")
    assert data_of.controls_sentence({}, of=1.0) == ""


def test_what_has_no_score_says_so():
    result = edged.edges_result()
    assert data_of.circuit_sentence(result, 3) == "3 edges, not scored"
    flat = edged.try_result(
        "embed>m0, m0>logits", faithfulness=np.full(2, np.nan), circuit_faithfulness=math.nan
    )
    assert "faithfulness withheld" in data_of.circuit_sentence(flat, 2)


@pytest.mark.parametrize(
    ("values", "word"), [((0.86, 0.79, 0.93), ": stable"), ((0.61, 0.4, 0.7), ": not stable")]
)
def test_the_jaccard_index_says_whether_a_circuit_is_stable(values, word):
    told = data_of.stability_sentence({"jaccard": np.array(values)}, 100)
    assert word in told
    assert "over 100 resamples" in told
    assert data_of.stability_sentence({}, 100) == ""
    assert data_of.stability_sentence({"jaccard": np.full(3, np.nan)}, 100) == ""


def test_curves_stand_over_a_log_axis_and_say_who_won():
    data = edged.edges_result(curves=True, nodes=True).data
    shown = curves_of(data)
    assert shown.across.log
    assert [line.name for line in shown.lines] == [
        "exact, else EAP-IG",
        "EAP-IG",
        "EAP",
        "whole nodes",
    ]
    assert any("random circuits" in mark.text for mark in shown.marks)
    assert curves_sentence(data) == (
        "CMD (less is better): won by EAP-IG with 0.120\n"
        "CPR (more is better): won by exact, else EAP-IG with 0.930"
    )
    assert shown.text(0).startswith("0.1 % of the edges, 0 after pruning\n")
    assert shown.text(9).startswith("all of the edges")


def test_a_curve_alone_tells_both_areas_and_none_is_none():
    alone = {
        "curve": np.linspace(0, 1, 10),
        "fractions": np.array(FRACTIONS),
        "cpr": 0.5,
        "cmd": 0.2,
    }
    assert curves_sentence(alone) == "CPR 0.500 (more is better) · CMD 0.200 (less is better)"
    assert len(curves_of(alone).lines) == 1
    assert curves_of({}) is None
    assert curves_sentence({}) == ""
    tied = {**edged.by_size(), "cmds": np.array([0.1, 0.1, 0.5])}
    assert "won by EAP-IG and exact, else EAP-IG with" in curves_sentence(tied)


def test_rankings_are_called_as_the_field_does():
    names = ["exact", "exact, else eap-ig", "eap", "eap-ig"]
    titles = ["exact effects", "exact, else EAP-IG", "EAP", "EAP-IG"]
    assert [ranking_title(name) for name in names] == titles


def test_the_scatter_lays_estimates_beside_exact_effects():
    some = known(exact=20)
    shown, edges = scatter_of(some)
    assert len(edges) == 20
    np.testing.assert_allclose(shown.y, some.mean_of("effect")[edges])
    np.testing.assert_allclose(shown.x, some.mean_of("estimate")[edges])
    assert shown.diagonal
    assert shown.text(0) == data_of.edge_sentence(some, int(edges[0]))
    assert scatter_of(known(exact=0)) is None
    first = misses(some).rows[0]
    assert first.key == 0  # its estimate has the other sign


def test_nodes_are_listed_by_what_exchanging_them_does():
    rows = data_of.node_list(known(nodes=True))
    assert rows.values("node")[:2] == ["embed", "L0H0"]
    assert data_of.node_list(known()).rows == ()


def test_a_name_says_what_was_measured_or_that_a_circuit_was_tried():
    assert data_of.named(edged.edges_result()) == "exact"
    assert data_of.named(edged.edges_result(exact=20)) == "20 exact"
    assert data_of.named(edged.edges_result(exact=0)) == "EAP-IG"
    assert data_of.named(edged.edges_result(circuit=12)).startswith("exact, circuit of ")
    assert data_of.named(edged.try_result("embed>m0, m0>logits")) == "circuit of 2 edges"
    assert data_of.named(edged.edges_result(params={"replace": "mean"})) == "mean, exact"


def test_the_inspector_hears_the_strongest_edges_of_a_head():
    result = edged.edges_result()
    facts = data_of.head_facts(result, Place(0, 0, 0))
    assert (facts[0].name, facts[0].value) == ("embed → L0H0 q", "−6.000")
    assert len(facts) == 3
    assert data_of.head_facts(result, Place(0, 9, 0)) == []
    assert data_of.head_facts(edged.try_result("embed>logits"), Place(0, 0, 0)) == []


@pytest.mark.parametrize("what", WHATS)
def test_every_number_is_taken_apart(what):
    result = edged.edges_result(circuit=12, curves=True, resamples=True)
    told = explain(result, what, Place())
    assert told is not None
    assert told.working
    assert told.page == "edges"


def test_an_effect_is_taken_apart_for_the_selected_head():
    told = explain(edged.edges_result(), "effect", Place(0, 0, 0))
    assert told.working == "−0.500 − 5.500 = −6.000   (embed → L0H0 q, mean of 2 prompts)"
    assert explain(edged.try_result("embed>logits"), "effect", Place()) is None
    assert explain(edged.edges_result(), "nothing", Place()) is None
