"""What weight files say of themselves, read from their headers alone: bounded, and nothing trusted.

No torch. Whatever is wrong with a header ends in `HeaderError`, whose text says what, without the
file's name.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

# The largest published headers and indexes have some 10 MB; what is read takes forty times that.
MAX_JSON_BYTES = 16_000_000
_MAX_GGUF_HEADER_BYTES = 256_000_000
_MAX_GGUF_ENTRIES = 1_000_000
# The largest vocabularies, with scores, types and merges, have 1.3 million items; the libraries
# make objects of half a kilobyte of each.
_MAX_GGUF_ITEMS = 2_000_000
_MAX_DIMENSIONS = 8

# Bits of one number, by the names that safetensors gives to its types.
_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}

# GGUF value types with a fixed size, as struct spells them; 8 is a text, 9 a list.
_GGUF_VALUES = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_TEXT, _LIST = 8, 9
# Numbers in a block and bytes of it, by GGUF's number of the type.
GGML_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 40), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


class HeaderError(ValueError):
    """A header that cannot be true; its text says why."""


@dataclass(frozen=True)
class Stored:
    """A tensor in a weight file.

    Attributes:
        dtype: As safetensors spells it (`F32`, `I8`); for GGUF `ggml` and the number of its type.
        shape: Its dimensions, in torch's order.
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def numbers_held(name: str, stored: Stored) -> int:
    """Return how many of the model's numbers a tensor holds: blocks of MXFP4 have two a byte."""
    return stored.size * (2 if stored.dtype == "U8" and name.endswith("_blocks") else 1)


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says before its weights.

    Attributes:
        metadata: Its values by key; of a list None.
        tensors: Its tensors by name.
    """

    metadata: dict[str, Any]
    tensors: dict[str, Stored]

    @property
    def architecture(self) -> str:
        """Its kind of model, as llama.cpp names it."""
        return str(self.metadata.get("general.architecture", ""))

    def own(self, key: str) -> Any:
        """Return one of the values that belong to its architecture, or None."""
        return self.metadata.get(f"{self.architecture}.{key}")


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text holds.

    Raises:
        ValueError: It is none, or nested beyond reason.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise HeaderError("it is nested too deeply") from None


def safetensors_header(path: Path) -> dict[str, Stored]:
    """Return the tensors that a safetensors file says it holds, by name.

    Raises:
        HeaderError: It is damaged or cut off.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            raise HeaderError(f"it has {size} bytes")
        (length,) = struct.unpack("<Q", start)
        if length > size - 8:
            raise HeaderError("its header is longer than the file")
        if length > MAX_JSON_BYTES:
            raise HeaderError("its header is absurdly long")
        try:
            header = parse_json(file.read(length))
        except ValueError as error:
            raise HeaderError(f"its header cannot be read: {error}") from None
    if not isinstance(header, dict):
        raise HeaderError("its header is no JSON object")
    there = size - 8 - length
    header.pop("__metadata__", None)
    found = {name: _safetensors_entry(name, entry, there) for name, entry in header.items()}
    end = 0
    for begin, stop in sorted(entry["data_offsets"] for entry in header.values()):
        if begin != end:
            raise HeaderError("its tensors overlap or leave gaps")
        end = stop
    if end < there:
        raise HeaderError(f"{there - end:,} bytes follow its last tensor")
    return found


def _safetensors_entry(name: str, entry: Any, there: int) -> Stored:
    """Check one tensor's entry against the bytes that the file has for all of them."""
    if not isinstance(entry, dict):
        raise HeaderError(f"its header says nothing of “{name[:80]}”")
    dtype: Any = entry.get("dtype")
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if not (isinstance(dtype, str) and _are_sizes(shape) and _are_sizes(offsets)):
        raise HeaderError(f"its header is wrong about “{name[:80]}”")
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise HeaderError(f"its header is wrong about the place of “{name[:80]}”")
    if offsets[1] > there:
        raise HeaderError(f"{offsets[1] - there:,} bytes are missing at its end")
    stored = Stored(dtype, tuple(shape))
    bits = _BITS.get(dtype)
    if bits is not None and 8 * (offsets[1] - offsets[0]) != bits * stored.size:
        raise HeaderError(f"its header is wrong about the size of “{name[:80]}”")
    return stored


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 2**63 for v in value
    )


