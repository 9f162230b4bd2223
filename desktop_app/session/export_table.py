"""A result as a table: for the clipboard, and as one long one for a file.

`table_of` puts the fields that share their axes side by side, for a spreadsheet: one row per head
with its effect, its standard error and its percentage.

`write_tidy` writes every field one below the other, one row per cell, its axes by name. Columns:
`field`, then every axis that occurs (`prompt`, `layer`, `head`, `position`, …), then `value`.
Layers and heads carry the model's own numbers, families and kinds their names, everything else
counts from 0; an axis that a field does not have stays empty. Of rows that are tables themselves
each entry is a field of its own, such as `top.piece`. Not-a-number is an empty value.

From 5 prompts on, both have the ends of each effect's interval over prompts (`effect_low`,
`effect_high`), its sign-flip test and its q (`effect_p`, `effect_q`), which no result stores.

In both, a text with which a spreadsheet would begin a formula has an apostrophe before it, as one
would type it there; numbers stay numbers. `.json` and `.npz` hold every text to the letter.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np

from desktop_app.contract.registry import fields_of, hook
from desktop_app.pictures.certainty import derived
from desktop_app.pictures.slicing import label_of, source
from desktop_app.session.parts import Stored, leading_axes
from desktop_app.support.errors import MISFITS, BadInputError
from desktop_app.text.cells import plain_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from desktop_app.contract.result import Result

MAX_CELLS = 20_000_000
MAX_ROWS = 200_000
Table = tuple[list[str], list[list[str]]]
"""Headings, and rows of as many texts."""


def table_of(result: Result, prompt: int = 0, head: tuple[int, int] | None = None) -> Table:
    """Return a result as one table.

    Args:
        result: Of any analysis.
        prompt: Which prompt, where the table is that of one.
        head: Row and column of the head in the arrays, for attention.
    """
    own = hook(result.analysis, "picture", "table")
    found: Table = own(result, prompt, head) if own else _fields(result)
    return found


def to_tsv(table: Table) -> str:
    """Return a table as text, columns apart by tabs, rows by line ends."""
    headings, rows = table
    return "".join("\t".join(_flat(plain_cell(c)) for c in row) + "\n" for row in (headings, *rows))


def _fields(result: Result) -> Table:
    """Return the fields that share the axes of most of them, side by side."""
    groups: dict[tuple[str, ...], dict[str, Stored]] = {}
    specs = fields_of(result)
    for name, value in result.data.items():
        axes = specs[name].axes if name in specs else ()
        fits = isinstance(value, Stored) and value.ndim == len(axes) > 0
        if fits and math.prod(value.shape) <= MAX_ROWS:
            groups.setdefault(axes, {})[name] = value
    for name, (axes, values) in _derived(result).items():
        if axes in groups:
            groups[axes][name] = values
    if not groups:
        return ["field", "value"], [
            [name, cell_text(value)]
            for name, value in result.data.items()
            if isinstance(value, (bool, int, float, str, np.generic))
        ]
    # The main group: without prompts, with most axes, with most fields.
    axes = max(groups, key=lambda a: ("prompt" not in a, len(a), len(groups[a])))
    shown = source(result)
    labels = {axis: shown.labels(axis) for axis in axes}
    return _side_by_side(axes, groups[axes], labels)


def _side_by_side(
    axes: tuple[str, ...], fields: dict[str, Stored], labels: dict[str, Any]
) -> Table:
    shape = next(iter(fields.values())).shape
    same = {name: np.asarray(v) for name, v in fields.items() if v.shape == shape}
    rows = []
    for place in np.ndindex(*shape):
        named = [label_of(labels.get(axis), i) for axis, i in zip(axes, place, strict=True)]
        rows.append([*named, *(cell_text(values[place]) for values in same.values())])
    return [*axes, *same], rows


def _flat(text: str) -> str:
    """Return a cell without what parts cells and rows, and without half characters."""
    plain = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return plain.replace("\t", "⇥").replace("\r", "␍").replace("\n", "↵")


@dataclass(frozen=True)
class _Leaf:
    """A value or an array with the indices that lead to it."""

    field: str
    index: dict[str, int]
    value: Any


class _Array(NamedTuple):
    """An array with the names of its axes."""

    values: Stored
    axes: tuple[str, ...]


def write_tidy(result: Result, text: TextIO) -> None:
    """Write the table of a result as CSV.

    Raises:
        BadInputError: It would have more rows than any table program opens.
    """
    columns, shown = _columns(result), source(result)
    labels = {axis: shown.labels(axis) for axis in columns}
    writer = csv.writer(text)
    writer.writerow(["field", *columns, "value"])
    for leaf in _leaves_of(result):
        for index, value in _cells(leaf):
            named = [label_of(labels.get(axis), index.get(axis)) for axis in columns]
            writer.writerow(map(plain_cell, (leaf.field, *named, cell_text(value))))


def _columns(result: Result) -> list[str]:
    """Return the axes that occur, in order; refuse a table that is far too long."""
    columns: dict[str, None] = {}
    count = 0
    for leaf in _leaves_of(result):
        array = leaf.value if isinstance(leaf.value, _Array) else None
        columns.update(dict.fromkeys((*leaf.index, *(array.axes if array else ()))))
        count += math.prod(array.values.shape) if array else 1
        if count > MAX_CELLS:
            raise BadInputError(
                f"A .csv of this result would have more than {MAX_CELLS:,} rows: "
                "export it as .npz instead."
            )
    return list(columns)


def _leaves_of(result: Result) -> Iterator[_Leaf]:
    shown = source(result)
    for name, value in result.data.items():
        spec = shown.specs.get(name)
        # The model's own numbers stand in the column of their axis already.
        named = spec is not None and spec.labels and value is shown.labels(spec.labels)
        if not named or any(isinstance(label, str) for label in value):
            yield from _leaves(_Leaf(name, {}, value), spec.axes if spec else ())
    for name, (axes, values) in _derived(result).items():
        yield from _leaves(_Leaf(name, {}, values), axes)


def _derived(result: Result) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return what follows from the values per prompt; of a result of a wrong form, nothing."""
    with suppress(*MISFITS):
        return derived(result)
    return {}


