"""Composition of two heads: scores of all pairs, and chosen circuits over the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.compose.spec import (
    ANALYSIS,
    DIRECTIONS,
    KINDS,
    OV_DIRECTIONS,
    ComposeParams,
)
from desktop_app.contract.grammar import resolve_heads, resolve_pair
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine import weights
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods import stopped
from desktop_app.methods.composition import composition_scores, random_baseline
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.sequences import lead_token, ordinary_tokens
from desktop_app.support.errors import Cancelled

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Notice, Result
    from desktop_app.engine.model import LoadedModel

# How the work divides: scores, then what the tokens are, then the
_SCORE_SHARE, _STREAM_SHARE = 0.4, 0.1
Head = tuple[int, int]

_BLOCK_CELLS = 24_000_000
_SHOWN = 40


def run(model: LoadedModel, params: ComposeParams, report: Reporter) -> Result:
    """Measure what each later head reads of each earlier one; follow a chosen pair or head.

    Returns:
        `score [kind, L1, H1, L2, H2]`, 0 unless L1 < L2, beside that of random matrices. For a
        pair `top1`, `top5` (best key for each query; best query for each key) among `n` tokens.
        Cancelled after the scores, those alone, marked as partial.
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
    missing: tuple[Notice, ...] = ()
    if vocabulary:
        try:
            with no_hooks_left(model):
                data |= _circuits(model, params, pair, copying, report)
        except Cancelled:
            missing = stopped.before("the circuits over the vocabulary", report)
    stopped.tell_end(report)
    return finish(model, ANALYSIS, params, (), (data, missing), clock)


def _circuits(
    model: LoadedModel,
    params: ComposeParams,
    pair: tuple[Head, Head] | None,
    copying: list[Head],
    report: Reporter,
) -> dict[str, Any]:
    """Return the fields of the chosen circuits; a copying circuit alone has the plain names too."""
    data: dict[str, Any] = {}
    lead_id = 0
    if params.embedding == "layer0":
        lead = lead_token(model, params, alone=True)
        lead_id, data["lead"] = lead.token_id, {"id": lead.token_id, "piece": lead.piece}
    ids = choose_tokens(model, params.tokens, params.seed)
    report.step(_SCORE_SHARE, f"Embedding {len(ids):,} tokens")
    tokens = embed(model, ids, params.embedding, lead_id)
    start = _SCORE_SHARE + _STREAM_SHARE
    rest = (1 - start) / ((pair is not None) + len(copying))
    if pair is not None:
        circuit = induction_circuit(tokens, pair)
        found = _measure(model, circuit, params.seed, ShareReporter(report, start, rest))
        data |= {**found, "directions": DIRECTIONS}
        start += rest
    if copying:
        circuit = copying_circuit(tokens, copying[0])
        found = _measure(model, circuit, params.seed, ShareReporter(report, start, rest))
        data |= {f"ov_{name}": value for name, value in found.items()}
        data["ov_directions"] = OV_DIRECTIONS
        if pair is None:
            data |= {name: found[name] for name in ("top1", "top5", "n")}
            data["directions"] = OV_DIRECTIONS
    return data


def _measure(model: LoadedModel, circuit: Circuit, seed: int, report: Reporter) -> dict[str, Any]:
    found = accuracy(circuit, report)
    block, tokens = sample_block(model, circuit, seed)
    return {**found, "block": block, "block_tokens": tokens}


@dataclass(frozen=True)
class Circuit:
    """A low-rank matrix over tokens.

    Attributes:
        ids: The tokens `[n]`.
        left: `[n, rank]`, rows.
        right: `[rank, n]`, columns.
    """

    ids: torch.Tensor
    left: torch.Tensor
    right: torch.Tensor


def choose_tokens(model: LoadedModel, count: int, seed: int) -> torch.Tensor:
    """Return the ids of the whole vocabulary, or of `count` ordinary tokens drawn at random."""
    if not count or count >= model.info.d_vocab:
        return torch.arange(model.info.d_vocab)
    ordinary = ordinary_tokens(model)
    random = np.random.default_rng(seed)
    drawn = random.choice(ordinary, min(count, len(ordinary)), replace=False)
    return torch.from_numpy(np.sort(drawn))


