"""What the circuit's view says, computed from a result without Qt: sentences, and the map."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.circuit.keeping import Shape, dropped, kept_of, part_of
from desktop_app.analyses.circuit.names import change_name, entry_name, name_of, states_of
from desktop_app.analyses.circuit.outcome import (
    Outcome,
    change_grid,
    costs,
    harm,
    in_percent,
    single,
    values,
)
from desktop_app.analyses.circuit.states import (
    STAYS,
    WORDS,
    Board,
    board_of,
    cell_of,
    grid_of,
    part_at,
)
from desktop_app.analyses.circuit.tables import table
from desktop_app.pictures.certainty import PerPrompt, evidence_of, listed
from desktop_app.pictures.noise import noise_sentence
from desktop_app.pictures.words import metric_name, number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result
    from desktop_app.pictures.certainty import Cells

__all__ = ["table"]  # what exports ask for

_OTHERS = "A reference set of other prompts says more (Make prompts…)."
_REPLACED = {
    "mean": "its mean",
    "zero": "zero",
    "resample": "its value on the corrupt twin",
}


def per_prompt(result: Result) -> dict[str, PerPrompt]:
    """Return per prompt what the circuit's metric changes by without each of its parts."""
    minus, score = values(result.data, "minus_score"), values(result.data, "score")
    count = len(result.data.get("kept", ()))
    if minus.ndim != 2 or minus.shape != (count, score.size) or not count:
        return {}
    return {"minus_change": PerPrompt(minus - score, ("part",))}


def evidence(result: Result) -> tuple[Cells, ...]:
    """Return what is known of the list of these parts over prompts, in its unit."""
    known, found = evidence_of(result).get("minus_change"), costs(result.data)
    if known is None or not found:
        return ()
    places = {cost.part: place for place, cost in enumerate(found)}
    if not in_percent(result.data):
        return (listed(known, places.__getitem__, list(places), digits=3),)
    scale = 100 / float(np.nanmean(values(result.data, "full")))
    return (listed(known, places.__getitem__, list(places), scale=scale, digits=1),)


def size_words(result: Result) -> str:
    """Say how large the circuit is: `13 of 270 heads`, `24 of 156 heads and MLPs`."""
    shape, kept = Shape.of_result(result), kept_of(result.data)
    noun = "heads and MLPs" if shape.mlps else "heads"
    return f"{len(kept):,} of {len(shape.parts()):,} {noun}"


def headline(result: Result) -> str:
    """Say what the circuit keeps, beside the whole model."""
    found, data = Outcome.of(result.data), result.data
    if not math.isfinite(found.score):
        return f"{size_words(result)}: no score yet"
    stop = " · stopped" if result.partial else ""
    metric = metric_name(result)
    several = f", mean of {len(result.prompts)}" if len(result.prompts) > 1 else ""
    both = f"{number(found.score, 2)} of {number(found.full, 2)}{several}"
    verb = "keeps" if len(kept_of(data)) == 1 else "keep"
    if math.isfinite(found.percent):
        share = percent(found.percent)
        return f"{size_words(result)} {verb} {share} of the {metric}: {both}{stop}"
    return f"{size_words(result)}: {metric} {both}; percentages are withheld{stop}"


def beside(result: Result) -> str:
    """Say what the empty circuit and random ones do, and how faithful this one is."""
    found = Outcome.of(result.data)
    told = []
    if math.isfinite(found.empty):
        kept = percent(found.empty_percent) if math.isfinite(found.empty_percent) else ""
        told.append(f"everything replaced {kept or number(found.empty, 2)}")
    if math.isfinite(found.faithfulness):
        told.append(f"faithfulness {number(found.faithfulness, 2)}")
    told.append(_random_words(result, found))
    sentence = " · ".join(filter(None, told))
    return sentence[:1].upper() + sentence[1:]


