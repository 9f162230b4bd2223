"""What the ablation view says: gate, what is kept, what one part does. No Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.ablate.picture import component, grid, mean_grid
from desktop_app.pictures.words import metric_name, number, part_name, percent, plural

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_MODES = {
    "zero": "replaced by zero",
    "mean": "replaced by its mean over the reference",
    "resample": "replaced by its value on the corrupt twin",
}


def part_sentence(result: Result, row: int, column: int) -> str:
    """Say in one sentence what removing a part does, over all prompts."""
    base = float(np.nanmean(np.asarray(result.data["base"], dtype=float)))
    effect = float(mean_grid(result, "effect_mean")[row, column])
    sem = float(mean_grid(result, "effect_sem")[row, column])
    share = float(mean_grid(result, "percent_mean")[row, column])
    error = "" if math.isnan(sem) or len(result.prompts) < 2 else f" ± {number(sem, 2)}"
    kept = "" if math.isnan(share) else f"; {percent(share)} is kept"
    return (
        f"{metric_name(result)} goes from {number(base, 2)} to {number(base + effect, 2)} "
        f"({number(effect, 2, sign=True)}{error}){kept}."
    )


def gate_sentence(result: Result) -> str:
    """Say on which prompts the model does not do the task; empty where it does on all."""
    failed = [i for i, done in enumerate(result.data["task_done"]) if not done]
    if not failed:
        return ""
    if len(failed) > 3:
        count = len(result.prompts)
        return (
            f"The model does not do this task on {len(failed)} of {count} prompts: their "
            "percentages are withheld, and their effects mean little."
        )
    reasons = [f"prompt {i + 1} ({_reason(result, i)})" for i in failed]
    listed = reasons[0] if len(reasons) == 1 else ", ".join(reasons[:-1]) + " and " + reasons[-1]
    whose = "its percentages are" if len(failed) == 1 else "their percentages are"
    return f"The model does not do this task on {listed}: {whose} withheld."


def _reason(result: Result, prompt: int) -> str:
    rank = float(np.asarray(result.data["answer_rank"], dtype=float)[prompt])
    base = float(np.asarray(result.data["base"], dtype=float)[prompt])
    told = [] if math.isnan(rank) else [f"answer rank {int(rank)}"]
    told.append(f"{metric_name(result)} {number(base, 2)}")
    return ", ".join(told)


def base_sentence(result: Result) -> str:
    """Return the metric untouched, with its standard error where there are several prompts."""
    mean = float(result.data.get("base_mean", np.nanmean(result.data["base"])))
    sem = float(result.data.get("base_sem", math.nan))
    error = "" if math.isnan(sem) or len(result.prompts) < 2 else f" ± {number(sem)}"
    over = "" if len(result.prompts) < 2 else f" over {plural(len(result.prompts), 'prompt')}"
    return f"Untouched: {metric_name(result)} {number(mean)}{error}{over}"


def kept_sentence(result: Result) -> str:
    """Say what is removed, what takes its place, where, and what stays intact in every run."""
    kind = {"head": "head", "attn": "attention output", "mlp": "MLP"}[component(result)]
    mode = str(result.data["mode"])
    where = str(result.params.get("positions", "all"))
    places = {"all": "at all positions", "last": "at the last position"}
    at = places.get(where, f"at positions {where}")
    reference = ""
    if mode == "mean":
        given = len(result.params.get("reference") or ())
        reference = f" ({plural(given, 'prompt')})" if given else " (these prompts)"
    kept = str(result.data["kept"]).strip().rstrip(".")
    said = kept if kept.lower().startswith("kept") else f"Kept in every run: {kept}"
    return f"One {kind} at a time is {_MODES.get(mode, mode)}{reference} {at}. {said}."


def cell_tip(result: Result, prompt: int | None, row: int, column: int) -> str:
    """Return what the pointer says over a cell."""
    kind = component(result)
    name = part_name(int(result.data["layers"][row]), column if kind == "head" else None, kind)
    if prompt is None:
        effect = mean_grid(result, "effect_mean")[row, column]
        share = mean_grid(result, "percent_mean")[row, column]
    else:
        effect = grid(result, "effect")[row, column, prompt]
        share = grid(result, "percent")[row, column, prompt]
    kept = "percentage withheld" if math.isnan(share) else f"{percent(float(share))} kept"
    return f"{name}  {number(float(effect), sign=True)} · {kept}"


def drop_sentence(result: Result) -> str:
    """Return the mean over all parts of min(0, percent − 100); empty where withheld."""
    drops = np.minimum(0.0, mean_grid(result, "percent_mean") - 100.0)
    finite = drops[np.isfinite(drops)]
    return f"mean drop {number(float(finite.mean()), 2)} points" if finite.size else ""