def _leaves(leaf: _Leaf, axes: tuple[str, ...]) -> Iterator[_Leaf]:
    value = leaf.value
    if isinstance(value, Stored):
        yield _Leaf(leaf.field, leaf.index, _Array(value, _fitting(axes, leaf.index, value.ndim)))
    elif isinstance(value, (list, tuple)):
        # Where prompts differ in length, the prompt is the outermost index.
        axis = next((a for a in axes if a == "prompt"), axes[0] if axes else _unnamed(leaf.index))
        rest = tuple(a for a in axes if a != axis)
        for i, item in enumerate(value):
            yield from _leaves(_Leaf(leaf.field, {**leaf.index, axis: i}, item), rest)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(_Leaf(f"{leaf.field}.{key}", leaf.index, item), axes)
    else:
        yield leaf


def _fitting(axes: tuple[str, ...], index: Mapping[str, int], ndim: int) -> tuple[str, ...]:
    """Return one name per axis, made up where there are more than are known."""
    if len(axes) != ndim:
        axes = ()
        for _ in range(ndim):
            axes = (*axes, _unnamed((*index, *axes)))
    return axes


def _unnamed(taken: Iterable[str]) -> str:
    number = 1 + sum(axis.startswith("index") for axis in taken)
    return "index" if number == 1 else f"index_{number}"


def _cells(leaf: _Leaf) -> Iterator[tuple[dict[str, int], Any]]:
    if not isinstance(leaf.value, _Array):
        yield leaf.index, leaf.value
        return
    array, axes = leaf.value.values, leaf.value.axes
    lead = leading_axes(array.shape, array.dtype.itemsize)
    for first in np.ndindex(*array.shape[:lead]):
        part = np.asarray(array[first])
        places = np.ndindex(*part.shape)
        for place, value in zip(places, part.reshape(-1).tolist(), strict=True):
            yield {**leaf.index, **dict(zip(axes, first + place, strict=True))}, value


def cell_text(value: Any) -> str:
    """Return a value in full precision; empty where there is none."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
