"""What the ablation view shows, computed from a result without Qt.

Every array here is layers × heads (× prompts); attention and MLP outputs count as one column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import metric_name, part_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from desktop_app.contract.result import Result

Quantity = Literal["effect", "percent", "ablated", "sem"]
QUANTITIES: tuple[tuple[Quantity, str], ...] = (
    ("effect", "Effect"),
    ("percent", "% kept"),
    ("ablated", "Without it"),
    ("sem", "± error"),
)


@dataclass(frozen=True)
class PartMap:
    """A picture of all parts: `values` is [layers, heads], NaN where withheld or not there yet."""

    values: np.ndarray
    name: str
    limits: tuple[float, float]
    diverging: bool
    value_format: str
    row_labels: tuple[str, ...]
    col_labels: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One part in the list; `row` and `column` index the picture, `head` is None for a layer."""

    row: int
    column: int
    layer: int
    head: int | None
    name: str
    effect: float
    sem: float
    percent: float
    per_prompt: tuple[float, ...]


@dataclass(frozen=True)
class PromptEffect:
    """What removing a part does on one prompt."""

    prompt: int
    text: str
    base: float
    ablated: float
    effect: float
    percent: float
    done: bool


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


def part_map(result: Result, quantity: Quantity, prompt: int | None = None) -> PartMap:
    """Return the picture of a quantity, of one prompt or of the mean over prompts.

    Effects centre on 0, percentages on 100 (untouched), the metric without the part on its base.
    """
    if quantity == "sem":
        values = mean_grid(result, "effect_sem")
        top = _largest(values)
        limits = (0.0, top)
    elif prompt is None:
        values = mean_grid(result, f"{quantity}_mean")
        limits = _centred(values, _centre(result, quantity, prompt))
    else:
        values = grid(result, quantity)[:, :, prompt]
        limits = _centred(values, _centre(result, quantity, prompt))
    rows, columns = labels(result.data, component(result), values.shape[1])
    return PartMap(
        values=values.astype(np.float32),
        name=_value_name(result, quantity),
        limits=limits,
        diverging=quantity != "sem",
        value_format="{:.1f} %" if quantity == "percent" else "{:+.3f}",
        row_labels=rows,
        col_labels=columns,
    )


def _centre(result: Result, quantity: Quantity, prompt: int | None) -> float:
    if quantity == "percent":
        return 100.0
    if quantity == "ablated":
        base = np.asarray(result.data["base"], dtype=float)
        return float(base[prompt]) if prompt is not None else float(np.nanmean(base))
    return 0.0


def _largest(values: np.ndarray) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size and finite.max() > 0 else 1.0


def _centred(values: np.ndarray, centre: float) -> tuple[float, float]:
    reach = _largest(values - centre)
    return centre - reach, centre + reach


def _value_name(result: Result, quantity: Quantity) -> str:
    metric = metric_name(result)
    return {
        "effect": f"change of {metric}",
        "percent": f"% of {metric} kept",
        "ablated": f"{metric} without it",
        "sem": "standard error of the effect",
    }[quantity]


def labels(
    data: Mapping[str, Any], kind: str, columns: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels of rows and columns: the model's own numbers of layers and heads."""
    rows = tuple(str(int(layer)) for layer in data["layers"])
    if kind == "head":
        return rows, tuple(str(head) for head in range(columns))
    return rows, ("MLP" if kind == "mlp" else "attention",)


def partial_grid(data: Mapping[str, Any]) -> np.ndarray | None:
    """Return the effects known so far as [layers, heads], NaN where none is known yet."""
    if "effect_mean" not in data:
        return None
    values = np.asarray(data["effect_mean"], dtype=np.float32)
    return values[:, None] if values.ndim == 1 else values


def partial_limits(values: np.ndarray) -> tuple[float, float]:
    """Return limits that are symmetric about 0 for the values known so far."""
    reach = _largest(values)
    return -reach, reach


def partial_parts(data: Mapping[str, Any], kind: str) -> list[Part]:
    """Return the parts whose effect is known so far, most negative first."""
    values = partial_grid(data)
    if values is None:
        return []
    found = []
    for flat in np.argsort(values, axis=None, kind="stable"):
        row, column = (int(x) for x in np.unravel_index(int(flat), values.shape))
        effect = float(values[row, column])
        if math.isnan(effect):
            continue
        layer, head = int(data["layers"][row]), column if kind == "head" else None
        name = part_name(layer, head, kind)
        found.append(Part(row, column, layer, head, name, effect, math.nan, math.nan, ()))
    return found


def parts(result: Result, prompt: int | None = None, limit: int | None = None) -> list[Part]:
    """Return the parts, most harmful first (most negative effect; for loss and kl the largest)."""
    effects, shares = grid(result, "effect"), grid(result, "percent")
    if prompt is None:
        mean, share = mean_grid(result, "effect_mean"), mean_grid(result, "percent_mean")
    else:
        mean, share = effects[:, :, prompt], shares[:, :, prompt]
    sem = mean_grid(result, "effect_sem") if prompt is None else np.full_like(mean, math.nan)
    order = np.argsort(harm_sign(result) * np.nan_to_num(mean, nan=0.0), axis=None, kind="stable")
    kind, layers = component(result), [int(x) for x in result.data["layers"]]
    found = []
    for flat in order[:limit]:
        row, column = (int(x) for x in np.unravel_index(int(flat), mean.shape))
        head = column if kind == "head" else None
        found.append(
            Part(
                row=row,
                column=column,
                layer=layers[row],
                head=head,
                name=part_name(layers[row], head, kind),
                effect=float(mean[row, column]),
                sem=float(sem[row, column]),
                percent=float(share[row, column]),
                per_prompt=tuple(float(x) for x in effects[row, column]),
            )
        )
    return found


def harm_sign(result: Result) -> int:
    """Return 1 where a falling metric is harm, −1 where a rising one is (loss, kl, rank)."""
    return -1 if result.params.get("metric") in {"loss", "kl", "rank"} else 1


def prompt_effects(result: Result, row: int, column: int) -> list[PromptEffect]:
    """Return what removing one part does, prompt by prompt."""
    effect, ablated = grid(result, "effect"), grid(result, "ablated")
    share = grid(result, "percent")
    base, done = np.asarray(result.data["base"], dtype=float), result.data["task_done"]
    return [
        PromptEffect(
            prompt=i,
            text=display_text(record.text),
            base=float(base[i]),
            ablated=float(ablated[row, column, i]),
            effect=float(effect[row, column, i]),
            percent=float(share[row, column, i]),
            done=bool(done[i]),
        )
        for i, record in enumerate(result.prompts)
    ]


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


def lines(result: Result) -> Iterator[str]:
    """Yield the parts whose removal hurts most, for a terminal."""
    data, component = result.data, result.params["component"]
    metric = result.params["metric"]
    yield f"{metric} untouched {data['base_mean']:.3f}; replaced by {data['mode']}"
    yield f"kept in every run: {data['kept']}"
    effect = np.asarray(data["effect_mean"])
    percent = np.asarray(data["percent_mean"])
    for place in lowest(effect):
        layer = int(data["layers"][place[0]])
        name = f"L{layer}H{place[1]}" if component == "head" else f"L{layer} {component}"
        share = percent[place]
        kept = "withheld" if not np.isfinite(share) else f"{share:6.1f} %"
        yield f"  {name:<10} effect {effect[place]:+9.3f}   keeps {kept}"
