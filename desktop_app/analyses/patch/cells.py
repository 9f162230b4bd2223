"""The cells of a patching sweep: their axes, their numbers, what stands above them.

A picture is layers × positions, or layers × heads; by position, heads are shown at one position,
or each at the position where it does most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.patch.spec import HEADED, KEY_VALUE
from desktop_app.pictures.matrix import Axis, PairColumn, numbered
from desktop_app.pictures.token_text import display_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result

SHARES = ("restored", "broken")
RAW = {"restored": "patched_denoise", "broken": "patched_noise"}


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


def ends(result: Result, prompt: int | None) -> tuple[float, float]:
    """Return the metric of the clean and of the corrupt run, of a prompt or the mean of all."""
    found = []
    for name in ("clean", "corrupt"):
        values = np.asarray(result.data[name], dtype=float)
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
    return f": {pair.clean} | {pair.corrupt}"
