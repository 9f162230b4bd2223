"""The cells of a patching sweep: axes and numbers, the ranking, one cell's prompts, the selection.

A picture is layers × positions, or layers × heads; by position, heads are shown at one position,
or each at the position where it does most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.patch.spec import HEADED, KEY_VALUE
from desktop_app.pictures.matrix import Axis, PairColumn, numbered
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import ABOUT, number, part_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result


SHARES = ("restored", "broken")
RAW = {"restored": "patched_denoise", "broken": "patched_noise"}


def share_of(name: str) -> str:
    """Return the share whose cells a field has: that of a patched metric is the one made of it."""
    return next((share for share, raw in RAW.items() if raw == name), name)


@dataclass(frozen=True)
class Shape:
    """Whether a sweep's site has heads, which are key-value heads, and positions one by one."""

    heads: bool
    key_value: bool
    by_position: bool

    @property
    def stacked(self) -> bool:
        """Whether cells are heads at positions, more than one picture can show."""
        return self.heads and self.by_position


def shape_of(params: Mapping[str, Any]) -> Shape:
    """Return the axes that the settings of a sweep lead to."""
    site = str(params.get("site", "resid_pre"))
    by_position = str(params.get("by", "position")) == "position"
    return Shape(site in HEADED, site in KEY_VALUE, by_position)


