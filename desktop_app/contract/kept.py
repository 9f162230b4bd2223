"""How a circuit is written: the parts that stay, each at all positions or at named ones.

`all`, `none`, or a list such as `5.3, m4, 6.1@-1`; `5.3@0@-1` stays at two positions. A part that
is named twice stays where either says. Positions count from 0, or negative from a prompt's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator

from desktop_app.contract.grammar import Part, parse_parts, resolve_index, written_part
from desktop_app.support.errors import BadInputError

ALL, NONE = "all", "none"
Positions = tuple[int, ...] | None
"""Where a part stays, as written; None: everywhere."""
Kept = Mapping[Part, Positions]
"""The parts of a circuit in layer order, heads before the MLP."""

_BETWEEN = re.compile(r"[\s,;]+")
_POSITION = re.compile(r"-?[0-9]{1,7}\Z")


def part_order(part: Part) -> tuple[int, float]:
    """Return by what parts are put in order: layer by layer, heads before the MLP."""
    layer, head = part
    return layer, float("inf") if head is None else head


def in_order(kept: Kept) -> dict[Part, Positions]:
    """Return the parts of a circuit in layer order, heads before the MLP."""
    return {part: kept[part] for part in sorted(kept, key=part_order)}


def parse_kept(text: str) -> dict[Part, Positions]:
    """Return the parts that a list names, in order.

    Raises:
        ValueError: A piece of it names no part, or no position.
    """
    found: dict[Part, Positions] = {}
    for piece in filter(None, _BETWEEN.split(text)):
        name, *places = piece.split("@")
        parts = parse_parts(name)
        bad = next((place for place in places if not _POSITION.match(place)), None)
        if not parts or bad is not None:
            raise ValueError(
                f"“{piece}” is no part with its positions: write 5.3 for head 3 of layer 5, m4 for "
                "the MLP of layer 4, 5.3@-1 for a head at the last position alone"
            )
        known, at = found.get(parts[0], ()), tuple(int(place) for place in places)
        everywhere = not at or (parts[0] in found and known is None)
        found[parts[0]] = None if everywhere else _once((*(known or ()), *at))
    return in_order(found)


def _once(positions: Iterable[int]) -> tuple[int, ...]:
    """Return positions once each: those from the beginning first, then those from the end."""
    return tuple(sorted(set(positions), key=lambda p: (p < 0, p)))


def written_kept(kept: Kept) -> tuple[str, ...]:
    """Return the parts of a circuit as settings write them: `5.3`, `m4`, `6.1@-1`."""
    return tuple(
        written_part(part) + "".join(f"@{p}" for p in positions or ())
        for part, positions in kept.items()
    )


def check_kept(text: str) -> str:
    """Return `all`, `none` or a list, spelt the usual way.

    Raises:
        ValueError: It is none of them.
    """
    word = text.strip().lower()
    if word in {ALL, NONE}:
        return word
    if not word:
        raise ValueError("nothing is written: write all, none, or a list such as 5.3,m4,6.1@-1")
    return ",".join(written_kept(parse_kept(text)))


KeepText = Annotated[str, AfterValidator(check_kept)]


def all_parts(layers: int, heads: int, *, mlps: bool) -> tuple[Part, ...]:
    """Return every part that a circuit may hold, in order."""
    each: list[int | None] = [*range(heads), *([None] if mlps else [])]
    return tuple((layer, head) for layer in range(layers) for head in each)


def resolve_kept(text: str, layers: int, heads: int, *, mlps: bool) -> dict[Part, Positions]:
    """Return the circuit that the settings name; refuse what the model does not have."""
    if text in {ALL, NONE}:
        parts = all_parts(layers, heads, mlps=mlps) if text == ALL else ()
        return dict.fromkeys(parts)
    kept = parse_kept(text)
    for part in kept:
        layer, head = part
        told = f"--keep {written_part(part)}"
        resolve_index(layer, layers, f"{told}: layer")
        if head is not None:
            resolve_index(head, heads, f"{told}: head")
        elif not mlps:
            raise BadInputError(
                f"{told} is an MLP, and all of them stay unless they belong to the circuit: choose "
                "--mlps, or leave it out."
            )
    return kept


def resolve_places(part: Part, positions: Positions, length: int, prompt: int) -> Positions:
    """Return where a part stays in a prompt of so many tokens, counted from 0.

    Args:
        part: Which one.
        positions: As written.
        length: The prompt's token count.
        prompt: Its number, for the message.
    """
    if positions is None:
        return None
    beyond = next((p for p in positions if not -length <= p < length), None)
    if beyond is not None:
        raise BadInputError(
            f"--keep {written_part(part)}@{beyond} does not exist: prompt {prompt + 1} has "
            f"{length} tokens, numbered 0 to {length - 1}."
        )
    return tuple(sorted({p % length for p in positions}))
