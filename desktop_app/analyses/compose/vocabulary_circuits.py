"""Circuits over the vocabulary: every token against every token, in blocks, never all at once.

A circuit is a matrix `M = left @ right` whose rows and columns are the same tokens; what is asked
is how often a token's own cell is the greatest of its row, and of its column. Only ranks of the
diagonal are kept, so the matrix never exists: with 50,000 tokens it would take 10 GB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.engine import weights
from desktop_app.methods.sequences import ordinary_tokens

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

Head = tuple[int, int]

_BLOCK_CELLS = 24_000_000
_SHOWN = 40


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
