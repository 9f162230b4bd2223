"""What each sender adds to the stream: embeddings, every head by itself, every MLP.

A head adds its own slice of the output projection; under a norm that follows, or a factor, that
slice times the norm's weights at the scale which it has in that very run, so that the slices of a
layer and the biases are exactly what its attention adds. The biases belong to no sender; of an MLP
the whole output is taken, and `mlp_biases` tells what of it is a bias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.noise import share_rounded
from desktop_app.engine.projections import Projection, projection
from desktop_app.methods.direct import LinearNorm, way_into_stream
from desktop_app.methods.streams import Streams, Wanted, read_streams, require_sum
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel, Site

_Z: tuple[Site, ...] = ("head_z",)


class Senders:
    """The ways by which the parts of a model add to its stream.

    Senders are numbered from the first layer to the last: the embeddings are 0, then layer by layer
    come the heads and the MLP.

    Args:
        model: The model.
        ids: Token ids `[runs, S]` of runs by which the ways are found.
        read: The positions at which those runs' logits are kept.
        report: Told at every layer of that pass.

    Attributes:
        streams: What was seen of those runs.

    Raises:
        BadInputError: The blocks do more than attention and MLP, or the heads of a layer do not
            make what its attention adds; it names the layer.
    """

    def __init__(
        self,
        model: LoadedModel,
        ids: torch.Tensor,
        read: Sequence[int] | None = None,
        report: Reporter | None = None,
    ) -> None:
        self._model = model
        self._projections: dict[int, Projection] = {}
        self._ways: dict[int, LinearNorm] = {}
        self.streams = read_streams(model, ids, Wanted(True, _Z, read), report=report)
        require_sum(model, self.streams)
        for layer in range(model.info.n_layers):
            self._settle(layer)

    def _settle(self, layer: int) -> None:
        model, streams = self._model, self.streams
        z, adds = streams.sites[layer, "head_z"].float(), streams.attn[layer]
        module = model.bridge.blocks[layer].attn.o
        project = projection(model, module, z.shape[-2] * z.shape[-1])
        size = streams.stream[layer + 1].float().norm(dim=-1, keepdim=True)
        way = way_into_stream(model, layer, project.of(z.flatten(-2)), adds, size)
        if way is None:
            raise BadInputError(
                f"The heads of {model.info.name} do not make what the attention of layer {layer} "
                "adds to the stream, so that no head has a share of its own: choose another model."
            )
        self._projections[layer], self._ways[layer] = project, way

    def heads(self, layer: int, z: torch.Tensor, adds: torch.Tensor) -> torch.Tensor:
        """Return what each head of a layer adds in runs, float32 `[H, runs, S, d_model]`.

        Args:
            layer: Which one.
            z: What its heads put out, `[runs, S, H, width]`.
            adds: What its attention adds to the stream, `[runs, S, d_model]`.
        """
        z, project = z.float(), self._projections[layer]
        way = self._ways[layer].again(project.of(z.flatten(-2)), adds)
        matrix = project.matrix.reshape(*z.shape[-2:], -1).float()
        parts = torch.einsum("rshw,hwd->hrsd", z, matrix)
        if way.centres:
            parts = parts - parts.mean(-1, keepdim=True)
        return parts * way.gain.float() * way.scale.float()

    def of(self, streams: Streams) -> torch.Tensor:
        """Return what every sender adds in runs that were seen, `[senders, runs, S, d_model]`."""
        found = [streams.stream[0][None].float()]
        for layer in range(self._model.info.n_layers):
            z, adds = streams.sites[layer, "head_z"], streams.attn[layer]
            found += [self.heads(layer, z, adds), streams.mlp[layer][None].float()]
        return torch.cat(found)

    def seen(
        self, ids: torch.Tensor, read: Sequence[int] | None, report: Reporter | None = None
    ) -> Streams:
        """Return runs of texts `[runs, S]` for `of`, with their logits at the read positions."""
        return read_streams(self._model, ids, Wanted(True, _Z, read), report=report)

    def see(self, ids: torch.Tensor, report: Reporter | None = None) -> torch.Tensor:
        """Return what every sender adds in runs of texts `[runs, S]`, as `of` has it."""
        return self.of(self.seen(ids, None, report))


def mlp_biases(model: LoadedModel, ids: torch.Tensor) -> dict[int, torch.Tensor]:
    """Return by layer the bias in what an MLP adds, float32 `[d_model]`, where it can be told.

    That is where the MLP ends with one projection that has a bias, and what it gives is added to
    the stream as it is: behind a norm or a factor, and among experts, a bias is nobody's share.

    Args:
        model: The model.
        ids: Token ids `[runs, S]` of a run that tells whether anything stands between.
    """
    layers = range(model.info.n_layers)
    found = {layer: own for layer in layers if (own := _own_bias(model, layer)) is not None}
    if not found:
        return {}
    names = {layer: f"blocks.{layer}.mlp.out.hook_out" for layer in found}
    streams = read_streams(model, ids, Wanted(True, names=tuple(names.values())))
    allowed = share_rounded(model.info.dtype)

    def is_all(layer: int) -> bool:
        gave, adds = streams.named[names[layer]].float(), streams.mlp[layer].float()
        return bool((gave - adds).norm() <= allowed * adds.norm())

    return {layer: bias for layer, bias in found.items() if is_all(layer)}


def _own_bias(model: LoadedModel, layer: int) -> torch.Tensor | None:
    """Return the bias of the projection that an MLP ends with; None where there is none."""
    module: Any = getattr(getattr(model.bridge.blocks[layer], "mlp", None), "out", None)
    own = getattr(module, "original_component", module)
    weight, bias = (getattr(own, name, None) for name in ("weight", "bias"))
    if not isinstance(weight, torch.Tensor) or not isinstance(bias, torch.Tensor):
        return None
    if not model.has_hook(f"blocks.{layer}.mlp.out.hook_out"):
        return None
    dtype = next(iter(model.bridge.original_model.parameters())).dtype
    width = weight.numel() // model.info.d_model
    # By feeding nothing: what lies elsewhere is brought in by the module itself.
    nothing = torch.zeros(1, 1, width, dtype=dtype, device=model.device)
    with torch.no_grad():
        alone: torch.Tensor = module(nothing)
    return alone.reshape(-1).float().to(model.device)
