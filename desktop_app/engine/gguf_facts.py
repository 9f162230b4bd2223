"""What a GGUF says of itself: the single values of its header, without its lists and tensors."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

GgufValue = int | float | bool | str

# GGUF's value types with a fixed size; 8 is a text, 9 a list.
_FORMATS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?"}
_FORMATS |= {10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _LIST = 8, 9
_LONGEST_TEXT = 16_000_000
_LONGEST_KEY = 65_536
_MOST_ENTRIES = 1_000_000
_MOST_ITEMS = 10_000_000


def gguf_facts(path: Path) -> dict[str, GgufValue]:
    """Return the numbers, flags and texts of a GGUF's header by key; lists are passed over.

    Raises:
        ValueError: The header is cut off or absurd.
    """
    facts: dict[str, GgufValue] = {}
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        _version, _tensors, entries = _unpack(file, "<IQQ")
        if entries > _MOST_ENTRIES:
            raise ValueError("its header is absurd")
        for _ in range(entries):
            key = _text(file, _LONGEST_KEY)
            (kind,) = _unpack(file, "<I")
            if kind in _FORMATS:
                (facts[key],) = _unpack(file, _FORMATS[kind])
            elif kind == _TEXT:
                facts[key] = _text(file, _LONGEST_TEXT)
            elif kind == _LIST:
                _skip_list(file)
            else:
                raise ValueError(f"its value type {kind} is unknown")
    return facts


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    stored = file.read(struct.calcsize(form))
    if len(stored) < struct.calcsize(form):
        raise ValueError("it is cut off")
    return struct.unpack(form, stored)


def _text(file: BinaryIO, most: int) -> str:
    (length,) = _unpack(file, "<Q")
    if length > most:
        raise ValueError("a text in its header is absurdly long")
    stored = file.read(length)
    if len(stored) < length:
        raise ValueError("it is cut off")
    return stored.decode("utf-8", errors="replace")


def _skip_list(file: BinaryIO) -> None:
    kind, count = _unpack(file, "<IQ")
    if count > _MOST_ITEMS:
        raise ValueError("a list in its header is absurdly long")
    if kind in _FORMATS:
        file.seek(struct.calcsize(_FORMATS[kind]) * count, 1)
    elif kind == _TEXT:
        for _ in range(count):
            (length,) = _unpack(file, "<Q")
            if length > _LONGEST_TEXT:
                raise ValueError("a text in its header is absurdly long")
            file.seek(length, 1)
    else:
        raise ValueError(f"a list in its header holds the type {kind}, which cannot be read")
