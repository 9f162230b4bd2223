"""What the comparison of two results shows, computed without Qt: fields, axes, matrices.

Two results of one analysis are laid over each other where they have the same layers, heads and
prompts. Patterns may lie on disk: one matrix is read at a time, never the whole array.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.described import fields_of
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import prompt_title
from desktop_app.session.lazy import LazyArray
from desktop_app.session.tidy import axes_of, axis_labels, label_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result

# Pairs of axes that belong on one picture.
_PICTURES = (("query", "key"), ("layer", "head"), ("layer", "position"), ("row", "column"))
_MAX_SIDE = 4096
_MAX_SEARCHED = 600
_MAX_SEARCHED_BYTES = 4_000_000


@dataclass(frozen=True)
class Axis:
    """An axis that both results have.

    Attributes:
        name: Such as `layer`.
        labels: What its common places are called.
        left: Places in the first result's array.
        right: Places in the second's.
    """

    name: str
    labels: tuple[str, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True)
class Field:
    """A field that both results have, and how it is drawn.

    Attributes:
        axes: Every axis, outermost first; of a ragged field the prompt stands first.
        ragged: Whether there is one array a prompt.
        rows: Which axis runs down the picture.
        columns: Which runs across; None for a single column.
    """

    name: str
    axes: tuple[Axis, ...]
    ragged: bool
    rows: int
    columns: int | None

    def choosers(self) -> tuple[Axis, ...]:
        """Return the axes of which one place at a time is shown."""
        return tuple(a for i, a in enumerate(self.axes) if i not in {self.rows, self.columns})


@dataclass(frozen=True)
class Pair:
    """One matrix of each result, `[rows, columns]`, and what its rows and columns are called."""

    left: np.ndarray
    right: np.ndarray
    rows: Axis
    columns: Axis

    @property
    def difference(self) -> np.ndarray:
        """The second minus the first."""
        apart: np.ndarray = self.right - self.left
        return apart


def fields(left: Result, right: Result) -> list[Field]:
    """Return the fields of numbers that can be laid over each other, the most telling first."""
    told = {name: -1 if s.labels else s.telling for name, s in fields_of(left).items()}
    names = [n for n in left.data if n in right.data and told.get(n, -bool(told)) >= 0]
    found = {n: field for n in names if (field := _field(n, left, right)) is not None}
    # Where there is a mean over prompts, it tells what the field itself would.
    told |= {name: 0 for name in found if f"{name}_mean" in found}
    return sorted(found.values(), key=lambda f: (-told.get(f.name, 0), -len(f.axes)))


def matrices(left: Result, right: Result, field: Field, chosen: Mapping[str, int]) -> Pair:
    """Read one matrix of both results.

    Args:
        left: The first result.
        right: The second.
        field: Which field.
        chosen: For each axis of `field.choosers()` the number of one of its places.
    """
    one = _matrix(left.data[field.name], field, [_place(a, chosen, "left") for a in field.axes])
    two = _matrix(right.data[field.name], field, [_place(a, chosen, "right") for a in field.axes])
    columns = Axis("", ("",), (0,), (0,)) if field.columns is None else field.axes[field.columns]
    if field.ragged and one.shape != two.shape:
        size = tuple(map(min, one.shape, two.shape))
        one, two = one[: size[0], : size[1]], two[: size[0], : size[1]]
    rows, columns = (
        _cut(a, n) for a, n in zip((field.axes[field.rows], columns), one.shape, strict=True)
    )
    return Pair(one, two, rows, columns)


def most_different(left: Result, right: Result, field: Field) -> dict[str, int]:
    """Return the place of the choosers' axes at which the matrices part the most.

    Only where that is quick to find: in arrays in memory, of moderate size; else the first place.
    """
    axes = field.choosers()
    counts = [len(a.labels) for a in axes]
    quick = math.prod(counts) <= _MAX_SEARCHED and all(
        _in_memory(result.data[field.name]) for result in (left, right)
    )
    best, found = -1.0, dict[str, int]()
    for place in np.ndindex(*counts) if quick else ():
        chosen = {a.name: i for a, i in zip(axes, place, strict=True)}
        largest = summary(matrices(left, right, field, chosen))["largest"]
        if largest > best:
            best, found = largest, chosen
    return found


def _in_memory(value: Any) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    return all(isinstance(p, np.ndarray) and p.nbytes <= _MAX_SEARCHED_BYTES for p in parts)


def summary(pair: Pair) -> dict[str, float]:
    """Return how two matrices part: largest and mean difference, and Pearson's correlation."""
    both = np.isfinite(pair.left) & np.isfinite(pair.right)
    if not both.any():
        return {"largest": float("nan"), "mean": float("nan"), "correlation": float("nan")}
    one, two = pair.left[both], pair.right[both]
    apart = two - one
    varied = len(one) > 2 and np.ptp(one) > 0 and np.ptp(two) > 0
    return {
        "largest": float(np.abs(apart).max()),
        "mean": float(apart.mean()),
        "correlation": float(np.corrcoef(one, two)[0, 1]) if varied else float("nan"),
    }


