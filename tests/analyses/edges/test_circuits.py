"""Circuits of a run of `edges`: by size, as given, their curves, resamples, controls, nodes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from desktop_app.analyses.edges.circuits import Known, fields, rankings_of
from desktop_app.analyses.edges.run import run
from desktop_app.analyses.edges.spec import FRACTIONS, EdgesParams
from desktop_app.contract.circuits import Pruner, largest, written_edges
from desktop_app.contract.edges import Graph
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import fields_of
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.methods.edge_sides import Sides
from desktop_app.methods.prepare import prepare
from desktop_app.support.errors import BadInputError, Cancelled
from tests.models import tiny

ROWS = (
    PromptRow(text="abcdef", corrupt="abxdef", answer="g", wrong="h"),
    PromptRow(text="kbcdez", corrupt="kqcdez", answer="i", wrong="j"),
    PromptRow(text="wqcdg", corrupt="wqpdg", answer="k", wrong="l"),
)
BY_SIZE = {"method": "exact", "circuit": "0.2", "controls": 3}


@cache
def found(architecture, rows=3, **settings):
    params = EdgesParams(prompts=ROWS[:rows], **settings)
    return run(tiny(architecture), params, SilentReporter())


def graph_of(architecture):
    info = tiny(architecture).info
    parallel = range(info.n_layers) if architecture == "gpt_neox" else ()
    return Graph(info.n_layers, info.n_heads, info.n_kv_heads, frozenset(parallel))


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox"])
def test_a_circuit_by_size_holds_the_largest_that_lead_anywhere(architecture):
    data, graph = found(architecture, **BY_SIZE).data, graph_of(architecture)
    count = int(0.2 * len(graph))
    effect = data["effect"].mean(1)
    chosen = largest(effect, count)
    assert len(chosen) == count
    assert np.abs(effect[chosen]).min() >= np.abs(np.delete(effect, chosen)).max()
    kept = np.flatnonzero(data["kept"])
    assert kept.tolist() == Pruner(graph)(chosen).tolist()
    assert 0 < len(kept) <= count
    whole = data["base"] - data["other"]
    shares = (data["circuit_score"] - data["other"]) / whole
    shares[np.abs(whole) <= 0.01] = np.nan  # there is nothing to explain
    np.testing.assert_allclose(data["faithfulness"], shares)
    share = (data["circuit_score"].mean() - data["other"].mean()) / whole.mean()
    assert data["circuit_faithfulness"] == pytest.approx(share)
    assert data["curve"][FRACTIONS.index(0.2)] == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox"])
def test_a_curve_is_made_of_circuits_that_can_be_given_by_hand(architecture):
    data, graph = found(architecture, **BY_SIZE).data, graph_of(architecture)
    assert data["curve"].shape == data["curve_edges"].shape == (10,)
    assert data["curve"][-1] == 1
    assert data["curve_edges"][-1] == len(graph)
    for place in (6, 8):
        chosen = largest(data["effect"].mean(1), int(FRACTIONS[place] * len(graph)))
        text = written_edges(graph, chosen)
        given = found(architecture, method="none", circuit=text, controls=0).data
        assert int(given["kept"].sum()) == data["curve_edges"][place]
        assert given["circuit_faithfulness"] == pytest.approx(data["curve"][place], abs=1e-5)
        assert "curve" not in given


def test_all_edges_are_the_model_and_none_the_other_run():
    for text, share in (("all", 1.0), ("1.0", 1.0), ("none", 0.0), ("0", 0.0)):
        data = found("llama", method="none", circuit=text, controls=2).data
        assert data["faithfulness"].tolist() == [share] * 3
        expected = data["base"] if share else data["other"]
        assert data["circuit_score"].tolist() == expected.tolist()
        assert data["control_faithfulness"].tolist() == [share] * 2
        assert data["kept"].all() if share else not data["kept"].any()


def test_areas_are_trapezoids_over_the_fractions():
    data = found("llama", **BY_SIZE).data
    under = beyond = 0.0
    for n in range(9):
        step, pair = FRACTIONS[n + 1] - FRACTIONS[n], data["curve"][n : n + 2]
        under += step * (pair[0] + pair[1]) / 2
        beyond += step * (abs(1 - pair[0]) + abs(1 - pair[1])) / 2
    assert data["cpr"] == pytest.approx(under)
    assert data["cmd"] == pytest.approx(beyond)
    assert data["fractions"].tolist() == list(FRACTIONS)


def test_every_ranking_has_a_curve_of_its_own():
    data = found("llama", method="auto", best=40, circuit="0.2", controls=0).data
    names = list(data["rankings"])
    assert names == ["exact, else eap-ig", "eap-ig", "eap"]
    assert data["curves"].shape == (3, 10)
    assert data["curves"][0].tolist() == data["curve"].tolist()
    assert data["cprs"][0] == data["cpr"]
    assert data["cmds"][0] == data["cmd"]
    exact, estimate = data["effect"], data["estimate"]
    best = np.where(np.isfinite(exact), exact, estimate).mean(1)
    chosen = Pruner(graph_of("llama"))(largest(best, int(0.2 * len(best))))
    assert np.flatnonzero(data["kept"]).tolist() == chosen.tolist()
    eap = found("llama", method="eap").data
    assert eap["rankings"] == ("eap",)
    np.testing.assert_allclose(eap["curve"], data["curves"][2], atol=1e-5)
    whole = found("llama", **BY_SIZE).data
    assert whole["rankings"][0] == "exact"


def test_rankings_are_what_is_known():
    exact, guess = np.array([[1.0], [np.nan]]), {"eap": np.array([[3.0], [4.0]])}
    found_ = rankings_of(exact, guess)
    assert list(found_) == ["exact, else eap", "eap"]
    assert found_["exact, else eap"].tolist() == [[1.0], [4.0]]
    assert list(rankings_of(exact, {})) == ["exact"]
    assert list(rankings_of(np.full((2, 1), np.nan), guess)) == ["eap"]
    assert rankings_of(None, {}) == {}


def test_resamples_and_controls_stand_beside_the_circuit():
    data = found("llama", **BY_SIZE).data
    kept = data["kept"]
    assert data["inclusion"].shape == kept.shape
    assert data["inclusion"][kept].mean() > data["inclusion"][~kept].mean()
    assert 0 <= data["jaccard"][1] <= data["jaccard"][0] <= 1
    assert data["control_edges"].tolist() == [int(kept.sum())] * 3
    assert np.isfinite(data["control_faithfulness"]).all()
    assert len(set(data["control_faithfulness"].tolist())) == 3
    none = found("llama", method="eap", circuit="0.2", controls=0, resamples=0).data
    assert not {"inclusion", "jaccard", "control_faithfulness"} & none.keys()


def test_with_one_prompt_resamples_are_withheld():
    result = found("llama", rows=1, method="eap", circuit="30", controls=0)
    assert "inclusion" not in result.data
    assert [n.code for n in result.warnings].count("one_prompt") == 1
    quiet = found("llama", rows=1, method="eap", circuit="30", controls=0, resamples=0)
    assert "one_prompt" not in [n.code for n in quiet.warnings]
    listed = found("llama", rows=1, method="none", circuit="embed>logits", controls=0)
    assert "one_prompt" not in [n.code for n in listed.warnings]


def test_a_listed_circuit_is_pruned_and_says_so():
    result = found("llama", method="none", circuit="embed>m0, m0>logits, embed>1.0.q", controls=0)
    assert int(result.data["kept"].sum()) == 2
    message = next(n.message for n in result.warnings if n.code == "edges_pruned")
    assert "1 of the 3 edges" in message
    assert "curve" not in result.data


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "none"}, "there is no circuit to score"),
        ({"method": "none", "circuit": "30"}, "takes the largest edges, and --method none"),
        ({"method": "eap", "circuit": "100000"}, "there are 190 edges: take fewer"),
        ({"method": "eap", "circuit": "embed>9.0.q"}, "no input 9.0.q"),
        ({"method": "eap", "circuit": "m0"}, "turn on --nodes"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_is_run(settings, words):
    model = tiny("llama")
    found("llama", method="none", circuit="none", controls=0)  # what is tried once of a model is
    passes = model.forward_passes
    with pytest.raises(BadInputError, match=words):
        run(model, EdgesParams(prompts=ROWS, **settings), SilentReporter())
    assert model.forward_passes == passes


def test_where_nothing_changes_shares_are_withheld():
    params = EdgesParams(
        prompts=ROWS[:1], replace="mean", method="none", circuit="embed>logits", controls=2
    )
    result = run(tiny("llama"), params, SilentReporter())
    assert np.isnan(result.data["faithfulness"]).all()
    assert np.isnan(result.data["control_faithfulness"]).all()
    assert "nothing_to_explain" in [n.code for n in result.warnings]
    assert "not_finite" not in [n.code for n in result.warnings]
    assert result.to_json()["result"]["circuit_faithfulness"] is None


@pytest.mark.parametrize("replace", ["mean", "zero"])
def test_other_outputs_than_the_corrupt_ones(replace):
    data = found("llama", replace=replace, method="none", circuit="0", controls=0).data
    assert data["circuit_score"].tolist() == data["other"].tolist()
    data = found("llama", replace=replace, method="eap", circuit="0.5", controls=0).data
    assert data["curve"][-1] == 1
    assert np.isfinite(data["curve"]).all()


@pytest.mark.parametrize("metric", ["logprob", "loss", "kl", "prob"])
def test_other_metrics_have_circuits_as_well(metric):
    data = found("llama", metric=metric, method="none", circuit="embed>m0, m0>logits").data
    assert np.isfinite(data["circuit_score"]).all()
    assert np.isfinite(data["faithfulness"]).all()


def test_whole_nodes_are_exchanged_and_kept():
    settings = {"method": "eap", "nodes": True, "circuit": "6", "controls": 4}
    data, graph = found("llama", **settings).data, graph_of("llama")
    assert data["node"] == graph.sender_names
    assert data["node_effect"].shape == (graph.n_senders, 3)
    effect = data["node_effect"].mean(1)
    chosen = np.array([0, *(1 + largest(effect[1:], 5))])  # all ways begin at the embeddings
    prune = Pruner(graph)
    assert np.flatnonzero(data["kept"]).tolist() == prune.of_nodes(chosen).tolist()
    assert np.flatnonzero(data["node_kept"]).tolist() == chosen.tolist()
    assert data["node_curve"].shape == (10,)
    assert data["node_curve"][-1] == 1
    assert data["inclusion"].shape == (len(graph),)
    assert len(data["control_faithfulness"]) == 4
    listed = ", ".join(graph.sender_names[n] for n in chosen)
    again = found("llama", method="none", nodes=True, circuit=listed, controls=0).data
    assert again["kept"].tolist() == data["kept"].tolist()
    np.testing.assert_allclose(again["faithfulness"], data["faithfulness"], atol=1e-5)


def test_a_node_of_one_edge_is_that_edge():
    """The last MLP feeds the logits alone: exchanged as a whole it is its only edge."""
    data = found("llama", **BY_SIZE).data
    nodes = found("llama", method="eap", nodes=True, circuit="6", controls=4).data
    pairs = list(zip(data["sender"], data["receiver"], strict=True))
    edge = pairs.index(("m2", "logits"))
    np.testing.assert_allclose(nodes["node_effect"][-1], data["effect"][edge], atol=1e-4)


@pytest.mark.parametrize("metric", ["loss", "kl"])
def test_nodes_by_another_metric(metric):
    data = found("llama", metric=metric, method="none", nodes=True, circuit="6", controls=0).data
    graph = graph_of("llama")
    node = graph.sender_names.index("1.2")
    text = written_edges(graph, np.flatnonzero(graph.senders_of != node))
    circuit = found("llama", metric=metric, method="none", circuit=text, controls=0).data
    expected = circuit["circuit_score"] - circuit["base"]
    np.testing.assert_allclose(data["node_effect"][node], expected, atol=1e-5)


@pytest.mark.parametrize("replace", ["corrupt", "mean", "zero"])
def test_prompts_seen_together_are_those_seen_alone(replace):
    model = tiny("llama")

    def sides_of(rows):
        params = EdgesParams(prompts=rows)
        asked = ("logit_diff", replace, ("abcdex",))
        return Sides(model, params, prepare(model, params), asked, SilentReporter())

    whole = sides_of(ROWS)
    assert whole.lengths[0] == whole.lengths[1] != whole.lengths[2]
    passes = model.forward_passes
    found = [whole.side(n) for n in range(3)]
    together = model.forward_passes - passes
    passes = model.forward_passes
    alone = [sides_of(ROWS[n : n + 1]).side(0) for n in range(3)]
    assert together <= model.forward_passes - passes - (replace == "corrupt")
    for one, other in zip(found, alone, strict=True):
        assert one.base == pytest.approx(other.base, abs=1e-5)
        np.testing.assert_allclose(one.own, other.own, atol=1e-5)
        if replace != "mean":  # lengths differ among all of them, so that their mean is pooled
            np.testing.assert_allclose(one.other, other.other, atol=1e-5)
            assert one.empty == pytest.approx(other.empty, abs=1e-5)


@pytest.mark.parametrize("name", ["base", "other"])
def test_numbers_that_are_not_finite_are_no_sign_that_nothing_changes(name):
    model, params = tiny("llama"), EdgesParams(prompts=ROWS[:1], method="none", circuit="all")
    sides = Sides(
        *(model, params, prepare(model, params), ("logit_diff", "corrupt", ())), SilentReporter()
    )
    numbers = {"base": 2.0, "other": 2.0}
    told = []
    for value in (2.0, -np.inf):
        both = {key: np.array([number]) for key, number in {**numbers, name: value}.items()}
        known = Known(sides.graph, sides.senders, sides.side, **both)
        _found, said = fields(model, params, known, SilentReporter())
        told.append("nothing_to_explain" in {notice.code for notice in said})
    assert told == [True, False]


class Stops(Reporter):
    """Cancels with the first word of circuits."""

    def __init__(self, *, keeps):
        self._keeps, self.begun = keeps, False

    @property
    def keeps_partial(self):
        return self._keeps

    def step(self, fraction, note=""):
        if note.startswith("Random circuit"):
            raise Cancelled


def test_a_run_cancelled_among_circuits_keeps_its_effects():
    params = EdgesParams(prompts=ROWS[:1], method="eap", circuit="30")
    result = run(tiny("llama"), params, Stops(keeps=True))
    assert np.isfinite(result.data["estimate"]).all()
    assert not {"kept", "curve"} & result.data.keys()
    assert "before the circuits" in next(n.message for n in result.warnings if n.code == "partial")
    with pytest.raises(Cancelled):
        run(tiny("llama"), params, Stops(keeps=False))


def test_every_field_of_circuits_is_described():
    result = found("llama", method="eap", nodes=True, circuit="6", controls=4)
    described = fields_of(result)
    assert set(result.data) <= set(described)
    for name, value in result.data.items():
        if isinstance(value, np.ndarray):
            assert len(described[name].axes) == value.ndim, name
