"""What a number is: its formula, the user's own values in it, what its sign says. No Qt.

A slice gives both in `explain.py`: `WHATS`, the keys of what it can explain, and
`explain(result, what, place)`. Where it has none, the specs of the result's fields say what they
can.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.contract.registry import fields_of, hook
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import MINUS, metric_name, number
from desktop_app.support.errors import MISFITS

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place


def term(value: float, digits: int = 3) -> str:
    """Write a number within a sum: a negative one in brackets."""
    text = number(value, digits)
    return f"({text})" if text.startswith(MINUS) else text


def difference(left: float, right: float, digits: int = 3) -> str:
    """Write `1.200 − 4.350 = −3.150`; empty where one of both is missing."""
    if not (math.isfinite(left) and math.isfinite(right)):
        return ""
    told = number(left - right, digits)
    return f"{number(left, digits)} {MINUS} {term(right, digits)} = {told}"


def share(part: str, whole: str, value: float, digits: int = 3) -> str:
    """Write a quotient of two terms that are written already: `(a − b) / (c − d) = 0.200`."""
    return f"({part}) / ({whole}) = {number(value, digits)}" if math.isfinite(value) else ""


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return what a number of a result is, by its key; None where nobody knows.

    A stranger's result may lack what its own slice counts on: then there is nothing to explain.
    """
    tell = hook(result.analysis, "explain", "explain")
    found: Explained | None = None
    if tell is not None:
        try:
            found = tell(result, what, place)
        except MISFITS:
            found = None
    return found or _by_spec(result, what)


def whats(result: Result) -> tuple[str, ...]:
    """Return the keys of what can be explained of a result, the most telling first."""
    own: tuple[str, ...] = hook(result.analysis, "explain", "WHATS") or ()
    if own:
        return own
    specs = [s for s in fields_of(result).values() if s.name in result.data and not s.labels]
    told = sorted((s for s in specs if s.telling >= 0), key=lambda s: -s.telling)
    return tuple(spec.name for spec in told)


def _by_spec(result: Result, what: str) -> Explained | None:
    spec = fields_of(result).get(what)
    if spec is None:
        return None
    unit = metric_name(result) if spec.unit == "metric" else spec.unit
    axes = " × ".join(axis.replace("_", " ") for axis in spec.axes)
    return Explained(
        spec.name.replace("_", " "),
        spec.meaning,
        f"one for each {axes}" if axes else "",
        f"in {unit}" if unit else "",
        result.analysis,
    )
