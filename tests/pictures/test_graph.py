from __future__ import annotations

import numpy as np
import pytest

from desktop_app.contract.circuits import resolve_circuit
from desktop_app.contract.edges import Graph
from desktop_app.pictures.graph import MOST_DRAWN, BoardPicture, Drawn, Marks, draw_graph, strongest
from desktop_app.pictures.graph_nodes import NodeTable, edge_words, graph_of

SHARED, OWN = Graph(3, 4, 2), Graph(3, 4, 4)


def drawn(graph, edges, **told):
    """Return a drawing in which every edge's effect is its number."""
    values = np.arange(len(graph), dtype=float)
    known = Drawn(values, np.ones(len(graph), dtype=bool), told.pop("inside", None), **told)
    return draw_graph(NodeTable(graph), known, np.array(edges, dtype=int))


@pytest.mark.parametrize("graph", [SHARED, OWN, Graph(2, 6, 1, frozenset({1}))])
def test_every_edge_joins_the_nodes_that_its_name_says(graph):
    table = NodeTable(graph)
    for edge in range(len(graph)):
        receiver = graph.receivers[int(graph.inputs_of[edge])]
        node = table.node(int(table.ends[edge]))
        assert node.layer == receiver.layer
        assert edge_words(table, edge).startswith(f"{table.node(graph.senders_of[edge]).name} → ")
        if receiver.kind in {"k", "v"} and table.shares:
            assert (node.kind, node.head) == ("kv", receiver.head)
        elif receiver.head >= 0:
            assert (node.kind, node.head) == ("head", receiver.head)
        else:
            assert node.kind in {"mlp", "logits"}


def test_nodes_are_numbered_once_and_named_as_settings_write_them():
    table = NodeTable(SHARED)
    nodes = [table.node(number) for number in range(len(table))]
    assert [n.number for n in nodes] == list(range(len(table)))
    assert [n.key for n in nodes[: table.logits]] == list(SHARED.sender_names)
    assert len({n.key for n in nodes}) == len(nodes)
    assert [table.node(table.number_of(p)).key for p in ((1, 3), (2, None))] == ["1.3", "m2"]
    assert [table.number_of(p) for p in ((3, 0), (0, 4), (-1, 0))] == [None] * 3


def test_a_key_value_head_knows_whom_it_serves():
    table = NodeTable(SHARED)
    node = next(i for i in range(len(table)) if table.node(i).key == "1.kv1")
    assert [table.node(i).key for i in table.heads_of(node)] == ["1.2", "1.3"]
    assert list(table.heads_of(0)) == []


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("L1H3", "1.3"),
        ("1.3", "1.3"),
        ("m2", "m2"),
        ("L2 MLP", "m2"),
        ("logits", "logits"),
        ("EMBED", "embed"),
        ("l1kv0", "1.kv0"),
        ("L1", "1.0"),
    ],
)
def test_a_node_is_found_by_what_it_is_called(text, first):
    table = NodeTable(SHARED)
    assert table.node(table.found(text)[0]).key == first


@pytest.mark.parametrize("text", ["", "  ", "L9H0", "head", "%"])
def test_what_is_no_node_is_not_found(text):
    assert NodeTable(SHARED).found(text) == []


def test_the_strongest_come_first_and_what_is_not_known_does_not_come():
    values = np.array([1.0, np.nan, -3.0, 2.0, -2.0, 0.0])
    assert strongest(values, 3).tolist() == [2, 3, 4]
    assert strongest(values, 99).tolist() == [2, 3, 4, 0, 5]
    among = np.array([True, True, False, True, False, True])
    assert strongest(values, 2, among).tolist() == [3, 0]
    assert strongest(values, 2, values > 0).tolist() == [3, 0]
    assert strongest(values, 0).size == strongest(np.full(3, np.nan), 2).size == 0


def test_a_shape_is_read_as_results_tell_it():
    told = {"layers": 3, "heads": 4, "kv_heads": 2, "parallel": [1]}
    assert graph_of(told) == Graph(3, 4, 2, frozenset({1}))
    assert graph_of([3, 4, 2]) == SHARED
    assert graph_of(None) is graph_of({"layers": 3}) is None
    with pytest.raises(ValueError, match="key-value"):
        graph_of({"layers": 3, "heads": 4, "kv_heads": 3})


