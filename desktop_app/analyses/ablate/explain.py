"""What the numbers of an ablation are, with the values of the part that is selected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.ablate.picture import component, find_part, grid, mean_grid, over_words
from desktop_app.pictures.certainty import evidence_of, explained, whole
from desktop_app.pictures.explained import difference, term
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import metric_name, number, part_name, percent, plural

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("effect", "percent", "ablated", "base", "sem")
_KEYS = {"kept": "percent", "metric": "effect", "bar": "effect"}
_SIGN = "Formula and sign"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, of the selected part; over several prompts, of their mean."""
    makers = {
        "effect": _effect,
        "percent": _percent,
        "ablated": _ablated,
        "base": _base,
        "sem": _error,
    }
    make = makers.get(_KEYS.get(what, what))
    cell = find_part(result, place.layer, place.head)
    known = evidence_of(result).values()
    if told := explained(what, [whole(one) for one in known], cell, "ablate"):
        return told
    return None if make is None else make(result, cell)


def _values(result: Result, cell: tuple[int, int] | None) -> tuple[float, float, str]:
    """Return base and metric without the part, means over prompts, and whose they are."""
    base = float(result.data.get("base_mean", np.nanmean(result.data["base"])))
    if cell is None:
        return base, math.nan, ""
    name = _name(result, cell)
    several = len(result.prompts) > 1
    over = f", mean of {plural(len(result.prompts), 'prompt')}" if several else ""
    return base, float(mean_grid(result, "ablated_mean")[cell]), f"   ({name}{over})"


def _name(result: Result, cell: tuple[int, int]) -> str:
    kind, layer = component(result), int(result.data["layers"][cell[0]])
    return part_name(layer, cell[1] if kind == "head" else None, kind)


def _effect(result: Result, cell: tuple[int, int] | None) -> Explained:
    base, without, whose = _values(result, cell)
    working = difference(without, base)
    harm = result.params.get("metric") in {"loss", "kl", "rank"}
    helped = "Positive" if harm else "Negative"
    other = "Negative" if harm else "Positive"
    return Explained(
        "Effect of removal",
        f"effect = ablated − base, of the {metric_name(result)}",
        f"{working}{whose}" if working else "",
        f"{helped}: removing it hurts, so the part helped. {other}: it worked against the answer.",
        "ablate",
        _SIGN,
    )


def _percent(result: Result, cell: tuple[int, int] | None) -> Explained:
    base, without, whose = _values(result, cell)
    kept = math.nan if cell is None else float(mean_grid(result, "percent_mean")[cell])
    working = ""
    if cell is not None and math.isfinite(kept):
        one = len(result.prompts) == 1
        sum_ = f"100 · {term(without)} / {term(base)} = " if one else "mean of the prompts' shares "
        working = f"{sum_}{percent(kept)}{whose}"
        if over := over_words(result, cell):
            working = (
                f"mean of the prompts' shares {percent(kept)}   ({_name(result, cell)}, {over})"
            )
    elif cell is not None:
        working = "withheld: the model does not do the task on these prompts"
    return Explained(
        "Kept without it",
        "kept = 100 · ablated / base",
        working,
        "100 %: nothing is lost. 0 %: all of it hangs on this part. Below 0: the answer turns.",
        "ablate",
        _SIGN,
    )


def _ablated(result: Result, cell: tuple[int, int] | None) -> Explained:
    _base, without, whose = _values(result, cell)
    return Explained(
        "Without it",
        f"the {metric_name(result)} when the part's output is {_replacement(result)}",
        f"{number(without)}{whose}" if math.isfinite(without) else "",
        "Compare it with the value untouched, which stands above the picture.",
        "ablate",
        "What is put in its place",
    )


def _replacement(result: Result) -> str:
    return {
        "zero": "replaced by zero",
        "mean": "replaced by its mean over the reference prompts",
        "resample": "replaced by its value on the corrupt twin",
    }.get(str(result.data.get("mode")), "replaced")


def _base(result: Result, _cell: tuple[int, int] | None) -> Explained:
    base, *_rest = _values(result, None)
    count = len(result.prompts)
    over = f"   (mean of {plural(count, 'prompt')})" if count > 1 else ""
    return Explained(
        "Untouched",
        f"the {metric_name(result)} of the model as it is",
        f"{number(base)}{over}",
        "Every effect is a difference from this.",
        "ablate",
        _SIGN,
    )


def _error(result: Result, cell: tuple[int, int] | None) -> Explained:
    count, working = len(result.prompts), ""
    if count < 2:
        working = "With one prompt there is none."
    elif cell is not None:
        effects = grid(result, "effect")[cell]
        known = effects[np.isfinite(effects)]
        if known.size > 1:
            spread = float(known.std(ddof=1))
            error = spread / math.sqrt(known.size)
            working = f"{number(spread)} / √{known.size} = {number(error)}"
    return Explained(
        "± error",
        "standard error = standard deviation of the effects over prompts / √(number of prompts)",
        working,
        "How far the mean would move with other prompts of this kind.",
        "ablate",
        "Pitfalls",
    )
