"""Scores of attention patterns, reduced layer by layer as they pass: no pattern is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine.memory import budget_bytes, row_bytes
from desktop_app.engine.model import LoadedModel, site_hook
from desktop_app.engine.sites import require_shown
from desktop_app.methods.watching import in_batches, watch
from desktop_app.support.errors import BadInputError

Reduce = Callable[[torch.Tensor, slice], torch.Tensor]
"""(pattern `[batch, head, query, key]`, its rows of the whole batch) -> sums `[head]`."""

Keep = Callable[[int, torch.Tensor], None]
"""Receives (layer, the first row's pattern `[head, query, key]`)."""

_CPU_TOKENS_PER_PASS = 8192


@dataclass(frozen=True)
class Score:
    """A number per head: the sum of some attention over how many queries it belongs to.

    Attributes:
        reduce: Sums it up.
        count: Queries of the whole batch; 0 where there are none, and no score.
    """

    reduce: Reduce
    count: int


def _diagonal(offset: int, first: int, count: int) -> Score:
    """Return the mean of a diagonal from query `first` on; `count` over the whole batch."""

    def reduce(x: torch.Tensor, _rows: slice) -> torch.Tensor:
        # Entry i of the diagonal is query i − offset.
        return x.diagonal(offset, -2, -1)[..., first + offset :].float().sum((0, -1))

    return Score(reduce, count)


def repeat_scores(batch: int, seq_len: int, *, whole_diagonal: bool) -> dict[str, Score]:
    """Return the five scores on sequences lead + r + r.

    On the whole diagonal induction and duplicates count queries before the second r too, where the
    offset leads to a token that is not the one meant.
    """
    length = 2 * seq_len + 1
    first = 0 if whole_diagonal else seq_len + 1
    scores = {}
    for name, offset in (("induction", 1 - seq_len), ("duplicate_token", -seq_len)):
        start = max(first, -offset)
        scores[name] = _diagonal(offset, start, batch * (length - start))
    return {**scores, **_plain_scores(batch, length)}


def _plain_scores(batch: int, length: int) -> dict[str, Score]:
    return {
        "previous_token": _diagonal(-1, 1, batch * (length - 1)),
        "first_token": Score(lambda x, _rows: x[..., 0].float().sum((0, -1)), batch * length),
        "current_token": _diagonal(0, 0, batch * length),
    }


def prompt_scores(ids: torch.Tensor) -> dict[str, Score]:
    """Return the five scores on any prompts of one length, `ids [batch, position]`.

    A query counts for duplicates where its token stood before, and for induction where a token
    stood behind that one: the attention to all such places is summed.
    """
    batch, length = ids.shape
    earlier = torch.tril(torch.ones(length, length, dtype=torch.bool), -1)
    same = (ids[:, :, None] == ids[:, None, :]) & earlier
    behind = torch.zeros_like(same)
    behind[:, :, 1:] = same[:, :, :-1]
    behind &= torch.tril(torch.ones(length, length, dtype=torch.bool))
    masks = {"induction": behind, "duplicate_token": same}
    return {
        **{name: mask_score(mask.float(), batch) for name, mask in masks.items()},
        **_plain_scores(batch, length),
    }


def mask_score(mask: torch.Tensor, batch: int) -> Score:
    """Return the attention that falls on a mask, mean over the queries that it marks.

    The mask, from 0 to 1, is `[query, key]` for all rows, or `[batch, query, key]`.
    """
    whole = mask if mask.ndim == 3 else mask.expand(batch, *mask.shape)
    count = int((whole > 0).any(-1).sum())

    def reduce(x: torch.Tensor, rows: slice) -> torch.Tensor:
        own = whole[rows].to(x.device)
        return torch.einsum("bhqk,bqk->h", x.float(), own)

    return Score(reduce, count)


def target_mask(pattern: Sequence[Sequence[float]], length: int) -> torch.Tensor:
    """Return a painted pattern as a mask `[query, key]`, refused where it does not fit."""
    if {len(row) for row in pattern} != {len(pattern)} or len(pattern) != length:
        raise BadInputError(
            f"--pattern has {len(pattern)} rows and the sequences have {length} tokens: make it "
            f"{length} rows of {length} numbers."
        )
    mask = torch.tensor(pattern, dtype=torch.float32)
    if not torch.isfinite(mask).all() or float(mask.min()) < 0 or float(mask.max()) > 1:
        raise BadInputError("--pattern holds numbers outside 0 to 1: scale it.")
    if bool(torch.triu(mask, 1).any()):
        raise BadInputError(
            "--pattern holds cells above the diagonal, where no head can look: clear them."
        )
    if not bool(mask.any()):
        raise BadInputError("--pattern is empty: mark at least one cell.")
    return mask


def head_scores(
    model: LoadedModel,
    ids: torch.Tensor,
    scores: dict[str, Score],
    report: Reporter,
    keep: Keep | None = None,
) -> dict[str, np.ndarray]:
    """Run sequences of one length and return each score's sum over its queries, `[L, H]`.

    Divide by `count` for the mean; sums add up over groups of different lengths.
    """
    totals = {name: np.zeros((model.info.n_layers, model.info.n_heads)) for name in scores}

    def work(rows: slice) -> dict[str, np.ndarray]:
        share = ShareReporter(report, rows.start / len(ids), (rows.stop - rows.start) / len(ids))
        return _one_pass(model, ids, rows, scores, share, None if rows.start else keep)

    limit = _rows_per_pass(model, ids.shape[1])
    for _rows, found in in_batches(model, len(ids), limit, work):
        for name, sums in found.items():
            totals[name] += sums
    return totals


def _one_pass(
    model: LoadedModel,
    ids: torch.Tensor,
    rows: slice,
    scores: dict[str, Score],
    report: Reporter,
    keep: Keep | None,
) -> dict[str, np.ndarray]:
    layers = model.info.n_layers
    require_shown(model, range(layers), "pattern")
    sums: dict[str, list[torch.Tensor]] = {name: [] for name in scores}

    def read(x: torch.Tensor, hook: object, layer: int) -> None:
        for name, score in scores.items():
            sums[name].append(score.reduce(x, rows))
        if keep is not None:
            keep(layer, x[0])
        report.step((layer + 1) / layers, f"layer {layer + 1} of {layers}")

    hooks = [(site_hook(i, "pattern"), partial(read, layer=i)) for i in range(layers)]
    watch(model, ids[rows], hooks)
    return {name: torch.stack(parts).cpu().double().numpy() for name, parts in sums.items()}


def _rows_per_pass(model: LoadedModel, length: int) -> int:
    rows = budget_bytes(model) // row_bytes(model, length, length, read_all=False)
    if model.device.type == "cpu":
        rows = min(rows, max(1, _CPU_TOKENS_PER_PASS // length))
    return max(1, int(rows))
