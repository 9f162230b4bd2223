"""Any field of a result as a picture, from its axes alone: a map, a curve or a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from desktop_app.pictures import matrix as maps
from desktop_app.pictures.curves import Curves, Line, Scale
from desktop_app.pictures.ranking import Column, Ranking, ranked
from desktop_app.pictures.slicing import Axis, axis_of, field_of, matrix, sides, token_labels
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import WITHHELD, number, part_name

if TYPE_CHECKING:
    from desktop_app.contract.spec import FieldSpec
    from desktop_app.pictures.slicing import Field, Source

Kind = Literal["map", "curve", "prompts", "table", "values"]

MEAN = "mean over prompts"
# Axes along which something goes on; over others, such as kinds, bars stand side by side.
_ORDERED = frozenset({"layer", "position", "query", "key", "step"})
_TOLD = 100
_MOST_ROWS, _MOST_COLUMNS, _MOST_LETTERS = 1000, 12, 300


@dataclass(frozen=True)
class Entry:
    """Something to look at.

    Attributes:
        name: The field; empty for all single values together.
        title: What it is called.
        kind: How it is drawn.
        spec: What it is, where that is known.
        field: Its axes, where it holds numbers.
        mean: Its mean over prompts, where the result holds one.
    """

    name: str
    title: str
    kind: Kind
    spec: FieldSpec | None = None
    field: Field | None = None
    mean: Field | None = None

    def unit(self, metric: str) -> str:
        """Return the unit in words."""
        return unit_of(self.spec, metric)

    def choosers(self, shown: Source) -> tuple[Axis, ...]:
        """Return the axes of which one place at a time is shown; a mean goes before the prompts."""
        if self.field is None:
            ours = self.kind == "table" and _by_prompt(shown.data[self.name], self.spec)
            return (axis_of(shown, "prompt", len(shown.data[self.name])),) if ours else ()
        axes = self.field.choosers()
        if self.mean is None:
            return axes
        return tuple(
            Axis(a.name, (MEAN, *a.labels), (-1, *a.places)) if a.name == "prompt" else a
            for a in axes
        )


@dataclass(frozen=True)
class Picture:
    """A picture with the axes that a click on it speaks of.

    Attributes:
        drawn: What is drawn.
        rows: The axis of a map's rows, of a curve's places or of a table's rows; None: they have no
            place in the selection.
        columns: The axis of a map's columns.
    """

    drawn: maps.Matrix | Curves | Ranking
    rows: Axis | None = None
    columns: Axis | None = None


def unit_of(spec: FieldSpec | None, metric: str) -> str:
    """Return the unit of a field in words."""
    unit = "" if spec is None else spec.unit
    return metric if unit == "metric" else unit


def entries(shown: Source) -> list[Entry]:
    """Return what there is to look at, the most telling first and single values last."""
    told = shown.telling()
    found, single = [], False
    for name, value in shown.data.items():
        spec = shown.specs.get(name)
        if spec is not None and spec.labels:
            continue
        if not _is_list(value):
            single = True
            continue
        found.append(_entry(shown, name, spec))
    means = {entry.mean.name for entry in found if entry.mean is not None}
    kept = [entry for entry in found if entry.name not in means]
    # A field and its mean are one entry: the mean tells for both.
    worth = {e.name: max(told[e.name], told[e.mean.name] if e.mean else -1) for e in kept}
    kept.sort(key=lambda e: (-worth[e.name], -(len(e.field.axes) if e.field else 0)))
    return [*kept, Entry("", "single values", "values")] if single or not kept else kept


def picture(shown: Source, entry: Entry, chosen: Mapping[str, int], metric: str) -> Picture:
    """Draw an entry at the chosen places of its choosers' axes, numbers of their labels.

    The metric in words is the unit of some fields.
    """
    if entry.kind == "values":
        return Picture(_values(shown, metric))
    if entry.field is None:
        return _table(shown, entry, chosen.get("prompt", 0))
    if entry.kind == "prompts":
        return Picture(_prompt_table(shown, entry), entry.field.axes[0])
    field, chosen, prompt = entry.field, dict(chosen), chosen.get("prompt", 0)
    if entry.mean is not None:
        prompt -= 1
        if prompt < 0:
            field = entry.mean
            del chosen["prompt"]
        else:
            chosen["prompt"] = prompt
    # Of a mean, tokens name positions only where there is one prompt.
    known = max(prompt, 0) if prompt >= 0 or len(shown.prompts) == 1 else -1
    values = matrix(shown, field, chosen)
    rows, columns = sides(field, values.shape)
    name = ", ".join(filter(None, (entry.title, entry.unit(metric))))
    if entry.kind == "curve":
        return Picture(_curve(shown, entry, values[:, 0], rows, name), rows)
    if not values.size:
        return Picture(ranked([], []))
    down, across = (
        maps.Axis(_title(a.name), token_labels(shown.prompts, a, known)) for a in (rows, columns)
    )
    return Picture(_map(values, down, across, name), rows, columns)


def strongest(drawn: maps.Matrix, rows: Axis, columns: Axis) -> Ranking:
    """Return the cells of a map with the largest values, or the farthest from 0 in both ways."""
    size = np.abs(drawn.values) if drawn.diverging else drawn.values
    flat = np.where(np.isfinite(size), size, -np.inf).ravel()
    most = min(_TOLD, len(flat))
    best = np.argpartition(-flat, most - 1)[:most]
    best = best[np.argsort(-flat[best], kind="stable")]
    cells = [divmod(int(i), drawn.values.shape[1]) for i in best if np.isfinite(flat[i])]
    heads = (rows.name, columns.name) == ("layer", "head")

    def name(row: int, column: int) -> str:
        if heads and rows.labels[row].isdecimal() and columns.labels[column].isdecimal():
            return part_name(int(rows.labels[row]), int(columns.labels[column]))
        layer = "L" if rows.name == "layer" else ""
        return f"{layer}{drawn.rows.labels[row]} · {drawn.columns.labels[column]}"

    values = [float(drawn.values[cell]) for cell in cells]
    rest = [(name(*cell), v, v) for cell, v in zip(cells, values, strict=True)]
    columns_ = (
        Column("place", "name", "head" if heads else ""),
        Column("bar", "bar", "", signed=drawn.diverging),
        Column("value", "number", "value", format=_number),
    )
    return ranked(columns_, rest, cells)


def _entry(shown: Source, name: str, spec: FieldSpec | None) -> Entry:
    title, field = _spaced(name), field_of(shown, name)
    if field is None:
        return Entry(name, title, "table", spec)
    names = [axis.name for axis in field.axes]
    if names == ["prompt"]:
        return Entry(name, title, "prompts", spec, field)
    mean = None
    if "prompt" in names and f"{name}_mean" in shown.data:
        found, rest = field_of(shown, f"{name}_mean"), [n for n in names if n != "prompt"]
        if found is not None and [axis.name for axis in found.axes] == rest:
            mean = found
    return Entry(name, title, "curve" if field.columns is None else "map", spec, field, mean)


def _curve(shown: Source, entry: Entry, values: np.ndarray, axis: Axis, name: str) -> Curves:
    """Return a line, or bars over names; a mean with its standard error."""
    spread = None
    stem = entry.name.removesuffix("_mean")
    error = field_of(shown, f"{stem}_sem") if f"{stem}_sem" in shown.data else None
    means = entry.name.endswith("_mean") or entry.mean is not None
    if means and error is not None and len(error.axes) == 1:
        found = matrix(shown, error, {})[:, 0]
        spread = found if len(found) == len(values) else None
    line = Line(
        "",
        values,
        None if spread is None else values - spread,
        None if spread is None else values + spread,
        bars=axis.name not in _ORDERED or len(values) < 2,
    )
    labels = tuple(token_labels(shown.prompts, axis, 0 if len(shown.prompts) == 1 else -1))
    across = Scale(_title(axis.name), labels, whole=True)
    return Curves((line,), across, Scale(name))


def _prompt_table(shown: Source, entry: Entry) -> Ranking:
    """Return a row per prompt: the field as a bar, and what else is told of each prompt."""
    axis = entry.field.axes[0] if entry.field is not None else Axis("prompt", (), ())
    own = np.asarray(shown.data[entry.name], dtype=float)
    beside = {
        name: np.asarray(shown.data[name], dtype=float)
        for name, spec in shown.specs.items()
        if spec.axes == ("prompt",) and not spec.labels and name in shown.data
        if name != entry.name and getattr(shown.data[name], "ndim", 0) == 1
        if field_of(shown, name) is not None
    }
    shared = dict(list(beside.items())[:_MOST_COLUMNS])
    columns = [
        Column("prompt", width="stretch"),
        Column("bar", "bar", "", signed=bool((own < 0).any())),
        Column(entry.name, "number", entry.title, format=_number),
        *(
            Column(name, "number", _spaced(name), format=_number, priority=1 + i, muted=True)
            for i, name in enumerate(shared)
        ),
    ]
    rows = [
        (title, float(own[i]), float(own[i]), *(_at(values, i) for values in shared.values()))
        for i, title in enumerate(axis.labels)
    ]
    return ranked(columns, rows)


def _table(shown: Source, entry: Entry, prompt: int) -> Picture:
    """Return a list of anything: a row per item, a column per key where items are tables."""
    value = shown.data[entry.name]
    axes = entry.spec.axes if entry.spec is not None else ()
    if _by_prompt(value, entry.spec):
        value, axes = value[prompt] if prompt < len(value) else (), axes[1:]
    items = list(value)[:_MOST_ROWS] if _is_list(value) else [value]
    axis = axis_of(shown, axes[0] if axes else "", len(items))
    if items and all(isinstance(item, Mapping) for item in items):
        keys = list(dict.fromkeys(str(key) for item in items for key in item))[:_MOST_COLUMNS]
        columns = [Column(f"key {key}", "mono", _spaced(key)) for key in keys]
        texts = [[_text(dict(item).get(key)) for key in keys] for item in items]
    else:
        columns = [Column("value", "mono", entry.title, width="stretch")]
        texts = [[_text(item)] for item in items]
    first = Column("place", "name", axis.name)
    named = zip(axis.labels, texts, strict=False)
    return Picture(ranked([first, *columns], [(name, *row) for name, row in named]), axis)


def _values(shown: Source, metric: str) -> Ranking:
    """Return the single values of a result with their meaning."""
    rows = []
    for name, value in shown.data.items():
        if not _is_list(value):
            spec = shown.specs.get(name)
            told = f"{_text(value)} {unit_of(spec, metric)}".strip()
            rows.append((_spaced(name), told, "" if spec is None else spec.meaning))
    columns = (
        Column("field", "name"),
        Column("value", "mono"),
        Column("meaning", muted=True, width="stretch"),
    )
    return ranked(columns, rows)


def _map(values: np.ndarray, rows: maps.Axis, columns: maps.Axis, name: str) -> maps.Matrix:
    """Return a map; where some numbers lie below 0, colours go both ways from there."""
    found = values[np.isfinite(values)]
    signed = bool((found < 0).any())
    whole = bool((found == np.round(found)).all())
    sign, digits = "+" if signed else "", ".0f" if whole else ".3f"
    if found.size and float(np.abs(found).max()) >= 1e6:
        digits = ".3g"
    return maps.Matrix(
        values,
        rows,
        columns,
        name=name,
        diverging=signed,
        value_format=f"{{:{sign}{digits}}}",
        exact_format=f"{{:{sign}.8g}}",
    )


def _by_prompt(value: Any, spec: FieldSpec | None) -> bool:
    """Return whether a list has a list or a table for every prompt."""
    return (
        spec is not None
        and spec.axes[:1] == ("prompt",)
        and isinstance(value, (list, tuple))
        and bool(value)
        and all(_is_list(item) or isinstance(item, Mapping) for item in value)
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) > 0


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _title(name: str) -> str:
    return _spaced(name).capitalize()


def _at(values: np.ndarray, index: int) -> float:
    return float(values[index]) if index < len(values) else math.nan


def _number(value: Any) -> str:
    """Write a number with four significant digits, a dash where it is withheld."""
    if not math.isfinite(value):
        return WITHHELD if math.isnan(value) else str(value).replace("-", "−")
    if value == int(value) and abs(value) < 1e9:
        return number(value, 0)
    return f"{value:.4g}".replace("-", "−")


def _text(value: Any) -> str:
    """Write any value plainly, cut where it is long."""
    if isinstance(value, np.generic) or getattr(value, "ndim", 1) == 0:
        value = value.item()
    if value is None:
        return WITHHELD
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, Mapping):
        text = " · ".join(f"{key} {_text(item)}" for key, item in list(value.items())[:20])
    elif _is_list(value):
        text = ", ".join(_text(item) for item in list(value)[:50])
    else:
        text = display_text(str(value))
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"
