"""What a Linux program or library asks of the machine that it runs on, read from its file."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MACHINES = {62: "x86_64", 183: "aarch64"}
_LOAD, _DYNAMIC = 1, 2
_NEEDED, _STRINGS, _VERSIONS = 1, 5, 0x6FFFFFFE
# More than any real file has; one that claims more is damaged and must not hold the build.
_MOST = 10_000


@dataclass(frozen=True)
class Needs:
    """What one file asks for.

    Attributes:
        machine: The processor, as `uname -m` names it; empty where it is another.
        libraries: The names of the libraries that the loader looks for.
        versions: By such a name, the versions of its symbols that are used (`GLIBC_2.34`).
    """

    machine: str
    libraries: tuple[str, ...]
    versions: dict[str, frozenset[str]]


def needs(path: Path) -> Needs | None:
    """Return what a file asks for; None where it is no 64-bit little-endian ELF file."""
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _read(data)
            except (struct.error, ValueError, IndexError):
                return None


def _read(data: mmap.mmap) -> Needs:
    machine = MACHINES.get(struct.unpack_from("<H", data, 18)[0], "")
    segments = list(_segments(data))
    dynamic = [(at, size) for kind, at, _, size in segments if kind == _DYNAMIC]
    if not dynamic:
        return Needs(machine, (), {})
    at, size = dynamic[0]
    entries = [struct.unpack_from("<QQ", data, at + 16 * i) for i in range(min(size // 16, _MOST))]
    places = dict(reversed(entries))
    strings = _offset(segments, places[_STRINGS]) if _STRINGS in places else 0
    libraries = tuple(_text(data, strings + value) for tag, value in entries if tag == _NEEDED)
    versions = {}
    if _VERSIONS in places:
        versions = _versions(data, _offset(segments, places[_VERSIONS]), strings)
    return Needs(machine, libraries, versions)


def _segments(data: mmap.mmap) -> Iterator[tuple[int, int, int, int]]:
    """Give kind, place in the file, address and size of each segment."""
    (start,) = struct.unpack_from("<Q", data, 32)
    each, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, at, address, _, size = struct.unpack_from("<IIQQQQ", data, start + each * index)
        yield kind, at, address, size


def _offset(segments: list[tuple[int, int, int, int]], address: int) -> int:
    for kind, at, start, size in segments:
        if kind == _LOAD and start <= address < start + size:
            return at + address - start
    raise ValueError("an address outside the file")


def _text(data: mmap.mmap, at: int) -> str:
    end = data.find(b"\0", at)
    return data[at:end].decode("utf-8", "replace")


def _versions(data: mmap.mmap, at: int, strings: int) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for _ in range(_MOST):
        _, count, name, first, after = struct.unpack_from("<HHIII", data, at)
        wanted = found.setdefault(_text(data, strings + name), set())
        place = at + first
        for _ in range(count):
            _, _, _, label, step = struct.unpack_from("<IHHII", data, place)
            wanted.add(_text(data, strings + label))
            place += step
        if after == 0:
            break
        at += after
    return {name: frozenset(wanted) for name, wanted in found.items()}
