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

Linear = dict[tuple[int, str], tuple[torch.Tensor, torch.Tensor]]
"""Per layer and site: an activation and the metric's gradient by it, `[position, ...]`."""


def gradients(
    model: LoadedModel,
    ids: Sequence[int],
    places: Sequence[tuple[int, Site]],
    metric: Callable[[torch.Tensor], torch.Tensor],
    read: int | None,
) -> tuple[float, Linear]:
    """Return the metric and, per place, an activation with the metric's gradient.

    Args:
        model: The model; nothing of it is changed.
        ids: Token ids `[S]` of one prompt.
        places: Layers, each with a site in it.
        metric: From logits, `[1, V]` at the read position or `[1, S, V]`, to a single number.
        read: The read position; None hands the logits of all positions to the metric.

    Returns:
        The metric, and activations and gradients in float32 (the pattern `[head, query, key]`).
    """
    tokens = model.ids([list(ids)])
    stream = entering_stream(model, tokens).detach().requires_grad_()
    seen: dict[tuple[int, str], torch.Tensor] = {}

    def keep(place: tuple[int, Site]) -> HookFn:
        def hook_fn(x: torch.Tensor, hook: object) -> torch.Tensor:
            seen[place] = x if x.requires_grad else x.requires_grad_()
            return seen[place]

        return hook_fn

    hooks: list[tuple[str, HookFn]] = [(site_hook(0, "resid_pre"), lambda _x, hook: stream)]
    hooks += [(site_hook(*place), keep(place)) for place in places]
    if read is not None:
        hooks.append((READ_HOOK, lambda x, hook: x[:, read : read + 1]))
    logits = model.run(tokens, hooks, gradients=True)
    value = metric(logits if read is None else logits[:, 0])
    # A run without an edit asks for no place at all.
    found = torch.autograd.grad(value.sum(), [seen[p] for p in places]) if places else ()
    linear: Linear = {
        place: (seen[place].detach()[0].float(), grad[0].float())
        for place, grad in zip(places, found, strict=True)
    }
    return float(value.detach().sum()), linear
