"""Arrays that stay in the session file until a part of them is looked at."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from desktop_app.session.parts import ArraySpec


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
