"""The lists beside the map of a circuit, as data: parts, removed ones, prompts, steps. No Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.circuit.keeping import Shape, dropped, kept_of, part_of
from desktop_app.analyses.circuit.names import change_name, entry_name, name_of, states_of
from desktop_app.analyses.circuit.outcome import (
    Cost,
    costs,
    harm,
    in_percent,
    values,
)
from desktop_app.analyses.circuit.states import STAYS, cell_of
from desktop_app.pictures.certainty import SPREAD, evidence_of, spread_of
from desktop_app.pictures.ranking import Bar, Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import metric_name, number, percent, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result

# Longer lists help nobody; the table that is copied has all.
MOST_ROWS = 2_000
_MOST_DOTS = 60
_PROMPT = 26
_FAITHFUL = "(score − empty) / (full − empty)"


def _nothing(_part: Part) -> str:
    return ""


def parts_ranking(
    result: Result, role: Callable[[Part], str] = _nothing, chosen: int | None = None
) -> Ranking:
    """Return the kept parts, the one that the circuit needs most first; keys are parts.

    Where nothing was removed from the circuit, they stand in the model's order.
    """
    found = sorted(costs(result.data), key=lambda cost: harm(result) * cost.change)
    name = Column("part", "name", "Part")
    told = Column("role", "text", "Role", priority=2, muted=True)
    if not found:
        kept = list(kept_of(result.data).items())
        rows = [
            Row(part, (name_of(part), "everywhere" if at is None else _at(at), role(part)))
            for part, at in kept[:MOST_ROWS]
        ]
        return Ranking((name, Column("where", "text", "Stays"), told), tuple(rows))
    unit = "points" if in_percent(result.data) else metric_name(result)
    columns = (
        name,
        Column("change", "bar", "Without it", signed=True, tooltip=f"Change, in {unit}", least=70),
        Column("minus", "number", unit, format=_signed(in_percent(result.data)), width=76),
        Column("left", "percent", "Keeps", priority=1, width=72, tooltip="100 · minus / full"),
        told,
    )
    dots = _dots(result)
    return Ranking(
        columns,
        tuple(_part_row(cost, role, dots, chosen) for cost in found[:MOST_ROWS]),
    )


def _part_row(
    cost: Cost,
    role: Callable[[Part], str],
    dots: Mapping[str, tuple[float, ...]],
    chosen: int | None,
) -> Row:
    bar = Bar(cost.change, dots.get(cost.entry, ()), chosen)
    values_ = (entry_name(cost.entry), bar, cost.change, cost.percent, role(cost.part))
    return Row(cost.part, values_)


def _dots(result: Result) -> dict[str, tuple[float, ...]]:
    """Return per entry the change on every prompt, where they are few and in the bars' unit."""
    minus, score = values(result.data, "minus_score"), values(result.data, "score")
    names = [str(name) for name in result.data.get("kept", ())]
    fits = minus.ndim == 2 and minus.shape == (len(names), score.size)
    if not fits or not 1 < score.size <= _MOST_DOTS:
        return {}
    changes = minus - score
    if in_percent(result.data):
        full = float(np.nanmean(values(result.data, "full")))
        changes = 100 * changes / full
    return dict(zip(names, map(tuple, changes.tolist()), strict=True))


def _signed(points: bool) -> Callable[[float], str]:
    return lambda value: number(value, 1 if points else 3, sign=True)


def _at(places: tuple[int, ...]) -> str:
    listed = ", ".join(str(place).replace("-", "−") for place in places[:8])
    return f"at {listed}{' …' if len(places) > 8 else ''}" if places else "nowhere"


def removed_ranking(result: Result) -> Ranking:
    """Return what is not in the circuit, what pruning dropped last first; keys are parts."""
    shape, kept = Shape.of_result(result), kept_of(result.data)
    states = states_of(result)
    how = dict(_drops(result.data))
    rest = [
        part
        for part in shape.parts()
        if part not in kept and part not in how and states[cell_of(part, shape)] != STAYS
    ]
    went = [part for part in reversed(dropped(result.data)) if part not in kept]
    rows = [Row(part, (name_of(part), how[part])) for part in went]
    rows += [Row(part, (name_of(part), "outside from the start")) for part in rest]
    columns = (Column("part", "name", "Part"), Column("why", "text", "Why", muted=True))
    return Ranking(columns, tuple(rows[:MOST_ROWS]))


def _drops(data: Mapping[str, Any]) -> list[tuple[Part, str]]:
    before, after = values(data, "trail_before"), values(data, "trail_after")
    found = []
    for step, (name, stayed) in enumerate(
        zip(data.get("trail_part", ()), data.get("trail_kept", ()), strict=False)
    ):
        if not bool(stayed):
            part = part_of(str(name))
            found.append((part, f"step {step + 1}: {_from_to(before[step], after[step])}"))
    return found


