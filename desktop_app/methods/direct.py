"""What a logit reads of the stream: one direction per prompt, the final norm's scale held.

The final norm is linear but for its scale, the unembedding is linear, and a soft cap is a factor at
each token's own logit. With scale and factor held at what they are in the very run, a logit is the
product of the stream with a direction, plus what the biases give: exactly the model's own number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.noise import share_rounded
from desktop_app.engine.weights import final_normed, norm_gain, unembedding, unembedding_bias
from desktop_app.methods.readout import logits_of, require_read
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.streams import Streams

Aims = tuple[tuple[int, ...], tuple[int, ...]]
"""Token ids whose mean logit counts, and those whose mean is taken away from it."""

# Of the length of what it is the product of: below this a logit does not tell of the factor between
# it and what the model makes of it. So many other tokens are asked for it then.
_TELLING, _COMPARED = 6e-3, 16
# Of the length of the stream: what a part adds below it is rounding.
_NOTHING = 1e-6
# Of what is allowed: a factor that comes as close as this is not held against norms.
_CLOSE = 0.2


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

    def again(self, read: torch.Tensor, gave: torch.Tensor) -> LinearNorm:
        """Return the same norm with the scale that it had in another run, `[..., d_model]`."""
        return _scaled(self.gain, self.bias, self.centres, read.to(self.gain), gave.to(self.gain))

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
    found = _fitted(model, norm, x, y)
    if _apart(found, x, y) > share_rounded(model.info.dtype):
        raise BadInputError(
            f"The {what} of {model.info.name} is no norm that is linear but for its scale, so that "
            "no part has a share of its own behind it: choose another model."
        )
    return found


def way_into_stream(
    model: LoadedModel, layer: int, gave: torch.Tensor, adds: torch.Tensor, size: torch.Tensor
) -> LinearNorm | None:
    """Return what stands between a projection of a block and the stream, its scale held.

    A factor, or one of the block's norms: which it is tells what both are in a run.

    Args:
        model: The model.
        layer: Which block.
        gave: What the projection gives, `[..., d_model]`.
        adds: What is added to the stream.
        size: How large the stream is there, `[..., 1]`: beside it both may be nothing.

    Returns:
        None where none of them makes the one of the other.
    """
    x, y = _precise(model, gave), _precise(model, adds)
    found = _fitted(model, None, x, y)
    apart, allowed = _apart(found, x, y, _NOTHING * size), share_rounded(model.info.dtype)
    if apart > _CLOSE * allowed:
        others = [_fitted(model, norm, x, y) for norm in _norms(model.bridge.blocks[layer])]
        tried = [(_apart(other, x, y, _NOTHING * size), other) for other in others]
        apart, found = min([(apart, found), *tried], key=lambda pair: pair[0])
    return None if apart > allowed else found


def _norms(block: Any) -> list[Any]:
    """Return a block's norms, and what stands in their place."""
    found = []
    for part in block.children():
        own = getattr(part, "original_component", None)
        if any("norm" in type(module).__name__.lower() for module in (part, own)):
            found.append(part)
    return found


def _fitted(model: LoadedModel, norm: Any, x: torch.Tensor, y: torch.Tensor) -> LinearNorm:
    """Return the norm with the scale that comes nearest to what it gave."""
    width = x.shape[-1]
    gain, bias, centres = torch.ones(width), torch.zeros(width), False
    if norm is not None:
        gain, bias, centres = norm_gain(model, norm)
    return _scaled(gain.to(x), bias.to(x), centres, x, y)


def _scaled(
    gain: torch.Tensor, bias: torch.Tensor, centres: bool, x: torch.Tensor, y: torch.Tensor
) -> LinearNorm:
    inside = gain * (x - x.mean(-1, keepdim=True) if centres else x)
    length = (inside * inside).sum(-1, keepdim=True).clamp_min(1e-30)
    return LinearNorm(gain, centres, (inside * (y - bias)).sum(-1, keepdim=True) / length, bias)


