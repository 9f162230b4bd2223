"""How ranges, positions and heads are written, in the form and on the command line alike.

Ranges are `A:B`, half open, negative counts from the end; lists are comma-separated; heads are
written `5.3`, whole MLPs `m4`. Other spellings that can mean one thing only are read as these:
`all layers`, `0 to 3`, `L5H3`. What does not exist is refused, never clipped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator

from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

_RANGE = re.compile(r"^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*$|^\s*(-?\d+)\s*$")
_HEADS = re.compile(r"^\s*(\d+\.\d+(\s*,\s*\d+\.\d+)*)?\s*$")
_HEAD = re.compile(r"^\s*(\d+\.\d+)?\s*$")
_PAIR = re.compile(r"^\s*(\d+\.\d+)\s*[, ]\s*(\d+\.\d+)\s*$")
_POSITIONS = re.compile(r"^\s*(all|last|-?\d+(\s*,\s*-?\d+)*)\s*$")
_BETWEEN_PARTS = re.compile(r"[\s,;]+")
_PART = re.compile(
    r"(?:[lL]?(?P<layer>[0-9]{1,6})(?:\.|\s*[hH])(?P<head>[0-9]{1,6})|[mM](?P<mlp>[0-9]{1,6}))\Z"
)

Part = tuple[int, int | None]
"""Layer and head, or a whole MLP where there is no head."""


def _written_as(pattern: re.Pattern[str], what: str) -> AfterValidator:
    """Return a check that a text is written that way; `what` it is not, and how it is written."""

    def check(text: str) -> str:
        if not pattern.match(text):
            raise ValueError(f"“{text}” is not {what}")
        return text.strip()

    return AfterValidator(check)


_ALL = re.compile(r"^\s*(all( layers)?)?\s*$", re.IGNORECASE)
_FROM_TO = re.compile(r"^\s*(?:layers?\s*)?(\d+)\s*(?:to|–|-)\s*(\d+)\s*$", re.IGNORECASE)
_LAYER = re.compile(r"^\s*layer\s*(-?\d+)\s*$", re.IGNORECASE)
_NAMED_HEAD = re.compile(r"\bL\s*(\d+)\s*[.·]?\s*H\s*(\d+)\b", re.IGNORECASE)


def _plain_range(text: object) -> object:
    """Read `all layers` as `:`, `0 to 3` as `0:4` and `layer 7` as `7`."""
    if not isinstance(text, str):
        return text
    if _ALL.match(text):
        return ":"
    if ends := _FROM_TO.match(text):
        return f"{ends[1]}:{int(ends[2]) + 1}"
    return _LAYER.sub(r"\1", text)


def _plain_heads(text: object) -> object:
    """Read `L5H3` as `5.3`."""
    return _NAMED_HEAD.sub(r"\1.\2", text) if isinstance(text, str) else text


_HeadsIn = Annotated[str, BeforeValidator(_plain_heads)]


def _check_pair(text: str) -> str:
    if not text.strip():
        return ""
    match = _PAIR.match(text)
    if match is None:
        raise ValueError(f"“{text}” is not a pair of heads: write two, such as 4.11,5.5")
    return f"{match[1]},{match[2]}"


def _check_card(text: str) -> str:
    return "auto" if text.strip() == "auto" else _check_pair(text)


def _check_names(text: str) -> str:
    return ",".join(filter(None, (name.strip() for name in text.split(","))))


def parse_parts(text: str) -> tuple[Part, ...]:
    """Return the heads and MLPs that `5.3, 6.1, m4` names, in the order written, once each.

    `L5H3` is understood as well, and any comma, semicolon or blank between them.

    Raises:
        ValueError: A piece of it names neither.
    """
    found: dict[Part, None] = {}
    for piece in filter(None, _BETWEEN_PARTS.split(text)):
        match = _PART.match(piece)
        if match is None:
            raise ValueError(
                f"“{piece}” is neither a head nor an MLP: write 5.3 for head 3 of layer 5, m4 for "
                "the MLP of layer 4"
            )
        mlp = match["mlp"]
        part = (int(mlp), None) if mlp is not None else (int(match["layer"]), int(match["head"]))
        found[part] = None
    return tuple(found)


def written_parts(parts: Iterable[Part]) -> str:
    """Return heads and MLPs as the settings write them: `5.3,6.1,m4`."""
    return ",".join(written_part(part) for part in parts)


def written_part(part: Part) -> str:
    """Return a head as `5.3`, an MLP as `m4`."""
    layer, head = part
    return f"m{layer}" if head is None else f"{layer}.{head}"


def _check_parts(text: str) -> str:
    return written_parts(parse_parts(text))


_A_RANGE = "a range of layers: write all layers, 0 to 11, 0:12, -4: or 7"
RangeText = Annotated[str, BeforeValidator(_plain_range), _written_as(_RANGE, _A_RANGE)]
HeadsText = Annotated[
    _HeadsIn, _written_as(_HEADS, "a list of heads: write L5H3,L16H0 or 5.3,16.0")
]
SomeLayersText = Annotated[
    str,
    BeforeValidator(lambda text: text if text == "" else _plain_range(text)),
    _written_as(re.compile(rf"^\s*$|{_RANGE.pattern}"), _A_RANGE),
]
PositionsText = Annotated[
    str, _written_as(_POSITIONS, "all, last or a list of positions such as 0,3,-1")
]
HeadText = Annotated[_HeadsIn, _written_as(_HEAD, "a head: write L5H3 or 5.3")]
HeadPairText = Annotated[_HeadsIn, AfterValidator(_check_pair)]
CardText = Annotated[_HeadsIn, AfterValidator(_check_card)]
PartsText = Annotated[str, AfterValidator(_check_parts)]
NamesText = Annotated[str, AfterValidator(_check_names)]


def resolve_index(index: int, count: int, what: str) -> int:
    """Return `index` counted from 0, negative from the end; refuse one that does not exist."""
    resolved = index + count if index < 0 else index
    if not 0 <= resolved < count:
        raise BadInputError(
            f"{what} {index} does not exist: there are {count}, numbered 0 to {count - 1}."
        )
    return resolved


def resolve_range(text: str, count: int, option: str = "--layers") -> range:
    """Return the numbers that `A:B` names among `count`; refuse ends outside, empty ranges."""
    match = _RANGE.match(text)
    if match is None:
        raise BadInputError(f"{option} “{text}” is not a range: write A:B, such as 0:12.")
    first, last, single = match.groups()
    if single is not None:
        start = resolve_index(int(single), count, option)
        return range(start, start + 1)
    start = _edge(first, 0, count, option)
    stop = _edge(last, count, count, option)
    if start >= stop:
        raise BadInputError(f"{option} {text} holds nothing: the first must be below the last.")
    return range(start, stop)


def _edge(text: str | None, default: int, count: int, option: str) -> int:
    if text is None:
        return default
    value = int(text)
    resolved = value + count if value < 0 else value
    if not 0 <= resolved <= count:
        raise BadInputError(f"{option} {value} does not exist: there are {count}, from 0.")
    return resolved


def resolve_heads(
    text: str, n_layers: int, n_heads: int, option: str = "--heads"
) -> list[tuple[int, int]]:
    """Return the (layer, head) pairs that `5.3,16.0` names, in the order written, once each."""
    pairs: list[tuple[int, int]] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        layer, head = (int(number) for number in part.split("."))
        resolve_index(layer, n_layers, f"{option} {part}: layer")
        resolve_index(head, n_heads, f"{option} {part}: head")
        if (layer, head) not in pairs:
            pairs.append((layer, head))
    return pairs


def resolve_parts(text: str, n_layers: int, n_heads: int, option: str) -> tuple[Part, ...]:
    """Return the heads and MLPs that `5.3,m4` names; refuse what the model does not have."""
    parts = parse_parts(text)
    for layer, head in parts:
        told = f"{option} {written_part((layer, head))}"
        resolve_index(layer, n_layers, f"{told}: layer")
        if head is not None:
            resolve_index(head, n_heads, f"{told}: head")
    return parts


def resolve_pair(
    text: str, n_layers: int, n_heads: int, option: str
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the two heads that `4.11,5.5` names; refuse a first of no earlier layer."""
    heads = resolve_heads(text, n_layers, n_heads, option)
    if len(heads) != 2 or heads[0][0] >= heads[1][0]:
        raise BadInputError(
            f"{option} {text}: the first head must stand in an earlier layer than the second; "
            "write the previous-token head first."
        )
    return heads[0], heads[1]


def resolve_positions(text: str, length: int, read: int | None = None) -> list[int] | None:
    """Return the positions that `all`, `last` or a list names in a prompt of `length` tokens.

    None stands for all of them, so that callers can skip indexing; `last` is the read position
    where one is given.
    """
    if text == "all":
        return None
    if text == "last":
        return [length - 1 if read is None else read]
    return sorted({resolve_index(int(p), length, "--positions") for p in text.split(",")})
