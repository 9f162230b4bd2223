"""What taking the norms away did, step by step, and the curve over eps."""

from __future__ import annotations

import math
from functools import partial as bind
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.compare.charts import decades
from desktop_app.analyses.compare.words import small
from desktop_app.pictures.curves import Curves, Line, Scale
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.words import percent

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_SCALED, _ALONE = "weights × √eps", "eps alone"


def has_steps(result: Result) -> bool:
    """Return whether the norms were taken away step by step."""
    return bool(result.data.get("steps"))


def has_curve(result: Result) -> bool:
    """Return whether eps was varied: not where the norms divide by nothing already."""
    return "eps_error" in result.data


def steps_sentence(result: Result) -> str:
    """Say what the steps come to."""
    rows = _steps(result)
    if result.data.get("inert"):
        return (
            "This checkpoint was trained without norms: they divide by nothing that they read. "
            f"Undone one at a time, each of the {len(rows)} steps is missed."
        )
    first, last = rows[0], rows[-1]
    dead = " destroys the model" if first.get("destroyed") else ""
    moved, left = float(first["moved"]), float(last["from_plain"])
    how, then = f"logits move by {small(moved)}", f"it is plain x·w + b within {small(left)}"
    how = "its numbers overflow" if math.isnan(moved) else how
    then = "it cannot be held to plain x·w + b: numbers overflow" if math.isnan(left) else then
    told = f"eps without the weights{dead} ({how}); with them {then}."
    if last.get("destroyed"):
        told += " As a model of language that is destroyed too: an ablation, not an equal."
    return told


def steps_table(result: Result) -> Ranking:
    """Return the steps with how far each moved the logits."""
    columns = (
        Column("step", "text", width="stretch", least=150),
        Column("moved", "number", "moved by", format=small, width=78),
        Column("plain", "number", "from x·w + b", format=small, width=96, priority=1),
        Column("same", "number", "same top", format=percent, width=78, priority=2),
    )
    rows = [
        Row(
            number,
            (
                str(step["step"]),
                float(step["moved"]),
                float(step["from_plain"]),
                100 * float(step["top1_agreement"]),
            ),
            f"{step['norms']} norms; logits are now up to {small(float(step['moved_from_own']))} "
            "from those of the model as it was loaded",
        )
        for number, step in enumerate(_steps(result))
    ]
    return Ranking(columns, tuple(rows))


def eps_curves(result: Result) -> Curves:
    """Return how far the model is from x·w + b over eps, with its weights rescaled and without."""
    eps, scaled, alone = (
        np.asarray(result.data[name], dtype=float) for name in ("eps", "eps_error", "eps_unscaled")
    )
    shown = [float(v) for v in (*scaled, *alone) if v > 0]
    # Powers of ten stand equally far apart, each with its name.
    labels = tuple(f"{value:.0e}".replace("e+0", "e").replace("e+", "e") for value in eps)
    return Curves(
        (Line(_SCALED, scaled), Line(_ALONE, alone, tone="bad")),
        Scale("eps", labels=labels, whole=True),
        Scale("|Δ logit| from x·w + b", log=True, limits=decades(shown)),
        tip=bind(_eps_text, result),
    )


def _eps_text(result: Result, index: int) -> str:
    eps, scaled, alone = (
        float(np.asarray(result.data[name])[index]) for name in ("eps", "eps_error", "eps_unscaled")
    )
    return f"eps {eps:.0e}\n{_SCALED}: {small(scaled)}\n{_ALONE}: {small(alone)}"


def _steps(result: Result) -> list[dict[str, Any]]:
    return [step for step in result.data.get("steps", ()) if isinstance(step, dict)]
