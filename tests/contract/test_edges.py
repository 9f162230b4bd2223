"""Edges by number: how many, who reads whom, and their names."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.contract.edges import Graph


def test_the_edges_of_the_packs_shape_are_counted():
    graph = Graph(30, 9, 3)
    assert len(graph) == 70_651
    assert graph.n_senders == 301
    assert len(graph.senders_of) == len(graph.inputs_of) == 70_651


def test_edges_lead_forward_and_in_parallel_blocks_past_the_layers_own_heads():
    for parallel in (frozenset(), frozenset({0, 1})):
        graph = Graph(2, 2, 1, parallel)
        pairs = {
            (graph.sender_names[s], graph.receiver_names[r], graph.receivers[r].kind)
            for s, r in zip(graph.senders_of, graph.inputs_of, strict=True)
        }
        assert len(pairs) == len(graph)
        assert ("embed", "0.1", "q") in pairs
        assert ("embed", "0.1", "k") not in pairs  # there is one key-value head
        assert ("m0", "1.0", "v") in pairs
        assert ("1.1", "logits", "in") in pairs
        assert (("1.1", "m1", "in") in pairs) == (not parallel)
        assert ("m1", "m1", "in") not in pairs


def test_an_edge_is_found_by_its_ends():
    graph = Graph(3, 4, 2)
    numbers = [graph.edge(s, r) for s, r in zip(graph.senders_of, graph.inputs_of, strict=True)]
    assert np.array_equal(numbers, np.arange(len(graph)))
    with pytest.raises(ValueError, match="m2 does not come before"):
        graph.edge(graph.n_senders - 1, 0)