def _apart(
    norm: LinearNorm, x: torch.Tensor, y: torch.Tensor, nothing: torch.Tensor | float = 0.0
) -> float:
    """Return the largest share of y that a norm does not make of x.

    What is no larger than nothing is let pass; of what is no number nothing is told (0).
    """
    rest = ((norm.of_part(x) + norm.bias - y).norm(dim=-1, keepdim=True) - nothing).clamp_min(0)
    share = rest / y.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return float(share.nan_to_num(0.0, 0.0).max())


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
        BadInputError: The final norm is of no known kind, or the unembedding reads another stream.
    """
    require_read(model)
    rows, places = torch.arange(len(at)), torch.tensor(at)
    stream, normed, own_logits = streams.stream[-1], streams.normed, streams.logits
    if layer is not None and layer < len(streams.stream) - 1:
        stream = streams.stream[layer][: len(at)]
        normed = final_normed(model, stream)
        own_logits = _read_at(model, stream, at)
    x, y = (t[rows.to(t.device), places.to(t.device)] for t in (stream, normed))
    held = linear_norm(model, getattr(model.bridge, "ln_final", None), x, y, "final norm")
    targets = [
        _Target(model, aim, logits, normed)
        for aim, logits, normed in zip(aims, own_logits, y, strict=True)
    ]
    columns = unembedding(model, torch.cat([target.ids for target in targets])).to(x.device)
    biases = unembedding_bias(model, torch.cat([target.ids for target in targets])).to(x.device)
    found, first = [], 0
    for target in targets:
        own = slice(first, first + len(target.ids))
        found.append(target.reads(columns[:, own], biases[own], held.bias))
        first = own.stop
    toward, alone, own_numbers = (torch.stack(part) for part in zip(*found, strict=True))
    return Direction(held.back(toward), alone, own_numbers)


class _Target:
    """What counts of one prompt's logits `[V]`, and what the unembedding reads there.

    Attributes:
        ids: The tokens that count, and some more, whose logits are of all sizes.
    """

    def __init__(
        self, model: LoadedModel, aim: Aims, logits: torch.Tensor, normed: torch.Tensor
    ) -> None:
        right, wrong = aim
        weights = [1 / len(right)] * len(right) + [-1 / max(1, len(wrong))] * len(wrong)
        order = logits.abs().argsort()
        spread = torch.linspace(0, len(order) - 1, _COMPARED).long().to(order.device)
        self.ids = torch.tensor([*right, *wrong, *order[spread].tolist()])
        self._normed = _precise(model, normed)
        self._logits = logits[self.ids.to(logits.device)].to(self._normed)
        self._weights = torch.tensor(weights).to(self._normed)

    def reads(
        self, columns: torch.Tensor, biases: torch.Tensor, alone: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the direction behind the final norm, what biases add alone, and the own number.

        Args:
            columns: Of the unembedding, `[d_model, tokens]`.
            biases: Of the unembedding, `[tokens]`.
            alone: The bias of the final norm, `[d_model]`.
        """
        columns, biases = columns.to(self._normed), biases.to(self._normed)
        least = _TELLING * self._normed.norm() * columns.norm(dim=0)
        factor = _factor(self._normed @ columns + biases, self._logits, least)
        count = len(self._weights)
        share = self._weights * factor[:count]
        toward = columns[:, :count] @ share
        own = (self._weights * self._logits[:count]).sum()
        return toward, alone @ toward + (share * biases[:count]).sum(), own


def _read_at(model: LoadedModel, stream: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
    """Return the logits `[N, V]` that streams have at one position each."""
    found = [torch.empty(0)] * len(at)
    for rows, places, logits in logits_of(model, stream):
        for offset, number in enumerate(range(rows.start, rows.stop)):
            if places.start <= at[number] < places.stop:
                found[number] = logits[offset, at[number] - places.start].clone()
    return torch.stack(found)


def _factor(raw: torch.Tensor, logits: torch.Tensor, least: torch.Tensor) -> torch.Tensor:
    """Return what each logit is of what the unembedding gives.

    One below `least` is too small for that beside the rounding of its summands: it takes the factor
    of the smallest that is not, since what caps logits leaves small ones as they are.
    """
    telling = raw.abs() > least
    if not bool(telling.any()):
        return torch.ones_like(raw)
    found = torch.where(telling, logits / torch.where(telling, raw, 1.0), 0.0)
    nearest = found[telling][raw[telling].abs().argmin()]
    return torch.where(telling, found, nearest)


def _precise(model: LoadedModel, x: torch.Tensor) -> torch.Tensor:
    return x.float() if model.device.type == "mps" else x.double()
