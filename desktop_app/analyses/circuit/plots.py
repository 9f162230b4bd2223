"""The curve of a pruning and the scatter of a completeness test, as data. No Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.circuit.keeping import part_of
from desktop_app.analyses.circuit.outcome import values
from desktop_app.pictures.curves import Curves, Line, Mark, Scale, Scatter
from desktop_app.pictures.words import metric_name, number, part_name, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result


def steps(data: Mapping[str, Any]) -> int:
    """Return how many parts were tried."""
    return len(data.get("trail_part", ()))


def trail_curve(data: Mapping[str, Any], threshold: float) -> Curves:
    """Return what the circuit keeps after each step, and what it would keep without the part."""
    before, after = values(data, "trail_before"), values(data, "trail_after")
    stayed = np.asarray([bool(one) for one in data.get("trail_kept", ())])
    circuit = np.where(stayed, before, after)
    marks = (
        []
        if math.isnan(threshold)
        else [Mark(threshold, f"kept to {percent(threshold)}", at_start=True)]
    )
    passes = values(data, "trail_pass")
    for place in np.flatnonzero(np.diff(passes)).tolist():
        number_ = int(passes[place + 1])
        marks.append(Mark(place + 0.5, f"pass {number_}", axis="across", tone="border_strong"))

    def tip(step: int) -> str:
        return step_words(data, step)

    return Curves(
        (
            Line("the circuit", circuit),
            Line("without the part tried", after, tone="text_muted", thin=True),
        ),
        Scale("Step", whole=True),
        Scale("% kept"),
        tip=tip,
        marks=tuple(marks),
    )


def step_words(data: Mapping[str, Any], step: int) -> str:
    """Say a step in lines."""
    before, after = values(data, "trail_before"), values(data, "trail_after")
    name = str(list(data["trail_part"])[step])
    part = part_of(name)
    verdict = "kept" if bool(list(data["trail_kept"])[step]) else "dropped"
    passes = values(data, "trail_pass")
    return (
        f"step {step + 1}, pass {int(passes[step])}: {part_name(*part, 'mlp')}\n"
        f"{percent(before[step])} with it, {percent(after[step])} without\n{verdict}"
    )


def complete_scatter(result: Result) -> Scatter | None:
    """Return the model without each set against the circuit without it; None without any."""
    circuit, model = (_means(result.data, n) for n in ("complete_circuit", "complete_model"))
    if not circuit.size or circuit.shape != model.shape:
        return None
    sets = [str(one) for one in result.data.get("complete_sets", ())]

    def tip(place: int) -> str:
        both = f"model {number(model[place])}, circuit {number(circuit[place])}"
        names = sets[place] if place < len(sets) else ""
        return f"without {names or 'nothing'}\n{both}"

    metric = metric_name(result)
    return Scatter(
        model,
        circuit,
        Scale(f"model without the set, {metric}"),
        Scale(f"circuit without it, {metric}"),
        tip,
        diagonal=True,
    )


def complete_sentence(result: Result) -> str:
    """Say how far circuit and model go apart over the sets."""
    circuit, model = (_means(result.data, n) for n in ("complete_circuit", "complete_model"))
    apart = np.abs(circuit - model) if circuit.shape == model.shape else np.empty(0)
    known = apart[np.isfinite(apart)]
    if not known.size:
        return ""
    return (
        f"Over {known.size:,} sets circuit and model differ by {number(float(known.mean()), 2)} on "
        f"average and {number(float(known.max()), 2)} at most; a complete circuit lies on the line."
    )


def _means(data: Mapping[str, Any], name: str) -> np.ndarray:
    found = values(data, name)
    if found.ndim != 2 or not found.size:
        return np.empty(0)
    return np.asarray(found.mean(axis=1))
