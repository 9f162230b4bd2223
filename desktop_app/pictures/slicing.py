"""Fields of a result as matrices: which axes one has, what their places are called, one slice.

An array may lie on disk, and may be far larger than what is drawn of it: one matrix is read at a
time, never the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.registry import fields_of
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import prompt_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import PromptRecord, Result
    from desktop_app.contract.spec import FieldSpec

# Pairs of axes that belong on one picture.
_PICTURES = (("query", "key"), ("layer", "head"), ("layer", "position"), ("row", "column"))
_POSITIONS = frozenset({"position", "query", "key"})
_MAX_SIDE = 4096
# Larger arrays are not looked through for where to begin.
MAX_SEARCHED_BYTES = 4_000_000


@dataclass(frozen=True)
class Source:
    """What is drawn: a result, or what is known so far of one that is being computed.

    Attributes:
        data: Fields by name.
        specs: What they are, as far as that is known.
        prompts: What their prompts are; none where that is not known yet.
    """

    data: Mapping[str, Any]
    specs: Mapping[str, FieldSpec] = field(default_factory=dict)
    prompts: tuple[PromptRecord, ...] = ()

    def labels(self, axis: str, size: int | None = None) -> Any:
        """Return what the places of an axis are called; None: they are just counted.

        A field may say that it names them; of an axis of known size, so does one of that length
        whose name is their plural.
        """
        names = [name for name, spec in self.specs.items() if spec.labels == axis]
        names += [] if size is None else [f"{axis}s"]
        found: list[Any] = [self.data.get(name) for name in names]
        lists = (v for v in found if isinstance(v, (list, tuple)) or getattr(v, "ndim", 0) == 1)
        return next((labels for labels in lists if size is None or len(labels) == size), None)

    def telling(self) -> dict[str, int]:
        """Return how much each field tells; below 0 what is bookkeeping, or not known at all."""
        told = {name: -1 if s.labels else s.telling for name, s in self.specs.items()}
        return {name: told.get(name, -bool(told)) for name in self.data}


@dataclass(frozen=True)
class Axis:
    """One axis of a field.

    Attributes:
        name: Such as `layer`.
        labels: What its places are called.
        places: Where in the array they stand.
    """

    name: str
    labels: tuple[str, ...]
    places: tuple[int, ...]

    def cut(self, size: int) -> Axis:
        """Return the first places, or counted ones where there are more than have a name."""
        if len(self.labels) < size:
            return counted(self.name, size)
        return Axis(self.name, self.labels[:size], self.places[:size])


@dataclass(frozen=True)
class Field:
    """A field of numbers, and how it is drawn.

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


def source(result: Result) -> Source:
    """Return what there is to draw of a result."""
    return Source(result.data, fields_of(result), result.prompts)


def counted(name: str, size: int) -> Axis:
    """Return an axis whose places are called by their numbers from 0."""
    places = tuple(range(size))
    return Axis(name, tuple(map(str, places)), places)


def label_of(labels: Any, index: int | None) -> str:
    """Return what a place of an axis is called; empty for an axis that a field does not have."""
    if index is None:
        return ""
    label = labels[index] if labels is not None and index < len(labels) else index
    if isinstance(label, (int, np.integer)):
        return str(int(label))
    if isinstance(label, (float, np.floating)):
        short = f"{label:g}"
        return short if float(short) == label else repr(float(label))
    return label if isinstance(label, str) else str(index)


def field_of(shown: Source, name: str) -> Field | None:
    """Return a field of numbers with its axes; None where it is none, or holds no number."""
    value = shown.data[name]
    ragged = isinstance(value, tuple)
    arrays = value if ragged else (value,)
    if not arrays or not all(map(_is_numeric, arrays)):
        return None
    if len({array.ndim for array in arrays}) > 1:
        return None
    shape = tuple(max(sizes) for sizes in zip(*(a.shape for a in arrays), strict=True))
    spec = shown.specs.get(name)
    names = [n for n in (spec.axes if spec else ()) if not (ragged and n == "prompt")]
    if len(names) != len(shape):
        names = [f"axis {i + 1}" for i in range(len(shape))]
    axes = [axis_of(shown, n, size) for n, size in zip(names, shape, strict=True)]
    if ragged:
        axes.insert(0, axis_of(shown, "prompt", len(arrays)))
    return _drawn(name, tuple(axes), ragged=ragged) if all(a.labels for a in axes) else None


def axis_of(shown: Source, name: str, size: int) -> Axis:
    """Return an axis of so many places, prompts by their texts and others by their names."""
    if name == "prompt" and shown.prompts:
        size = min(size, len(shown.prompts))
        titles = tuple(prompt_title(shown.prompts[i], i, 30) for i in range(size))
        return Axis(name, titles, tuple(range(size)))
    labels = shown.labels(name, size)
    return Axis(name, tuple(label_of(labels, i) for i in range(size)), tuple(range(size)))


