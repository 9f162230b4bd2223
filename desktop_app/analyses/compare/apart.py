"""How far two models part on prompts: logits, log-probabilities, next tokens, and the stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.compare.second import MOST_NUMBERS, common_ids
from desktop_app.contract.report import ShareReporter
from desktop_app.methods.readout import logits_of
from desktop_app.methods.streams import by_length, read_streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.streams import Streams

# How the work is shared: running the first, the second, comparing logits.
_PARTS = (0.3, 0.3, 0.4)


@dataclass(frozen=True)
class Apart:
    """How far two models part on one prompt, position by position, in double precision.

    Attributes:
        logit: Largest |second − first| over the vocabulary.
        mean_logit: Mean of the same.
        logprob: Largest |second − first| of log-probabilities.
        shift: Mean of second − first over the vocabulary.
        spread: Largest distance from that mean.
        kl: KL(first ‖ second), nats.
        same: Whether the top token is the same.
        largest: The largest |logit| of the first.
        finite: Whether all numbers of the first are finite, and all of the second: logits and
            streams.
        error: ‖second − first‖ / ‖first‖ of the streams `[L+1, S]`; empty where they cannot be
            compared. Where the first is 0: 0 if the second is too, else not a number.
        cosine: Of the streams, likewise; not a number where one of both alone is 0.
        nothing: Where one of both streams is 0 and the other is not, (layer, position) each.
    """

    logit: np.ndarray
    mean_logit: np.ndarray
    logprob: np.ndarray
    shift: np.ndarray
    spread: np.ndarray
    kl: np.ndarray
    same: np.ndarray
    largest: np.ndarray
    finite: tuple[bool, bool] = (True, True)
    error: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    cosine: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    nothing: tuple[tuple[int, int], ...] = ()


def streams_compare(model: LoadedModel, other: LoadedModel) -> bool:
    """Return whether the streams of two models have the same layers and the same width."""
    return (model.info.n_layers, model.info.d_model) == (other.info.n_layers, other.info.d_model)


def measure(
    model: LoadedModel, other: LoadedModel, texts: Sequence[Sequence[int]], report: Reporter
) -> list[Apart]:
    """Return how far two models part on texts, each given as token ids."""
    found: dict[int, Apart] = {}
    kept = common_ids(model, other)
    ids = None if kept is None else torch.tensor(kept)
    work = partial(_group, model, other, ids)
    for _numbers, some in by_length(model, texts, work, report, kept=2):
        found |= some
    return [found[number] for number in range(len(texts))]


def _group(
    model: LoadedModel,
    other: LoadedModel,
    kept: torch.Tensor | None,
    numbers: list[int],
    ids: torch.Tensor,
    report: Reporter,
) -> dict[int, Apart]:
    first, second, rest = _shares(report)
    streams = read_streams(model, ids, report=first)
    if other.reads_together or len(ids) == 1:
        theirs = [read_streams(other, ids, report=second)] * len(ids)
        rows = list(range(len(ids)))
    else:
        theirs = [read_streams(other, one[None], report=second) for one in ids]
        rows = [0] * len(ids)
    found = {}
    compared = streams_compare(model, other)
    for row, number in enumerate(numbers):
        rest.step(row / len(numbers), f"Comparing the logits of prompt {number + 1}")
        pair = [x[row] for x in streams.stream], [x[rows[row]] for x in theirs[row].stream]
        along = _streams_apart(*pair) if compared else {}
        of_first = _logits(model, streams, row)
        of_second = _logits(other, theirs[row], rows[row])
        parts = list(_logits_apart(of_first, of_second, kept, rest))
        told: dict[str, Any] = {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }
        finite = _all_finite(of_first, pair[0]), _all_finite(of_second, pair[1])
        found[number] = Apart(**told, finite=finite, **along)
    return found


def _all_finite(logits: torch.Tensor, stream: Sequence[torch.Tensor]) -> bool:
    return all(bool(torch.isfinite(x).all()) for x in (logits, *stream))


def _shares(report: Reporter) -> Iterator[Reporter]:
    start = 0.0
    for part in _PARTS:
        yield ShareReporter(report, start, part)
        start += part


def _logits(model: LoadedModel, streams: Streams, row: int) -> torch.Tensor:
    """Return the logits of one run, float32 `[S, V]`: its last stream, read by its own tail."""
    last = streams.stream[-1][row : row + 1]
    return torch.cat([found[0] for _rows, _at, found in logits_of(model, last)])


def _logits_apart(
    first: torch.Tensor, second: torch.Tensor, kept: torch.Tensor | None, report: Reporter
) -> Iterator[dict[str, np.ndarray]]:
    """Yield what of `Apart` is made of logits, for a few positions at a time."""
    step = max(1, MOST_NUMBERS // first.shape[-1])
    for start in range(0, len(first), step):
        report.check()
        one, two = (_doubles(x[start : start + step], kept) for x in (first, second))
        log_one, log_two = one.log_softmax(-1), two.log_softmax(-1)
        apart = two - one
        shift = apart.mean(-1)
        chance = log_one.exp()
        # What has no chance adds nothing, whatever the second says of it.
        terms = torch.where(chance > 0, chance * (log_one - log_two), 0.0)
        columns = {
            "logit": apart.abs().amax(-1),
            "mean_logit": apart.abs().mean(-1),
            "logprob": (log_two - log_one).abs().amax(-1),
            "shift": shift,
            "spread": (apart - shift[:, None]).abs().amax(-1),
            "kl": terms.sum(-1).clamp_min(0.0),
            "same": one.argmax(-1) == two.argmax(-1),
            "largest": one.abs().amax(-1),
        }
        yield {name: column.cpu().numpy() for name, column in columns.items()}


def _doubles(logits: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
    logits = logits if kept is None else logits[:, kept.to(logits.device)]
    return (logits.cpu() if logits.device.type == "mps" else logits).double()


def _streams_apart(first: Sequence[torch.Tensor], second: Sequence[torch.Tensor]) -> dict[str, Any]:
    """Return what of `Apart` is made of streams: exactly 0 and 1 where nothing differs."""
    found = [_stream_apart(one, two) for one, two in zip(first, second, strict=True)]
    errors, cosines, alone = (np.stack(columns) for columns in zip(*found, strict=True))
    places = tuple((int(layer), int(position)) for layer, position in np.argwhere(alone))
    return {"error": errors, "cosine": cosines, "nothing": places}


def _stream_apart(
    first: torch.Tensor, second: torch.Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return relative error and cosine by position, and where one alone is 0 and has neither."""
    one, two = first.cpu().double(), second.cpu().double()
    sizes = [x.norm(dim=-1) for x in (one, two)]
    empty = [size == 0 for size in sizes]
    # What is 0 in both is 0 / 1, and points the same way as itself.
    by = [size.where(size != 0, torch.ones_like(size)) for size in sizes]
    error = (two - one).norm(dim=-1) / by[0]
    # As 1 − ½‖a − b‖² of both directions it keeps its digits near 1, and is 1 for the very same.
    cosine = 1 - (one / by[0][:, None] - two / by[1][:, None]).square().sum(-1) / 2
    alone = empty[0] != empty[1]
    error[empty[0] & alone] = torch.nan
    cosine[alone] = torch.nan
    return error.numpy(), cosine.numpy(), alone.numpy()
