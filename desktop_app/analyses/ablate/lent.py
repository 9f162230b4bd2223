"""What an ablation lends: what removing a part does in all, beside what it does directly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.effects import PartEffect, PartEffects
from desktop_app.pictures.words import metric_name

if TYPE_CHECKING:
    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result
    from desktop_app.pictures.effects import AskedEffect

_COMPONENT = {True: "mlp", False: "head"}
_HARM_RISES = frozenset({"loss", "kl", "rank"})


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


def part_effects(result: Result) -> PartEffects | None:
    """Return what removing each head, or each MLP, changes; None of whole attention outputs."""
    kind = str(result.params.get("component"))
    if kind not in _COMPONENT.values():
        return None
    means = np.asarray(result.data["effect_mean"], dtype=float)
    sign = -1 if result.params.get("metric") in _HARM_RISES else 1
    values: dict[Part, float] = {}
    for row, layer in enumerate(result.data["layers"]):
        cells = means[row] if kind == "head" else [means[row]]
        for column, value in enumerate(cells):
            if np.isfinite(value):
                values[int(layer), column if kind == "head" else None] = sign * float(value)
    return PartEffects(values, metric_name(result), bool(result.data.get("estimated")))
