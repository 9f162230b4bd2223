"""The table that a result is read as, for a spreadsheet: one row per cell, one column per number.

Beside `tidy`, which writes every field one below the other, this puts the fields that share their
axes side by side: one row per head with its effect, its standard error and its percentage.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.registry import hook
from desktop_app.pictures.slicing import label_of, source
from desktop_app.session.lazy import Stored
from desktop_app.session.tidy import axes_of, cell_text

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

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
    return "".join("\t".join(_flat(c) for c in row) + "\n" for row in (headings, *rows))


def _fields(result: Result) -> Table:
    """Return the fields that share the axes of most of them, side by side."""
    groups: dict[tuple[str, ...], dict[str, Stored]] = {}
    for name, value in result.data.items():
        axes = axes_of(result, name)
        fits = isinstance(value, Stored) and value.ndim == len(axes) > 0
        if fits and math.prod(value.shape) <= MAX_ROWS:
            groups.setdefault(axes, {})[name] = value
    if not groups:
        return ["field", "value"], [
            [name, cell_text(value)]
            for name, value in result.data.items()
            if isinstance(value, (bool, int, float, str, np.generic))
        ]
    axes = max(groups, key=lambda a: _weight(a, groups[a]))
    shown = source(result)
    labels = {axis: shown.labels(axis) for axis in axes}
    return _side_by_side(axes, groups[axes], labels)


def _weight(axes: tuple[str, ...], fields: dict[str, Any]) -> tuple[bool, int, int]:
    """Return how much a group is the main one: without prompts, most axes, most fields."""
    return "prompt" not in axes, len(axes), len(fields)


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