@pytest.mark.parametrize("graph", [SHARED, OWN, Graph(4, 6, 2, frozenset({0, 2}))])
def test_layers_go_upward_and_every_edge_with_them(graph):
    shown = drawn(graph, range(len(graph)))
    place = {node.key: at for at, node in enumerate(shown.nodes)}
    assert shown.y[place["embed"]] == shown.y.max()
    assert shown.y[place["logits"]] == shown.y.min()
    up = shown.y[shown.start] - shown.y[shown.end]
    assert (up > 0).all()
    assert (shown.x > 0).all()
    assert (shown.x < shown.size[0]).all()
    assert (shown.y > 0).all()
    assert (shown.y < shown.size[1]).all()


def test_no_two_nodes_lie_in_one_place():
    shown = drawn(SHARED, range(len(SHARED)))
    places = np.stack([shown.x, shown.y], axis=-1)
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, 9)
    assert apart.min() > 0.3


def test_heads_of_one_number_share_a_column_and_parallel_layers_one_row():
    shown = drawn(Graph(3, 4, 4, frozenset({1})), range(len(Graph(3, 4, 4, frozenset({1})))))
    at = {node.key: place for place, node in enumerate(shown.nodes)}
    assert shown.x[at["0.2"]] == shown.x[at["2.2"]]
    assert shown.y[at["1.0"]] == shown.y[at["m1"]]
    assert shown.y[at["2.0"]] > shown.y[at["m2"]]


def test_a_drawing_keeps_the_numbers_of_its_edges_and_the_widest():
    shown = drawn(SHARED, [10, 5, 0])
    assert shown.edges.tolist() == [10, 5, 0]
    assert shown.limit == 10.0
    assert len(shown.edges_of(int(shown.start[0]))) >= 1
    assert shown.place_of(10**6) is None
    assert "3 edges" in shown.summary()


def test_pins_stand_without_edges_and_roles_beside_names():
    table = NodeTable(SHARED)
    known = Drawn(np.zeros(len(SHARED)), np.ones(len(SHARED), dtype=bool))
    number = table.number_of((1, 2))
    marks = Marks({number: "induction"}, {number: "in it"}, frozenset({number}))
    (node,) = draw_graph(table, known, np.empty(0, dtype=int), marks).nodes
    assert (node.key, node.role, node.published, node.pinned) == ("1.2", "induction", "in it", True)


def test_a_circuit_is_told_of_edges_and_of_their_nodes():
    inside = np.zeros(len(SHARED), dtype=bool)
    inside[resolve_circuit("embed>m0, m0>logits", SHARED).edges] = True
    outside = resolve_circuit("1.3>logits", SHARED).edges
    shown = drawn(SHARED, [*np.flatnonzero(inside), *outside], inside=inside)
    assert {n.key: n.kept for n in shown.nodes} == {
        "embed": True,
        "m0": True,
        "logits": True,
        "1.3": False,
    }
    assert shown.inside.tolist() == [True, True, False]


def test_an_empty_drawing_is_one():
    assert BoardPicture().summary() == "0 edges between 0 nodes"
    assert drawn(SHARED, []).nodes == ()


def test_no_more_is_drawn_than_can_be_seen():
    graph = Graph(30, 9, 3)
    shown = drawn(graph, range(len(graph)))
    assert len(shown.edges) == MOST_DRAWN


def test_of_all_edges_only_those_that_are_drawn_become_objects(monkeypatch):
    graph = Graph(30, 9, 3)
    table, made = NodeTable(graph), []
    node = NodeTable.node
    monkeypatch.setattr(NodeTable, "node", lambda self, i: made.append(i) or node(self, i))
    values = np.random.default_rng(0).normal(size=len(graph))
    known = Drawn(values, np.ones(len(graph), dtype=bool))
    assert len(table.ends) == len(graph) == 70_651
    shown = draw_graph(table, known, strongest(values, 300))
    assert len(shown.edges) == 300
    assert len(made) == len(shown.nodes) <= 600
