"""Runs in which parts read another stream than the run's own, edge by edge.

A removed edge's sender is exchanged, in what its receiver reads, for what it puts out in another
run. And estimates: the gradient of a metric by what every receiver reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from typing_extensions import override

from desktop_app.engine.receivers import Inputs, Offsets, Runs, run_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.edges import Graph
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.senders import Senders


class Exchanged(Offsets):
    """What the inputs of circuits read beside their own stream.

    Args:
        senders: How the parts add to the stream.
        graph: The edges of the model.
        entering: What enters the first block, `[runs, S, d_model]`.
        other: What each sender puts out elsewhere, `[senders, S, d_model]`, or of each run
            `[runs, senders, S, d_model]`.
        removed: Which edges each run lacks, `[runs, edge]`.
    """

    def __init__(
        self,
        senders: Senders,
        graph: Graph,
        entering: torch.Tensor,
        other: torch.Tensor,
        removed: torch.Tensor,
    ) -> None:
        self._senders, self._graph = senders, graph
        self._other, self._removed = other, removed
        runs, length, width = entering.shape
        # other − own, as far as the senders have been heard
        self._apart = other.new_zeros(runs, graph.n_senders, length, width)
        self._apart[:, 0] = other[..., 0, :, :] - entering.float()
        self._z: dict[int, torch.Tensor] = {}
        self._each = graph.heads + 2 * graph.kv_heads + 1

    @override
    def attention(self, layer: int) -> torch.Tensor:
        first = layer * self._each
        return self._of(range(first, first + self._each - 1))

    @override
    def mlp(self, layer: int) -> torch.Tensor:
        return self._of([(layer + 1) * self._each - 1])[:, 0]

    @override
    def final(self) -> torch.Tensor:
        return self._of([len(self._graph.receivers) - 1])[:, 0]

    @override
    def saw(self, layer: int, site: Site, x: torch.Tensor) -> None:
        first, heads = self._graph.first_sender(layer), self._graph.heads
        if site == "head_z":
            self._z[layer] = x
        elif site == "attn_out":
            parts = self._senders.heads(layer, self._z.pop(layer), x).transpose(0, 1)
            others = self._other[..., first : first + heads, :, :]
            self._apart[:, first : first + heads] = others - parts
        else:
            self._apart[:, first + heads] = self._other[..., first + heads, :, :] - x.float()

    def _of(self, receivers: Sequence[int]) -> torch.Tensor:
        """Return what inputs of the same senders are given, `[runs, inputs, S, d_model]`."""
        edges = self._graph.first_edges
        senders = edges[receivers[0] + 1] - edges[receivers[0]]
        lost = self._removed[:, edges[receivers[0]] : edges[receivers[-1] + 1]]
        lost = lost.view(len(lost), len(receivers), senders).to(self._apart)
        found = lost @ self._apart[:, :senders].flatten(2)
        return found.view(*found.shape[:2], *self._apart.shape[2:])


class Leaves(Offsets):
    """Offsets of zero by which a metric is differentiated.

    Attributes:
        leaves: An offset for each receiver, in order `[runs, S, d_model]`, those of a layer's
            attention together `[runs, inputs − 1, S, d_model]`.
    """

    def __init__(self, model: LoadedModel, shape: Sequence[int], dtype: torch.dtype) -> None:
        runs, length, width = shape
        layers, each = model.info.n_layers, len(Inputs.of(model)) - 1

        def leaf(*size: int) -> torch.Tensor:
            return torch.zeros(size, dtype=dtype, device=model.device, requires_grad=True)

        self._attention = [leaf(runs, each, length, width) for _ in range(layers)]
        self._mlp = [leaf(runs, length, width) for _ in range(layers)]
        self._final = leaf(runs, length, width)

    @property
    def leaves(self) -> list[torch.Tensor]:
        """All of them: attention and MLP layer by layer, then the final norm's."""
        pairs = zip(self._attention, self._mlp, strict=True)
        return [*(leaf for pair in pairs for leaf in pair), self._final]

    @override
    def attention(self, layer: int) -> torch.Tensor:
        return self._attention[layer]

    @override
    def mlp(self, layer: int) -> torch.Tensor:
        return self._mlp[layer]

    @override
    def final(self) -> torch.Tensor:
        return self._final

    @override
    def saw(self, layer: int, site: Site, x: torch.Tensor) -> None:
        """Nothing is made of what the runs put out."""


def input_gradients(
    model: LoadedModel,
    runs: Runs,
    metric: Callable[[torch.Tensor], torch.Tensor],
    report: Reporter | None = None,
) -> torch.Tensor:
    """Return the gradient of a metric by what every receiver reads before its norm.

    Args:
        model: The model.
        runs: What is run.
        metric: Given the logits of `run_inputs`, one number for each run.
        report: Told at every layer; may cancel there.

    Returns:
        float32 `[receivers, runs, S, d_model]`.
    """
    leaves = Leaves(model, runs.entering.shape, runs.entering.dtype)
    logits = run_inputs(model, runs, leaves, gradients=True, report=report)
    found = torch.autograd.grad(metric(logits).sum(), leaves.leaves)
    by_receiver = [
        part.float() for grad in found for part in (grad.unbind(1) if grad.ndim == 4 else [grad])
    ]
    return torch.stack(by_receiver)
