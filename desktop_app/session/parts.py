"""Arrays as parts of bytes: how they are cut, packed, checked, unpacked, and read when looked at.

Bytes are raw, little-endian, in C order; a part is packed with zlib where that saves a tenth.
"""

from __future__ import annotations

import math
import operator
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DTYPES = frozenset({"|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"}) | frozenset(
    {"<f2", "<f4", "<f8"}
)
"""Every kind of number that a session may hold, in numpy's own notation."""

MAX_AXES = 8
MAX_LENGTH = 2**40

WHOLE_BYTES = 256 * 1024
"""Arrays up to this size are one part, read at once."""

MAX_PART_BYTES = 512 * 1024**2
"""No part is larger; SQLite itself stops at 10⁹ bytes."""

_SAMPLE_BYTES = 64 * 1024
_WORTHWHILE = 0.9
# A run of one byte shrinks to 1/1032 and never further. Real numbers hardly reach a tenth of that:
# more is believed only of what any machine can hold.
_ZLIB_BEST_RATIO = 1100
_BELIEVED_RATIO = 100
_FREE_PART_BYTES = 64 * 1024**2
_FREE_RESULT_BYTES = 256 * 1024**2


def leading_axes(shape: tuple[int, ...], itemsize: int) -> int:
    """Return how many leading axes of an array are split into parts.

    Large arrays with four axes or more are patterns [layer, head, query, key]: one part a head.
    Anything still larger than a part may be is cut along further axes.
    """
    size = math.prod(shape) * itemsize
    lead = 2 if len(shape) >= 4 and size > WHOLE_BYTES else 0
    while lead < len(shape) and math.prod(shape[lead:]) * itemsize > MAX_PART_BYTES:
        lead += 1
    return lead


class DamagedError(Exception):
    """Stored data that does not have the form in which it was written."""


@dataclass(frozen=True)
class ArraySpec:
    """What is known of an array before its bytes are read.

    Attributes:
        name: Under which its parts are stored.
        dtype: One of `DTYPES`.
        shape: Of the whole array.
        lead: How many leading axes are split into parts.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    lead: int

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise DamagedError(f"{self.name}: an array of the unknown kind {self.dtype[:20]}")
        if len(self.shape) > MAX_AXES or not all(0 <= n < MAX_LENGTH for n in self.shape):
            raise DamagedError(f"{self.name}: an array of an impossible shape")
        if not 0 <= self.lead <= len(self.shape) or self.part_bytes > MAX_PART_BYTES:
            raise DamagedError(f"{self.name}: an array in impossible parts")

    @property
    def part_bytes(self) -> int:
        """Bytes of one part, unpacked."""
        return math.prod(self.shape[self.lead :]) * np.dtype(self.dtype).itemsize

    @property
    def part_count(self) -> int:
        """Number of parts."""
        return math.prod(self.shape[: self.lead])


class LazyArray:
    """A read-only array stored in parts; indexing reads only the parts that it touches.

    The first `lead` axes choose a part: of a pattern [L, H, S, S] with lead 2, `a[l, h]` reads one
    head and nothing else. Indices other than integers and slices on those axes read everything.

    Attributes:
        shape: As of a numpy array.
        dtype: As of a numpy array.
        lead: How many leading axes are split into parts.
    """

    def __init__(self, spec: ArraySpec, read_part: Callable[[int], np.ndarray]) -> None:
        """Keep how to read; `read_part(n)` gives part `n`, of shape `spec.shape[spec.lead:]`."""
        self.shape = spec.shape
        self.dtype: np.dtype[Any] = np.dtype(spec.dtype)
        self.lead = spec.lead
        self._read_part = read_part

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the whole array would take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        for index in range(len(self)):
            yield self[index]

    @override
    def __repr__(self) -> str:
        return f"LazyArray(shape={self.shape}, dtype={self.dtype})"

    def __array__(
        self,
        dtype: Any = None,
        copy: bool | None = None,
    ) -> np.ndarray:
        if copy is False:
            raise ValueError("a stored array cannot be had without reading it into memory")
        whole: np.ndarray = self[()]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:
        keys = self._expand(key if isinstance(key, tuple) else (key,))
        if keys is None:
            return _read_only(self[()][key])
        leading = [_chosen(k, n) for k, n in zip(keys, self.shape[: self.lead], strict=False)]
        counts = [len(chosen) for chosen in leading]
        joined = np.empty((*counts, *self.shape[self.lead :]), self.dtype)
        for place in np.ndindex(*counts):
            index = [chosen[i] for chosen, i in zip(leading, place, strict=True)]
            joined[place] = self._read_part(self._number(index))
        # Single indices have kept their axis, of length 1, so far; the last step drops it.
        first = tuple(slice(None) if isinstance(k, slice) else 0 for k in keys[: self.lead])
        return _read_only(joined[first + keys[self.lead :]])

    def _number(self, index: list[int]) -> int:
        number = 0
        for i, n in zip(index, self.shape[: self.lead], strict=True):
            number = number * n + i
        return number

    def _expand(self, keys: tuple[Any, ...]) -> tuple[int | slice, ...] | None:
        """Return one integer or slice per axis, or None where numpy must decide."""
        plain: list[int | slice] = []
        for key in keys:
            if key is Ellipsis and len(keys) - 1 <= self.ndim:
                plain += [slice(None)] * (self.ndim - len(keys) + 1)
            elif isinstance(key, slice):
                plain.append(key)
            elif isinstance(key, (int, np.integer)) and not isinstance(key, bool):
                plain.append(operator.index(key))
            else:
                return None
        if len(plain) > self.ndim or sum(key is Ellipsis for key in keys) > 1:
            raise IndexError(f"{len(keys)} indices are too many for {self.ndim} axes")
        return (*plain, *[slice(None)] * (self.ndim - len(plain)))


def _chosen(key: int | slice, count: int) -> range:
    """Return which of `count` places a key names."""
    if isinstance(key, slice):
        return range(count)[key]
    if not -count <= key < count:
        raise IndexError(f"index {key} is out of bounds for an axis of {count}")
    return range(key % count, key % count + 1)


def _read_only(value: Any) -> Any:
    """Return what numpy gave, arrays made read-only; a single value is a scalar already."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    return value