def gguf_header(path: Path) -> GgufHeader:
    """Return what a GGUF file says before its weights.

    Raises:
        HeaderError: It is none, damaged or cut off.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        reader = _GgufReader(file, size)
        if reader.take(4) != b"GGUF":
            raise HeaderError("it does not begin with GGUF")
        version = reader.number("I")
        if version not in {2, 3}:
            raise HeaderError(f"its version {version} is unknown")
        count, entries = reader.number("Q"), reader.number("Q")
        if max(count, entries) > _MAX_GGUF_ENTRIES:
            raise HeaderError("its header is absurd")
        metadata = {}
        for _ in range(entries):
            key = reader.text()
            metadata[key] = reader.value(int(reader.number("I")))
        placed = [reader.tensor() for _ in range(count)]
        begin = reader.at
    tensors = {name: stored for name, stored, _offset in placed}
    if len(tensors) < len(placed):
        raise HeaderError("it names a tensor twice")
    _refuse_cut_off(placed, size - _aligned(begin, metadata.get("general.alignment", 32)))
    return GgufHeader(metadata, tensors)


def _aligned(begin: int, alignment: Any) -> int:
    if not isinstance(alignment, int) or not 0 < alignment <= 65_536:
        raise HeaderError("its alignment is absurd")
    return -(-begin // alignment) * alignment


def _refuse_cut_off(placed: list[tuple[str, Stored, int]], there: int) -> None:
    """Compare where tensors of known types end with the bytes that follow the header."""
    missing = 0
    for _name, stored, offset in placed:
        numbers, size = GGML_BLOCKS.get(int(stored.dtype.removeprefix("ggml")), (1, 0))
        missing = max(missing, offset + stored.size // numbers * size - there)
    if missing > 0:
        raise HeaderError(f"it is cut off, {missing:,} bytes are missing at its end")


class _GgufReader:
    """Reads a GGUF header and never beyond the file's end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._most = min(size, _MAX_GGUF_HEADER_BYTES)
        self._size = size
        self._items = 0
        self.at = 0

    def take(self, count: int) -> bytes:
        if count > self._most - self.at:
            raise HeaderError(
                "it is cut off" if self._most == self._size else "its header is absurdly long"
            )
        self.at += count
        return self._file.read(count)

    def number(self, kind: str) -> Any:
        (value,) = struct.unpack(f"<{kind}", self.take(struct.calcsize(f"<{kind}")))
        return value

    def text(self) -> str:
        length = self.number("Q")
        if length > MAX_JSON_BYTES:
            raise HeaderError("a text in its header is absurdly long")
        return self.take(length).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """Return a value of the metadata; None of a list, which is passed over."""
        if kind == _TEXT:
            return self.text()
        if kind in _GGUF_VALUES:
            return self.number(_GGUF_VALUES[kind])
        if kind != _LIST:
            raise HeaderError(f"its value type {kind} is unknown")
        inner, count = int(self.number("I")), int(self.number("Q"))
        if inner == _LIST:
            raise HeaderError("its header holds lists of lists")
        self._items += count
        if self._items > _MAX_GGUF_ITEMS:
            raise HeaderError("the lists in its header are absurdly long")
        if inner in _GGUF_VALUES:
            self.take(count * struct.calcsize(f"<{_GGUF_VALUES[inner]}"))
        elif inner != _TEXT:
            raise HeaderError(f"its value type {inner} is unknown")
        else:
            for _ in range(count):
                self.text()
        return None

    def tensor(self) -> tuple[str, Stored, int]:
        """Return a tensor's name, what it is, and where it begins behind the header."""
        name, dimensions = self.text(), int(self.number("I"))
        if dimensions > _MAX_DIMENSIONS:
            raise HeaderError("a tensor of it has too many dimensions")
        shape = [int(self.number("Q")) for _ in range(dimensions)]
        kind, offset = int(self.number("I")), int(self.number("Q"))
        if max([offset, math.prod(shape)]) >= 2**63:
            raise HeaderError("a tensor of it is absurdly large")
        return name, Stored(f"ggml{kind}", tuple(reversed(shape))), offset
