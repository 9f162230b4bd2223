"""Resamples and random circuits: planted circuits come back, and noise does not."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from desktop_app.contract.circuits import Pruner, largest, resolve_circuit
from desktop_app.contract.edges import Graph
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods.edge_samples import (
    bootstrap,
    circuit_by_size,
    means_of,
    random_circuits,
    random_nodes,
)
from desktop_app.methods.senders import Senders
from desktop_app.methods.streams import Wanted, read_streams
from desktop_app.support.errors import Cancelled
from tests.engine.tind import tind
from tests.methods.test_edge_circuits import Side, scores_of

SMOLLM2 = Graph(30, 9, 3)
PLANTED = (
    "embed>2.4.q, embed>2.1.v, 2.4>m7, embed>m0, m0>m7, m7>9.2.k, m7>9.7.q, 9.7>logits, m0>logits"
)
INDUCTION = "embed>0.0.v, 0.0>1.0.k, embed>1.0.q, embed>1.0.v, 1.0>logits"


def sample(values, graph, count, resamples=100):
    make = circuit_by_size(Pruner(graph), count)
    return bootstrap(values, make, len(graph), (resamples, 0), SilentReporter())


def test_a_planted_circuit_among_seventy_thousand_edges_comes_back():
    random = np.random.default_rng(0)
    planted = resolve_circuit(PLANTED, SMOLLM2).edges
    assert len(planted) == 9
    values = 0.05 * random.standard_normal((len(SMOLLM2), 8))
    values[planted] += random.choice([-1, 1], (9, 1)) * (0.5 + 0.5 * random.random((9, 8)))
    found = sample(values, SMOLLM2, 30)
    noise = np.delete(found.inclusion, planted)
    assert found.inclusion[planted].min() >= 0.95
    assert noise.max() <= 0.5
    assert noise.mean() < 1e-3
    assert found.jaccard[1] <= found.jaccard[0] <= 1
    assert found.jaccard[1] <= found.jaccard[2]


def noisy_induction(folder):
    """Return T-IND with every weight a little off, so that all of its edges do something."""
    source = tind().info.source
    model = AutoModelForCausalLM.from_pretrained(source)
    torch.manual_seed(0)
    with torch.no_grad():
        for block in model.transformer.h:
            for part in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj):
                part.weight.add_(0.004 * torch.randn_like(part.weight))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter())


def repeated(random):
    """Return a clean sequence whose end has its answer, and one of other tokens."""
    first, other = random.permutation(np.arange(2, 46))[:20].reshape(2, 10)
    at = random.integers(2, 8)
    return [[0, *s, s[at]] for s in (first, other)], int(first[at + 1]), int(other[at + 1])


def exact(model, count):
    """Return every edge's effect on prompts: circuits of all edges but one."""
    info = model.info
    graph, random = Graph(info.n_layers, info.n_heads, info.n_kv_heads), np.random.default_rng(0)
    senders, found = None, []
    for _ in range(count):
        (clean, corrupt), answer, wrong = repeated(random)
        ids = torch.tensor([clean])
        senders = senders or Senders(model, ids, [11])
        streams = read_streams(model, ids, Wanted(True, ("head_z",), [11]))
        own, other = senders.of(streams)[:, 0], senders.see(torch.tensor([corrupt]))[:, 0]

        def score(logits, answer=answer, wrong=wrong):
            return logits[:, answer] - logits[:, wrong]

        base = float(score(streams.logits)[0])
        assert base > 1
        side = Side(ids, streams.stream[0][0], own, other, 11, score, base)
        without = [np.delete(np.arange(len(graph)), edge) for edge in range(len(graph))]
        found.append(scores_of(model, senders, graph, side, without) - base)
    return graph, np.stack(found, 1)


def test_the_circuit_of_a_model_set_by_hand_comes_back():
    with TemporaryDirectory() as folder:
        graph, effects = exact(noisy_induction(Path(folder)), 8)
    known = resolve_circuit(INDUCTION, graph).edges
    assert len(graph) == 46
    # The others do something as well; how much is exactly 0 is up to the library that multiplies.
    assert np.count_nonzero(effects) > 20 * 8
    assert largest(effects.mean(1), 5).tolist() == known.tolist()
    found = sample(effects, graph, 5)
    assert found.inclusion[known].min() >= 0.95
    assert np.delete(found.inclusion, known).max() <= 0.05
    assert found.jaccard[0] >= 0.95