def _random_words(result: Result, found: Outcome) -> str:
    """Say how random circuits of as many heads do; why they say nothing where that is so."""
    shape, kept = Shape.of_result(result), kept_of(result.data)
    heads = [part for part in kept if part[1] is not None]
    asked = int(result.params.get("controls") or 0)
    if not asked:
        return "no random sets were scored"
    if not heads or len(heads) == shape.layers * shape.heads:
        return "random sets as large would be the same"
    if not found.controls.size:
        return ""
    count, good = found.controls.size, found.as_good()
    as_good = {0: "none keeps as much", 1: "one keeps as much"}.get(good, f"{good} keep as much")
    own = ",".join(map(str, result.data.get("kept", ())))
    same = sum(str(one) == own for one in result.data.get("control_sets", ()))
    as_good += f", {same} being this very set" if same else ""
    average, best = float(found.controls.mean()), float(found.controls.max())
    if count == 1:
        return f"one random set as large {percent(average)}"
    return (
        f"{count} random sets as large: mean {percent(average)}, best {percent(best)} ({as_good})"
    )


def how(result: Result) -> str:
    """Say what takes the place of what is outside, and what is no part at all."""
    mode = str(result.params.get("replace", "mean"))
    reference = _reference(result) if mode == "mean" else ""
    told = f"Every part outside is replaced by {_REPLACED.get(mode, mode)}{reference}"
    if not Shape.of_result(result).mlps:
        told += "; all MLPs stay"
    better = "" if mode != "mean" or result.params.get("reference") else _OTHERS
    return " ".join(filter(None, (f"{told}.", better, noise_sentence(result))))


def _reference(result: Result) -> str:
    """Say over what the means run, which without a reference are the prompts themselves."""
    size, told = result.data.get("reference_size"), ""
    if size is not None and result.params.get("reference"):
        told = f" over {plural(int(size), 'reference prompt')}"
    elif size is not None:
        told = f" over the {int(size):,} prompts themselves" if size > 1 else " over the one prompt"
    told += ", taken as published" if result.params.get("means") == "as-published" else ""
    return told + _groups(result.data.get("groups"))


def _groups(groups: object) -> str:
    count = len(groups) if isinstance(groups, (dict, list, tuple)) else 0
    return f", {count} template groups apart" if count > 1 else ""


def gate(result: Result) -> str:
    """Say on which prompts the model does not do the task; empty where it does on all."""
    done = [bool(one) for one in result.data.get("task_done", ())]
    failed = [place + 1 for place, one in enumerate(done) if not one]
    if not failed:
        return ""
    if len(failed) == len(done):
        whose = "this prompt" if len(done) == 1 else "any of these prompts"
        return (
            f"The model does not do this task on {whose}: there is nothing to keep, and "
            "percentages are withheld."
        )
    if len(failed) > 3:
        return (
            f"The model does not do this task on {len(failed)} of {len(done)} prompts: their "
            "percentages are withheld."
        )
    named = ", ".join(map(str, failed))
    noun, whose = ("prompt", "its") if len(failed) == 1 else ("prompts", "their")
    return f"The model does not do this task on {noun} {named}: {whose} percentages are withheld."


def board(result: Result) -> Board:
    """Return the map of a result: what is kept, what was dropped, what each part costs."""
    shape = Shape.of_result(result)
    states = grid_of(kept_of(result.data), shape, dropped(result.data))
    changes = change_grid(result)
    tip = partial(cell_words, result, states, changes)
    return board_of(shape, states, changes, tip, change_name(result))


def cell_words(
    result: Result, states: np.ndarray, changes: np.ndarray, row: int, column: int
) -> str:
    """Say of a cell what it is, whether it is kept, and what it costs."""
    shape = Shape.of_result(result)
    part = part_at((row, column), shape)
    state = int(states[row, column])
    told = f"{name_of(part)}  {WORDS[state]}"
    change = float(changes[row, column])
    if math.isfinite(change):
        told += f" · {change_words(result, change)} without it"
    return told


