"""Results of edges made by hand: any shape, effects that fall off, circuits on demand."""

from __future__ import annotations

from typing import Any

import numpy as np

from desktop_app.analyses.edges.spec import FRACTIONS, EdgesParams
from desktop_app.contract.circuits import Pruner, largest, resolve_circuit
from desktop_app.contract.edges import Graph
from desktop_app.contract.result import Result, Timing
from tests.samples.drawn import PROMPTS, model, prompt, result_of

TOY = (3, 4, 2)
PACK = (30, 9, 3)


def shape_of(graph: Graph) -> dict[str, Any]:
    """Return a graph's shape as a result tells it."""
    return {
        "layers": graph.layers,
        "heads": graph.heads,
        "kv_heads": graph.kv_heads,
        "parallel": sorted(graph.parallel),
    }


def effects(graph: Graph, count: int) -> np.ndarray:
    """Return effects `[edge, prompt]` that fall off, some of either sign; edge 0 is the largest."""
    draw = np.random.default_rng(0)
    writes = np.abs(draw.normal(size=graph.n_senders)) ** 3 / 2
    reads = np.abs(draw.normal(size=len(graph.receivers))) ** 3 / 2
    writes[0], reads[-1] = 6.0, 6.0
    writes[graph.heads + 1 :: graph.heads + 1] += 1.0
    sizes = (writes[graph.senders_of] * reads[graph.inputs_of]) ** 0.75 / 8
    signs = np.where(draw.random(len(graph)) < 0.35, 1.0, -1.0)
    values = (np.minimum(sizes, 2.7) * signs)[:, None] * np.ones((1, count))
    values *= 1 + draw.normal(size=values.shape) / 20
    values[0] = -6.0
    return values


def edges_result(
    shape: tuple[int, int, int] = TOY,
    *,
    exact: int | None = None,
    count: int = 2,
    circuit: int = 0,
    **changes: Any,
) -> Result:
    """Return a measurement: all edges exact, or so many of the largest, the others estimated."""
    graph = Graph(*shape)
    prompts = changes.pop("prompts", None) or [
        *PROMPTS[:count],
        *(prompt("1 2 3 4 ", "1 2 4 3 ") for _ in range(count - 2)),
    ]
    curves, nodes, resamples = (changes.pop(k, False) for k in ("curves", "nodes", "resamples"))
    values = effects(graph, count)
    estimate = values * 0.8 + np.random.default_rng(1).normal(size=values.shape) / 50
    estimate[0] *= -0.4
    effect = values.copy()
    if exact is not None:
        effect[:] = np.nan
        known = largest(np.abs(estimate).mean(1), exact)
        effect[known] = values[known]
    data: dict[str, Any] = {
        "sender": np.array(graph.sender_names)[graph.senders_of],
        "layers": shape_of(graph),
        "base": np.full(count, 5.0) + np.arange(count),
        "base_mean": 5.0 + (count - 1) / 2,
        "other": np.full(count, -1.0),
        "other_mean": -1.0,
        "effect": effect,
        "estimate": estimate,
        "method": "eap-ig",
        "agreement": 0.79,
        "overlap": 0.63,
        "estimated": exact == 0,
        "computed": int(np.isfinite(effect[:, 0]).sum()),
        "read_position": np.array([p.read_position for p in prompts]),
    }
    if circuit:
        kept = chosen(graph, values.mean(1), circuit)
        data |= scored(graph, kept, count)
    if curves:
        data |= by_size()
    if nodes:
        data |= whole_nodes(graph, count)
    if resamples:
        sure = np.zeros(len(graph))
        order = kept[np.argsort(-np.abs(values[kept].mean(1)))]
        sure[order] = np.linspace(1.0, 0.2, len(order))
        data |= {"inclusion": sure, "jaccard": np.array([0.86, 0.79, 0.93])}
    data |= changes.pop("data", {})
    params = {**EdgesParams().model_dump(), **changes.pop("params", {})}
    layers, heads, kv_heads = shape
    made = changes.pop("model", model(n_layers=layers, n_heads=heads, n_kv_heads=kv_heads))
    told = {"params": params, "prompts": tuple(prompts), "model": made}
    return result_of("edges", data, **{**told, "timing": Timing(12.0, 30, 1000), **changes})


def chosen(graph: Graph, values: np.ndarray, least: int) -> np.ndarray:
    """Return the smallest circuit by size that holds so many edges after pruning."""
    prune, count = Pruner(graph), least
    while True:
        kept = prune(largest(values, count))
        if len(kept) >= least or count >= len(graph):
            return kept
        count = min(count + max(count // 8, 1), len(graph))


def scored(graph: Graph, kept: np.ndarray, count: int, score: float = 4.0) -> dict[str, Any]:
    """Return the fields of a circuit that was scored."""
    inside = np.zeros(len(graph), dtype=bool)
    inside[kept] = True
    far = (score + 1.0) / (np.arange(count) + 6.0)
    return {
        "kept": inside,
        "circuit_score": np.full(count, score),
        "circuit_score_mean": score,
        "faithfulness": far,
        "faithfulness_mean": float(far.mean()),
        "circuit_faithfulness": (score + 1.0) / (6.0 + (count - 1) / 2),
    }


def try_result(text: str, *, like: Result | None = None, score: float = 4.0, **data: Any) -> Result:
    """Return what scoring a given circuit gives: no effects."""
    like = edges_result() if like is None else like
    graph = Graph(*(like.data["layers"][key] for key in ("layers", "heads", "kv_heads")))
    chosen = resolve_circuit(text, graph)
    edges = np.arange(chosen.count or 0) if chosen.edges is None else chosen.edges
    count = len(like.prompts)
    kept = {"layers", "base", "base_mean", "other", "other_mean", "read_position"}
    fields = {name: value for name, value in like.data.items() if name in kept}
    fields |= scored(graph, Pruner(graph)(edges), count, score)
    settings = {"method": "none", "circuit": text, "controls": 0, "resamples": 0}
    return result_of(
        "edges",
        {**fields, **data},
        params={**like.params, **settings},
        prompts=like.prompts,
        model=like.model,
    )


def by_size() -> dict[str, Any]:
    """Return curves of three rankings; EAP-IG has the better CMD, exact effects the better CPR."""
    steps = np.array(FRACTIONS)
    curves = np.stack([1 - (1 - steps**0.3) ** 2, 1.2 * steps**0.2, steps**0.8])
    curves[:, -1] = 1.0
    return {
        "fractions": steps,
        "curve": curves[0],
        "curve_edges": (steps * 300).astype(int),
        "cpr": 0.9,
        "cmd": 0.2,
        "rankings": np.array(["exact, else eap-ig", "eap-ig", "eap"]),
        "curves": curves,
        "cprs": np.array([0.93, 0.9, 0.41]),
        "cmds": np.array([0.2, 0.12, 0.59]),
        "control_faithfulness": np.linspace(-0.02, 0.06, 20),
    }


def whole_nodes(graph: Graph, count: int) -> dict[str, Any]:
    """Return effects of whole nodes; the embeddings matter most."""
    values = -6.0 / (1 + np.arange(graph.n_senders))[:, None] * np.ones((1, count))
    return {
        "node": np.array(graph.sender_names),
        "node_effect": values,
        "node_curve": np.array(FRACTIONS) ** 0.5,
    }
