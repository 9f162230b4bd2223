"""What a logit reads of the stream: one direction per prompt, the final norm's scale held.

The final norm is linear but for its scale, the unembedding is linear, and a soft cap is a factor at
each token's own logit. With scale and factor held at what they are in the very run, a logit is the
product of the stream with a direction, plus what the biases give: exactly the model's own number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.noise import HALF
from desktop_app.engine.weights import final_normed, norm_gain, unembedding, unembedding_bias
from desktop_app.methods.readout import logits_of
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.streams import Streams

Aims = tuple[tuple[int, ...], tuple[int, ...]]
"""Token ids whose mean logit counts, and those whose mean is taken away from it."""

_TOLERANCE, _HALF_TOLERANCE = 1e-3, 3e-2
# Below this a logit tells nothing of the factor between it and what the model makes of it.
_TELLING = 1e-3


@dataclass(frozen=True)
class LinearNorm:
    """A norm as it was in a run, its scale held: `gain · scale · (x − mean of x) + bias`.

    Attributes:
        gain: `[d_model]`.
        centres: Whether it takes the mean away.
        scale: One number for each place, `[..., 1]`.
        bias: `[d_model]`.
    """

    gain: torch.Tensor
    centres: bool
    scale: torch.Tensor
    bias: torch.Tensor

    def of_part(self, part: torch.Tensor) -> torch.Tensor:
        """Return what becomes of a summand `[..., d_model]` of what it reads, without the bias."""
        if self.centres:
            part = part - part.mean(-1, keepdim=True)
        return self.gain * self.scale * part

    def back(self, direction: torch.Tensor) -> torch.Tensor:
        """Return the direction before the norm that a direction `[..., d_model]` behind it is."""
        found = self.gain * self.scale * direction
        return found - found.mean(-1, keepdim=True) if self.centres else found


@dataclass(frozen=True)
class Direction:
    """What the target reads of each prompt's stream.

    Attributes:
        vector: `[N, d_model]`, float64 where the device has it.
        bias: What final norm and unembedding add by themselves, `[N]`.
        own: The model's own number, `[N]`.
    """

    vector: torch.Tensor
    bias: torch.Tensor
    own: torch.Tensor

    def of(self, parts: torch.Tensor) -> torch.Tensor:
        """Return what parts `[..., N, d_model]` of the streams contribute, `[..., N]`."""
        return (parts.to(self.vector) * self.vector).sum(-1)


def linear_norm(
    model: LoadedModel, norm: Any, read: torch.Tensor, gave: torch.Tensor, what: str
) -> LinearNorm:
    """Return a norm with its scale held, of what it read and gave in a run, `[..., d_model]`.

    Args:
        model: The model.
        norm: Its module; None where nothing stands between the two but a factor.
        read: What went in.
        gave: What came out.
        what: What it is, in words.

    Raises:
        BadInputError: It is no norm of a known kind.
    """
    x, y = _precise(model, read), _precise(model, gave)
    width = x.shape[-1]
    gain, bias, centres = torch.ones(width), torch.zeros(width), False
    if norm is not None:
        gain, bias, centres = norm_gain(model, norm)
    gain, bias = gain.to(x), bias.to(x)
    inside = gain * (x - x.mean(-1, keepdim=True) if centres else x)
    length = (inside * inside).sum(-1, keepdim=True).clamp_min(1e-30)
    scale = (inside * (y - bias)).sum(-1, keepdim=True) / length
    made = inside * scale + bias
    apart = (made - y).norm(dim=-1) / y.norm(dim=-1).clamp_min(1e-12)
    allowed = _HALF_TOLERANCE if model.info.dtype in HALF else _TOLERANCE
    if not bool((apart <= allowed).all()):
        raise BadInputError(
            f"The {what} of {model.info.name} is no norm that is linear but for its scale, so that "
            "no part has a share of its own behind it: choose another model."
        )
    return LinearNorm(gain, centres, scale, bias)


def direction_of(
    model: LoadedModel,
    streams: Streams,
    at: Sequence[int],
    aims: Sequence[Aims],
    layer: int | None = None,
) -> Direction:
    """Return what each prompt's target reads of its stream at a position.

    Args:
        model: The model.
        streams: Of the prompts, with their logits read at these positions.
        at: The position of each.
        aims: What counts: a difference of means, or a mean where nothing is taken away.
        layer: Before which block the stream is read, as the logit lens reads it; None: at the end.

    Raises:
        BadInputError: The final norm is of no known kind.
    """
    rows, places = torch.arange(len(at)), torch.tensor(at)
    stream, normed, own_logits = streams.stream[-1], streams.normed, streams.logits
    if layer is not None and layer < len(streams.stream) - 1:
        stream = streams.stream[layer][: len(at)]
        normed = final_normed(model, stream)
        own_logits = _read_at(model, stream, at)
    x, y = (t[rows.to(t.device), places.to(t.device)] for t in (stream, normed))
    held = linear_norm(model, getattr(model.bridge, "ln_final", None), x, y, "final norm")
    vector, constant, own = [], [], []
    for number, (right, wrong) in enumerate(aims):
        ids = torch.tensor([*right, *wrong])
        weight = torch.tensor(
            [1 / len(right)] * len(right) + [-1 / max(1, len(wrong))] * len(wrong)
        )
        columns = unembedding(model, ids).to(x.device)
        bias = unembedding_bias(model, ids).to(x.device)
        u, read = _precise(model, columns), _precise(model, y[number])
        logits = _precise(model, own_logits[number])[ids.to(x.device)]
        raw = read @ u + _precise(model, bias)
        factor = _factor(raw, logits)
        share = weight.to(u) * factor
        toward = u @ share
        vector.append(toward)
        constant.append(held.bias @ toward + (share * _precise(model, bias)).sum())
        own.append((weight.to(u) * logits).sum())
    return Direction(held.back(torch.stack(vector)), torch.stack(constant), torch.stack(own))


def _read_at(model: LoadedModel, stream: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
    """Return the logits `[N, V]` that streams have at one position each."""
    found = [torch.empty(0)] * len(at)
    for rows, places, logits in logits_of(model, stream):
        for offset, number in enumerate(range(rows.start, rows.stop)):
            if places.start <= at[number] < places.stop:
                found[number] = logits[offset, at[number] - places.start].clone()
    return torch.stack(found)


def _factor(raw: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return what each logit is of what the unembedding gives; 1 where neither is a number."""
    telling = raw.abs() > _TELLING
    if not bool(telling.any()):
        return torch.ones_like(raw)
    found = torch.where(telling, logits / torch.where(telling, raw, 1.0), 0.0)
    nearest = found[telling][raw[telling].abs().argmin()]
    return torch.where(telling, found, nearest)


def _precise(model: LoadedModel, x: torch.Tensor) -> torch.Tensor:
    return x.float() if model.device.type == "mps" else x.double()
