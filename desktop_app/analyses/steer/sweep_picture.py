"""A sweep over layers and coefficients as data: maps of effect and fluency, cells in words. No Qt.

The effect is the change of the metric of the first new token against the unsteered model, fluency
the mean loss of the continuation under the unsteered model. The random control of each cell had a
random vector of equal length.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.matrix import Axis, Matrix, centred_limits
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import METRIC_NAMES, MINUS, number, plural, prompt_title, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import PromptRecord, Result
    from desktop_app.pictures.matrix import Cell

STEERED, CONTROL = "Steered", "Random control"
_BESIDE = "Control (random)"
_NOT_YET = "not computed yet"
_MOST_LISTED = 400
_EXPONENT = re.compile(rf"e({MINUS}?)0+(?=\d)")


@dataclass(frozen=True)
class Sweep:
    """A sweep, whole or as far as it is known.

    Attributes:
        layers: What the rows are.
        coefs: What the columns are.
        metric: What is watched of the first new token, by its name.
        factor: Whether the columns are factors of the activation and not coefficients of a vector.
        base: The metric untouched, mean over prompts; NaN where it is not known.
        plain_loss: The mean loss of the plain continuations.
        values: The metric [layer, coefficient].
        loss: The loss [layer, coefficient].
        control: The metric with random vectors; None where no control was made.
        control_loss: Their loss.
        multiple: Whether columns multiply the coefficients that several vectors have, each its own.
    """

    layers: tuple[int, ...]
    coefs: tuple[float, ...]
    metric: str
    factor: bool
    base: float
    plain_loss: float
    values: np.ndarray
    loss: np.ndarray
    control: np.ndarray | None = None
    control_loss: np.ndarray | None = None
    multiple: bool = False

    @property
    def effect(self) -> np.ndarray:
        """The change of the metric [layer, coefficient]; the metric where no base is known."""
        return self.values - self._origin

    @property
    def control_effect(self) -> np.ndarray | None:
        """The change with random vectors."""
        return None if self.control is None else self.control - self._origin

    @property
    def _origin(self) -> float:
        return self.base if math.isfinite(self.base) else 0.0

    @property
    def metric_words(self) -> str:
        """The metric in words."""
        return METRIC_NAMES.get(self.metric, self.metric or "metric")

    @property
    def way(self) -> str:
        """What a column is, in a word."""
        return "Factor" if self.factor else "Multiple" if self.multiple else "Coefficient"

    def name(self, cell: Cell) -> str:
        """Return what a cell is called."""
        row, column = cell
        return f"Layer {self.layers[row]} · {self.way.lower()} {coef_words(self.coefs[column])}"

    def holds(self, cell: Cell) -> bool:
        """Return whether there is such a cell."""
        return 0 <= cell[0] < len(self.layers) and 0 <= cell[1] < len(self.coefs)


def coef_words(value: float) -> str:
    """Write a coefficient with as few digits as it has."""
    return _EXPONENT.sub(r"e\1", written("{:.6g}", value).replace("e+", "e"))


def metric_of(params: Mapping[str, Any], prompts: Sequence[PromptRecord]) -> str:
    """Return the metric that settings name for these prompts: `auto` by what answers they have.

    Without prompts that is not known: an empty text.
    """
    named = str(params.get("metric") or "auto")
    if named != "auto" or not prompts:
        return named if named != "auto" else ""
    if all(p.answers and p.wrongs for p in prompts):
        return "logit_diff"
    return "logprob" if all(p.answers for p in prompts) else "kl"


def sweeps_factor(params: Mapping[str, Any]) -> bool:
    """Return whether settings sweep the factor of an activation and not a vector's coefficient."""
    vectors = params.get("add") or params.get("to") or params.get("to_texts")
    return params.get("scale") is not None and not (vectors or params.get("set_to"))


def has_sweep(data: Mapping[str, Any]) -> bool:
    """Return whether there is a cell of a sweep to be shown."""
    values = data.get("sweep_metric")
    return values is not None and np.ndim(values) == 2 and np.size(values) > 0


