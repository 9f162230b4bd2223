"""A matrix of numbers as pictures at several resolutions.

Painted by hand and not through an `ImageItem`: seen from afar, a thin stripe of attention must stay
visible, so every coarser level keeps the *strongest* of four cells where an image item would take
their mean or drop three of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtGui import QColor, QImage

from desktop_app.widgets.basics.colormaps import lookup

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = 255
_CENTRE = 128


class MatrixImage:
    """Values turned into colour numbers once, and into pictures when they are asked for.

    Args:
        values: Float [rows, cols]; NaN and infinities are drawn in the colour for what is missing.
        limits: Values at the ends of the colour map; what lies beyond is drawn as the end.
        diverging: Whether strength is the distance from the middle of the limits.
    """

    def __init__(
        self, values: NDArray[Any], limits: tuple[float, float], *, diverging: bool
    ) -> None:
        self._levels = [_colour_numbers(values, limits)]
        self._diverging = diverging
        self._pictures: dict[int, QImage] = {}
        self._buffers: dict[int, NDArray[np.uint32]] = {}  # a QImage does not own its pixels
        self._table = np.zeros(_STEPS + 1, dtype=np.uint32)

    def set_colours(self, colours: NDArray[np.uint8], missing: QColor) -> None:
        """Choose the colour map and the colour of what is missing."""
        rgb = lookup(colours, _STEPS).astype(np.uint32)
        self._table[0] = missing.rgb() & 0xFFFFFFFF
        self._table[1:] = 0xFF000000 | (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2]
        self._pictures.clear()
        self._buffers.clear()

    def level_for(self, pixels_per_cell: float) -> int:
        """Return the level at which one picture element is about one pixel of the screen."""
        rows, cols = self._levels[0].shape
        level = 0
        while pixels_per_cell * 2 ** (level + 1) <= 1.0 and max(rows, cols) >> (level + 1) > 1:
            level += 1
        return level

    def picture(self, level: int) -> QImage:
        """Return a level's picture; its elements are 2**level cells wide."""
        if level not in self._pictures:
            while len(self._levels) <= level:
                self._levels.append(_coarser(self._levels[-1], self._diverging))
            pixels = np.ascontiguousarray(self._table[self._levels[level]])
            rows, cols = pixels.shape
            self._buffers[level] = pixels
            self._pictures[level] = QImage(
                pixels.data, cols, rows, 4 * cols, QImage.Format.Format_RGB32
            )
        return self._pictures[level]

    def colour(self, row: int, col: int) -> QColor:
        """Return the colour of one cell."""
        return QColor.fromRgb(int(self._table[self._levels[0][row, col]]))


def _colour_numbers(values: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Return uint8 [rows, cols]: 0 for what is not finite, else 1..255 along the limits."""
    low, high = limits
    scale = (_STEPS - 1) / ((high - low) or 1.0)
    finite = np.isfinite(values)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is at an end
        share = np.nan_to_num((np.asarray(values, dtype=np.float32) - low) * scale)
    numbers = np.rint(np.clip(share, 0, _STEPS - 1)).astype(np.uint8) + np.uint8(1)
    return np.where(finite, numbers, np.uint8(0))


def _coarser(numbers: NDArray[np.uint8], diverging: bool) -> NDArray[np.uint8]:
    """Return a quarter of the cells, each the strongest of the four it stands for."""
    rows, cols = numbers.shape
    even = np.pad(numbers, ((0, rows % 2), (0, cols % 2)))
    across = _stronger(even[0::2], even[1::2], diverging)
    return _stronger(across[:, 0::2], across[:, 1::2], diverging)


def _stronger(
    one: NDArray[np.uint8], other: NDArray[np.uint8], diverging: bool
) -> NDArray[np.uint8]:
    if not diverging:
        return np.maximum(one, other)
    return np.where(_strength(one) >= _strength(other), one, other)


def _strength(numbers: NDArray[np.uint8]) -> NDArray[np.int16]:
    strength = np.abs(numbers.astype(np.int16) - _CENTRE)
    strength[numbers == 0] = -1
    return strength
