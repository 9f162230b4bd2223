"""Composition of two heads: scores of all pairs, and chosen circuits over the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.compose import vocabulary_circuits as circuits
from desktop_app.analyses.compose.spec import (
    ANALYSIS,
    DIRECTIONS,
    KINDS,
    OV_DIRECTIONS,
    ComposeParams,
)
from desktop_app.contract.grammar import resolve_heads, resolve_pair
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.composition import composition_scores, random_baseline
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.sequences import lead_token

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

# How the work divides: scores, then what the tokens are, then the circuits.
_SCORE_SHARE, _STREAM_SHARE = 0.4, 0.1


def run(model: LoadedModel, params: ComposeParams, report: Reporter) -> Result:
    """Measure what each later head reads of each earlier one; follow a chosen pair or head.

    Returns:
        `score [kind, L1, H1, L2, H2]`, 0 unless L1 < L2, beside that of random matrices. For a
        pair `top1`, `top5` (best key for each query; best query for each key) among `n` tokens.
    """
    clock = Clock(model)
    info = model.info
    pair = None
    if params.full_circuit:
        pair = resolve_pair(params.full_circuit, info.n_layers, info.n_heads, "--full-circuit")
    copying = resolve_heads(params.ov, info.n_layers, info.n_heads, "--ov")
    kinds = KINDS if params.kind == "all" else (params.kind,)
    vocabulary = pair is not None or bool(copying)
    share = ShareReporter(report, 0.0, _SCORE_SHARE if vocabulary else 1.0)
    means, spreads = random_baseline(model, kinds, params.seed)
    data: dict[str, Any] = {
        "score": composition_scores(model, kinds, share, fold=params.fold),
        "kinds": kinds,
        "baseline": np.array(means),
        "baseline_spread": np.array(spreads),
    }
    if vocabulary:
        with no_hooks_left(model):
            data |= _circuits(model, params, pair, copying, report)
    report.step(1.0, "Done")
    return finish(model, ANALYSIS, params, (), (data, ()), clock)


def _circuits(
    model: LoadedModel,
    params: ComposeParams,
    pair: tuple[circuits.Head, circuits.Head] | None,
    copying: list[circuits.Head],
    report: Reporter,
) -> dict[str, Any]:
    """Return the fields of the chosen circuits; a copying circuit alone has the plain names too."""
    data: dict[str, Any] = {}
    lead_id = 0
    if params.embedding == "layer0":
        lead = lead_token(model, params, alone=True)
        lead_id, data["lead"] = lead.token_id, {"id": lead.token_id, "piece": lead.piece}
    ids = circuits.choose_tokens(model, params.tokens, params.seed)
    report.step(_SCORE_SHARE, f"Embedding {len(ids):,} tokens")
    tokens = circuits.embed(model, ids, params.embedding, lead_id)
    start = _SCORE_SHARE + _STREAM_SHARE
    rest = (1 - start) / ((pair is not None) + len(copying))
    if pair is not None:
        circuit = circuits.induction_circuit(tokens, pair)
        found = _measure(model, circuit, params.seed, ShareReporter(report, start, rest))
        data |= {**found, "directions": DIRECTIONS}
        start += rest
    if copying:
        circuit = circuits.copying_circuit(tokens, copying[0])
        found = _measure(model, circuit, params.seed, ShareReporter(report, start, rest))
        data |= {f"ov_{name}": value for name, value in found.items()}
        data["ov_directions"] = OV_DIRECTIONS
        if pair is None:
            data |= {name: found[name] for name in ("top1", "top5", "n")}
            data["directions"] = OV_DIRECTIONS
    return data


def _measure(
    model: LoadedModel, circuit: circuits.Circuit, seed: int, report: Reporter
) -> dict[str, Any]:
    found = circuits.accuracy(circuit, report)
    block, tokens = circuits.sample_block(model, circuit, seed)
    return {**found, "block": block, "block_tokens": tokens}