def matched(left: Field, right: Field) -> tuple[Field, Field] | None:
    """Return two fields cut to the places that both have, by their labels; None: there are none."""
    if left.ragged != right.ragged or [a.name for a in left.axes] != [a.name for a in right.axes]:
        return None
    pairs = [_common(one, two) for one, two in zip(left.axes, right.axes, strict=True)]
    if any(not one.labels for one, _two in pairs):
        return None
    ones, twos = zip(*pairs, strict=True)
    return replace(left, axes=ones), replace(right, axes=twos)


def matrix(shown: Source, one: Field, chosen: Mapping[str, int]) -> np.ndarray:
    """Read one matrix `[rows, columns]`, float; only what is shown is read from disk.

    For each axis of `one.choosers()` the number of one of its labels is chosen.
    """
    value = shown.data[one.name]
    index = [a.places[chosen[a.name]] if a.name in chosen else a.places for a in one.axes]
    rows, columns = one.rows, one.columns
    if one.ragged:
        first, *index = index
        value = value[first if isinstance(first, int) else first[0]]
        rows, columns = rows - 1, None if columns is None else columns - 1
    singles = tuple(
        slice(None) if i in {rows, columns} else (p if isinstance(p, int) else p[0])
        for i, p in enumerate(index)
    )
    sizes = [n for i, n in enumerate(value.shape) if i in {rows, columns}]
    there = all(isinstance(s, slice) or s < n for s, n in zip(singles, value.shape, strict=True))
    # A shorter prompt has no such place.
    part = np.asarray(value[singles], dtype=np.float64) if there else np.full(sizes, np.nan)
    down, across = index[rows], (0,) if columns is None else index[columns]
    if columns is None:
        part = part.reshape(-1, 1)
    elif columns < rows:
        part = part.T
    return part[np.ix_(_within(down, part.shape[0]), _within(across, part.shape[1]))]


def largest(shown: Source, one: Field) -> dict[str, int]:
    """Return the places of the choosers' axes where the value farthest from 0 stands.

    Only where that is quick to find: in an array in memory, of moderate size; else nothing.
    """
    value = shown.data[one.name]
    if not isinstance(value, np.ndarray) or not 0 < value.nbytes <= MAX_SEARCHED_BYTES:
        return {}
    size = np.nan_to_num(np.abs(value.astype(float)), nan=-1.0)
    found = np.unravel_index(int(np.argmax(size)), size.shape)
    names = {axis.name for axis in one.choosers()}
    return {a.name: int(i) for a, i in zip(one.axes, found, strict=True) if a.name in names}


def sides(one: Field, shape: Sequence[int]) -> tuple[Axis, Axis]:
    """Return what the rows and the columns of a matrix of a field are."""
    columns = Axis("", ("",), (0,)) if one.columns is None else one.axes[one.columns]
    return one.axes[one.rows].cut(shape[0]), columns.cut(shape[1])


def token_labels(prompts: Sequence[PromptRecord], axis: Axis, prompt: int) -> list[str]:
    """Return an axis' labels, tokens for positions."""
    if axis.name not in _POSITIONS or not 0 <= prompt < len(prompts):
        return list(axis.labels)
    texts = prompts[prompt].tokens.texts
    places = [int(label) if label.isdecimal() else -1 for label in axis.labels]
    if any(not 0 <= place < len(texts) for place in places):
        return list(axis.labels)
    return [display_text(texts[place]) for place in places]


def _drawn(name: str, axes: tuple[Axis, ...], *, ragged: bool) -> Field:
    names = [a.name for a in axes]
    for row, column in _PICTURES:
        if row in names and column in names:
            return Field(name, axes, ragged, names.index(row), names.index(column))
    free = [i for i, n in enumerate(names) if not (n == "prompt" and (ragged or len(names) > 1))]
    if len(free) > 2:
        free = [i for i in free if names[i] not in {"kind", "prompt"}] or free
    columns = free[1] if len(free) > 1 else None
    return Field(name, axes, ragged, free[0], columns)


def _common(left: Axis, right: Axis) -> tuple[Axis, Axis]:
    """Return the places of an axis that both have: prompts in their order, others by name."""
    if left.name == "prompt":
        size = min(len(left.labels), len(right.labels))
        return left.cut(size), replace(left.cut(size), places=right.places[:size])
    if left.labels == right.labels:
        return left, right
    there = dict(zip(reversed(right.labels), reversed(right.places), strict=True))
    kept = [i for i, label in enumerate(left.labels) if label in there]
    labels = tuple(left.labels[i] for i in kept)
    return (
        Axis(left.name, labels, tuple(left.places[i] for i in kept)),
        Axis(left.name, labels, tuple(there[label] for label in labels)),
    )


def _within(places: tuple[int, ...] | int, size: int) -> list[int]:
    """Return the places that an array has: those of a shorter prompt are fewer."""
    listed = (places,) if isinstance(places, int) else places
    return [p for p in listed if p < size][:_MAX_SIDE]


def _is_numeric(value: Any) -> bool:
    """Return whether this is an array of numbers, in memory or on disk, with an axis."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return bool(kind) and kind in "iufb" and value.ndim > 0