def directions(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `restored`, `broken` or both: what was run."""
    return tuple(name for name in SHARES if name in data)


def is_ragged(data: Mapping[str, Any]) -> bool:
    """Return whether the prompts have several lengths, so that no mean over them exists."""
    return any(isinstance(data.get(name), (tuple, list)) for name in SHARES)


def cells(data: Mapping[str, Any], name: str, prompt: int | None) -> np.ndarray:
    """Return a field of one prompt, or its mean over prompts where `prompt` is None.

    Returns:
        Float [layers, positions], [layers, heads] or [layers, heads, positions]; [layers, 1] for
        a site without heads at all positions.
    """
    if prompt is None:
        values = np.asarray(data[f"{name}_mean"], dtype=float)
    elif isinstance(data[name], (tuple, list)):
        values = np.asarray(data[name][prompt], dtype=float)
    else:
        values = np.asarray(data[name], dtype=float)[..., prompt]
    return values[:, None] if values.ndim == 1 else values


def flat(
    data: Mapping[str, Any], name: str, prompt: int | None, position: int | None
) -> np.ndarray:
    """Return a field as a picture [rows, cols].

    Heads by position are shown at `position`; where it is None, each at the position where it
    does most, either way.
    """
    values = cells(data, name, prompt)
    if values.ndim == 2:
        return values
    places = places_of(data, prompt, position)
    picked: np.ndarray = np.take_along_axis(values, places[:, :, None], axis=2)[:, :, 0]
    return picked


def is_estimated(result: Result) -> bool:
    """Return whether the cells of a result are gradient estimates."""
    return bool(result.data.get("estimated"))


def places_of(data: Mapping[str, Any], prompt: int | None, position: int | None) -> np.ndarray:
    """Return the position [layers, heads] at which each head of a sweep by position is shown.

    Without a `position` it is the one where the larger of both shares is largest in size.
    """
    found = [np.abs(cells(data, name, prompt)) for name in directions(data)]
    if position is not None and position < found[0].shape[2]:
        return np.full(found[0].shape[:2], position)
    sizes = [np.nan_to_num(size, nan=-1.0) for size in found]
    return np.asarray(np.maximum.reduce(sizes).argmax(axis=2))


def ends(result: Result, prompt: int | None) -> tuple[float, float]:
    """Return the metric of the clean and of the corrupt run, of a prompt or the mean of all."""
    found = []
    for name in ("clean", "corrupt"):
        values = np.asarray(result.data[name], dtype=float)
        if result.partial and prompt is None:  # the mean over the prompts that count
            values = np.asarray(result.data.get(f"{name}_mean", math.nan), dtype=float)
        found.append(float(np.nanmean(values)) if prompt is None else float(values[prompt]))
    return found[0], found[1]


def layer_axis(data: Mapping[str, Any]) -> Axis:
    """Return the layers by the model's own numbers."""
    return Axis("Layer", [str(int(layer)) for layer in data["layers"]])


def columns(result: Result, prompt: int | None, count: int) -> Axis:
    """Return what stands above the columns of a picture."""
    shape = shape_of(result.params)
    if shape.heads:
        return head_columns(shape, count)
    if not shape.by_position:
        return Axis("", ["all positions"])
    pairs = token_pairs(result, prompt)
    first = np.asarray(result.data["first_difference"], dtype=int)
    read = np.asarray(result.data["read_position"], dtype=int)
    if prompt is not None:
        first, read = first[prompt : prompt + 1], read[prompt : prompt + 1]
    same = len(set(read.tolist())) == 1
    labels = [f"{i}{_one_label(pair)}" for i, pair in enumerate(pairs)]
    dimmed, place = int(first.min()), int(read[0]) if same else None
    return Axis("Position", labels, pairs=pairs, dimmed=dimmed, read=place)


def head_columns(shape: Shape, count: int) -> Axis:
    """Return the heads of a picture by their numbers."""
    name = "Key-value head" if shape.key_value else "Head"
    return numbered(name, count)


def token_pairs(result: Result, prompt: int | None) -> list[PairColumn]:
    """Return the tokens above each position.

    Over several prompts a position has a token where all prompts have the same, else its number.
    """
    chosen = result.prompts if prompt is None else (result.prompts[prompt],)
    found = []
    for place in range(len(chosen[0].tokens)):
        clean = {record.tokens.texts[place] for record in chosen}
        twins = [record.corrupt_tokens or record.tokens for record in chosen]
        corrupt = {twin.texts[place] for twin in twins}
        differs = any(
            record.tokens.ids[place] != twin.ids[place]
            for record, twin in zip(chosen, twins, strict=True)
        )
        found.append(PairColumn(_common(clean, place), _common(corrupt, place), differs))
    return found


def _common(texts: set[str], place: int) -> str:
    return display_text(next(iter(texts))) if len(texts) == 1 else f"#{place}"


def _one_label(pair: PairColumn) -> str:
    if pair.clean == pair.corrupt:
        return "" if pair.clean.startswith("#") else f": {pair.clean}"
    return f": {pair.clean} / {pair.corrupt}"


# The run that is changed, how its metric is written, and the field of its own metric.
_INTO = {
    "restored": (
        "into corrupt",
        "corrupt run: untouched → with the clean activation",
        "corrupt",
    ),
    "broken": ("into clean", "clean run: untouched → with the corrupt activation", "clean"),
}


@dataclass(frozen=True)
class PatchPart:
    """One cell in the list; NaN where a direction was not run."""

    row: int
    column: int
    layer: int
    head: int | None
    position: int | None
    name: str
    restored: float
    broken: float

    @property
    def asymmetry(self) -> float:
        """What it is more needed than enough."""
        return self.broken - self.restored


def parts(
    result: Result,
    prompt: int | None,
    position: int | None,
    order: str,
    limit: int | None = None,
) -> list[PatchPart]:
    """Return the cells, the largest by `order` first (neither a share nor `asymmetry`: of both).

    They are a prompt's or the mean's; heads by position each where it does most, or at a position.
    """
    data, there = result.data, directions(result.data)
    stacked = shape_of(result.params).stacked
    places = places_of(data, prompt, position) if stacked else None
    shares = {name: flat(data, name, prompt, position) for name in there}
    missing = np.full(shares[there[0]].shape, math.nan)
    restored, broken = shares.get("restored", missing), shares.get("broken", missing)
    rank = _rank(restored, broken, order)
    chosen = columns(result, prompt, shares[there[0]].shape[1])
    found = []
    if result.partial:  # of which some cells are missing
        known = int(np.isfinite(rank).sum())
        limit = known if limit is None else min(limit, known)
    for row, column in lowest(-rank, limit):
        at = int(places[row, column]) if places is not None else None
        both = float(restored[row, column]), float(broken[row, column])
        found.append(_part(result, chosen, (row, column), at, both))
    return found


def _rank(restored: np.ndarray, broken: np.ndarray, order: str) -> np.ndarray:
    if order == "asymmetry":
        values = np.abs(broken - restored)
    elif order in SHARES:
        values = restored if order == "restored" else broken
    else:
        values = np.fmax(np.abs(restored), np.abs(broken))
    return np.asarray(np.nan_to_num(values, nan=-np.inf))


def _part(
    result: Result,
    chosen: Axis,
    place: tuple[int, int],
    position: int | None,
    shares: tuple[float, float],
) -> PatchPart:
    (row, column), shape = place, shape_of(result.params)
    layer = int(result.data["layers"][row])
    head = column if shape.heads else None
    at = column if shape.by_position and not shape.heads else None
    if shape.stacked:
        at = position
    name = cell_name(shape, layer, head, at)
    if not shape.heads and at is not None:
        name = f"L{layer} · {chosen.labels[column]}"
    if is_estimated(result):
        name = f"{name} {ABOUT}"
    return PatchPart(row, column, layer, head, at, name, *shares)


def cell_name(shape: Shape, layer: int, head: int | None, position: int | None) -> str:
    """Name a cell: `L5H3`, `L5 KV1`, `L5`, with its position where it has one."""
    if head is None:
        name = f"L{layer}"
    else:
        name = f"L{layer} KV{head}" if shape.key_value else part_name(layer, head)
    return name if position is None else f"{name} · {position}"


def ranking(found: list[PatchPart], there: tuple[str, ...], order: str = "") -> Ranking:
    """Return parts as rows; both bars have one scale, from 0 at the left if none is negative.

    Sorted by asymmetry, that is what they list, signed and in a word; the shares step back.
    """
    if order == "asymmetry":
        return _by_asymmetry(found)
    reach = max(
        [1e-9, *(abs(x) for p in found for x in (p.restored, p.broken) if math.isfinite(x))]
    )
    negative = any(min(p.restored, p.broken) < -reach / 50 for p in found)
    limits = (-reach / 2 if negative else 0.0, reach)
    columns = [Column("part", "name")]
    for name in there:
        columns += [
            Column(f"{name} bar", "bar", "", priority=1, signed=True, limits=limits, least=26),
            Column(name, "number", align="right"),
        ]
    rows = []
    for p in found:
        shares = {name: float(getattr(p, name)) for name in there}
        told = ", ".join(f"{name} {number(value)}" for name, value in shares.items())
        values = (value for value in shares.values() for _twice in range(2))
        rows.append(Row((p.row, p.column), (p.name, *values), f"{p.name}: {told}"))
    return Ranking(tuple(columns), tuple(rows))


_ASYMMETRY = "broken − restored: +1 needed, not enough (AND); −1 enough, not needed (OR)"


def _by_asymmetry(found: list[PatchPart]) -> Ranking:
    reach = max([1e-9, *(abs(p.asymmetry) for p in found if math.isfinite(p.asymmetry))])
    limits = (-reach, reach)
    columns = (
        Column("part", "name"),
        Column("bar", "bar", "", priority=1, signed=True, limits=limits, least=26),
        Column("asymmetry", "number", format=_in_words, width=100, tooltip=_ASYMMETRY),
        Column("restored", "number", priority=2, muted=True),
        Column("broken", "number", priority=2, muted=True),
    )
    rows = []
    for p in found:
        value, like = p.asymmetry, like_words(p.asymmetry)
        told = f"{p.name}: asymmetry {number(value, sign=True)}"
        if like in {"AND", "OR"}:
            meant = "needed, not enough" if value > 0 else "enough, not needed"
            told += f", {like}-like ({meant})"
        elif like:
            told += f", {_LEANING[like]}"
        told += f"; restored {number(p.restored)}, broken {number(p.broken)}"
        values = (p.name, value, value, p.restored, p.broken)
        rows.append(Row((p.row, p.column), values, told))
    return Ranking(columns, tuple(rows))


LIKE = 0.5
"""From here on an asymmetry is called like a gate."""

_EVEN = 0.005  # written as 0.00
_LEANING = {
    "→ AND": "more needed than enough",
    "→ OR": "more enough than needed",
    "even": "as much the one as the other",
}


def like_words(asymmetry: float) -> str:
    """Return the gate that a cell is like: `AND` needed and not enough, `OR` the other way.

    An arrow stands before the gate that it only leans to.
    """
    if math.isnan(asymmetry):
        return ""
    if abs(asymmetry) < _EVEN:
        return "even"
    gate = "AND" if asymmetry > 0 else "OR"
    return gate if abs(asymmetry) >= LIKE else f"→ {gate}"


def _in_words(asymmetry: float) -> str:
    """Write an asymmetry with its sign and the gate; the numbers stay below each other."""
    return f"{number(asymmetry, 2, sign=True)} {like_words(asymmetry):<5}"


def prompt_rows(result: Result, part: PatchPart) -> Ranking:
    """Return what exchanging a part does, prompt by prompt; prompts too short for it are left out.

    Heads by position are taken at the part's own position.
    """
    data, there = result.data, directions(result.data)
    columns = [Column("prompt", "mono", width="stretch", least=136)]
    for name in there:
        run, tip, _base = _INTO[name]
        columns += [
            Column(run, "mono", align="right", width=122, priority=1, tooltip=tip),
            Column(name, "number", format=_share, width=78),
        ]
    rows = []
    for i, record in enumerate(result.prompts):
        values: list[object] = []
        for name in there:
            share, patched = _at(result, name, i, part), _at(result, RAW[name], i, part)
            if share is not None and patched is not None:
                base = float(np.asarray(data[_INTO[name][2]], dtype=float)[i])
                values += [f"{number(base, 2)} → {number(patched, 2)}", share]
        if values:
            title = f"{i + 1} · {display_text(record.text)}"
            rows.append(Row(i, (title, *values)))
    return Ranking(tuple(columns), tuple(rows))


def _share(value: float) -> str:
    return number(value, 3)


def _at(result: Result, name: str, prompt: int, part: PatchPart) -> float | None:
    if name not in result.data:
        return None
    values = cells(result.data, name, prompt)
    place: tuple[int, ...] = (part.row, part.column)
    if shape_of(result.params).stacked:
        place = (*place, part.position or 0)
    inside = all(i < n for i, n in zip(place, values.shape, strict=True))
    return float(values.item(*place)) if inside else None


def part_at(
    result: Result, place: tuple[int, int], prompt: int | None, position: int | None
) -> PatchPart:
    """Return the part at (row, column) of the picture."""
    data, at = result.data, position
    if shape_of(result.params).stacked:
        at = int(places_of(data, prompt, position)[place])
    shares = [
        float(flat(data, name, prompt, position)[place]) if name in data else math.nan
        for name in SHARES
    ]
    count = cells(data, directions(data)[0], prompt).shape[1]
    return _part(result, columns(result, prompt, count), place, at, (shares[0], shares[1]))


def find_place(
    result: Result, layer: int | None, head: int | None, position: int | None, prompt: int | None
) -> tuple[int, int] | None:
    """Return row and column of what is selected by the model's numbers, or None."""
    layers = [int(x) for x in result.data["layers"]]
    if layer not in layers:
        return None
    shape, row = shape_of(result.params), layers.index(layer)
    count = cells(result.data, directions(result.data)[0], prompt).shape[1]
    column: int | None = 0
    if shape.heads:
        column = head
        if shape.key_value and head is not None:
            column = head * result.model.n_kv_heads // result.model.n_heads
    elif shape.by_position:
        column = position
    return (row, column) if column is not None and column < count else None


def query_heads(result: Result, column: int) -> range:
    """Return the query heads of a column: of a key-value head all that read it."""
    if not shape_of(result.params).key_value:
        return range(column, column + 1)
    group = result.model.n_heads // result.model.n_kv_heads
    return range(column * group, (column + 1) * group)


def query_head(result: Result, column: int, current: int | None) -> int:
    """Return the query head of a column: of a key-value head the current one, or its first."""
    if not shape_of(result.params).key_value:
        return column
    group = result.model.n_heads // result.model.n_kv_heads
    if current is not None and current // group == column:
        return current
    return column * group
