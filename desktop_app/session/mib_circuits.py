"""A circuit of edges as MIB's JSON: what EAP-IG's `Graph.from_json` reads.

Its nodes are `input`, `a5.h3`, `m7`, `logits`, its edges `input->a5.h3<q>`, each with a score and
whether it is in the graph. It has keys and values for every query head: a key-value head's edge is
written for each head of its group, with the same score and the same flag.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from desktop_app.contract.circuits import Pruner
from desktop_app.contract.edges import EMBED, INPUT_KINDS, LOGITS, Graph
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.edges import Receiver
    from desktop_app.contract.result import Result

ENDING = ".mib.json"
_SCORES = ("effect_mean", "estimate_mean", "estimate_eap_mean")


def holds_circuit(result: Result) -> bool:
    """Return whether a result says which edges a circuit holds."""
    return "kept" in result.data and "sender" in result.data


def write_mib(result: Result, file: BinaryIO, _title: str = "") -> None:
    """Write the circuit of a result of `edges`; without one, its scores with no edge in the graph.

    Raises:
        BadInputError: It is another analysis' result.
    """
    graph = _graph_of(result)
    kept = np.zeros(len(graph), dtype=bool)
    if "kept" in result.data:
        kept = np.asarray(result.array("kept")).astype(bool)
    scores = _scores(result, len(graph))
    file.write(b'{"cfg": ')
    file.write(json.dumps(_cfg(result, graph)).encode())
    for name, pieces in (
        ("nodes", _nodes(graph, kept)),
        ("edges", _edges(graph, kept, scores)),
    ):
        lead = f', "{name}": {{'
        for piece in pieces:
            file.write(f"{lead}{piece}".encode())
            lead = ",\n"
        file.write(b"}")
    file.write(b"}\n")


def _graph_of(result: Result) -> Graph:
    """Return the edges that a result speaks of, as its own names have them."""
    names = ("sender", "receiver", "input")
    if not all(name in result.data for name in names):
        raise BadInputError(
            f"A result of {result.analysis} has no circuit of edges for a {ENDING} file: choose a "
            "result of edges."
        )
    senders, receivers, inputs = (np.asarray(result.array(name)) for name in names)
    layers, heads = result.model.n_layers, result.model.n_heads
    first_keys = np.unique(receivers[(inputs == INPUT_KINDS[1]) & (senders == EMBED)])
    kv_heads = sum(str(name).startswith("0.") for name in first_keys)
    beside = {f"{layer}.0>m{layer}": layer for layer in range(layers)}
    into_mlps = np.char.startswith(receivers.astype(str), "m")
    pairs = zip(senders[into_mlps], receivers[into_mlps], strict=True)
    joined = {beside.get(f"{sender}>{receiver}") for sender, receiver in pairs}
    graph = Graph(layers, heads, kv_heads, frozenset(set(range(layers)) - joined))
    if not kv_heads or heads % kv_heads or len(graph) != len(senders):
        raise BadInputError("The edges of this result are not those of its model: run it again.")
    return graph


def _scores(result: Result, count: int) -> np.ndarray:
    """Return each edge's mean effect, else its estimate; 0 where neither is known."""
    found = np.full(count, np.nan)
    for name in _SCORES:
        if name in result.data:
            values = np.asarray(result.array(name), dtype=np.float64)
            found = np.where(np.isfinite(found), found, values)
    return np.asarray(np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0))


def _cfg(result: Result, graph: Graph) -> dict[str, object]:
    return {
        "n_layers": graph.layers,
        "n_heads": graph.heads,
        # One flag for all layers: where only some are parallel, no edge of the others is lost.
        "parallel_attn_mlp": len(graph.parallel) == graph.layers,
        "d_model": result.model.d_model,
    }


def _nodes(graph: Graph, kept: np.ndarray) -> Iterator[str]:
    held = Pruner(graph).nodes_of(np.flatnonzero(kept))
    for name, flag in zip(graph.sender_names, held.tolist(), strict=True):
        yield f'"{_mib_name(name)}": {json.dumps({"in_graph": flag})}'
    yield f'"{LOGITS}": {json.dumps({"in_graph": True})}'


def _edges(graph: Graph, kept: np.ndarray, scores: np.ndarray) -> Iterator[str]:
    names = [_mib_name(name) for name in graph.sender_names]
    first = graph.first_edges
    for number, receiver in enumerate(graph.receivers):
        edges = slice(first[number], first[number + 1])
        rows = zip(names, scores[edges].tolist(), kept[edges].tolist(), strict=False)
        for sender, score, flag in rows:
            facts = f'{{"score": {score!r}, "in_graph": {"true" if flag else "false"}}}'
            for target in _mib_inputs(graph, receiver):
                yield f'"{sender}->{target}": {facts}'


def _mib_inputs(graph: Graph, receiver: Receiver) -> list[str]:
    """Return MIB's names of an input: one for each query head that reads it."""
    if receiver.layer == graph.layers:
        return [LOGITS]
    if receiver.head < 0:
        return [f"m{receiver.layer}"]
    group = 1 if receiver.kind == "q" else graph.heads // graph.kv_heads
    heads = range(receiver.head * group, (receiver.head + 1) * group)
    return [f"a{receiver.layer}.h{head}<{receiver.kind}>" for head in heads]


def _mib_name(name: str) -> str:
    if name == EMBED:
        return "input"
    if name[0] == "m":
        return name
    layer, head = name.split(".")
    return f"a{layer}.h{head}"
