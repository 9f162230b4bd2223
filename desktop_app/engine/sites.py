"""Which places of a model an analysis may read or change, and hooks that say how far a pass is.

What cannot be read or changed is refused by name.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from desktop_app.engine.model import site_hook
from desktop_app.engine.shortcuts import acts
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import HookFn, LoadedModel, Site


def require_shown(
    model: LoadedModel,
    layers: Iterable[int],
    site: Site,
    instead: str = "choose another place or other layers",
) -> None:
    """Refuse a place whose hooks do not have the axes that the analyses count on.

    Args:
        model: The model.
        layers: Of which layers.
        site: The place.
        instead: What to do where it is refused.

    Raises:
        BadInputError: It names the place.
    """
    for layer in layers:
        reason = model.unfit.get((layer, site))
        if reason is not None:
            raise BadInputError(
                f"{model.info.name} cannot be measured at {site}: {reason}; {instead}."
            )


def require_acting(
    model: LoadedModel, layers: Iterable[int], site: Site, instead: str = ""
) -> None:
    """Refuse a place that cannot be changed; whether it can is tried once for each model.

    Args:
        model: The model.
        layers: Of which layers.
        site: The place.
        instead: What to do where it is refused; empty: to choose another place as --site.

    Raises:
        BadInputError: It names the place.
    """
    require_shown(model, layers, site, *([instead] if instead else []))
    if not acts(model, site):
        what = "its patterns" if site == "pattern" else site
        instead = instead or f"choose {_INSTEAD.get(site, 'another place')} as --site"
        raise BadInputError(
            f"{model.info.name} only shows {what}, and goes on with its own whatever is put in: "
            f"{instead}."
        )


_INSTEAD = {"pattern": "head_z, head_q, head_k or head_v"}


def report_hooks(model: LoadedModel, report: Reporter | None) -> Iterator[tuple[str, HookFn]]:
    """Yield a hook per layer that says how far the pass is; it may cancel."""
    if report is None:
        return
    layers = model.info.n_layers
    for layer in range(layers):
        note = f"layer {layer + 1} of {layers}"
        tell = partial(_tell, report=report, fraction=layer / layers, note=note)
        if model.has_hook(site_hook(layer, "resid_pre")):
            yield site_hook(layer, "resid_pre"), tell


def _tell(_x: torch.Tensor, hook: object, *, report: Reporter, fraction: float, note: str) -> None:
    report.step(fraction, note)
