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
_FEWEST_QUERIES = 16
_MARKS = 2**20  # weights that are looked up at once


@dataclass(frozen=True)
class Marked:
    """Where in some windows the token of a query stood before.

    Attributes:
        ids: Token ids `[window, position]`, on the model's device.
        earlier: Every such pair of places, `(window · S + query) · S + key`.
        counts: Queries per measure, each but the first position of every window where one counts.
    """

    ids: torch.Tensor
    earlier: torch.Tensor
    counts: dict[str, int]


def mark(ids: torch.Tensor) -> Marked:
    """Return what the measures need to know of windows `[window, position]`."""
    there = ids.cpu()
    same = (there[:, :, None] == there[:, None, :]).tril(-1)
    queries = ids.shape[0] * (ids.shape[1] - 1)
    repeated = int(same.any(-1).sum())
    counts = dict.fromkeys(MEASURES, queries) | {"duplicate": repeated, "induction": repeated}
    return Marked(ids, same.flatten().nonzero()[:, 0].to(ids.device), counts)


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
    rows = x.new_empty((4, *x.shape[:3]), dtype=torch.float32)
    columns = x.new_zeros(x.shape[:3], dtype=torch.float32)
    length = x.shape[-1]
    room = _BLOCK.get(x.device.type, _GPU_BLOCK) // (x.shape[1] * length)
    block = max(_FEWEST_QUERIES, room)
    for start in range(0, length, block):
        stop = min(length, start + block)
        part = x[:, :, start:stop, :stop].float()
        columns[..., :stop] += part.sum(-2)
        _reduce_rows(part, rows[..., start:stop])
    exact = _exact(x)
    entropy, largest = rows[1:3, ..., 1:].sum(-1, dtype=exact)
    places = torch.arange(length, device=x.device, dtype=exact)
    # Σ weight · (q − k), from what each query gives and each key is given.
    distance = ((rows[0].to(exact) - columns.to(exact)) * places).sum(-1)
    sums = (
        x.diagonal(-1, -2, -1).sum(-1, dtype=exact),
        x[..., 1:, 0].sum(-1, dtype=exact),
        x.diagonal(0, -2, -1)[..., 1:].sum(-1, dtype=exact),
        *_at_marks(x, marked.earlier),
        *(entropy, distance, largest),
    )
    return Reduced(torch.stack(sums), columns, rows[3])


def _exact(x: torch.Tensor) -> torch.dtype:
    return torch.float32 if x.device.type == "mps" else torch.float64


def _reduce_rows(part: torch.Tensor, out: torch.Tensor) -> None:
    """Reduce rows whose last key is the last query; `out` is `[measure, window, H, query]`.

    Into it go the sum of a row, its entropy, its largest weight, and the largest off position 0 and
    off the query.
    """
    offset = part.shape[-1] - part.shape[-2]
    work = part.clone()
    work[..., 0] = 0
    work.diagonal(offset, -2, -1).zero_()
    torch.amax(work, -1, out=out[3])
    own = part.diagonal(offset, -2, -1)
    torch.maximum(torch.maximum(out[3], own), part[..., 0], out=out[2])
    torch.sum(part, -1, out=out[0])
    tiny = torch.finfo(torch.float32).tiny
    if part.device.type == "cpu":  # where `entr` takes twice as long
        spread = torch.clamp(part, min=tiny, out=work).log_().mul_(part).sum(-1).neg_()
    else:
        spread = torch.special.entr(part, out=work).sum(-1)
    whole = out[0].clamp_min(tiny)
    torch.add(whole.log(), spread / whole, out=out[1])


def _at_marks(x: torch.Tensor, earlier: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what falls on marked places, and on those right after them, `[window, H]` each."""
    windows, heads, length, _keys = x.shape
    found = x.new_zeros((2, windows, heads), dtype=_exact(x))
    for some in torch.split(earlier, max(1, _MARKS // heads)):
        row, key = some // length, some % length
        window, query = row // length, row % length
        for shift in (0, 1):
            found[shift].index_add_(0, window, x[window, :, query, key + shift].to(found.dtype))
    return found[0], found[1]


def alike(weights: np.ndarray) -> np.ndarray:
    """Return whole numbers that order weights, float32, as they are large; ties are ties.

    Weights that differ by a hundred-thousandth of themselves get one number: what a pass rounds
    otherwise in another batch shall not say which of two places comes first.
    """
    return (np.ascontiguousarray(weights, dtype=np.float32).view(np.int32) + 64) >> 7


def alike_on_device(weights: torch.Tensor) -> torch.Tensor:
    """Return the same of a tensor."""
    return (weights.contiguous().view(torch.int32) + 64) >> 7
