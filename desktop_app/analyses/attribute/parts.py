"""What each part of a model writes along the direction that a target reads, exactly.

The parts write into the stream through projections, and those through a factor or a norm whose
scale is held: what a part contributes is what it puts into the projection times what each of these
numbers writes along the direction, which is the direction taken back through all of them. So no
part's own stream is ever made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import torch

from desktop_app.analyses.attribute.neurons import Made, Neurons, no_neurons
from desktop_app.engine.model import LoadedModel, Site, site_hook
from desktop_app.engine.noise import share_rounded
from desktop_app.engine.projections import Projection, projection
from desktop_app.engine.sites import require_shown
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.direct import direction_of, way_into_stream
from desktop_app.methods.streams import Wanted, read_streams, require_sum
from desktop_app.methods.watching import watch
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.analyses.attribute.neurons import Listed
    from desktop_app.contract.report import Reporter
    from desktop_app.methods.direct import Aims, Direction, LinearNorm
    from desktop_app.methods.streams import Streams

_PATTERN_AND_VALUES: tuple[Site, Site] = ("pattern", "head_v")


@dataclass(frozen=True)
class Question:
    """What is asked of prompts of one length.

    Attributes:
        aims: What counts of each.
        read: The position of each.
        layers: How many layers wrote the stream that is read.
        neurons: How many neurons are listed.
    """

    aims: Sequence[Aims]
    read: Sequence[int]
    layers: int
    neurons: int


@dataclass
class Parts:
    """What the parts contribute, of prompts of one length; float64 where the device has it.

    Attributes:
        embed: `[N]`.
        bias: `[N]`, of the final norm and the unembedding alone.
        base: `[N]`, the model's own number.
        logits: Its logits `[N, V]`, whatever layer is read.
        head: `[L, H, N]`; what comes after the stream that is read adds nothing.
        attn_bias: `[L, N]`.
        mlp: `[L, N]`.
        neurons: Layers, numbers and values `[K, N]` of the neurons listed.
        written: Of the layers that wrote, what each number of z writes, `[N, H, d_head]`.
        size: And what all of them write regardless of their signs, `[H, N]`: what rounding z is
            a share of, however little of it is left in their sum.
    """

    embed: torch.Tensor
    bias: torch.Tensor
    base: torch.Tensor
    logits: torch.Tensor
    head: torch.Tensor
    attn_bias: torch.Tensor
    mlp: torch.Tensor
    neurons: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
    written: list[torch.Tensor] = field(default_factory=list)
    size: list[torch.Tensor] = field(default_factory=list)


def require_sources(model: LoadedModel, layers: int) -> None:
    """Refuse a model whose heads put out something else than what they take of their values.

    Raises:
        BadInputError: It names the layer.
    """
    for site in _PATTERN_AND_VALUES:
        require_shown(model, range(layers), site)
    found = min((layer for layer in model.unmixed if layer < layers), default=None)
    if found is not None:
        raise _not_mixed(model, found)


def split(model: LoadedModel, ids: torch.Tensor, question: Question, report: Reporter) -> Parts:
    """Return what each part of the model contributes to the targets of prompts `[N, S]`.

    Raises:
        BadInputError: The blocks do more than attention and MLP, or the heads of a layer do not
            make what its attention adds; it names the layer.
    """
    layers, info = range(question.layers), model.info
    neurons = Neurons(model, question.layers if question.neurons else 0)
    wanted = Wanted(True, ("head_z",), question.read, names=neurons.names, alone=True)
    with neurons.watching(question.read, ids.shape[1]):
        streams = read_streams(model, ids, wanted, report=report)
    require_sum(model, streams)
    at = [min(1, position) for position in question.read]
    direction = direction_of(model, streams, at, question.aims, question.layers)
    seen = _Seen(model, streams, at, direction)
    listed = {name: seen.at(x) for name, x in streams.named.items()}
    like, count = direction.vector, len(ids)
    parts = Parts(
        embed=direction.of(seen.at(streams.stream[0])),
        bias=direction.bias,
        base=direction.own,
        logits=streams.logits,
        head=like.new_zeros(info.n_layers, info.n_heads, count),
        attn_bias=like.new_zeros(info.n_layers, count),
        mlp=like.new_zeros(info.n_layers, count),
    )
    largest = _Largest(question.neurons, count)
    for layer in layers:
        report.check()
        heads = seen.heads(layer)
        parts.head[layer], parts.attn_bias[layer] = heads.adds, heads.biases
        parts.written.append(heads.written)
        parts.size.append(heads.size)
        parts.mlp[layer] = direction.of(seen.at(streams.mlp[layer]))
        if question.neurons:
            largest.add(layer, seen.neurons(layer, neurons.of(layer, listed)))
    if question.neurons:
        parts.neurons = largest.found
    return parts


@dataclass(frozen=True)
class _Heads:
    """What the heads of a layer contribute.

    Attributes:
        adds: `[H, N]`.
        biases: `[N]`.
        written: What each number of z writes, `[N, H, d_head]`.
        size: What these numbers contribute regardless of their signs, `[H, N]`.
    """

    adds: torch.Tensor
    biases: torch.Tensor
    written: torch.Tensor
    size: torch.Tensor


class _Seen:
    """What was seen of a run at the read position, layer by layer."""

    def __init__(
        self, model: LoadedModel, streams: Streams, at: Sequence[int], direction: Direction
    ) -> None:
        self._model, self._streams, self._direction = model, streams, direction
        self._rows, self._places = torch.arange(len(at)), torch.tensor(at)

    def at(self, x: torch.Tensor) -> torch.Tensor:
        """Return the read position of each prompt."""
        return x[self._rows.to(x.device), self._places.to(x.device)]

    def heads(self, layer: int) -> _Heads:
        """Return what the heads and biases of a layer contribute."""
        model = self._model
        z = self.at(self._streams.sites[layer, "head_z"]).float()
        project = projection(model, model.bridge.blocks[layer].attn.o, z[0].numel())
        way = self._way(layer, project.of(z.flatten(1)), self._streams.attn[layer])
        if way is None:
            raise BadInputError(
                f"The heads of {model.info.name} do not make what the attention of layer {layer} "
                "adds to the stream, so that no head has a share of its own: choose another model."
            )
        written = project.back(way.back(self._direction.vector)).view(z.shape)
        each = z.to(self._direction.vector) * written
        return _Heads(each.sum(-1).T, self._of_biases(project, way), written, each.abs().sum(-1).T)

    def neurons(self, layer: int, made: Made) -> Listed:
        """Return the numbers of an MLP's neurons, and what they contribute, `[N, K]`."""
        way = self._way(layer, made.whole, self._streams.mlp[layer])
        if way is None:
            raise no_neurons(self._model, layer)
        return made.share(way.back(self._direction.vector))

    def _way(self, layer: int, made: torch.Tensor, adds: torch.Tensor) -> LinearNorm | None:
        """Return what stands between what is made and what a layer adds to the stream."""
        size = self.at(self._streams.stream[layer + 1]).float().norm(dim=-1, keepdim=True)
        return way_into_stream(self._model, layer, made, self.at(adds), size)

    def _of_biases(self, project: Projection, way: LinearNorm) -> torch.Tensor:
        """Return what the biases of a projection, and of what stands behind it, contribute."""
        return self._direction.of(way.of_part(project.bias.to(way.scale)) + way.bias)


