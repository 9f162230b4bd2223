"""A circuit as a set: which heads and MLPs stay, and of some at which positions. No Qt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_app.contract.kept import ALL, NONE, all_parts, check_kept, parse_kept, written_kept
from desktop_app.support.errors import BadInputError
from desktop_app.text.kept_files import read_keep

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.kept import Kept, Positions
    from desktop_app.contract.result import ModelInfo, Result

# Of so many characters no list of parts is.
_LONGEST = 200_000
_TOO_LONG = "it is longer than a list of all parts of any model"


@dataclass(frozen=True)
class Shape:
    """Which parts there are.

    Attributes:
        layers: How many.
        heads: Query heads of each.
        mlps: Whether MLPs are parts; else all of them stay.
    """

    layers: int
    heads: int
    mlps: bool = False

    def parts(self) -> tuple[Part, ...]:
        """Return all parts, layer by layer, heads before the MLP."""
        return all_parts(self.layers, self.heads, mlps=self.mlps)

    def lacks(self, part: Part) -> bool:
        """Return whether the model has no such part."""
        layer, head = part
        return layer >= self.layers or (head is not None and head >= self.heads)

    @classmethod
    def of(cls, model: ModelInfo, *, mlps: bool) -> Shape:
        """Return the parts of a model."""
        return cls(model.n_layers, model.n_heads, mlps)

    @classmethod
    def of_result(cls, result: Result) -> Shape:
        """Return the parts among which a result's circuit was chosen."""
        return cls.of(result.model, mlps=bool(result.params.get("mlps")))


def kept_in(text: str, shape: Shape) -> dict[Part, Positions]:
    """Return what a setting keeps: `all`, `none`, or a list.

    Raises:
        ValueError: It is none of these, or names a part that the model lacks.
    """
    if len(text) > _LONGEST:
        raise ValueError(_TOO_LONG)
    word = check_kept(text)
    if word in {ALL, NONE}:
        return dict.fromkeys(shape.parts() if word == ALL else ())
    found = parse_kept(word)
    gone = {part: None for part in found if shape.lacks(part)}
    if gone:
        named = ", ".join(written_kept(gone)[:5])
        raise ValueError(
            f"{named} is not there: the model has {shape.layers} layers of {shape.heads} heads, "
            "counted from 0"
        )
    return found


def written_keep(kept: Kept, shape: Shape) -> str:
    """Return a set as the setting writes it."""
    if not kept:
        return NONE
    every = shape.parts()
    if len(kept) == len(every) and all(kept.get(part, ()) is None for part in every):
        return ALL
    return ",".join(written_kept(kept))


def kept_of(data: Mapping[str, Any]) -> dict[Part, Positions]:
    """Return the circuit that a result, or what is known of one so far, holds."""
    return parse_kept(",".join(map(str, data.get("kept", ()))))


def part_of(name: str) -> Part:
    """Return the part of an entry such as `5.3` or `6.1@-1`."""
    (part,) = parse_kept(name)
    return part


def places_in(places: Positions, length: int) -> frozenset[int]:
    """Return at which of a prompt's positions a part stays, counted from 0."""
    if places is None:
        return frozenset(range(length))
    found = (place + length if place < 0 else place for place in places)
    return frozenset(place for place in found if 0 <= place < length)


def toggled_place(
    places: Positions, position: int, length: int, lengths: Collection[int]
) -> Positions:
    """Return the places with one position of a prompt put in or taken out; none: nowhere.

    Where all prompts have one length, places are written from the start; else the last token is
    written as −1, so that it is every prompt's own.
    """
    now = set(places_in(places, length)) ^ {position}
    alike = len(set(lengths)) == 1
    if len(now) == length and alike:
        return None
    last = length - 1
    written = now if alike else {-1 if place == last else place for place in now}
    return tuple(sorted(written, key=lambda place: (place < 0, place)))


def with_parts(kept: Kept, parts: Iterable[Part], *, keep: bool) -> dict[Part, Positions]:
    """Return a set with these parts in it, or without them; where one stays, stays as it was."""
    given = tuple(parts)
    if keep:
        return {**dict.fromkeys(given), **kept}
    return {part: places for part, places in kept.items() if part not in given}


def read_text(text: str) -> str:
    """Return the list that a pasted text holds: as the setting writes it, or one part a line.

    Raises:
        ValueError: It is neither, nor the JSON of a circuit's result.
    """
    if len(text) > _LONGEST and not text.lstrip().startswith("{"):
        raise ValueError(_TOO_LONG)
    if text.lstrip()[:1] in {"{", "["}:
        return _from_json(text)
    return check_kept(text)


def read_file(path: Path) -> str:
    """Return the list that a file holds.

    Raises:
        BadInputError: It cannot be read, or holds no list of parts.
    """
    try:
        return read_keep(str(path))
    except BadInputError as error:
        name = f"“{path.name}”"
        told = str(error).replace(f"“{path}”", name).replace(str(path), name)
        told = told.removeprefix("--keep").lstrip(": ")
        raise BadInputError(told[:1].upper() + told[1:]) from None


def _from_json(text: str) -> str:
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it begins like JSON, and is none") from None
    if isinstance(given, dict):
        inside = given.get("result", given)
        given = inside.get("kept") if isinstance(inside, dict) else None
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValueError("its JSON is no result of a circuit: there is no list “kept”")
    return check_kept(",".join(given)) if given else NONE


def dropped(data: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return the parts that pruning dropped, in the order in which they went."""
    names, stayed = data.get("trail_part", ()), data.get("trail_kept", ())
    pairs = zip(map(str, names), stayed, strict=False)
    return tuple(dict.fromkeys(part_of(name) for name, kept in pairs if not bool(kept)))