def sweep_of(
    data: Mapping[str, Any], params: Mapping[str, Any], prompts: Sequence[PromptRecord] = ()
) -> Sweep | None:
    """Return the sweep that fields hold, or None where they hold none.

    Raises:
        ValueError: Rows and columns do not fit the numbers.
    """
    if not has_sweep(data):
        return None
    values = _array(data["sweep_metric"])
    rows, columns = values.shape
    layers = _named(data.get("sweep_layer"), rows, range(rows))
    coefs = _named(data.get("sweep_coef"), columns, params.get("sweep_coefs") or range(columns))
    control = _array(data.get("sweep_control_metric"), values.shape)
    return Sweep(
        tuple(int(layer) for layer in layers),
        tuple(float(coef) for coef in coefs),
        str(data.get("metric") or metric_of(params, prompts)),
        sweeps_factor(params),
        _mean(data.get("base")),
        _mean(data.get("plain_loss")),
        values,
        _array(data.get("sweep_loss"), values.shape),
        control if np.isfinite(control).any() else None,
        _array(data.get("sweep_control_loss"), values.shape),
        # As `strength.multiplies`: each vector's own coefficient is multiplied.
        len(params.get("coef") or ()) > 1,
    )


def effect_maps(sweep: Sweep) -> tuple[Matrix, ...]:
    """Return the map of the effect, and beside it that of the random control, on one scale."""
    amount = sweep.metric == "kl"
    shown = [sweep.effect, *([] if sweep.control_effect is None else [sweep.control_effect])]
    scale = (0.0, _most(shown) or 1.0) if amount else centred_limits(*shown)
    changes = math.isfinite(sweep.base) and not amount
    what = sweep.metric_words
    said = ("Effect", f"change of {what}" if changes else what, "change" if changes else what)
    return _maps(sweep, shown, scale, said, "{:.3f}" if amount else "{:+.3f}")


def fluency_maps(sweep: Sweep) -> tuple[Matrix, ...]:
    """Return the map of the loss, and beside it that of the random control, on one scale."""
    shown = [sweep.loss]
    if sweep.control is not None and sweep.control_loss is not None:
        shown.append(sweep.control_loss)
    known = np.concatenate([v[np.isfinite(v)] for v in shown] or [np.zeros(0)])
    ends = [*known.tolist(), *([sweep.plain_loss] if math.isfinite(sweep.plain_loss) else [])]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    scale = (low, high if high > low else low + 1.0)
    return _maps(sweep, shown, scale, ("Loss", "nats, low is fluent", "nats"), "{:.3f}")


def _maps(
    sweep: Sweep,
    shown: Sequence[np.ndarray],
    scale: tuple[float, float],
    said: tuple[str, str, str],
    form: str,
) -> tuple[Matrix, ...]:
    rows = Axis("Layer", [str(layer) for layer in sweep.layers])
    columns = Axis(sweep.way, [coef_words(coef) for coef in sweep.coefs], tokens=False)
    titles = (said[0], _BESIDE) if len(shown) > 1 else (said[0],)
    sentence = said[1]
    return tuple(
        Matrix(
            values,
            rows,
            columns,
            diverging="+" in form,
            scale=scale,
            value_format=form,
            tip=partial(cell_tip, sweep),
            title=title,
            sentence=sentence if place == 0 else "random vector of equal length",
            short=said[2] if place == 0 else "equal length",
        )
        for place, (title, values) in enumerate(zip(titles, shown, strict=True))
    )


def cell_tip(sweep: Sweep, row: int, column: int) -> str:
    """Return all that is known of a cell, in lines."""
    cell = row, column
    lines = [sweep.name(cell), f"{STEERED}: {_told(sweep, cell, sweep.values, sweep.loss)}"]
    if sweep.control is not None and sweep.control_loss is not None:
        lines.append(f"{CONTROL}: {_told(sweep, cell, sweep.control, sweep.control_loss)}")
    if math.isfinite(sweep.base):
        loss = f", loss {number(sweep.plain_loss)}" if math.isfinite(sweep.plain_loss) else ""
        lines.append(f"Unsteered: {sweep.metric_words} {number(sweep.base)}{loss}")
    return "\n".join(lines)


