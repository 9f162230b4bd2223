"""The maps of the patching view, computed from a result.

A picture is layers × positions, or layers × heads; by position, heads are shown at one position,
or each at the position where it does most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from desktop_app.analyses.patch.spec import ANALYSIS, HEADED, KEY_VALUE
from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import metric_name
from desktop_app.widgets.matrix.map_row import Columns, MapSpec
from desktop_app.widgets.matrix.pair_canvas import PairColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from desktop_app.contract.result import Result

Quantity = Literal["share", "asymmetry", "raw"]
QUANTITIES: tuple[tuple[Quantity, str], ...] = (
    ("share", "Enough · needed"),
    ("asymmetry", "Asymmetry"),
    ("raw", "Metric"),
)
SHARES = ("restored", "broken")
RAW = {"restored": "patched_denoise", "broken": "patched_noise"}
_WORDS = {
    "restored": ("Enough", "clean put into the corrupt run", "clean → corrupt"),
    "broken": ("Needed", "corrupt put into the clean run", "corrupt → clean"),
    "asymmetry": (
        "Asymmetry",
        "broken − restored: +1 needed, not enough (AND); −1 enough, not needed (OR)",
        "+1 like AND, −1 like OR",
    ),
    "patched_denoise": ("Enough", "the corrupt run with the clean activation", "clean → corrupt"),
    "patched_noise": ("Needed", "the clean run with the corrupt activation", "corrupt → clean"),
}


@dataclass(frozen=True)
class Shape:
    """What the axes of a sweep are.

    Attributes:
        heads: Whether the site has heads.
        key_value: Whether these are the model's key-value heads.
        by_position: Whether positions were patched one by one.
    """

    heads: bool
    key_value: bool
    by_position: bool

    @property
    def stacked(self) -> bool:
        """Whether cells are heads at positions, more than one picture can show."""
        return self.heads and self.by_position


@dataclass(frozen=True)
class Picture:
    """Maps of one shape on one colour scale."""

    maps: tuple[MapSpec, ...]
    columns: Columns
    row_labels: tuple[str, ...]
    limits: tuple[float, float]


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


def places_of(data: Mapping[str, Any], prompt: int | None, position: int | None) -> np.ndarray:
    """Return the position [layers, heads] at which each head of a sweep by position is shown.

    Without a `position` it is the one where the larger of both shares is largest in size.
    """
    found = [np.abs(cells(data, name, prompt)) for name in directions(data)]
    if position is not None and position < found[0].shape[2]:
        return np.full(found[0].shape[:2], position)
    sizes = [np.nan_to_num(size, nan=-1.0) for size in found]
    return np.asarray(np.maximum.reduce(sizes).argmax(axis=2))


def picture(
    result: Result, quantity: Quantity, prompt: int | None, position: int | None = None
) -> Picture:
    """Return the maps of a quantity, of one prompt or of the mean over prompts."""
    data = result.data
    names = fields_of(data, quantity)
    values = [flat(data, name, prompt, position) for name in names]
    maps = specs(names, values, metric_name(result) if quantity == "raw" else "")
    centre, least = 0.0, 0.0
    if quantity == "raw":
        clean, corrupt = ends(result, prompt)
        centre, least = (clean + corrupt) / 2, abs(clean - corrupt) / 2
    return Picture(
        maps,
        columns(result, prompt, values[0].shape[1]),
        layer_labels(data),
        limits(values, centre, least),
    )


def fields_of(data: Mapping[str, Any], quantity: Quantity) -> tuple[str, ...]:
    """Return the fields that a quantity is drawn from, one per map."""
    there = directions(data)
    if quantity == "asymmetry" and len(there) == 2:
        return ("asymmetry",)
    return tuple(RAW[name] for name in there) if quantity == "raw" else there


def specs(
    names: Sequence[str], values: Sequence[np.ndarray], value_name: str
) -> tuple[MapSpec, ...]:
    """Return maps with the words that say what their fields mean."""
    return tuple(
        MapSpec(v, *_WORDS[name], value_name or (name if name in SHARES else ""))
        for name, v in zip(names, values, strict=True)
    )


def limits(
    values: Sequence[np.ndarray], centre: float = 0.0, least: float = 0.0
) -> tuple[float, float]:
    """Return the ends of one scale for all maps, symmetric about `centre`, `least` wide."""
    sizes = [np.abs(v[np.isfinite(v)] - centre) for v in values]
    reach = max([least, *(float(s.max()) for s in sizes if s.size)])
    reach = reach if reach > 0 else 1.0
    return centre - reach, centre + reach


def ends(result: Result, prompt: int | None) -> tuple[float, float]:
    """Return the metric of the clean and of the corrupt run, of a prompt or the mean of all."""
    found = []
    for name in ("clean", "corrupt"):
        values = np.asarray(result.data[name], dtype=float)
        found.append(float(np.nanmean(values)) if prompt is None else float(values[prompt]))
    return found[0], found[1]


def layer_labels(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the model's own numbers of the layers."""
    return tuple(str(int(layer)) for layer in data["layers"])


def columns(result: Result, prompt: int | None, count: int) -> Columns:
    """Return what stands above the columns of a picture."""
    shape = shape_of(result.params)
    if shape.heads:
        return head_columns(shape, count)
    if not shape.by_position:
        return Columns("", ["all positions"])
    pairs = token_pairs(result, prompt)
    first = np.asarray(result.data["first_difference"], dtype=int)
    read = np.asarray(result.data["read_position"], dtype=int)
    if prompt is not None:
        first, read = first[prompt : prompt + 1], read[prompt : prompt + 1]
    same = len(set(read.tolist())) == 1
    labels = [f"{i}{_one_label(pair)}" for i, pair in enumerate(pairs)]
    return Columns("Position", labels, pairs, int(first.min()), int(read[0]) if same else None)


def head_columns(shape: Shape, count: int) -> Columns:
    """Return the heads of a picture by their numbers."""
    name = "Key-value head" if shape.key_value else "Head"
    return Columns(name, [str(head) for head in range(count)])


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
    return f": {pair.clean} | {pair.corrupt}"


def lines(result: Result) -> Iterator[str]:
    """Yield the strongest cells of each direction, prompt by prompt, for a terminal."""
    data, params = result.data, result.params
    mark = " (gradient estimate)" if data["estimated"] else ""
    for index in range(len(result.prompts)):
        yield (
            f"prompt {index + 1}: {params['metric']} clean {data['clean'][index]:.3f}, corrupt "
            f"{data['corrupt'][index]:.3f}; {params['site']} exchanged{mark}"
        )
        for name, words in (
            ("restored", "enough: the clean activation in the corrupt run restores"),
            ("broken", "needed: the corrupt activation in the clean run breaks"),
        ):
            if name in data:
                yield f"  {words}"
                yield from _strongest(result, data[name], index)


def _strongest(result: Result, field: Any, index: int) -> Iterator[str]:
    """Yield a prompt's largest cells, by layer, head and position as far as there are such axes."""
    ragged = isinstance(field, (tuple, list))
    cells = np.asarray(field[index]) if ragged else np.asarray(field)[..., index]
    texts = result.prompts[index].tokens.texts
    axes = [axis for axis in ANALYSIS.axes("restored", result.params) if axis != "prompt"]
    for found in lowest(-np.abs(cells)):
        place = dict(zip(axes, found, strict=True))
        name = f"L{int(result.data['layers'][place['layer']])}"
        if "head" in place:
            name += f"H{place['head']}"
        if "position" in place:
            name += f" @{place['position']} “{texts[place['position']]}”"
        yield f"    {name:<22} {cells[found]:+.3f}"
