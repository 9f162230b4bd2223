"""Composition scores of all head pairs, through small factors and never through d_model × d_model.

A head's matrices have rank d_head: `W_OV = W_V W_O`, `W_QK = W_Q W_Kᵀ`. With the QR decomposition
`W_V = Q R` the norm of any product that begins with `W_OV` is that of one that begins with
`R W_O`, which has d_head rows; the right side shrinks alike. After Elhage et al., A mathematical
framework for transformer circuits: score = ‖W_A W_B‖ / (‖W_A‖ ‖W_B‖), Frobenius norms, with
`W_A = W_OV` of the earlier head and `W_B = W_QK` (Q), `W_QKᵀ` (K), `W_OV` (V) of the later one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 - its usual name

from desktop_app.engine.weights import HeadWeights, head_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

_RANDOM_HEADS = 24


@dataclass(frozen=True)
class _Right:
    """A layer's heads as readers: `matrix @ small` of head h is `W_B` up to a rotation.

    Attributes:
        matrix: `[group, d_model, d_head]`; heads that share a key-value head share it.
        small: `[head, d_head, d_head]`.
        norms: ‖W_B‖ of each head.
    """

    matrix: torch.Tensor
    small: torch.Tensor
    norms: torch.Tensor


def composition_scores(
    model: LoadedModel, kinds: Sequence[str], report: Reporter, *, fold: bool = False
) -> np.ndarray:
    """Return `[kind, L1, H1, L2, H2]`, float32, 0 unless L1 < L2.

    Args:
        model: The model.
        kinds: Some of `Q`, `K`, `V`.
        report: Told after every layer.
        fold: Whether each head's norm is taken into the matrices that read through it: W_Q, W_K and
            W_V of both heads.
    """
    layers, heads = model.info.n_layers, model.info.n_heads
    scores = np.zeros((len(kinds), layers, heads, layers, heads), dtype=np.float32)
    lefts: list[torch.Tensor] = []
    for late in range(layers):
        own = head_weights(model, late, fold=fold)
        if late:
            stacked = _stacked(lefts)
            for number, kind in enumerate(kinds):
                block = _block(stacked, _right(own, kind))
                found = block.view(late, heads, heads).cpu().numpy()
                scores[number, :late, :, late, :] = found
        lefts.append(_left(own))
        report.step((late + 1) / layers, f"Composition: layer {late + 1} of {layers}")
    return scores


def random_baseline(model: LoadedModel, kinds: Sequence[str], seed: int) -> tuple[list[float], ...]:
    """Return per kind the mean score of random heads of the model's shapes, and its spread."""
    random = torch.Generator().manual_seed(seed)
    info = model.info

    def draw(*shape: int) -> torch.Tensor:
        scale: float = shape[0] ** -0.5
        drawn: torch.Tensor = torch.randn(_RANDOM_HEADS, *shape, generator=random).mul_(scale)
        return drawn

    tall, wide = (info.d_model, info.d_head), (info.d_head, info.d_model)
    early, late = (
        HeadWeights(draw(*tall), draw(*tall), draw(*tall), draw(*wide)) for _ in range(2)
    )
    blocks = [_block(_left(early), _right(late, kind)) for kind in kinds]
    return [float(b.mean()) for b in blocks], [float(b.std()) for b in blocks]


def _left(weights: HeadWeights) -> torch.Tensor:
    """Return `R W_O / ‖W_OV‖` with `W_V = Q R`, `[head, d_head, d_model]`."""
    left = _triangle(weights.v) @ weights.o
    return left / _norm(left)[:, None, None]


def _stacked(lefts: list[torch.Tensor]) -> torch.Tensor:
    """Return the left factors of several layers as one, narrower ones filled up with zeros."""
    widest = max(left.shape[1] for left in lefts)
    return torch.cat([F.pad(left, (0, 0, 0, widest - left.shape[1])) for left in lefts])


def _right(weights: HeadWeights, kind: str) -> _Right:
    """Return a layer's heads as readers of one kind."""
    group = weights.group
    if kind == "Q":
        matrix, other = weights.q, weights.k
    elif kind == "K":
        matrix, other = weights.k[::group], weights.q
    else:
        matrix, other = weights.v[::group], weights.o.mT
    small = _triangle(other).mT
    whole = matrix if kind == "Q" else matrix.repeat_interleave(group, 0)
    return _Right(matrix, small, _norm(whole @ small))


def _block(left: torch.Tensor, right: _Right) -> torch.Tensor:
    """Return the scores `[earlier head, later head]` of normed left factors."""
    per_reader = len(right.small) // len(right.matrix)
    rows = left.flatten(0, 1)
    norms = []
    for number, matrix in enumerate(right.matrix):
        product = rows @ matrix  # shared by the heads of one reader, which differ in `small` alone
        for head in range(number * per_reader, (number + 1) * per_reader):
            mapped = product @ right.small[head]
            norms.append(mapped.view(len(left), -1).norm(dim=-1) / right.norms[head])
    return torch.stack(norms, dim=-1)


def _triangle(matrices: torch.Tensor) -> torch.Tensor:
    """Return R of `matrix = Q R`, `[head, d_head, d_head]`; on the CPU, where it is at home."""
    r: torch.Tensor = torch.linalg.qr(matrices.cpu(), mode="r").R
    return r.to(matrices.device)


def _norm(matrices: torch.Tensor) -> torch.Tensor:
    norms: torch.Tensor = torch.linalg.vector_norm(matrices, dim=(1, 2))
    return norms.clamp_min(torch.finfo(torch.float32).tiny)
