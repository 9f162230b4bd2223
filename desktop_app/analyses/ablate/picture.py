"""What the ablation view shows, computed from a result without Qt.

Every array here is layers × heads (× prompts); attention and MLP outputs count as one column.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.ablate.lent import part_effect, part_effects
from desktop_app.pictures.certainty import PerPrompt, fact, told
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.matrix import Axis, Matrix, centred_limits, numbered
from desktop_app.pictures.noise import is_lost, noise_mark, noise_of, noise_sentence, with_noise
from desktop_app.pictures.ranking import Bar, Column, Ranking, Row, ranked
from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import (
    ABOUT,
    NOT_COMPUTED,
    metric_name,
    number,
    of_all,
    part_name,
    percent,
    plural,
    stopped_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.matrix import Cell

__all__ = ["part_effect", "part_effects"]  # what others borrow

QUANTITIES = (
    ("effect", "Effect"),
    ("percent", "% kept"),
    ("ablated", "Without it"),
    ("sem", "± error"),
)
# More dots than these on one line hide each other.
MOST_DOTS = 60
_DOING = "those where the model does the task"
_CHANGE = "base → without it"


def component(result: Result) -> str:
    """Return what was removed: `head`, `attn` or `mlp`."""
    return str(result.params.get("component", "head"))


def grid(result: Result, name: str) -> np.ndarray:
    """Return a per-prompt field as [layers, heads, prompts]."""
    values = np.asarray(result.data[name], dtype=float)
    return values[:, None, :] if values.ndim == 2 else values


def mean_grid(result: Result, name: str) -> np.ndarray:
    """Return a `_mean` or `_sem` field as [layers, heads]."""
    values = np.asarray(result.data[name], dtype=float)
    return values[:, None] if values.ndim == 1 else values


def per_prompt(result: Result) -> dict[str, PerPrompt]:
    """Return the effects per prompt, of which intervals and q are taken."""
    heads = component(result) == "head"
    return {"effect": PerPrompt(grid(result, "effect"), ("layer", "head") if heads else ("layer",))}


def known_parts(result: Result) -> str:
    """Return how many parts a run that was stopped has, such as `12 of 24 parts`; else nothing.

    Of one that was stopped while all were estimates, nothing: it has none.
    """
    whole = not result.partial or is_estimated(result)
    return "" if whole else of_all(mean_grid(result, "effect_mean"), "part")


def is_estimated(result: Result) -> bool:
    """Return whether its effects are gradient estimates."""
    return bool(result.data.get("estimated"))


def part_map(
    result: Result,
    quantity: str,
    prompt: int | None = None,
    tip: Callable[[int, int], str] | None = None,
) -> Matrix:
    """Return the map of a quantity, of one prompt or of the mean over prompts.

    Effects centre on 0, percentages on 100 (untouched), the metric without the part on its base.
    """
    if quantity == "sem":
        values = mean_grid(result, "effect_sem")
    elif prompt is None:
        values = mean_grid(result, f"{quantity}_mean")
    else:
        values = grid(result, quantity)[:, :, prompt]
    low, high = centred_limits(values, centre=_centre(result, quantity, prompt))
    rows, columns = axes(result.data, component(result), values.shape[1])
    few = _few(result) if quantity == "percent" and prompt is None else ""
    shown = Matrix(
        values.astype(np.float32),
        rows,
        columns,
        " · ".join(filter(None, (_value_name(result, quantity), few, known_parts(result)))),
        diverging=quantity != "sem",
        scale=(0.0 if quantity == "sem" else low, high),
        value_format="{:.1f} %" if quantity == "percent" else "{:+.3f}",
        tip=tip,
        uncertain=np.full(values.shape, True) if is_estimated(result) else None,
    )
    noise = noise_of(result.data, prompt) if quantity in {"effect", "ablated"} else None
    return with_noise(shown, noise)


def _centre(result: Result, quantity: str, prompt: int | None) -> float:
    if quantity == "percent":
        return 100.0
    if quantity == "ablated":
        base = np.asarray(result.data["base"], dtype=float)
        centre = float(base[prompt]) if prompt is not None else float(np.nanmean(base))
        return centre if math.isfinite(centre) else 0.0  # where the run was stopped before it
    return 0.0


def _value_name(result: Result, quantity: str) -> str:
    metric = metric_name(result)
    return {
        "effect": f"change of {metric}",
        "percent": f"% of {metric} kept",
        "ablated": f"{metric} without it",
        "sem": "standard error of the effect",
    }[quantity]


def axes(data: Mapping[str, Any], kind: str, columns: int) -> tuple[Axis, Axis]:
    """Return rows and columns: the model's own numbers of layers and heads."""
    rows = Axis("Layer", [str(int(layer)) for layer in data["layers"]])
    if kind == "head":
        return rows, numbered("Head", columns)
    return rows, Axis("", ["MLP" if kind == "mlp" else "attention"])


