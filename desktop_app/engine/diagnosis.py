"""Where a model's numbers first stop being finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.engine.model import LoadedModel, site_hook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def first_bad_layer(model: LoadedModel, ids: Sequence[int]) -> int | None:
    """Return the first layer whose output holds not-a-number or infinity, or None."""
    bad: list[int] = []

    def watch(layer: int) -> Callable[..., None]:
        def look(x: torch.Tensor, hook: object) -> None:
            if not bad and not bool(torch.isfinite(x).all()):
                bad.append(layer)

        return look

    hooks = [(site_hook(i, "resid_post"), watch(i)) for i in range(model.info.n_layers)]
    model.run(model.ids([ids]), hooks)
    return bad[0] if bad else None