class _Largest:
    """The neurons of largest contributions so far, of each prompt: `[N, K]`, the largest first."""

    def __init__(self, count: int, prompts: int) -> None:
        self._count = count
        self._layers = torch.empty(prompts, 0, dtype=torch.long)
        self._neurons = self._layers.clone()
        self._values = torch.empty(prompts, 0)

    def add(self, layer: int, listed: Listed) -> None:
        """Take in the neurons of a layer."""
        numbers, values = (part.cpu() for part in listed)
        whole = torch.cat([self._values, values], dim=1)
        order = whole.abs().argsort(dim=1, descending=True, stable=True)[:, : self._count]
        layers = torch.cat([self._layers, torch.full_like(numbers, layer)], dim=1)
        self._layers = layers.gather(1, order)
        self._neurons = torch.cat([self._neurons, numbers], dim=1).gather(1, order)
        self._values = whole.gather(1, order)

    @property
    def found(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Layers, numbers and values, each `[K, N]`."""
        return self._layers.T, self._neurons.T, self._values.T


def split_sources(
    model: LoadedModel, ids: torch.Tensor, read: Sequence[int], parts: Parts, report: Reporter
) -> torch.Tensor:
    """Return what each head takes from each position, `[L, H, S, N]`; one more pass.

    Of each layer what the values write along the direction is kept, one number for each head and
    position, and the row of the pattern: never what a head writes from every position.

    Raises:
        BadInputError: They do not sum to what the heads contribute; it names the layer.
    """
    layers, (count, length) = range(len(parts.written)), ids.shape
    found = torch.zeros(model.info.n_layers, model.info.n_heads, length, count)
    waiting: dict[int, torch.Tensor] = {}

    def both(layer: int, factor: torch.Tensor) -> None:
        """Take a layer's second factor, whichever comes first."""
        first = waiting.pop(layer, None)
        if first is None:
            waiting[layer] = factor
            return
        found[layer] = (first * factor).permute(1, 2, 0).cpu()
        report.step((layer + 1) / len(layers), f"sources, layer {layer + 1} of {len(layers)}")

    def keep_row(x: torch.Tensor, hook: object, layer: int) -> None:
        rows = torch.arange(count, device=x.device)
        both(layer, x[rows, :, torch.tensor(read, device=x.device)].float())

    def keep_values(x: torch.Tensor, hook: object, layer: int) -> None:
        values = x.reshape(count, length, model.info.n_kv_heads, -1).float()
        written = parts.written[layer]
        written = written.view(count, model.info.n_kv_heads, -1, written.shape[-1])
        both(layer, torch.einsum("nskd,nkgd->nkgs", values, written).flatten(1, 2))

    keepers: dict[Site, Callable[..., None]] = {"pattern": keep_row, "head_v": keep_values}
    hooks = [
        (site_hook(layer, site), partial(keepers[site], layer=layer))
        for layer, site in product(layers, _PATTERN_AND_VALUES)
    ]
    with no_hooks_left(model):
        watch(model, ids, hooks)
    allowed = share_rounded(model.info.dtype)
    for layer in layers:
        apart = (found[layer].sum(1) - parts.head[layer].cpu()).abs()
        if bool((apart > allowed * parts.size[layer].cpu().clamp_min(1e-3)).any()):
            raise _not_mixed(model, layer)
    return found


def _not_mixed(model: LoadedModel, layer: int) -> BadInputError:
    return BadInputError(
        f"{model.info.name} norms or gates what its heads take of their values (layer {layer}), so "
        "that no position has a share of its own: leave --by-source out."
    )