def _from_to(before: float, after: float) -> str:
    return f"{percent(before)} → {percent(after)}"


def log(data: Mapping[str, Any], *, newest_first: bool = False) -> Ranking:
    """Return the steps of a pruning: each part kept or dropped; keys are steps from 0."""
    passes = values(data, "trail_pass")
    before, after = values(data, "trail_before"), values(data, "trail_after")
    stayed = [bool(one) for one in data.get("trail_kept", ())]
    rows = []
    for step, name in enumerate(map(str, data.get("trail_part", ()))):
        part = part_of(name)
        word = "kept" if stayed[step] else "dropped"
        change = float(after[step] - before[step])
        shown = (
            step + 1,
            int(passes[step]),
            name_of(part),
            before[step],
            change,
            after[step],
            word,
        )
        rows.append(Row(step, shown, emphasis="good" if stayed[step] else ""))
    columns = (
        Column("step", "number", "Step", width=52, muted=True),
        Column("pass", "number", "Pass", width=50, muted=True, priority=2),
        Column("part", "name", "Part"),
        Column("before", "percent", "Before", priority=1),
        Column("change", "bar", "Change", signed=True, priority=1, least=68),
        Column("after", "percent", "Without"),
        Column("verdict", "mark", ""),
    )
    return Ranking(columns, tuple(reversed(rows) if newest_first else rows))


def prompt_rows(result: Result) -> Ranking:
    """Return a row per prompt: the model, the empty circuit, this one, and the shares."""
    data = result.data
    columns = (
        Column("prompt", "text", "Prompt", width="stretch", least=90),
        Column("full", "number", "Full", priority=1, tooltip="The untouched model"),
        Column("empty", "number", "Empty", priority=3, tooltip="Every part replaced"),
        Column("score", "number", "Circuit"),
        Column("percent", "percent", "Keeps"),
        Column(
            "faithful", "number", "Faithful", priority=2, tooltip="(score − empty) / (full − empty)"
        ),
    )
    names = ("full", "empty", "score", "percent", "faithfulness")
    found = [values(data, name) for name in names]
    rows = []
    for place, record in enumerate(result.prompts):
        told = [float(v[place]) if place < v.size else math.nan for v in found]
        text = f"{place + 1} · {shorten(display_text(record.text), _PROMPT)}"
        rows.append(Row(place, (text, *told)))
    return Ranking(columns, tuple(rows))


def minimal_rows(result: Result) -> Ranking:
    """Return the largest change that each part makes, beside which removals, smallest last."""
    found = values(result.data, "minimality")
    names = [str(name) for name in result.data.get("kept", ())]
    if found.size != len(names) or not names:
        return Ranking()
    beside = [str(one) for one in result.data.get("minimality_set", ())]
    order = sorted(range(len(names)), key=lambda place: -abs(found[place]))
    columns = (
        Column("part", "name", "Part"),
        Column("change", "bar", "Largest change", least=70),
        Column("size", "number", metric_name(result), format=number, width=76),
        Column("beside", "text", "Beside", priority=1, muted=True),
    )
    rows = []
    for place in order[:MOST_ROWS]:
        (part,) = kept_of({"kept": [names[place]]})
        size = abs(float(found[place]))
        with_ = beside[place] if place < len(beside) else ""
        rows.append(Row(part, (entry_name(names[place]), Bar(size), size, with_ or "alone")))
    return Ranking(columns, tuple(rows))


def table(
    result: Result, _prompt: int = 0, _head: tuple[int, int] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Return every part with its state and what it costs, for a spreadsheet."""
    shape, kept = Shape.of_result(result), kept_of(result.data)
    own = {cost.part: cost for cost in costs(result.data)}
    how = dict(_drops(result.data))
    headings = ["part", "layer", "head", "state", "positions", "metric without it", "percent"]
    headings += [change_name(result), "pruning"]
    known = evidence_of(result).get("minus_change")
    headings += [] if known is None else SPREAD
    numbers = {part: number_ for number_, part in enumerate(own)}
    rows = []
    for part in shape.parts():
        layer, head = part
        places = kept.get(part)
        state = "kept" if part in kept else "dropped" if part in how else "outside"
        at = "all" if part in kept and places is None else " ".join(map(str, places or ()))
        cost = own.get(part)
        told = [cost.without, cost.percent, cost.change] if cost else [math.nan] * 3
        kind = "MLP" if head is None else str(head)
        row = [name_of(part), str(layer), kind, state, at, *map(_text, told), how.get(part, "")]
        if known is not None:
            there = part in numbers
            spread = spread_of(known, (numbers[part],)) if there else [math.nan] * len(SPREAD)
            row += map(_text, spread)
        rows.append(row)
    return headings, rows


def _text(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else ""
