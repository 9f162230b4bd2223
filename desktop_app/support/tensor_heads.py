"""Heads of safetensors files: bounded, checked, nothing believed; and the numbers of one row.

The numbers are read by hand, so that formats that numpy does not know (bfloat16) are as well, and
so that of a large file nothing else is touched.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOST_TEXT = 2_000
_ITEM: Mapping[str, int] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_KINDS: Mapping[str, str] = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_MOST_HEAD_BYTES = 4_000_000
_MOST_TENSORS = 20_000
_MOST_WIDTH = 1_500_000  # the encoders of the largest autoencoders have 2^20 columns
_MOST_ROWS = 100_000_000
_MOST_AXES = 8
_MOST_NAME = 80


@dataclass(frozen=True)
class Entry:
    """A tensor of a file.

    Attributes:
        shape: Its own.
        kind: The format of its numbers, as safetensors names it.
        start: Where they begin in the file, in bytes.
    """

    shape: tuple[int, ...]
    kind: str
    start: int


@dataclass(frozen=True)
class TensorHead:
    """What the head of a file says.

    Attributes:
        path: The file.
        told: The option and the name, as sentences have them.
        facts: Its metadata: texts by name.
        stored: What it says of each tensor, not yet checked.
        begin: Where the numbers begin, in bytes.
    """

    path: Path
    told: str
    facts: Mapping[str, str]
    stored: Mapping[str, Any]
    begin: int

    def entry(self, key: str) -> Entry:
        """Return what is said of one tensor, checked.

        Raises:
            BadInputError: It is nothing that could be read.
        """
        given = self.stored[key]
        if not isinstance(given, dict):
            raise damaged(self.told)
        shape, kind, offsets = given.get("shape"), given.get("dtype"), given.get("data_offsets")
        if not isinstance(kind, str) or kind not in _ITEM:
            raise BadInputError(
                f"{self.told} holds numbers of the format {str(kind)[:20]}: tensors are read as "
                f"{', '.join(_ITEM)}; convert it."
            )
        sizes, places = _counts(shape), _counts(offsets)
        if sizes is None or places is None or len(places) != 2 or len(sizes) > _MOST_AXES:
            raise damaged(self.told)
        fits = all(n <= _MOST_ROWS for n in sizes) and all(n <= _MOST_WIDTH for n in sizes[-1:])
        if not fits or places[1] - places[0] != prod(sizes) * _ITEM[kind]:
            raise damaged(self.told)
        return Entry(sizes, kind, self.begin + places[0])


def read_json(
    path: Path, told: str, spoilt: BadInputError
) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Return what the head of a safetensors file says of tensors and of itself, and its bytes.

    Args:
        path: The file.
        told: How it is named in messages.
        spoilt: Raised where it is none.

    Raises:
        BadInputError: There is no such file, or it is none of these.
    """
    try:
        with open_regular(path) as opened:
            size = int.from_bytes(opened.read(8), "little")
            if not 2 <= size <= _MOST_HEAD_BYTES:
                raise spoilt
            stored = opened.read(size)
    except FileNotFoundError:
        raise BadInputError(f"{told}: there is no such file; check the name.") from None
    except OSError as error:
        raise BadInputError(f"{told} cannot be read ({error.strerror}): name a file.") from error
    try:
        head = json.loads(stored) if len(stored) == size else None
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or len(head) > _MOST_TENSORS:
        raise spoilt
    facts = head.pop("__metadata__", None)
    return head, facts if isinstance(facts, dict) else {}, size


def read_tensors(path: Path, told: str) -> TensorHead:
    """Return the head of a file.

    Raises:
        BadInputError: There is no such file, or it is none of these.
    """
    head, facts, size = read_json(path, told, damaged(told))
    texts = {str(k)[:_MOST_NAME]: str(v)[:MOST_TEXT] for k, v in facts.items()}
    return TensorHead(path, told, texts, head, 8 + size)


def row_of(entry: Entry, row: int) -> Entry:
    """Return one row of a tensor of two axes."""
    width = entry.shape[1]
    return Entry((width,), entry.kind, entry.start + row * width * _ITEM[entry.kind])


def read_numbers(path: Path, told: str, entry: Entry) -> np.ndarray:
    """Return a tensor's numbers, float32.

    Raises:
        BadInputError: They are not all there, or not all finite.
    """
    size = prod(entry.shape) * _ITEM[entry.kind]
    try:
        with open_regular(path) as opened:
            opened.seek(entry.start)
            stored = opened.read(size)
    except OSError as error:
        raise BadInputError(f"{told} cannot be read ({error.strerror}).") from error
    if len(stored) != size:
        raise damaged(told)
    numbers = np.frombuffer(stored, _KINDS[entry.kind])
    if entry.kind == "BF16":
        numbers = (numbers.astype("<u4") << 16).view("<f4")
    with np.errstate(over="ignore"):
        values = numbers.astype(np.float32).reshape(entry.shape)
    if not np.isfinite(values).all():
        raise BadInputError(f"{told} holds numbers that are not finite: make it anew.")
    return values


def damaged(told: str) -> BadInputError:
    """Return the sentence for a file that is none of these."""
    return BadInputError(
        f"{told} is damaged or no safetensors file: choose another file, or make it anew."
    )


def _counts(given: Any) -> tuple[int, ...] | None:
    whole = isinstance(given, list) and all(type(n) is int and n >= 0 for n in given)
    return tuple(given) if whole else None