def partial_grid(data: Mapping[str, Any]) -> np.ndarray | None:
    """Return the effects known so far as [layers, heads], NaN where none is known yet."""
    if "effect_mean" not in data:
        return None
    values = np.asarray(data["effect_mean"], dtype=np.float32)
    return values[:, None] if values.ndim == 1 else values


def partial_map(data: Mapping[str, Any], values: np.ndarray) -> Matrix:
    """Return the map of the effects known so far."""
    return Matrix(
        values,
        *axes(data, "head", values.shape[1]),
        "effect so far",
        uncertain=_uncertain(data, values),
    )


def _uncertain(data: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
    """Return which of the effects known so far are estimates, or means over some prompts only."""
    if "settled" in data:
        return ~np.asarray(data["settled"], dtype=bool).reshape(values.shape)
    return np.full(values.shape, bool(data.get("estimated")))


def partial_ranking(data: Mapping[str, Any], kind: str) -> Ranking:
    """Return the parts whose effect is known so far, most negative first."""
    values = partial_grid(data)
    if values is None:
        return Ranking()
    known = lowest(values, int(np.isfinite(values).sum()))
    bars = ((cell, Bar(float(values[cell]))) for cell in known)
    return _ranked(data["layers"], kind, bars, uncertain=_uncertain(data, values))


def ranking(
    result: Result,
    prompt: int | None = None,
    chosen: int | None = None,
    limit: int | None = None,
) -> Ranking:
    """Return the parts, most harmful first (most negative effect; for loss and kl the largest).

    The effects are a prompt's or the mean over all; of the dots that of `chosen` is filled.
    """
    effects, shares = grid(result, "effect"), grid(result, "percent")
    if prompt is None:
        mean, share = mean_grid(result, "effect_mean"), mean_grid(result, "percent_mean")
        sem = mean_grid(result, "effect_sem")
    else:
        mean, share = effects[:, :, prompt], shares[:, :, prompt]
        sem = np.full_like(mean, math.nan)
    # A rising loss, divergence or rank is harm, of other metrics a falling one.
    harm = -1 if result.params.get("metric") in {"loss", "kl", "rank"} else 1
    listed = []
    if result.partial:  # of which some parts are missing
        known = int(np.isfinite(mean).sum())
        limit = known if limit is None else min(limit, known)
    missing = math.inf if result.partial else 0.0
    for cell in lowest(harm * np.nan_to_num(mean, nan=harm * missing), limit):
        dots = tuple(effects[cell].tolist())
        listed.append((cell, Bar(float(mean[cell]), dots, chosen, float(sem[cell]))))
    marks = np.full(mean.shape, True) if is_estimated(result) else None
    few = _few(result) if prompt is None else ""
    return _ranked(result.data["layers"], component(result), listed, share, marks, few)


def by_layer(found: Ranking) -> Ranking:
    """Return a ranking of layers in their order."""
    return replace(found, rows=tuple(sorted(found.rows, key=lambda row: row.key)))


def _ranked(
    layers: Sequence[int],
    kind: str,
    cells: Iterable[tuple[tuple[int, ...], Bar]],
    shares: np.ndarray | None = None,
    uncertain: np.ndarray | None = None,
    few: str = "",
) -> Ranking:
    rows, dots = [], 0
    for cell, bar in cells:
        name = part_name(int(layers[cell[0]]), cell[1] if kind == "head" else None, kind)
        share = math.nan if shares is None else float(shares[cell])
        error = "" if math.isnan(bar.error) else f" ± {number(bar.error)}"
        kept = "withheld" if math.isnan(share) else f"{percent(share)} kept"
        kept += f" ({few})" if few and not math.isnan(share) else ""
        words = f"{name}: effect {number(bar.value, sign=True)}{error}, {kept}"
        if uncertain is not None and uncertain[cell]:
            name, words = f"{name} {ABOUT}", f"{words}; an estimate"
        rows.append(Row(cell, (name, bar, bar.value, share), words))
        dots = len(bar.dots)
    heading = "" if dots < 2 else "dots: prompts" if dots <= MOST_DOTS else "± standard error"
    columns = (
        Column("part", "name"),
        Column("bar", "bar", heading, signed=True, align="center"),
        Column("effect", "number", format=_signed),
        Column("kept", "percent", muted=True, tooltip=few and f"Mean over {few}: {_DOING}"),
    )
    return Ranking(columns, tuple(rows))


def _signed(value: float) -> str:
    return number(value, 2, sign=True)


def prompt_rows(result: Result, row: int, column: int) -> Ranking:
    """Return what removing one part does, prompt by prompt."""
    base = np.asarray(result.data["base"], dtype=float)
    ablated, effect, share = (
        grid(result, name)[row, column].tolist() for name in ("ablated", "effect", "percent")
    )
    return ranked(
        (
            Column("prompt", "mono", width="stretch", least=136),
            Column("metric", "mono", align="right", width=118, priority=1, tooltip=_CHANGE),
            Column("effect", "number", format=_signed, width=68),
            Column("kept", "percent", width=74),
        ),
        (
            (
                f"{i + 1} · {display_text(record.text)}",
                f"{number(base[i], 2)} → {number(ablated[i], 2)}",
                effect[i],
                share[i],
            )
            for i, record in enumerate(result.prompts)
        ),
    )


def find_part(result: Result, layer: int | None, head: int | None) -> tuple[int, int] | None:
    """Return the row and column of a head by the model's numbers, or None where it is not here."""
    if layer is None:
        return None
    layers = [int(x) for x in result.data["layers"]]
    if layer not in layers:
        return None
    if component(result) != "head":
        return layers.index(layer), 0
    columns = grid(result, "effect").shape[1]
    return (layers.index(layer), head) if head is not None and head < columns else None


def part_at(result: Result, cell: Cell) -> tuple[int, int | None]:
    """Return layer and head of a cell by the model's numbers; no head for a whole layer."""
    layer = int(result.data["layers"][cell[0]])
    return layer, cell[1] if component(result) == "head" else None


def head_facts(result: Result, place: Place) -> list[Fact]:
    """Return what removing the selected part does."""
    known = "effect_mean" in result.data
    found = find_part(result, place.layer, place.head) if known else None
    if found is None:
        return []
    mean, sem, share = (
        float(mean_grid(result, name)[found])
        for name in ("effect_mean", "effect_sem", "percent_mean")
    )
    if result.partial and math.isnan(mean):
        return [Fact("Effect of removal", "not computed", NOT_COMPUTED)]
    several = len(result.prompts) > 1
    spread = f" ± {number(sem)}" if np.isfinite(sem) and several else ""
    over = f", mean of {len(result.prompts):,}" if several else ""
    if stopped_at := known_parts(result):
        over = f", stopped at {stopped_at}"
    about = ""
    if is_estimated(result):
        about, over = f"{ABOUT} ", f"{over}, gradient estimate"
    kept = about + percent(share) if math.isfinite(share) else percent(share)
    few = _few(result, found)
    facts = [
        Fact(
            f"Effect of removal ({result.data['mode']}{over})",
            about + number(mean, sign=True) + spread,
            "ablated − base, mean over the prompts of the run; negative: removing it hurts",
            "effect",
        ),
        *fact(result, "effect", found),
        Fact(f"Kept without it{few and f' ({few})'}", kept, "100 · ablated / base", "percent"),
    ]
    if 1 < len(result.prompts) > place.prompt:
        own = float(grid(result, "effect")[(*found, place.prompt)])
        told_of = about + number(own, sign=True)
        facts.insert(-1, Fact("… on this prompt", told_of, "ablated − base", "effect"))
    return facts


def best_head(result: Result) -> tuple[int, int | None] | None:
    """Return the part that matters most: what a first result selects."""
    rows = ranking(result, limit=1).rows
    return None if not rows else part_at(result, rows[0].key)


def lines(result: Result) -> Iterator[str]:
    """Yield the parts whose removal hurts most, for a terminal."""
    data, component = result.data, result.params["component"]
    yield f"{metric_name(result)} untouched {number(data['base_mean'])}; replaced by {data['mode']}"
    yield f"kept in every run: {data['kept']}"
    if noise := noise_sentence(result):
        yield noise
    if over := over_words(result):
        yield f"percentages are means {over}"
    if known := known_parts(result):
        yield f"the most harmful of {known}:"
    effect = np.asarray(data["effect_mean"])
    shares = np.asarray(data["percent_mean"])
    for place in lowest(effect):
        layer = int(data["layers"][place[0]])
        name = part_name(layer, place[1] if component == "head" else None, component)
        if not np.isfinite(effect[place]) and result.partial:
            continue
        share = float(shares[place])
        kept = "withheld" if not np.isfinite(share) else f"{percent(share):>8}"
        yield f"  {name:<10} effect {number(float(effect[place]), sign=True):>9}   keeps {kept}"


_MODES = {
    "zero": "replaced by zero",
    "mean": "replaced by its mean over the reference",
    "resample": "replaced by its value on the corrupt twin",
}


def part_sentence(result: Result, row: int, column: int) -> str:
    """Say in one sentence what removing a part does, over all prompts."""
    base = float(np.nanmean(np.asarray(result.data["base"], dtype=float)))
    effect = float(mean_grid(result, "effect_mean")[row, column])
    if result.partial:
        if math.isnan(effect):
            return NOT_COMPUTED
        base = float(result.data["base_mean"])
    sem = float(mean_grid(result, "effect_sem")[row, column])
    share = float(mean_grid(result, "percent_mean")[row, column])
    error = "" if math.isnan(sem) or len(result.prompts) < 2 else f" ± {number(sem, 2)}"
    about = f"{ABOUT} " if is_estimated(result) else ""
    over = over_words(result, (row, column))
    kept = "" if math.isnan(share) else f"; {about}{percent(share)} is kept"
    kept += f", {over}" if kept and over else ""
    return (
        f"{metric_name(result)} goes from {number(base, 2)} to {about}{number(base + effect, 2)} "
        f"({number(effect, 2, sign=True)}{error}){kept}."
    )


def shares_known(result: Result, cell: tuple[int, ...] | None = None) -> int:
    """Return over how many prompts the percentages of a part, or of any, are taken."""
    known = np.isfinite(grid(result, "percent"))
    return int(known[cell].sum() if cell is not None else known.any((0, 1)).sum())


def over_words(result: Result, cell: tuple[int, ...] | None = None) -> str:
    """Say over which prompts a mean percentage is taken, where that is not all of them."""
    known, count = shares_known(result, cell), len(result.prompts)
    if result.partial or not 0 < known < count:  # of a run that was stopped it says how far it came
        return ""
    some = "one prompt of" if known == 1 else f"{known:,} of"
    of = f"{count:,}" if known == 1 else f"{count:,} prompts"
    return f"over the {some} {of} where the model does the task"


def _few(result: Result, cell: tuple[int, ...] | None = None) -> str:
    """Say the same in few words: `3 of 4 prompts`."""
    known, count = shares_known(result, cell), len(result.prompts)
    withheld = 0 < known < count and not result.partial
    return f"{known:,} of {count:,} prompts" if withheld else ""


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
    given = [] if math.isnan(rank) else [f"answer rank {int(rank)}"]
    given.append(f"{metric_name(result)} {number(base, 2)}")
    return ", ".join(given)


def base_sentence(result: Result) -> str:
    """Return the metric untouched, with its standard error where there are several prompts."""
    mean = float(result.data.get("base_mean", np.nanmean(result.data["base"])))
    sem = float(result.data.get("base_sem", math.nan))
    error = "" if math.isnan(sem) or len(result.prompts) < 2 else f" ± {number(sem)}"
    over = "" if len(result.prompts) < 2 else f" over {plural(len(result.prompts), 'prompt')}"
    if result.partial:
        over = stopped_words(known_parts(result))
    noise = noise_mark(noise_of(result.data))
    mark = f" · {noise} ({result.model.dtype})" if noise else ""
    return f"Untouched: {metric_name(result)} {number(mean)}{error}{over}{mark}"


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
    whole = f"One {kind} at a time is {_MODES.get(mode, mode)}{reference} {at}. {said}."
    return " ".join(filter(None, (whole, noise_sentence(result))))


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
    if result.partial and math.isnan(effect):
        return f"{name}  {NOT_COMPUTED}"
    kept = "percentage withheld" if math.isnan(share) else f"{percent(float(share))} kept"
    if prompt is None and not math.isnan(share) and (over := _few(result, (row, column))):
        kept += f" ({over})"
    below = is_lost(float(effect), noise_of(result.data, prompt))
    lost = " · below the noise floor" if below else ""
    over = told(result, "effect", (row, column)) if prompt is None else ""
    return f"{name}  {number(float(effect), sign=True)}{over} · {kept}{lost}"


def drop_sentence(result: Result) -> str:
    """Say how many points a part costs on average, gains as 0; empty where withheld."""
    drops = np.minimum(0.0, mean_grid(result, "percent_mean") - 100.0)
    finite = drops[np.isfinite(drops)]
    if not finite.size:
        return ""
    few = _few(result)
    over = f", {few}" if few else ""
    return f"mean drop {number(-float(finite.mean()), 2)} points{over}"