Stored = np.ndarray | LazyArray
"""An array in memory or on disk."""


def describe(name: str, array: Stored) -> ArraySpec:
    """Return how an array is to be stored; `DamagedError` where it is of an unknown kind."""
    lead = leading_axes(array.shape, array.dtype.itemsize)
    return ArraySpec(name, array.dtype.newbyteorder("<").str, array.shape, lead)


def pack_parts(array: Stored, lead: int) -> Iterator[tuple[str, memoryview | bytes]]:
    """Give the parts of an array in order, each as (codec, bytes).

    It may lie on disk (a memory map, a stored array): no more than a part is read at once.
    """
    little = array.dtype.newbyteorder("<")
    for index in np.ndindex(*array.shape[:lead]):
        part = np.ascontiguousarray(array[index], dtype=little)
        yield _pack(part.reshape(-1).view(np.uint8).data)


def _pack(raw: memoryview) -> tuple[str, memoryview | bytes]:
    sample = raw[:_SAMPLE_BYTES]
    if len(zlib.compress(sample, 1)) < _WORTHWHILE * len(sample):
        packed = zlib.compress(raw, 1)
        if len(packed) < _WORTHWHILE * len(raw) and _is_believed(len(raw), len(packed)):
            return "zlib", packed
    return "raw", raw


def _is_believed(size: int, packed: int, free: int = _FREE_PART_BYTES) -> bool:
    """Return whether so few bytes may hold so many; beyond what is free they hardly do."""
    return size <= free or size <= _BELIEVED_RATIO * packed


def check_room(spec: ArraySpec, count: object, stored_bytes: object) -> None:
    """Refuse an array that claims more than its stored parts can hold, before memory is taken.

    Raises:
        DamagedError: Parts are missing, or too small for the shape.
    """
    if count != spec.part_count or not isinstance(stored_bytes, int):
        raise DamagedError(f"{spec.name}: {spec.part_count} parts expected, {count} found")
    if spec.part_count * spec.part_bytes > _ZLIB_BEST_RATIO * stored_bytes:
        raise DamagedError(f"{spec.name}: too few bytes for the shape {spec.shape}")


class Room:
    """What a result may take in memory at once, by what is stored of it."""

    def __init__(self) -> None:
        self._size = self._stored = 0

    def take(self, spec: ArraySpec, stored_bytes: int) -> None:
        """Count an array that is to be read whole.

        Raises:
            DamagedError: So few bytes hardly hold so many.
        """
        self._size += spec.part_bytes
        self._stored += stored_bytes
        if not _is_believed(self._size, self._stored, _FREE_RESULT_BYTES):
            raise DamagedError(f"{spec.name}: more than can be read at once")


def check_crc(stored: object, crc: object) -> None:
    """Refuse stored bytes or text that are not those once written; None was never counted.

    Raises:
        DamagedError: The checksum is another.
    """
    raw = stored.encode("utf-8", "surrogatepass") if isinstance(stored, str) else stored
    if crc is not None and (not isinstance(raw, bytes) or zlib.crc32(raw) != crc):
        raise DamagedError("bytes that have changed since they were written")


def unpack_part(codec: object, stored: object, spec: ArraySpec) -> np.ndarray:
    """Return one part of an array, of shape `spec.shape[spec.lead:]`, read-only.

    Nothing larger than what the stored bytes can hold is ever allocated.

    Raises:
        DamagedError: The bytes are not those of such a part.
    """
    if not isinstance(stored, bytes):
        raise DamagedError(f"{spec.name}: a part that is not bytes")
    size = spec.part_bytes
    raw = stored if codec == "raw" else _inflate(codec, stored, size, spec.name)
    if len(raw) != size:
        raise DamagedError(f"{spec.name}: {size} bytes expected, {len(raw)} found")
    if spec.dtype == "|b1" and size and np.frombuffer(raw, np.uint8).max() > 1:
        raise DamagedError(f"{spec.name}: truth values other than 0 and 1")
    dtype: np.dtype[Any] = np.dtype(spec.dtype)
    return np.frombuffer(raw, dtype).reshape(spec.shape[spec.lead :])


def _inflate(codec: object, stored: bytes, size: int, name: str) -> bytes:
    is_likely = size <= _ZLIB_BEST_RATIO * len(stored) and _is_believed(size, len(stored))
    if codec != "zlib" or not is_likely:
        raise DamagedError(f"{name}: bytes that cannot be unpacked")
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(stored, size + 1)
    except zlib.error as error:
        raise DamagedError(f"{name}: bytes that cannot be unpacked") from error
    if len(raw) == size and not unpacker.eof:
        raise DamagedError(f"{name}: bytes that are cut off")
    return raw
