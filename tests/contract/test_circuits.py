"""Circuits of edges: how they are written and chosen, and which of their edges lead anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.circuits import (
    Pruner,
    check_circuit,
    largest,
    resolve_circuit,
    share_of,
    written_edges,
)
from desktop_app.contract.edges import Graph
from desktop_app.support.errors import BadInputError

GRAPH = Graph(3, 4, 2)
SHAPES = [GRAPH, Graph(3, 4, 4), Graph(2, 6, 1), Graph(3, 4, 2, frozenset({0, 2}))]
SMOLLM2, LARGE = Graph(30, 9, 3), Graph(32, 32, 32)


def plainly(graph, edges):
    """Return the edges between the embeddings and the logits: a search of the graph by names."""
    group = graph.heads // graph.kv_heads
    steps = {}
    for edge in edges:
        receiver = graph.receivers[graph.inputs_of[edge]]
        source = graph.sender_names[graph.senders_of[edge]]
        if receiver.layer == graph.layers:
            targets = ["logits"]
        elif receiver.kind == "in":
            targets = [f"m{receiver.layer}"]
        elif receiver.kind == "q":
            targets = [f"{receiver.layer}.{receiver.head}"]
        else:
            first = receiver.head * group
            targets = [f"{receiver.layer}.{head}" for head in range(first, first + group)]
        steps[edge] = source, targets
    ahead, behind = {"embed"}, {"logits"}
    while True:
        size = len(ahead), len(behind)
        for source, targets in steps.values():
            if source in ahead:
                ahead.update(targets)
            if behind.intersection(targets):
                behind.add(source)
        if (len(ahead), len(behind)) == size:
            break
    alive = ahead & behind
    return [e for e, (source, to) in steps.items() if source in alive and alive.intersection(to)]


@pytest.mark.parametrize("graph", SHAPES)
def test_pruning_is_a_search_of_the_graph(graph):
    random, prune = np.random.default_rng(0), Pruner(graph)
    sizes = set()
    for share in np.linspace(0.02, 0.9, 60):
        edges = np.flatnonzero(random.random(len(graph)) < share)
        found = prune(edges)
        assert found.tolist() == plainly(graph, edges.tolist())
        assert prune(found).tolist() == found.tolist()
        sizes.add(len(found))
    assert 0 in sizes
    assert len(sizes) > 20


def test_a_key_value_head_leads_on_by_any_head_of_its_group():
    prune = Pruner(GRAPH)
    way = resolve_circuit("embed>0.1.k, 0.3>logits, 0.2>m0", GRAPH).edges
    assert written_edges(GRAPH, prune(way)) == "embed>0.1.k, 0.3>logits"
    other = resolve_circuit("embed>0.0.k, 0.3>logits", GRAPH).edges
    assert not len(prune(other))


def test_nothing_of_the_whole_is_pruned_and_all_of_nothing():
    for graph in (*SHAPES, SMOLLM2):
        assert len(Pruner(graph)(np.arange(len(graph)))) == len(graph)
        assert not len(Pruner(graph)(np.arange(0)))


def test_nodes_keep_the_edges_among_them():
    prune, names = Pruner(GRAPH), list(GRAPH.sender_names)
    nodes = np.array([names.index(name) for name in ("embed", "0.1", "m1")])
    found = written_edges(GRAPH, prune.of_nodes(nodes)).split(", ")
    assert set(found) == {
        *("embed>0.1.q", "embed>0.0.k", "embed>0.0.v", "embed>m1", "0.1>m1"),
        *("embed>logits", "0.1>logits", "m1>logits"),
    }
    held = prune.nodes_of(prune.of_nodes(nodes))
    assert np.flatnonzero(held).tolist() == sorted(nodes.tolist())
    assert not len(prune.of_nodes(nodes[1:]))  # nothing comes from the embeddings


def test_the_largest_are_those_of_a_stable_sort():
    random = np.random.default_rng(0)
    for _ in range(50):
        scores = random.integers(-5, 6, 40).astype(float)
        scores[random.integers(0, 40, 4)] = np.nan
        order = np.argsort(-np.nan_to_num(np.abs(scores), nan=-1.0), kind="stable")
        for count in (0, 1, 7, 39, 40, 41):
            assert largest(scores, count).tolist() == sorted(order[:count].tolist())


def test_shares_are_cut_as_mib_cuts_them():
    assert [share_of(f, 32_491) for f in (0.001, 0.002, 0.005, 1.0)] == [32, 64, 162, 32_491]


@pytest.mark.parametrize(
    ("text", "count"),
    [("120", 120), ("0", 0), ("1", 1), ("1.0", 190), ("0.5", 95), (".1", 19), ("all", 190),
     ("none", 0), (" 7 ", 7)],
)  # fmt: skip
def test_an_amount_is_a_count_or_a_share(text, count):
    assert len(GRAPH) == 190
    assert resolve_circuit(EdgesParams(circuit=text).circuit, GRAPH).count == count


def test_a_list_is_read_in_either_spelling():
    ours = "embed>m0, 0.3>1.2.q, 0.0>1.1.k, m0>2.0.v, 2.1>logits"
    wide = "embed > m0; 0.3 → 1.2.q\n0.0 -> 1.1.k  m0>2.0.v,2.1>logits.in, embed>m0.in"
    others = (
        "3x4 input->m0, a0.h3->a1.h2<q>, a0.h0->a1.h2<k>, a0.h0->a1.h3<k>, m0->a2.h0<v>, "
        "m0->a2.h1<v>, a2.h1->logits"
    )
    found = [resolve_circuit(check_circuit(t), GRAPH).edges for t in (ours, wide, others)]
    assert len(found[0]) == 5
    assert found[0].tolist() == found[1].tolist() == found[2].tolist()
    names = set(written_edges(GRAPH, found[0]).split(", "))
    assert names == set(ours.split(", "))
    assert written_edges(GRAPH, []) == "none"


def test_everything_written_is_read_again():
    for graph in SHAPES:
        text = check_circuit(written_edges(graph, np.arange(len(graph))))
        assert resolve_circuit(text, graph).edges.tolist() == list(range(len(graph)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("embed", "is a node"),
        ("embed>5.0.q", "no input 5.0.q"),
        ("embed>1.2.k", r"no input 1.2.k \(keys and values are counted by their own 2 heads\)"),
        ("4.0>logits", "no node 4.0"),
        ("2.0>1.0.q", "2.0 does not come before 1.0"),
        ("1.0>1.0.q", "does not come before"),
        ("logits>logits", "no node logits"),
        ("embed>1.0", "write 1.0.q, 1.0.k or 1.0.v"),
        ("embed>m0.q", "no input m0.q"),
        ("191", "there are 190 edges"),
        ("2x4 embed>m0", "of a model of 2 layers with 4 heads each, and this model has 3 with 4"),
        ("input->a1.h0<k>", "1 of the 2 query heads of layer 1 that share one key-value head"),
        ("input->a1.h9<k>", "no input"),
    ],
)
def test_what_a_model_lacks_is_refused_by_name(text, words):
    with pytest.raises(BadInputError, match=words) as refused:
        resolve_circuit(EdgesParams(circuit=text).circuit, GRAPH)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [("-3", "is no edge"), ("1.5", "more than the whole"), ("embed>m0, x", "“x” is no edge"),
     ("embed>", "is no edge"), ("m0>5.0.z", "is no edge"), ("x" * 500, "…” is no edge")],
)  # fmt: skip
def test_what_is_no_circuit_is_refused_at_once(text, words):
    with pytest.raises(ValidationError, match=words):
        EdgesParams(circuit=text)


def test_nodes_are_listed_where_nodes_are_kept():
    chosen = resolve_circuit("embed, 0.3, a1.h1, m2", GRAPH, nodes=True)
    assert [GRAPH.sender_names[n] for n in chosen.nodes] == ["embed", "0.3", "1.1", "m2"]
    assert resolve_circuit("0.5", GRAPH, nodes=True).count == 8
    with pytest.raises(BadInputError, match="no such node"):
        resolve_circuit("logits", GRAPH, nodes=True)
    with pytest.raises(BadInputError, match="keep to one"):
        resolve_circuit("embed, embed>m0", GRAPH, nodes=True)


def test_a_model_of_a_million_edges_is_chosen_from_and_pruned():
    assert len(LARGE) == 1_592_881
    scores = np.random.default_rng(0).standard_normal(len(LARGE))
    found = Pruner(LARGE)(largest(scores, share_of(0.1, len(LARGE))))
    assert 140_000 < len(found) < 159_288