@dataclass(frozen=True)
class Embedded:
    """What tokens are to the circuits.

    Attributes:
        model: The model.
        ids: The tokens `[n]`.
        source: `raw` multiplies the embedding plainly; `layer0` takes the stream after layer 0
            (before it for the heads of layer 0 itself) and puts before each head the very norm
            that the model applies there.
        stream: `[n, d_model]`.
    """

    model: LoadedModel
    ids: torch.Tensor
    source: str
    stream: torch.Tensor

    def read(self, layer: int) -> torch.Tensor:
        """Return the tokens as the heads of a layer read them, `[n, d_model]`."""
        if self.source == "raw":
            return self.stream
        stream = self.stream if layer else weights.raw_embeddings(self.model, self.ids)
        return weights.normed(self.model, layer, stream)

    def reread(self, layer: int, written: torch.Tensor) -> torch.Tensor:
        """Return what an earlier head has written as the heads of a later layer read it."""
        return written if self.source == "raw" else weights.normed(self.model, layer, written)

    def unembedded(self, written: torch.Tensor) -> torch.Tensor:
        """Return what a head has written as the unembedding reads it."""
        return written if self.source == "raw" else weights.final_normed(self.model, written)


def embed(model: LoadedModel, ids: torch.Tensor, source: str, lead: int) -> Embedded:
    """Return tokens behind a lead token (`layer0`), or their embeddings alone (`raw`)."""
    return Embedded(model, ids, source, weights.embeddings(model, ids, source, lead))


def induction_circuit(tokens: Embedded, pair: tuple[Head, Head]) -> Circuit:
    """Return `(X W_Q)(X W_V W_O W_K)ᵀ`: rows are query tokens, columns the tokens before keys.

    Args:
        tokens: X.
        pair: The previous-token head and the induction head.
    """
    (early, first), (late, second) = pair
    writer = weights.head_weights(tokens.model, early)
    reader = weights.head_weights(tokens.model, late)
    written = tokens.read(early) @ writer.v[first] @ writer.o[first]
    keys = tokens.reread(late, written) @ reader.k[second]
    return Circuit(tokens.ids, tokens.read(late) @ reader.q[second], keys.T)


def copying_circuit(tokens: Embedded, head: Head) -> Circuit:
    """Return `X W_V W_O W_U`: rows are the tokens that are read, columns those that are written."""
    layer, number = head
    own = weights.head_weights(tokens.model, layer)
    columns = weights.unembedding(tokens.model, tokens.ids)
    valued = tokens.read(layer) @ own.v[number]
    if tokens.source == "raw":
        return Circuit(tokens.ids, valued, own.o[number] @ columns)
    return Circuit(tokens.ids, tokens.unembedded(valued @ own.o[number]), columns)


def accuracy(circuit: Circuit, report: Reporter) -> dict[str, Any]:
    """Return how often each of `n` tokens is the best, and among the best five, of its own row.

    `top1` and `top5` hold the share of rows, and that of columns. Ties share the worse rank: a head
    that writes nothing tells no token from another.
    """
    n = len(circuit.ids)
    own = (circuit.left * circuit.right.T).sum(-1)
    in_row = torch.zeros(n, dtype=torch.int32, device=own.device)
    in_column = torch.zeros_like(in_row)
    step = max(1, _BLOCK_CELLS // n)
    for start in range(0, n, step):
        rows = slice(start, min(n, start + step))
        block = circuit.left[rows] @ circuit.right
        # The same product, rounded otherwise, must not outrank itself.
        block[torch.arange(len(block)), torch.arange(rows.start, rows.stop)] = own[rows]
        in_row[rows] = (block >= own[rows, None]).sum(-1, dtype=torch.int32) - 1
        in_column += (block >= own).sum(0, dtype=torch.int32)
        report.step(rows.stop / n, f"Circuit: {rows.stop:,} of {n:,} tokens")
    in_column -= 1  # itself
    shares = [
        np.array([float((ranks < k).double().mean()) for ranks in (in_row, in_column)])
        for k in (1, 5)
    ]
    return {"top1": shares[0], "top5": shares[1], "n": n}


def sample_block(
    model: LoadedModel, circuit: Circuit, seed: int
) -> tuple[np.ndarray, tuple[dict[str, object], ...]]:
    """Return a part of a circuit for a few ordinary tokens, and those tokens."""
    random = np.random.default_rng(seed)
    ordinary = np.flatnonzero(np.isin(circuit.ids.numpy(), ordinary_tokens(model)))
    places = np.sort(random.choice(ordinary, min(_SHOWN, len(ordinary)), replace=False))
    chosen = torch.from_numpy(places)
    block = circuit.left[chosen] @ circuit.right[:, chosen]
    tokens = []
    for token_id in circuit.ids[chosen].tolist():
        piece, text = model.tokenizer.describe(token_id)
        tokens.append({"id": token_id, "piece": piece, "text": text})
    return block.cpu().numpy(), tuple(tokens)
