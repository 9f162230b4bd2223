"""Circuits of edges as MIB's JSON: what its reader needs, and back again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from desktop_app.contract.circuits import Pruner, largest, resolve_circuit
from desktop_app.contract.edges import Graph
from desktop_app.session import exports
from desktop_app.session.exports import export
from desktop_app.support.errors import BadInputError
from desktop_app.text.circuit_files import read_circuit
from tests.samples import stored

GRAPHS = [Graph(2, 3, 3), Graph(3, 4, 2), Graph(2, 6, 1), Graph(3, 4, 2, frozenset({0, 1, 2}))]


def result_of(graph, kept=None, seed=0):
    """Return a result of `edges` on a model of this shape; two effects are not known exactly."""
    random = np.random.default_rng(seed)
    kinds = np.array([r.kind for r in graph.receivers])
    effect = random.standard_normal(len(graph))
    estimate, effect[:2] = random.standard_normal(len(graph)), np.nan
    data = {
        "sender": np.array(graph.sender_names)[graph.senders_of],
        "receiver": np.array(graph.receiver_names)[graph.inputs_of],
        "input": kinds[graph.inputs_of],
        "effect_mean": effect,
        "estimate_mean": estimate,
    }
    if kept is not None:
        data["kept"] = np.isin(np.arange(len(graph)), kept)
    model = stored.MODEL.__class__(
        **{**stored.MODEL.__dict__, "n_layers": graph.layers, "n_heads": graph.heads}
    )
    return stored.result_of("edges", data, model=model)


def mib_edges(layers, heads, *, parallel):
    """Return the names of all edges as EAP-IG's Graph has them: an edge for each query head."""
    before, names = ["input"], []
    for layer in range(layers):
        own = [f"a{layer}.h{head}" for head in range(heads)]
        names += [f"{s}->{head}<{kind}>" for s in before for head in own for kind in "qkv"]
        reads = before if parallel else before + own
        names += [f"{s}->m{layer}" for s in reads]
        before = [*before, *own, f"m{layer}"]
    return {*names, *(f"{s}->logits" for s in before)}


@pytest.mark.parametrize("graph", GRAPHS)
def test_what_is_written_is_what_its_reader_needs(graph, tmp_path):
    kept = Pruner(graph)(largest(np.random.default_rng(1).standard_normal(len(graph)), 60))
    assert len(kept) > 5
    result = result_of(graph, kept)
    export(result, tmp_path / "c.mib.json")
    written = json.loads((tmp_path / "c.mib.json").read_text("utf-8"))
    assert list(written) == ["cfg", "nodes", "edges"]
    assert written["cfg"] == {
        "n_layers": graph.layers,
        "n_heads": graph.heads,
        "parallel_attn_mlp": bool(graph.parallel),
        "d_model": result.model.d_model,
    }
    parts = [f"a{n}.h{h}" for n in range(graph.layers) for h in range(graph.heads)]
    parts += [f"m{n}" for n in range(graph.layers)]
    assert set(written["nodes"]) == {"input", "logits", *parts}
    expected = mib_edges(graph.layers, graph.heads, parallel=bool(graph.parallel))
    assert set(written["edges"]) == expected
    for name, facts in written["edges"].items():
        assert type(facts["in_graph"]) is bool
        assert type(facts["score"]) is float
        if facts["in_graph"]:
            source, target = name.split("->")
            assert written["nodes"][source]["in_graph"]
            assert written["nodes"][target.partition("<")[0]]["in_graph"] or "<" in target


@pytest.mark.parametrize("graph", GRAPHS)
def test_what_is_written_is_read_again(graph, tmp_path):
    random = np.random.default_rng(2)
    for share in (0.0, 0.3, 1.0):
        kept = np.flatnonzero(random.random(len(graph)) < share)
        result = result_of(graph, kept)
        if not len(kept):
            result = stored.result_of(
                "edges", {**result.data, "effect_mean": np.zeros(len(graph)),
                          "estimate_mean": np.zeros(len(graph))}, model=result.model,
            )  # fmt: skip
        export(result, tmp_path / "c.mib.json")
        text = read_circuit(str(tmp_path / "c.mib.json"))
        chosen = resolve_circuit(text, graph)
        found = chosen.edges if chosen.edges is not None else np.arange(chosen.count)
        assert found.tolist() == kept.tolist()


def test_scores_are_effects_where_they_are_known_and_go_to_every_head_of_a_group(tmp_path):
    graph = GRAPHS[1]
    result = result_of(graph, [0])
    export(result, tmp_path / "c.mib.json")
    edges = json.loads((tmp_path / "c.mib.json").read_text("utf-8"))["edges"]
    estimate, effect = result.data["estimate_mean"], result.data["effect_mean"]
    assert edges["input->a0.h0<q>"] == {"score": estimate[0], "in_graph": True}
    assert edges["input->a0.h1<q>"]["score"] == estimate[1]
    assert edges["input->a0.h2<q>"]["score"] == effect[2]
    keys = [edges[f"input->a0.h{head}<k>"]["score"] for head in range(4)]
    assert keys == [effect[4], effect[4], effect[5], effect[5]]


def test_a_result_without_a_circuit_gives_its_scores(tmp_path):
    export(result_of(GRAPHS[1]), tmp_path / "C.MIB.JSON")
    written = json.loads((tmp_path / "C.MIB.JSON").read_text("utf-8"))
    assert not any(facts["in_graph"] for facts in written["edges"].values())
    with pytest.raises(BadInputError, match="scores and no edge"):
        read_circuit(str(tmp_path / "C.MIB.JSON"))


def test_a_parallel_layer_among_others_loses_no_edge(tmp_path):
    graph = Graph(3, 2, 2, frozenset({1}))
    export(result_of(graph, np.arange(len(graph))), tmp_path / "c.mib.json")
    written = json.loads((tmp_path / "c.mib.json").read_text("utf-8"))
    assert written["cfg"]["parallel_attn_mlp"] is False
    assert set(written["edges"]) < mib_edges(3, 2, parallel=False)


def test_other_results_have_no_circuit_to_write(tmp_path):
    with pytest.raises(BadInputError, match="has no circuit of edges"):
        export(stored.ablate_result(), tmp_path / "c.mib.json")
    damaged = result_of(GRAPHS[0], [0])
    damaged = stored.result_of(
        "edges", {k: v[:-1] for k, v in damaged.data.items()}, model=damaged.model
    )
    with pytest.raises(BadInputError, match="not those of its model"):
        export(damaged, tmp_path / "c.mib.json")
    assert list(tmp_path.iterdir()) == []
    exports.check_ending("c.mib.json")
    assert ".mib.json" not in exports.ENDINGS