def change_words(result: Result, change: float) -> str:
    """Write what removing a part changes, with its unit."""
    if in_percent(result.data):
        return f"{number(change, 1, sign=True)} points"
    return f"{number(change, sign=True)} {metric_name(result)}"


def part_sentence(result: Result, part: Part) -> str:
    """Say in one sentence what a part is to the circuit."""
    shape, kept = Shape.of_result(result), kept_of(result.data)
    if shape.lacks(part):
        return "This model has no such part."
    own = [cost for cost in costs(result.data) if cost.part == part]
    if own:
        worst = min(own, key=lambda cost: harm(result) * cost.change)
        score = Outcome.of(result.data).score
        kept_words = f", {percent(worst.percent)}" if math.isfinite(worst.percent) else ""
        return (
            f"Kept. Without it the circuit's {metric_name(result)} goes from {number(score, 2)} to "
            f"{number(worst.without, 2)}{kept_words} "
            f"({change_words(result, worst.change)})."
        )
    if part in kept:
        where = "everywhere" if kept[part] is None else "at some positions"
        return f"Kept {where}. What the circuit loses without it: switch on Minus one and run."
    if states_of(result)[cell_of(part, shape)] == STAYS:
        return "All MLPs stay: they are no parts of this circuit. Click it to make them parts."
    step = _dropped_at(result.data, part)
    return step or "Outside: it is replaced. Click or press Space to keep it."


def _dropped_at(data: Mapping[str, Any], part: Part) -> str:
    names = [str(name) for name in data.get("trail_part", ())]
    stayed = list(data.get("trail_kept", ()))
    before, after = values(data, "trail_before"), values(data, "trail_after")
    for step, name in enumerate(names):
        if not stayed[step] and part == part_of(name):
            return (
                f"Dropped in step {step + 1} of the pruning: {percent(before[step])} with it, "
                f"{percent(after[step])} without."
            )
    return ""


def best_head(result: Result) -> tuple[int, int | None] | None:
    """Return the kept part that the circuit needs most: what a first result selects."""
    found = costs(result.data)
    if not found:
        return None
    return min(found, key=lambda cost: harm(result) * cost.change).part


def lines(result: Result) -> Iterator[str]:
    """Yield what a circuit keeps, for a terminal."""
    yield headline(result)
    yield beside(result)
    yield how(result)
    told = gate(result)
    if told:
        yield told
    names = [str(name) for name in result.data.get("kept", ())]
    yield f"kept: {', '.join(names[:60])}{' …' if len(names) > 60 else ''}"
    ranked = sorted(costs(result.data), key=lambda cost: harm(result) * cost.change)
    if ranked:
        yield "removed from the whole circuit one at a time, worst first:"
    for cost in ranked[:10]:
        change = change_words(result, cost.change)
        yield f"  {entry_name(cost.entry):<10} {change:>16}   keeps {percent(cost.percent):>8}"
    steps = len(result.data.get("trail_part", ()))
    if steps:
        gone = len(dropped(result.data))
        last = values(result.data, "trail_pass")
        count = int(last[-1]) if last.size else 0
        passes = f"{count} pass{'' if count == 1 else 'es'}"
        yield f"pruned: {gone:,} of {steps:,} trials dropped a part, in {passes}"


def threshold(result: Result) -> float:
    """Return the percentage that pruning keeps to; NaN where nothing was pruned."""
    prune = result.params.get("prune")
    return math.nan if prune is None else 100.0 - float(prune)


def is_withheld(result: Result) -> bool:
    """Return whether percentages are withheld."""
    return not math.isfinite(single(result.data, "percent_of_means"))


def circuit_parts(result: Result) -> str:
    """Return the circuit as settings write it, for whoever wants to keep the same."""
    return ",".join(map(str, result.data.get("kept", ())))
