"""The random control: every change exchanged for one of the same length in a random direction.

Where an intervention turns an activation from `old` into `new`, the control adds ‖new − old‖ times
a unit vector instead. There is one direction for each layer and site, drawn by the seed: for an
added vector that is a random vector of equal norm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.interventions import HEAD_SITES

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import HookFn

_SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "head_z")
_STRIDE = 1_000_003  # more places than any model has


def direction(layer: int, site: str, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Return the unit vector of a layer and site, float32 on the CPU, the same for the same seed.

    Args:
        layer: The block.
        site: The place in it.
        shape: `[width]`, at `head_z` `[head, width]`.
        seed: Of the settings.
    """
    number = (seed * _STRIDE + layer * len(_SITES) + _SITES.index(site) + 1) % 2**63
    generator = torch.Generator().manual_seed(number)
    drawn = torch.randn(shape, generator=generator)
    return drawn / float(drawn.norm())


def controlled(
    seed: int, rows: frozenset[int] | None = None
) -> Callable[[tuple[int, str], HookFn, Any], HookFn]:
    """Return what `Changes.wrap` takes: it puts random changes in the place of those made.

    Args:
        seed: Of the directions.
        rows: The rows of a run that are the control, as `Changes` numbers them; None: all.
    """

    def wrap(place: tuple[int, str], edit: HookFn, this: Any) -> HookFn:
        layer, site = place
        axes = (-2, -1) if site in HEAD_SITES else (-1,)

        def exchange(x: torch.Tensor, hook: object) -> torch.Tensor:
            old = x.clone()
            edit(x, hook)
            change = x.float() - old.float()
            length = change.norm(dim=axes, keepdim=True)
            shape = tuple(x.shape[axis] for axis in axes)
            drawn = direction(layer, site, shape, seed).to(x.device)
            put = torch.where(length > 0, (old.float() + length * drawn).to(x), old)
            if rows is None:
                x.copy_(put)
                return x
            by_row = x.view(len(this.rows), -1, *x.shape[x.ndim - len(axes) :])
            chosen = [index for index, row in enumerate(this.rows) if row in rows]
            by_row[chosen] = put.view_as(by_row)[chosen]
            return x

        return exchange

    return wrap
