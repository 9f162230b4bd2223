"""Which places of a model an analysis may read or change: the rest is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.engine.shortcuts import acts
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.engine.model import LoadedModel, Site


def require_shown(model: LoadedModel, layers: Iterable[int], site: Site) -> None:
    """Refuse a place whose hooks do not have the axes that the analyses count on.

    Raises:
        BadInputError: It names the place.
    """
    for layer in layers:
        reason = model.unfit.get((layer, site))
        if reason is not None:
            raise BadInputError(
                f"{model.info.name} cannot be measured at {site}: {reason}; choose another place "
                "or other layers."
            )


def require_acting(model: LoadedModel, layers: Iterable[int], site: Site) -> None:
    """Refuse a place that cannot be changed; whether it can is tried once for each model.

    Raises:
        BadInputError: It names the place.
    """
    require_shown(model, layers, site)
    if not acts(model, site):
        what = "its patterns" if site == "pattern" else site
        raise BadInputError(
            f"{model.info.name} only shows {what}, and goes on with its own whatever is put in: "
            f"choose {_INSTEAD.get(site, 'another place')} as --site."
        )


_INSTEAD = {"pattern": "head_z, head_q, head_k or head_v"}
