"""A circuit as a set: which heads and MLPs stay, and of some at which positions. No Qt, no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.circuit.spec import MAX_LIST
from desktop_app.contract.grammar import parse_parts, written_part, written_parts
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import ModelInfo, Result

Places = frozenset[int] | None
"""The positions at which a part stays, as they were written; None: all of them."""

_BETWEEN = re.compile(r"[\s,;]+")
_AT = re.compile(r"-?[0-9]{1,7}\Z")
_COMMENT = "#"
_NONE, _ALL = "none", "all"
# A list of every part of the largest models at a few positions.
_LARGEST_FILE = 4_000_000


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
        return tuple(
            (layer, head)
            for layer in range(self.layers)
            for head in (*range(self.heads), *((None,) if self.mlps else ()))
        )

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


Kept = Mapping[tuple[int, int | None], Places]
"""What stays: parts, and where."""


def parse_list(text: str) -> dict[Part, Places]:
    """Return what a list keeps, such as `5.3, m4, 6.1@-1`; a part at several places comes again.

    Raises:
        ValueError: A piece of it names no part, or no position.
    """
    found: dict[Part, Places] = {}
    for piece in filter(None, _BETWEEN.split(text)):
        name, at, place = piece.partition("@")
        (part,) = parse_parts(name)
        if at and not _AT.match(place):
            raise ValueError(
                f"“{piece}”: after @ stands a position, such as 5.3@0 or, from the end, 5.3@-1"
            )
        before = found.get(part, frozenset())
        whole = not at or before is None
        found[part] = None if whole else frozenset({*(before or ()), int(place)})
    return found


def parse_keep(text: str, shape: Shape) -> dict[Part, Places]:
    """Return what a setting keeps: `all`, `none`, or a list.

    Raises:
        ValueError: It is none of these, or names a part that the model lacks.
    """
    word = text.strip().lower()
    if word in {_ALL, _NONE, ""}:
        return dict.fromkeys(shape.parts() if word == _ALL else ())
    found = parse_list(text)
    gone = [part for part in found if shape.lacks(part)]
    if gone:
        raise ValueError(
            f"{written_parts(gone[:5])} is not there: the model has {shape.layers} layers of "
            f"{shape.heads} heads, counted from 0"
        )
    return found


def written_keep(kept: Kept, shape: Shape) -> str:
    """Return a set as the setting writes it."""
    if not kept:
        return _NONE
    every = shape.parts()
    if len(kept) == len(every) and all(kept.get(part, frozenset()) is None for part in every):
        return _ALL
    return ",".join(_written(kept))


def _written(kept: Kept) -> Iterator[str]:
    for part in sorted(kept, key=by_layer):
        places, name = kept[part], written_part(part)
        if places is None:
            yield name
        else:
            yield from (f"{name}@{place}" for place in sorted(places, key=_in_order))


def _in_order(place: int) -> tuple[bool, int]:
    return place < 0, place


def by_layer(part: Part) -> tuple[int, bool, int]:
    """Order parts by layer, heads before the MLP."""
    layer, head = part
    return layer, head is None, head or 0


def kept_of(data: Mapping[str, Any]) -> dict[Part, Places]:
    """Return the circuit that a result, or what is known of one so far, holds."""
    return parse_list(",".join(map(str, data.get("kept", ()))))


def places_in(places: Places, length: int) -> frozenset[int]:
    """Return at which of a prompt's positions a part stays, counted from 0."""
    if places is None:
        return frozenset(range(length))
    found = (place + length if place < 0 else place for place in places)
    return frozenset(place for place in found if 0 <= place < length)


def toggled_place(
    places: Places, position: int, length: int, lengths: Collection[int]
) -> Places | None:
    """Return the places with one position of a prompt put in or taken out; empty: nowhere.

    Where all prompts have one length, places are written from the start; else the last token is
    written as −1, so that it is every prompt's own.
    """
    now = set(places_in(places, length))
    now ^= {position}
    if len(now) == length and len(set(lengths)) == 1:
        return None
    last = length - 1
    if len(set(lengths)) == 1:
        return frozenset(now)
    return frozenset(-1 if place == last else place for place in now)


def with_parts(kept: Kept, parts: Iterable[Part], *, keep: bool) -> dict[Part, Places]:
    """Return a set with these parts in it, everywhere, or without them."""
    given = tuple(parts)
    if keep:
        return {**kept, **{part: None for part in given if part not in kept}}
    return {part: places for part, places in kept.items() if part not in set(given)}


def read_list(text: str) -> str:
    """Return the list that a text holds: a setting's, one part a line, or a result's JSON.

    Raises:
        ValueError: It is none of these.
    """
    if text.lstrip()[:1] in {"{", "["}:
        return _from_json(text)
    lines = (line.split(_COMMENT)[0] for line in text.splitlines())
    told = " ".join(lines).strip()
    if told.lower() not in {_ALL, _NONE}:
        parse_list(told)
    return told


def read_file(path: Path) -> str:
    """Return the list that a file holds.

    Raises:
        BadInputError: It cannot be read, is far too large, or holds no list of parts.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise BadInputError(f"“{path.name}” is too large to be a list of parts.")
        text = path.read_text(encoding="utf-8-sig")
        found = read_list(text)
    except (OSError, UnicodeDecodeError):
        raise BadInputError(f"“{path.name}” cannot be read as a text.") from None
    except ValueError as error:
        raise BadInputError(f"“{path.name}” holds no list of parts: {error}.") from None
    if len(found) > MAX_LIST:
        raise BadInputError(f"“{path.name}” names more parts than any model has.")
    return found


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
    told = ",".join(given)
    parse_list(told)
    return told or _NONE


def dropped(data: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return the parts that pruning dropped, in the order in which they went."""
    names, stayed = data.get("trail_part", ()), data.get("trail_kept", ())
    gone: Sequence[str] = [
        str(name) for name, kept in zip(names, stayed, strict=False) if not bool(kept)
    ]
    return tuple(parse_list(",".join(gone)))
