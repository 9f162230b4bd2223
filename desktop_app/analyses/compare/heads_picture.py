"""How the heads of two models rank: a dot for each, and the most harmful ones of both."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.compare.spec import HARM_RISES, TOP
from desktop_app.analyses.compare.words import whose
from desktop_app.pictures.curves import Scale, Scatter
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.text_tables import most_harmful
from desktop_app.pictures.words import metric_name, number, part_name

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

Head = tuple[int, int]
FIRST, SECOND = "head_effect_mean", "with_head_effect_mean"


def effects(result: Result, name: str) -> np.ndarray:
    """Return the mean effects of a model's heads `[L, H]`."""
    return np.asarray(result.data[name], dtype=float)


def matches(result: Result) -> bool:
    """Return whether both models have the same heads."""
    return effects(result, FIRST).shape == effects(result, SECOND).shape


def scatter(result: Result) -> Scatter | None:
    """Return a dot for every head; None where the models have other heads."""
    if not matches(result):
        return None
    one, two = whose(result)
    metric = metric_name(result)
    return Scatter(
        effects(result, FIRST).ravel(),
        effects(result, SECOND).ravel(),
        Scale(f"change of {metric}, {one}"),
        Scale(two),
        tip=bind(dot_text, result),
        diagonal=True,
    )


def head_at(result: Result, index: int) -> Head:
    """Return the head of a dot."""
    heads = effects(result, FIRST).shape[1]
    return index // heads, index % heads


def dot_of(result: Result, layer: int | None, head: int | None) -> int | None:
    """Return the number of a head's dot; None where there is none."""
    shape = effects(result, FIRST).shape
    if layer is None or head is None or layer >= shape[0] or head >= shape[1]:
        return None
    return int(layer * shape[1] + head)


def dot_text(result: Result, index: int) -> str:
    """Name a head, with its effect in both models."""
    head, (one, two) = head_at(result, index), whose(result)
    values = [number(float(effects(result, name)[head]), sign=True) for name in (FIRST, SECOND)]
    return f"{part_name(*head)}\n{one}: {values[0]}\n{two}: {values[1]}"


def best(result: Result, name: str) -> list[Head]:
    """Return a model's most harmful heads, the worst first; none whose effect is no number."""
    harm = 1 if result.params.get("metric") in HARM_RISES else -1
    return most_harmful(effects(result, name), TOP, harm=harm)


def top_list(result: Result, name: str) -> Ranking:
    """Return a model's most harmful heads, and which place each has among the other's."""
    other = best(result, SECOND if name == FIRST else FIRST)
    columns = (
        Column("#", "number", width=34, muted=True, priority=2),
        Column("head", "name", width="stretch", least=56),
        Column("effect", "number", format=bind(number, sign=True), width=74),
        Column(
            "there", "mark", "there", width=80, priority=1, tooltip="Its place in the other list"
        ),
    )
    rows = []
    for place, head in enumerate(best(result, name), 1):
        theirs = str(other.index(head) + 1) if head in other and matches(result) else "not in ten"
        value = float(effects(result, name)[head])
        shown = theirs if matches(result) else "–"
        values = (place, part_name(*head), value, shown)
        rows.append(Row(head, values, "", "good" if shown.isdecimal() else ""))
    return Ranking(columns, tuple(rows))
