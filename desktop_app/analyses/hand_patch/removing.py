"""What is removed beside the moves: heads and MLPs, each as one change of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.result import Notice
from desktop_app.engine.interventions import Edit, Replace, Zero
from desktop_app.engine.model import site_hook
from desktop_app.methods.precision import processed_biases
from desktop_app.methods.watching import mean_activations
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.hand_patch.spec import HandPatchParams
    from desktop_app.contract.grammar import Part
    from desktop_app.contract.moves import Move
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.prepare import Prepared
    from desktop_app.methods.watching import Means

    Wanted = tuple[Sequence[Part], Sequence[Move], tuple[int, ...]]

_SELF = "reference_is_self"


def removals(
    model: LoadedModel,
    params: HandPatchParams,
    prepared: Prepared,
    wanted: Wanted,
    report: Reporter,
) -> tuple[tuple[Edit, ...], list[Notice]]:
    """Return an edit per removed part, in their order, and what must be said of them.

    Args:
        model: The model.
        params: What the parts become, and over which prompts a mean runs: as for an ablation.
        prepared: The prompts.
        wanted: The parts, the moves beside them, and the token ids of the run that is changed.
        report: Told after every pass.
    """
    parts, moves, own = wanted
    layers: dict[Site, list[int]] = {}
    for layer, head in parts:
        site = _site(head)
        if not model.has_hook(site_hook(layer, site)):
            raise BadInputError(f"--without: {model.info.name} has no {site} in layer {layer}.")
        if layer not in (known := layers.setdefault(site, [])):
            known.append(layer)
    means: dict[Site, Means] = {}
    notices: dict[str, Notice] = {}
    if params.mode == "mean":
        for site, found in layers.items():
            taken = params.reference, (sorted(found), site)
            means[site], told = mean_activations(model, params, prepared, taken, report)
            notices |= {notice.code: notice for notice in told}
        _correct(notices, prepared, own)
    elif "head_z" in layers:
        notices |= {notice.code: notice for notice in processed_biases(model)}
    edits = tuple(_removed(part, means.get(_site(part[1])), moves, len(own)) for part in parts)
    return edits, list(notices.values())


def _site(head: int | None) -> Site:
    return "mlp_out" if head is None else "head_z"


def _removed(part: Part, means: Means | None, moves: Sequence[Move], length: int) -> Edit:
    """Return the edit that removes a part; a move into the same MLP output is put in after it."""
    layer, head = part
    if means is None:
        return Edit(layer, _site(head), Zero(), head)
    values = means.by_layer[layer]
    if head is not None:
        values = values[head] if means.pooled else values[:, head]
        return Edit(layer, "head_z", Replace(values), head)
    taken = {m.target[1] for m in moves if m.site == "mlp_out" and m.target[0] == layer}
    at = tuple(p for p in range(length) if p not in taken)
    if not at:  # moves take all of its places, after this
        return Edit(layer, "mlp_out", Zero())
    value = Replace(values if means.pooled else values[list(at)])
    return Edit(layer, "mlp_out", value, None, at)


def _correct(notices: dict[str, Notice], prepared: Prepared, own: tuple[int, ...]) -> None:
    """Say it otherwise where the mean is one prompt's own value but another run is changed."""
    if _SELF in notices and all(e.ids != own for e in prepared.encodings):
        message = (
            "The reference is the clean prompt alone, so its mean is the clean prompt's own value, "
            "and that is put into the corrupt run: give --reference, or choose --mode zero."
        )
        notices[_SELF] = Notice(_SELF, message)
