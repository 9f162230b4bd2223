"""How a metric would change with each activation: one run forward, one backward.

Attribution patching (Nanda 2023; Syed, Rager and Conmy 2023): to first order, replacing an
activation `a` by `b` changes the metric by `(b − a) · ∂metric/∂a`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.engine.model import READ_HOOK, LoadedModel, Site, site_hook
from desktop_app.engine.sweep_hooks import entering_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.engine.model import HookFn

Linear = dict[int, tuple[torch.Tensor, torch.Tensor]]
"""Per layer: an activation and the metric's gradient with respect to it, `[position, ...]`."""


def gradients(
    model: LoadedModel,
    ids: Sequence[int],
    where: tuple[Sequence[int], Site],
    metric: Callable[[torch.Tensor], torch.Tensor],
    read: int | None,
) -> tuple[float, Linear]:
    """Return the metric and, per layer, an activation with the metric's gradient.

    Args:
        model: The model; nothing of it is changed.
        ids: Token ids `[S]` of one prompt.
        where: Layers and the site in each.
        metric: From logits, `[1, V]` at the read position or `[1, S, V]`, to a single number.
        read: The read position; None hands the logits of all positions to the metric.

    Returns:
        The metric, and activations and gradients in float32 (the pattern `[head, query, key]`).
    """
    layers, site = where
    tokens = model.ids([list(ids)])
    stream = entering_stream(model, tokens).detach().requires_grad_()
    seen: dict[int, torch.Tensor] = {}

    def keep(layer: int) -> HookFn:
        def hook_fn(x: torch.Tensor, hook: object) -> torch.Tensor:
            seen[layer] = x if x.requires_grad else x.requires_grad_()
            return seen[layer]

        return hook_fn

    hooks: list[tuple[str, HookFn]] = [(site_hook(0, "resid_pre"), lambda _x, hook: stream)]
    hooks += [(site_hook(layer, site), keep(layer)) for layer in layers]
    if read is not None:
        hooks.append((READ_HOOK, lambda x, hook: x[:, read : read + 1]))
    logits = model.run(tokens, hooks, gradients=True)
    value = metric(logits if read is None else logits[:, 0])
    found = torch.autograd.grad(value.sum(), [seen[i] for i in layers])
    linear = {}
    for layer, grad in zip(layers, found, strict=True):
        linear[layer] = (seen[layer].detach()[0].float(), grad[0].float())
    return float(value.detach().sum()), linear