def _told(sweep: Sweep, cell: Cell, values: np.ndarray, loss: np.ndarray) -> str:
    value, cost = float(values[cell]), float(loss[cell])
    if not math.isfinite(value):
        return _NOT_YET
    change = ""
    if math.isfinite(sweep.base) and sweep.metric != "kl":
        change = f" ({number(value - sweep.base, sign=True)})"
    return f"{sweep.metric_words} {number(value)}{change}, loss {number(cost)}"


def cell_sentence(sweep: Sweep, cell: Cell) -> str:
    """Say what steering as in a cell does, and what the random control does, in one line."""
    value, loss = float(sweep.effect[cell]), float(sweep.loss[cell])
    if not math.isfinite(value):
        return "This cell has not been computed."
    signed = sweep.metric != "kl"
    changes = " changes by" if signed and math.isfinite(sweep.base) else ""
    what = f"The {sweep.metric_words}{changes} {number(value, sign=signed)}"
    plain = f" (unsteered {number(sweep.plain_loss)})" if math.isfinite(sweep.plain_loss) else ""
    said = f"{what}; the text's loss is {number(loss)} nats{plain}."
    control = sweep.control_effect
    if control is not None and math.isfinite(control[cell]) and sweep.control_loss is not None:
        said += (
            f" A random vector of equal length: {number(float(control[cell]), sign=signed)}, loss "
            f"{number(float(sweep.control_loss[cell]))}."
        )
    return said


def headline(sweep: Sweep) -> str:
    """Say how far the sweep is, and where the metric changes most."""
    known = np.isfinite(sweep.values)
    count = f"{plural(len(sweep.layers), 'layer')} × {plural(len(sweep.coefs), sweep.way.lower())}"
    if not known.all():
        count += f", {int(known.sum()):,} of {known.size:,} cells so far"
    best = strongest(sweep)
    if best is None:
        return f"{count}."
    value = number(float(sweep.effect[best]), sign=sweep.metric != "kl")
    return f"{count}. Largest change: {sweep.name(best).lower()}, {sweep.metric_words} {value}."


def strongest(sweep: Sweep) -> Cell | None:
    """Return the cell of the largest change, or None where nothing is known."""
    sizes = np.abs(np.where(np.isfinite(sweep.effect), sweep.effect, 0.0))
    if not np.isfinite(sweep.effect).any():
        return None
    row, column = np.unravel_index(int(sizes.argmax()), sizes.shape)
    return int(row), int(column)


def cells_ranking(sweep: Sweep) -> Ranking:
    """Return the cells, those that change the metric most first; keys are (row, column)."""
    effect, control = sweep.effect, sweep.control_effect
    known = [cell for cell in np.ndindex(effect.shape) if math.isfinite(effect[cell])]
    known.sort(key=lambda cell: (-abs(float(effect[cell])), cell))
    there = control is not None and sweep.control_loss is not None
    columns = [
        Column("layer", "name", "Layer"),
        Column("coefficient", "number", "×", format=coef_words, tooltip=sweep.way),
        Column(
            "effect",
            "number",
            "Effect",
            format=lambda v: number(v, sign=sweep.metric != "kl"),
            tooltip=f"Change of the {sweep.metric_words} of the first new token",
        ),
        Column("loss", "number", "Loss", format=number, tooltip="Of the text, unsteered model"),
    ]
    if there:
        columns += [
            Column(
                "control",
                "number",
                "Random",
                format=lambda v: number(v, sign=sweep.metric != "kl"),
                priority=1,
                muted=True,
                tooltip="The effect of a random vector of equal length",
            ),
            Column("control loss", "number", "Its loss", format=number, priority=2, muted=True),
        ]
    rows = []
    for cell in known[:_MOST_LISTED]:
        row, column = cell
        values: list[object] = [
            f"L{sweep.layers[row]}",
            sweep.coefs[column],
            float(effect[cell]),
            float(sweep.loss[cell]),
        ]
        if control is not None and sweep.control_loss is not None:
            values += [float(control[cell]), float(sweep.control_loss[cell])]
        rows.append(Row((row, column), tuple(values), cell_tip(sweep, row, column)))
    return Ranking(tuple(columns), tuple(rows))


