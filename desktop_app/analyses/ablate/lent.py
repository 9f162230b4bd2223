"""What an ablation lends: what removing a part does in all, beside what it does directly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.effects import PartEffect

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.effects import AskedEffect

_COMPONENT = {True: "mlp", False: "head"}


def part_effect(result: Result, asked: AskedEffect) -> PartEffect | None:
    """Return what removing a part at all positions changes; None where it is not known here."""
    kind = _COMPONENT[asked.head is None]
    if result.params.get("component") != kind or result.params.get("positions") != "all":
        return None
    layers = [int(layer) for layer in result.data["layers"]]
    places = asked.places(result)
    if asked.layer not in layers or places is None:
        return None
    effects = np.asarray(result.data["effect"], dtype=float)[layers.index(asked.layer)]
    if asked.head is not None:
        effects = effects[asked.head]
    values = effects[places]
    if not np.isfinite(values).any():
        return None
    estimated = bool(result.data.get("estimated"))
    return PartEffect(values, str(result.data.get("mode", "")), estimated)
