"""What a result says of the parts that were removed together, computed without Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.contract.grammar import parse_parts
from desktop_app.contract.result import same_model
from desktop_app.pictures.words import number, part_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result

# What differs by less than this share is as much.
_AS_MUCH = 0.02


@dataclass(frozen=True)
class Removed:
    """What was removed, what each part alone changes, and what all of them do together.

    Attributes:
        parts: Layer and head, or a whole MLP, in the order of the numbers.
        effects: What removing each alone changes.
        joint: What removing all at once changes.
        mode: What they became, `zero` or `mean`.
    """

    parts: tuple[Part, ...] = ()
    effects: tuple[float, ...] = ()
    joint: float = math.nan
    mode: str = "zero"


def removed_of(result: Result) -> Removed:
    """Return what a result says of removed parts.

    Raises:
        ValueError: It does not say it of every part.
    """
    mode = str(result.params.get("mode") or "zero")
    if "removed" not in result.data:
        return Removed(mode=mode)
    parts = parse_parts(",".join(map(str, result.data["removed"])))
    effects = tuple(float(x) for x in np.asarray(result.data["effect"], dtype=float))
    if len(parts) != len(effects):
        raise ValueError(f"{len(effects)} effects of {len(parts)} removed parts")
    return Removed(parts, effects, float(result.data["joint"]), mode)


def name_of(part: Part) -> str:
    """Name a head or an MLP: `L5H3`, `L4 MLP`."""
    return part_name(*part, "mlp")


def together_sentence(removed: Removed, metric: str) -> str:
    """Say what removing all parts does, beside what they do one by one."""
    if not removed.parts:
        return ""
    joint = number(removed.joint, sign=True)
    if len(removed.parts) == 1:
        return f"Without {name_of(removed.parts[0])}: {metric} {joint}"
    total = math.fsum(removed.effects)
    more = ""
    if abs(removed.joint - total) > _AS_MUCH * max(abs(removed.joint), abs(total)):
        same = removed.joint * total > 0
        grows = same and abs(removed.joint) > abs(total)
        more = ": together they do more" if grows else ": together they do less" if same else ""
    told = f"one by one {number(total, sign=True)} in sum{more}"
    return f"Together, {len(removed.parts)} parts: {metric} {joint} · {told}"


def effects_of(results: Iterable[Result], like: Result) -> dict[Part, float]:
    """Return what each part alone changes, as far as results of this model and moves say it."""
    found: dict[Part, float] = {}
    for result in (*results, like):
        asked = (result.params.get(name) == like.params.get(name) for name in _ASKED)
        if same_model(result.model, like.model) and all(asked):
            told = removed_of(result)
            found |= dict(zip(told.parts, told.effects, strict=True))
    return found


_ASKED = ("pair", "run", "moves", "mode", "reference", "metric")
