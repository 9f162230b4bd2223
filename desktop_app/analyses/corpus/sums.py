"""What the rows of a pattern come to, block of queries by block: nothing as large is made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

MEASURES = (
    "previous",
    "first",
    "current",
    "duplicate",
    "induction",
    "entropy",
    "distance",
    "largest",
)
# A block of so many numbers of a window stays in a CPU's cache; a GPU likes them larger.
_BLOCK = {"cpu": 2**17}
_GPU_BLOCK = 2**24


@dataclass(frozen=True)
class Marked:
    """Which places of some windows hold the token of a query, or stand right after one that does.

    Attributes:
        ids: Token ids `[window, position]`, on the model's device.
        same: Earlier places with the query's token, `[window, query, key]`.
        behind: The places right after these; the last may be the query itself.
        counts: Queries per measure, each but the first position of every window where one counts.
    """

    ids: torch.Tensor
    same: torch.Tensor
    behind: torch.Tensor
    counts: dict[str, int]


def mark(ids: torch.Tensor) -> Marked:
    """Return what the measures need to know of windows `[window, position]`."""
    same = (ids[:, :, None] == ids[:, None, :]).tril(-1)
    behind = torch.zeros_like(same)
    behind[:, :, 1:] = same[:, :, :-1]
    queries = ids.shape[0] * (ids.shape[1] - 1)
    repeated = int(same.any(-1).sum())
    counts = dict.fromkeys(MEASURES, queries) | {"duplicate": repeated, "induction": repeated}
    return Marked(ids, same, behind, counts)


@dataclass(frozen=True)
class Reduced:
    """What a layer's pattern comes to.

    Attributes:
        sums: Each measure summed over the queries of each window, float64 `[measure, window, H]`.
        columns: What each place is given by all queries, `[window, H, key]`.
        most: The largest weight of each query off position 0 and off itself, `[window, H, query]`.
    """

    sums: torch.Tensor
    columns: torch.Tensor
    most: torch.Tensor


def reduce_pattern(x: torch.Tensor, marked: Marked) -> Reduced:
    """Reduce a pattern `[window, H, query, key]`, which has nothing above the diagonal.

    The entropy is that of the row divided by its sum, which attention sinks leave below 1; every
    other measure takes the weights as they are, so that what a sink takes is missing from them.
    """
    rows = x.new_empty((6, *x.shape[:3]), dtype=torch.float32)
    columns = x.new_zeros(x.shape[:3], dtype=torch.float32)
    length = x.shape[-1]
    block = max(1, _BLOCK.get(x.device.type, _GPU_BLOCK) // (x.shape[1] * length))
    places = torch.arange(length, device=x.device, dtype=torch.float32)
    for start in range(0, length, block):
        stop = min(length, start + block)
        part = x[:, :, start:stop, :stop].float()
        columns[..., :stop] += part.sum(-2)
        masks = [m[:, None, start:stop, :stop].float() for m in (marked.same, marked.behind)]
        away = places[start:stop, None] - places[:stop]
        _reduce_rows(part, (*masks, away), rows[..., start:stop])
    exact = torch.float32 if x.device.type == "mps" else torch.float64
    duplicate, induction, distance, entropy, largest = rows[:5, ..., 1:].sum(-1, dtype=exact)
    sums = (
        x.diagonal(-1, -2, -1).sum(-1, dtype=exact),
        x[..., 1:, 0].sum(-1, dtype=exact),
        x.diagonal(0, -2, -1)[..., 1:].sum(-1, dtype=exact),
        *(duplicate, induction, entropy, distance, largest),
    )
    return Reduced(torch.stack(sums), columns, rows[5])


def _reduce_rows(part: torch.Tensor, masks: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
    """Reduce rows whose last key is the last query; `out` `[measure, window, H, query]`.

    It takes what falls on each mask, then the entropy, the largest weight, and the largest off
    position 0 and off the query.
    """
    queries, keys = part.shape[-2:]
    own = part.diagonal(keys - queries, -2, -1)
    work = part.clone()
    work[..., 0] = 0
    work.diagonal(keys - queries, -2, -1).zero_()
    torch.amax(work, -1, out=out[5])
    torch.maximum(torch.maximum(out[5], own), part[..., 0], out=out[4])
    for number, mask in enumerate(masks):
        out[number] = torch.mul(part, mask, out=work).sum(-1)
    tiny = torch.finfo(torch.float32).tiny  # 0 · ln 0 is 0
    whole = part.sum(-1).clamp_min_(tiny)
    lost = torch.clamp(part, min=tiny, out=work).log_().mul_(part).sum(-1)
    out[3] = whole.log() - lost / whole


def alike(weights: np.ndarray) -> np.ndarray:
    """Return whole numbers that order weights, float32, as they are large; ties are ties.

    Weights that differ by a hundred-thousandth of themselves get one number: what a pass rounds
    otherwise in another batch shall not say which of two places comes first.
    """
    return (np.ascontiguousarray(weights, dtype=np.float32).view(np.int32) + 64) >> 7


def alike_on_device(weights: torch.Tensor) -> torch.Tensor:
    """Return the same of a tensor."""
    return (weights.contiguous().view(torch.int32) + 64) >> 7