def token_labels(result: Result, axis: Axis, prompt: int) -> list[str]:
    """Return an axis' labels, tokens for positions."""
    if axis.name not in {"position", "query", "key"} or prompt >= len(result.prompts):
        return list(axis.labels)
    texts = result.prompts[prompt].tokens.texts
    if len(texts) < len(axis.labels):
        return list(axis.labels)
    return [display_text(texts[int(label)]) for label in axis.labels]


def _field(name: str, left: Result, right: Result) -> Field | None:
    one, two = left.data[name], right.data[name]
    ragged = isinstance(one, tuple)
    if ragged != isinstance(two, tuple):
        return None
    if ragged:
        if not one or not two or not all(_is_numeric(v) for v in (*one, *two)):
            return None
        shapes = _largest(one), _largest(two)
    elif _is_numeric(one) and _is_numeric(two):
        shapes = one.shape, two.shape
    else:
        return None
    names = [n for n in axes_of(left, name) if not (ragged and n == "prompt")]
    if len(names) != len(shapes[0]):
        names = [f"axis {i + 1}" for i in range(len(shapes[0]))]
    if len(shapes[0]) != len(shapes[1]) or not names:
        return None
    axes = _axes(names, shapes, (left, right), ragged=ragged)
    return None if axes is None else _drawn(name, axes, ragged=ragged)


def _largest(arrays: Sequence[Any]) -> tuple[int, ...]:
    """Return the shape that holds every prompt's array."""
    return tuple(max(sizes) for sizes in zip(*(a.shape for a in arrays), strict=False))


def _axes(
    names: Sequence[str],
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    results: tuple[Result, Result],
    *,
    ragged: bool,
) -> list[Axis] | None:
    left, right = results
    axes = [_prompts(left, right)] if ragged else []
    for name, one, two in zip(names, *shapes, strict=True):
        axis = _prompts(left, right) if name == "prompt" else _common(name, (one, two), results)
        if axis is None:
            return None
        axes.append(axis)
    return axes if all(a.labels for a in axes) else None


def _drawn(name: str, axes: list[Axis], *, ragged: bool) -> Field:
    names = [a.name for a in axes]
    for row, column in _PICTURES:
        if row in names and column in names:
            return Field(name, tuple(axes), ragged, names.index(row), names.index(column))
    free = [i for i, n in enumerate(names) if not (n == "prompt" and (ragged or len(names) > 1))]
    columns = free[1] if len(free) > 1 else None
    return Field(name, tuple(axes), ragged, free[0], columns)


def _prompts(left: Result, right: Result) -> Axis:
    count = min(len(left.prompts), len(right.prompts))
    labels = tuple(prompt_title(left.prompts[i], i, 30) for i in range(count))
    return Axis("prompt", labels, tuple(range(count)), tuple(range(count)))


def _common(name: str, sizes: tuple[int, int], results: tuple[Result, Result]) -> Axis | None:
    """Return the places of an axis that both results have, by their labels."""
    left, right = (
        [label_of(axis_labels(r).get(name), i) for i in range(size)]
        for r, size in zip(results, sizes, strict=True)
    )
    if left == right:
        return Axis(name, tuple(left), tuple(range(sizes[0])), tuple(range(sizes[0])))
    common = [label for label in left if label in set(right)]
    if not common:
        return None
    ones = tuple(left.index(label) for label in common)
    return Axis(name, tuple(common), ones, tuple(right.index(label) for label in common))


def _place(axis: Axis, chosen: Mapping[str, int], side: str) -> tuple[int, ...] | int:
    places: tuple[int, ...] = getattr(axis, side)
    return places[chosen[axis.name]] if axis.name in chosen else places


def _matrix(value: Any, field: Field, places: list[tuple[int, ...] | int]) -> np.ndarray:
    """Return `[rows, columns]` of one result; only what is shown is read from disk."""
    kept = {field.rows, field.columns}
    if field.ragged:
        first = places[0]
        array = value[first if isinstance(first, int) else first[0]]
        index, start = places[1:], 1
    else:
        array, index, start = value, places, 0
    singles = tuple(
        slice(None) if i + start in kept else (p if isinstance(p, int) else p[0])
        for i, p in enumerate(index)
    )
    part = np.asarray(array[singles], dtype=np.float64)
    rows = index[field.rows - start]
    columns: tuple[int, ...] | int = (0,)
    if field.columns is None:
        part = part.reshape(-1, 1)
    else:
        columns = index[field.columns - start]
        if field.columns < field.rows:
            part = part.T
    return part[np.ix_(_within(rows, part.shape[0]), _within(columns, part.shape[1]))]


def _within(places: tuple[int, ...] | int, size: int) -> list[int]:
    """Return the places that an array has: those of a shorter prompt are fewer."""
    listed = (places,) if isinstance(places, int) else places
    return [p for p in listed if p < size][:_MAX_SIDE]


def _cut(axis: Axis, size: int) -> Axis:
    if len(axis.labels) < size:
        labels = tuple(str(i) for i in range(size))
        return Axis(axis.name, labels, tuple(range(size)), tuple(range(size)))
    return Axis(axis.name, axis.labels[:size], axis.left[:size], axis.right[:size])


def _is_numeric(value: Any) -> bool:
    return (
        isinstance(value, (np.ndarray, LazyArray)) and value.ndim > 0 and value.dtype.kind in "iuf"
    )
