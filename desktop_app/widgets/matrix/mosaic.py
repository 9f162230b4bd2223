"""All thumbnails of a head grid as one picture, exact to the pixel of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QLineF
from PySide6.QtGui import QColor, QImage, QPainter, QPen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame


def to_bytes(shares: NDArray[Any]) -> NDArray[np.uint8]:
    """Return shares from 0 to 1 as 0 to 255; bytes stay as they are, NaN counts as 0."""
    if shares.dtype == np.uint8:
        return shares
    clipped = np.clip(np.nan_to_num(shares.astype(np.float32)), 0.0, 1.0)
    return np.rint(clipped * 255).astype(np.uint8)


def mosaic(
    thumbnails: NDArray[np.uint8],
    pitch: int,
    side: int,
    ratio: float,
    colours: tuple[NDArray[np.uint8], QColor],
) -> QImage:
    """Return all thumbnails as one picture, exact to the pixel of the screen.

    Args:
        thumbnails: uint8 [L, H, t, t].
        pitch: Distance of two thumbnails, logical pixels.
        side: Side of one, logical pixels.
        ratio: Device pixels per logical pixel.
        colours: Table uint8 [256, 4], and the colour of the gaps.
    """
    table, background = colours
    step, inner = max(1, round(pitch * ratio)), max(1, round(side * ratio))
    small = _resized(thumbnails, inner)
    layers, heads = small.shape[:2]
    pixels = np.empty((layers, step, heads, step, 4), dtype=np.uint8)
    pixels[:] = (background.red(), background.green(), background.blue(), 255)
    pixels[:, :inner, :, :inner] = table[small].transpose(0, 2, 1, 3, 4)
    flat = np.ascontiguousarray(pixels.reshape(layers * step, heads * step, 4))
    image = QImage(
        flat.data, heads * step, layers * step, 4 * heads * step, QImage.Format.Format_RGBA8888
    ).convertToFormat(QImage.Format.Format_RGB32)
    # At a fractional scale the rounded step is off by a part of a pixel; this ratio takes it back.
    image.setDevicePixelRatio(step / pitch)
    return image


def _resized(thumbnails: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the thumbnails at another side; shrinking keeps the strongest cell."""
    size = thumbnails.shape[2]
    if side >= size:
        index = np.arange(side) * size // side
        return thumbnails[:, :, index][:, :, :, index]
    starts = np.arange(side) * size // side
    rows = np.maximum.reduceat(thumbnails, starts, axis=2)
    return np.asarray(np.maximum.reduceat(rows, starts, axis=3))


def paint_groups(painter: QPainter, frame: MatrixFrame, groups: int, theme: Theme) -> None:
    """Draw one bracket per key-value head beneath the column labels."""
    y = frame.plot.top() - 3
    painter.setPen(QPen(theme.color("border_strong"), 2))
    for group in range(groups):
        first, last = group * frame.cols // groups, (group + 1) * frame.cols // groups
        left = max(frame.cell_rect(0, first).left() + 3, frame.plot.left())
        right = min(frame.cell_rect(0, last).left() - 3, frame.plot.right())
        if right > left:
            painter.drawLine(QLineF(left, y, right, y))
