"""Where the thumbnails of a head grid lie, and how the grid is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPen

from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.matrix.matrix_axes import thinned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from desktop_app.widgets.basics.theme import Theme

EDGE = 4
_TOP = 40
_LABEL = 34
_TITLE = 16


class GridPlace:
    """The geometry of a grid: one thumbnail every `pitch` pixels."""

    def __init__(self, layers: tuple[str, ...], heads: tuple[str, ...]) -> None:
        self.layers = layers
        self.heads = heads
        self.origin = QPoint(_LABEL + _TITLE, _TOP)
        self.pitch = 24

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.layers), len(self.heads)

    @property
    def side(self) -> int:
        """Side of a thumbnail in pixels, without the gap."""
        return self.pitch - (2 if self.pitch < 32 else 4)

    def set_pitch(self, pitch: int) -> None:
        """Set the distance of two thumbnails in pixels."""
        self.pitch = max(pitch, 6)

    def extent(self) -> QSize:
        """Return the size of the whole grid with its labels."""
        rows, cols = self.shape
        return QSize(
            self.origin.x() + cols * self.pitch + EDGE, self.origin.y() + rows * self.pitch + EDGE
        )

    def cell(self, row: int, col: int) -> QRect:
        """Return a thumbnail's square."""
        left = self.origin.x() + col * self.pitch
        return QRect(left, self.origin.y() + row * self.pitch, self.side, self.side)

    def at(self, point: QPoint) -> tuple[int, int] | None:
        """Return the (row, column) at a point of the grid, or None."""
        col = (point.x() - self.origin.x()) // self.pitch
        row = (point.y() - self.origin.y()) // self.pitch
        rows, cols = self.shape
        return (row, col) if 0 <= row < rows and 0 <= col < cols else None


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


def paint_frame(
    painter: QPainter, place: GridPlace, cell: tuple[int, int] | None, ink: QColor, width: float
) -> None:
    """Draw an outline around a thumbnail, in the gap."""
    if cell is None:
        return
    grow = width / 2
    painter.setPen(QPen(ink, width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    rect = QRectF(place.cell(*cell)).adjusted(-grow, -grow, grow, grow)
    painter.drawRoundedRect(rect, 2, 2)


def paint_labels(
    painter: QPainter,
    place: GridPlace,
    offset: QPoint,
    marked: set[tuple[int, int]],
    theme: Theme,
) -> None:
    """Write layers at the left and heads on top; both stay in sight while scrolling."""
    font = ui_font(11)
    metrics = QFontMetrics(font)
    rows, cols = place.shape
    extent = place.extent()
    # Bands under the labels hide the thumbnails that scroll beneath them.
    painter.fillRect(QRect(0, offset.y(), extent.width(), _TOP - 2), theme.color("panel"))
    left = QRect(offset.x(), 0, _LABEL + _TITLE - 2, extent.height())
    painter.fillRect(left, theme.color("panel"))
    painter.setFont(font)
    strong_rows, strong_cols = {row for row, _ in marked}, {col for _, col in marked}
    widest = max((metrics.horizontalAdvance(label) for label in place.heads), default=0)
    for col in _shown(thinned(range(cols), place.pitch, widest + 6), strong_cols):
        x = place.cell(0, col).center().x()
        if x < offset.x() + place.origin.x():
            continue
        box = QRect(x - 20, offset.y() + _TITLE, 40, 16)
        _write(painter, box, place.heads[col], theme, col in strong_cols)
    for row in _shown(thinned(range(rows), place.pitch, metrics.height()), strong_rows):
        y = place.cell(row, 0).center().y()
        if y < offset.y() + place.origin.y():
            continue
        box = QRect(offset.x() + _TITLE, y - 9, _LABEL - 8, 18)
        _write(painter, box, place.layers[row], theme, row in strong_rows, right=True)
    _write_names(painter, place, offset, theme)


def paint_groups(
    painter: QPainter, place: GridPlace, offset: QPoint, groups: int, theme: Theme
) -> None:
    """Draw one bracket per key-value head beneath the column labels."""
    cols = place.shape[1]
    y = offset.y() + _TOP - 5
    painter.setPen(QPen(theme.color("border_strong"), 2))
    for group in range(groups):
        first, last = group * cols // groups, (group + 1) * cols // groups - 1
        left = max(place.cell(0, first).left() + 2, offset.x() + place.origin.x())
        right = place.cell(0, last).right() - 2
        if right > left:
            painter.drawLine(left, y, right, y)


def _shown(thin: range, strong: set[int]) -> list[int]:
    """Return the thinned indices, without those beside a strong one, and the strong ones."""
    near = {index for index in thin if thin.step > 1 and any(abs(index - s) < 2 for s in strong)}
    return sorted({*thin, *strong} - (near - strong))


def _write(
    painter: QPainter, box: QRect, text: str, theme: Theme, strong: bool, *, right: bool = False
) -> None:
    painter.setPen(theme.color("text" if strong else "text_muted"))
    across = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignHCenter
    painter.drawText(box, across | Qt.AlignmentFlag.AlignVCenter, text)


def _write_names(painter: QPainter, place: GridPlace, offset: QPoint, theme: Theme) -> None:
    painter.setFont(ui_font(11, "medium"))
    painter.setPen(theme.color("text_muted"))
    rows, cols = place.shape
    width = min(cols * place.pitch, 2000)
    painter.drawText(
        QRect(place.origin.x() + offset.x(), offset.y(), max(width, 40), _TITLE),
        Qt.AlignmentFlag.AlignCenter,
        "Head",
    )
    painter.save()
    height = min(rows * place.pitch, 600)
    painter.translate(offset.x() + _TITLE / 2, offset.y() + place.origin.y() + height / 2)
    painter.rotate(-90)
    painter.drawText(QRectF(-60, -9, 120, 18), Qt.AlignmentFlag.AlignCenter, "Layer")
    painter.restore()
