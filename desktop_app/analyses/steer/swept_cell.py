"""One cell of a sweep as settings: what steers like it, and nothing else. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from desktop_app.analyses.steer.acts import acts_of, settings_of
from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.strength import ADDED, multiplies
from desktop_app.contract.steering import SteerSite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.steer.sweep_picture import Sweep
    from desktop_app.contract.steering import Intervention
    from desktop_app.pictures.matrix import Cell


def cell_settings(
    params: Mapping[str, Any],
    sweep: Sweep,
    cell: Cell,
    done: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return what differs from a sweep's settings where one of its cells is steered.

    A coefficient stands in the place of the one that settings give; of several, it multiplies each.

    Args:
        params: The sweep's settings.
        sweep: The sweep.
        cell: Which of its cells.
        done: What the result did, which says the site where a vector's file named it.
    """
    asked = {"sweep_layers": "", "sweep_coefs": (), "scan": False, "preset": "none", "begin": ()}
    made = made_params(params)
    acts = () if made is None else acts_of(made)
    if made is None or not acts:
        return asked
    own = len(acts) - len(made.also)
    # Without a layer to try, each stays where it acts.
    layer = sweep.layers[cell[0]] if made.sweep_layers else None
    moved = [_placed(act, done[n : n + 1], layer) for n, act in enumerate(acts[: own or 1])]
    moved = _strengthened(moved, sweep.coefs[cell[1]], multiplied=multiplies(made))
    if not own or len({(act.layer, act.site) for act in moved}) > 1:
        return {**settings_of((*moved, *acts[len(moved) :]), made), **asked}
    place = {"layer": moved[0].layer, "site": moved[0].site}
    coefs = tuple(act.coef for act in moved if act.op in ADDED)
    factors = [act.factor for act in moved if act.op == "scale"]
    strength: dict[str, Any] = {"scale": factors[0]} if factors else {}
    if coefs:
        strength["coef"] = coefs if multiplies(made) else coefs[:1]
    return {**place, **strength, **asked}


def _placed(
    act: Intervention, done: Sequence[Mapping[str, Any]], layer: int | None
) -> Intervention:
    """Return an intervention at the layer of a cell, and at the site where the sweep did it."""
    if layer is None:
        return act
    site = str(done[0].get("site")) if done else act.site
    place = {"layer": layer, "site": site if site in get_args(SteerSite) else act.site}
    return act.model_copy(update=place)


def _strengthened(
    acts: Sequence[Intervention], coef: float, *, multiplied: bool
) -> list[Intervention]:
    """Return interventions as strong as a cell: vectors, or without any what is scaled."""
    if any(act.op in ADDED for act in acts):
        name, ops = "coef", ADDED
    else:
        name, ops = "factor", frozenset({"scale"})
    found = []
    for act in acts:
        strength = coef * getattr(act, name) if multiplied else coef
        found.append(act.model_copy(update={name: strength}) if act.op in ops else act)
    return found
