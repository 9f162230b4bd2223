"""The one number that a slider moves: how strong the first intervention is that has a strength."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.analyses.steer.acts import acts_of

if TYPE_CHECKING:
    from desktop_app.analyses.steer.spec import SteerParams

ADDED = frozenset({"add", "difference", "set"})
"""What a coefficient is of."""
_SCALED = frozenset({"scale"})
_NICE = (1.0, 2.0, 5.0)
_LEAST = 2.0


@dataclass(frozen=True)
class Strength:
    """A strength as settings have it.

    Attributes:
        title: What it is called.
        value: How strong.
        tip: What moves with it.
    """

    title: str
    value: float
    tip: str


def strength_of(params: SteerParams) -> Strength | None:
    """Return the strength of some settings; None where nothing in them has one."""
    if _vectors(params):
        tip = "What the vector is multiplied by; 0 is the plain run, to the bit."
        if len(params.coef) > 1:
            tip = "The first vector’s coefficient; the others move in proportion."
        value = params.coef[0] if params.coef else 1.0
        return Strength(f"Coefficient{_which(params, ADDED)}", value, tip)
    if params.scale is not None:
        tip = "What the activation is multiplied by; 1 is plain."
        return Strength(f"Factor{_which(params, _SCALED)}", params.scale, tip)
    for act in params.also:
        if act.op in ADDED:
            title = f"Coefficient{_which(params, ADDED | _SCALED)}"
            return Strength(title, act.coef, "Of the first further vector.")
        if act.op == "scale":
            title = f"Factor{_which(params, ADDED | _SCALED)}"
            return Strength(title, act.factor, "Of the first further scaling.")
    return None


def _which(params: SteerParams, ops: frozenset[str]) -> str:
    """Say which of several interventions is moved, by its number; the others stay."""
    acts = acts_of(params)
    if not params.also or len(acts) < 2:
        return ""
    return f", no. {next(n for n, act in enumerate(acts, 1) if act.op in ops)}"


def with_strength(params: SteerParams, value: float) -> dict[str, object]:
    """Return what of the settings changes for another strength."""
    if _vectors(params):
        first = params.coef[0] if params.coef else 1.0
        if len(params.coef) <= 1:
            return {"coef": (value,)}
        if first == 0:
            return {"coef": (value, *params.coef[1:])}
        return {"coef": (value, *(one * value / first for one in params.coef[1:]))}
    if params.scale is not None:
        return {"scale": value}
    for place, act in enumerate(params.also):
        name = "coef" if act.op in ADDED else "factor" if act.op == "scale" else ""
        if name:
            changed = act.model_copy(update={name: value})
            return {"also": (*params.also[:place], changed, *params.also[place + 1 :])}
    return {}


def multiplies(params: SteerParams) -> bool:
    """Return whether a sweep's coefficient multiplies each vector's own, rather than replace it.

    It does where settings list several, be they equal or not: the form decides, not the numbers.
    """
    return len(params.coef) > 1


def reach_of(value: float, before: float = 0.0) -> float:
    """Return how far a slider goes to both sides of 0, a round number.

    It stays as it was while the value is well within.
    """
    size = abs(value)
    if before and before / 20 <= size <= before:
        return before
    if before and not size:
        return before
    wanted = max(_LEAST, 2 * size)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next((nice * power for nice in _NICE if nice * power >= wanted), 10 * power)


def _vectors(params: SteerParams) -> bool:
    return bool(params.add or params.to_texts or params.set_to)