def test_resamples_are_those_of_a_plain_loop():
    graph = Graph(3, 4, 2)
    values = np.random.default_rng(1).standard_normal((len(graph), 4))
    values[::7, 1] = np.nan
    values[3] = np.nan
    prune, random = Pruner(graph), np.random.default_rng(0)
    known = [row[np.isfinite(row)] for row in values]
    whole = np.array([row.mean() if len(row) else np.nan for row in known])
    held = set(prune(largest(whole, 40)).tolist())
    inclusion, shares = np.zeros(len(graph)), []
    for drawn in random.multinomial(4, [0.25] * 4, size=30):
        means = np.zeros(len(graph))
        for edge, row in enumerate(values):
            some = [v for v, times in zip(row, drawn, strict=True) for _ in range(times)]
            some = [v for v in some if np.isfinite(v)]
            means[edge] = np.mean(some) if some else np.nan
        own = set(prune(largest(means, 40)).tolist())
        inclusion[list(own)] += 1
        shares.append(len(own & held) / len(own | held))
    found = sample(values, graph, 40, 30)
    np.testing.assert_allclose(found.inclusion, inclusion / 30)
    expected = [np.mean(shares), *np.percentile(shares, [5, 95])]
    np.testing.assert_allclose(found.jaccard, expected)


def test_means_are_over_the_prompts_that_have_a_value():
    values = np.array([[1.0, 2.0, 6.0], [1.0, np.nan, 2.0], [np.nan] * 3, [-np.inf, 4.0, np.nan]])
    np.testing.assert_array_equal(means_of(values), [3.0, 1.5, np.nan, 4.0])
    drawn: list[np.ndarray] = []

    def note(means):
        drawn.append(means)
        return np.arange(1)

    bootstrap(values, note, 4, (1, 0), SilentReporter())
    np.testing.assert_array_equal(drawn[0], means_of(values))


def test_prompts_that_agree_give_one_circuit():
    graph = Graph(3, 4, 2)
    values = np.repeat(np.random.default_rng(0).standard_normal((len(graph), 1)), 5, 1)
    found = sample(values, graph, 60)
    assert set(found.inclusion) == {0.0, 1.0}
    assert found.jaccard.tolist() == [1.0, 1.0, 1.0]
    empty = sample(values, graph, 0)
    assert not empty.inclusion.any()
    assert empty.jaccard.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("graph", [Graph(3, 4, 2), SMOLLM2])
@pytest.mark.parametrize("size", [0, 12, 60, 150])
def test_random_circuits_have_as_many_edges_and_no_loose_ends(graph, size):
    prune = Pruner(graph)
    found = random_circuits(graph, prune, size, (6, 0), SilentReporter())
    assert [len(edges) for edges in found] == [size] * 6
    for edges in found:
        assert prune(edges).tolist() == edges.tolist() == sorted(set(edges.tolist()))
    if size:
        assert len({tuple(edges) for edges in found}) == 6
    again = random_circuits(graph, prune, size, (6, 0), SilentReporter())
    assert [a.tolist() for a in again] == [f.tolist() for f in found]
    other = random_circuits(graph, prune, size, (1, 1), SilentReporter())[0]
    assert size == 0 or other.tolist() != found[0].tolist()


def test_random_circuits_of_all_edges_are_the_model_and_small_ones_come_near():
    graph = Graph(3, 4, 2)
    prune = Pruner(graph)
    whole = random_circuits(graph, prune, len(graph), (2, 0), SilentReporter())
    assert [len(edges) for edges in whole] == [len(graph)] * 2
    for size in (1, 2, 3, 4):
        for edges in random_circuits(graph, prune, size, (10, 0), SilentReporter()):
            assert size <= len(edges) <= size + 6


def test_random_nodes_are_as_many_and_keep_the_embeddings():
    graph = Graph(3, 4, 2)
    sets = random_nodes(graph, np.array([0, 3, 9]), (5, 0))
    assert all(nodes[0] == 0 and len(set(nodes.tolist())) == 3 for nodes in sets)
    assert not random_nodes(graph, np.arange(0), (1, 0))[0].size


def test_sampling_can_be_stopped():
    class Stops(Reporter):
        def step(self, fraction, note=""):
            raise Cancelled

    graph = Graph(3, 4, 2)
    with pytest.raises(Cancelled):
        bootstrap(np.ones((len(graph), 2)), lambda _m: np.arange(3), 190, (5, 0), Stops())
    with pytest.raises(Cancelled):
        random_circuits(graph, Pruner(graph), 20, (5, 0), Stops())