def cell_texts(result: Result, sweep: Sweep, cell: Cell) -> Ranking:
    """Return what is said in a cell, prompt by prompt; keys are numbers of prompts."""
    row, column = cell
    metric, loss = (result.data.get(f"sweep_{name}_each") for name in ("metric", "loss"))
    columns = (
        Column("prompt", "text", "Prompt", width=130, muted=True),
        Column("text", "mono", "Continuation", width="stretch", least=140),
        Column("metric", "number", "Metric", format=number, tooltip=sweep.metric_words),
        Column("loss", "number", "Loss", format=number),
    )
    rows = []
    for place, record in enumerate(result.prompts):
        text = text_of(result, cell, place)
        values = tuple(_at(each, (row, column, place)) for each in (metric, loss))
        title = prompt_title(record, place, 22)
        told = f"{prompt_title(record, place)}\n{STEERED}: {text or _NOT_YET}"
        if plain := plain_text(result, place):
            told += f"\nUnsteered: {plain}"
        rows.append(Row(place, (title, display_text(text) if text else _NOT_YET, *values), told))
    return Ranking(columns, tuple(rows))


def text_of(result: Result, cell: Cell, prompt: int) -> str:
    """Return what is said in a cell behind a prompt; empty where that is not known."""
    try:
        return str(result.data["sweep_texts"][cell[0]][cell[1]][prompt] or "")
    except (KeyError, IndexError, TypeError):
        return ""


def plain_text(result: Result, prompt: int) -> str:
    """Return what the untouched model says behind a prompt; empty where that is not known."""
    try:
        return str(result.data["plain"][prompt]["text"])
    except (KeyError, IndexError, TypeError):
        return ""


def offered_coefs(params: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the coefficients, or factors, that a first sweep of these settings would try."""
    if sweeps_factor(params):
        return (0.0, 0.5, 1.0, 1.5, 2.0)
    given = tuple(params.get("coef") or (1.0,))
    size = abs(float(given[0])) or 1.0
    return tuple(size * by for by in (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0))


def can_sweep(params: Mapping[str, Any]) -> bool:
    """Return whether settings hold a vector or a factor whose strength could be swept."""
    names = ("add", "to", "to_texts", "set_to")
    return sweeps_factor(params) or any(params.get(name) for name in names)


def _array(given: object, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return a field as floats; NaN where it is not there."""
    if given is None:
        return np.full(shape or (0, 0), np.nan)
    found = np.asarray(given, dtype=np.float64)
    if shape is not None and found.shape != shape:
        raise ValueError(f"numbers of the shape {found.shape} beside those of {shape}")
    return found


def _named(given: object, count: int, otherwise: Sequence[Any]) -> Sequence[Any]:
    found = list(np.asarray(given).ravel()) if given is not None else list(otherwise)
    if len(found) != count:
        raise ValueError(f"{len(found)} names for {count} rows or columns")
    return found


def _mean(given: object) -> float:
    if given is None:
        return math.nan
    found = np.asarray(given, dtype=np.float64)
    found = found[np.isfinite(found)]
    return float(found.mean()) if found.size else math.nan


def _most(shown: Sequence[np.ndarray]) -> float:
    return max((float(np.nanmax(v)) for v in shown if np.isfinite(v).any()), default=0.0)


def _at(values: object, place: tuple[int, ...]) -> float | None:
    try:
        value = float(np.asarray(values, dtype=np.float64)[place])
    except (IndexError, TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
