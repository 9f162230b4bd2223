"""All heads of a model as small pictures: layers down, heads across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QToolTip, QWidget

from desktop_app.pictures.matrix import Axis, numbered
from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import lookup, sequential_map
from desktop_app.widgets.basics.painted_area import PaintedArea
from desktop_app.widgets.basics.theme import colour, theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix import matrix_axes
from desktop_app.widgets.matrix.matrix_canvas import ARROWS, ENTER
from desktop_app.widgets.matrix.matrix_cells import paint_outline
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame
from desktop_app.widgets.matrix.picking import Picker, paint_picked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QResizeEvent

    from desktop_app.pictures.matrix import Cell
    from desktop_app.widgets.basics.theme import Theme

# Down to this all heads stay in sight; where they would be smaller, they scroll and are larger.
_SMALLEST = 11
_SCROLLED = 14
_COMFORTABLE = 18
_LARGEST = 112
_EDGE = 4


class HeadGrid(PaintedArea):
    """Small multiples of every head's attention; it scrolls where they would be too small.

    Indices count rows and columns of what is shown; labels may be other numbers.

    Signals:
        head_clicked: (row, column) chosen by click or arrow keys.
        head_activated: (row, column) double-clicked, or Enter.
        heads_picked: A tuple of (row, column) picked with Shift.
        head_compared: (row, column) chosen beside the other, by Ctrl and click.
    """

    head_clicked = Signal(int, int)
    head_activated = Signal(int, int)
    heads_picked = Signal(object)
    head_compared = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pitch = 24
        self._frame = MatrixFrame()
        self._rows, self._cols = Axis("Layer", ()), Axis("Head", ())
        self._thumbnails: NDArray[np.uint8] | None = None
        self._picture: QImage | None = None
        self._inked: Theme | None = None
        self._groups = 0
        self._hover: Cell | None = None
        self._selected: Cell | None = None
        self._second: Cell | None = None
        self._tip: Callable[[int, int], str] | None = None
        self._picked: frozenset[Cell] = frozenset()
        self._picker = Picker(self, self.viewport(), self._frame, self.selected, self._choose)
        self._picker.cells_picked.connect(self.heads_picked)
        self.setAccessibleName("All heads")

    def set_shape(self, layers: int, heads: int) -> None:
        """Lay out a grid of layers by heads, numbered from 0; thumbnails are let go."""
        self._frame.set_shape(layers, heads)
        self._rows, self._cols = numbered("Layer", layers), numbered("Head", heads)
        self._thumbnails = None
        self._hover = self._selected = self._second = None
        self._groups = 0
        self._arrange()

    def set_labels(self, layers: Sequence[int], heads: Sequence[int]) -> None:
        """Number the rows and columns as the model does.

        Raises:
            ValueError: There are more or fewer labels than rows or columns.
        """
        shape = self._frame.rows, self._frame.cols
        if (len(layers), len(heads)) != shape:
            raise ValueError(
                f"Labels for {len(layers)} × {len(heads)} heads do not fit a grid of "
                f"{shape[0]} × {shape[1]}."
            )
        self._rows = Axis("Layer", [str(layer) for layer in layers])
        self._cols = Axis("Head", [str(head) for head in heads])
        self._arrange()

    def set_thumbnails(self, thumbnails: NDArray[Any]) -> None:
        """Fill the grid with [L, H, t, t], uint8, or float from 0 to 1; NaN counts as 0.

        Raises:
            ValueError: The shape does not fit the grid.
        """
        shape = self._frame.rows, self._frame.cols
        if thumbnails.ndim != 4 or thumbnails.shape[:2] != shape:
            raise ValueError(
                f"Thumbnails of shape {thumbnails.shape} do not fit a grid of {shape}."
            )
        self._thumbnails = to_bytes(thumbnails)
        self._picture = None
        self.viewport().update()

    def set_groups(self, n_kv: int) -> None:
        """Bracket the heads that share a key-value head; 0 or one head each marks nothing."""
        self._groups = n_kv
        self.viewport().update()

    def set_selected(self, layer: int | None, head: int | None) -> None:
        """Outline a head without a signal, and bring it into view; None takes it away."""
        wanted = None if layer is None or head is None else (layer, head)
        self._selected = wanted if wanted is not None and self._frame.holds(wanted) else None
        if self._selected is not None:
            self._frame.reveal(*self._selected)
            at = self._frame.seen.topLeft() * self.pitch
            self.horizontalScrollBar().setValue(round(at.x()))
            self.verticalScrollBar().setValue(round(at.y()))
        self.viewport().update()

    def set_second(self, cell: Cell | None) -> None:
        """Outline the head that stands beside the selected one, in another ink."""
        self._second = cell if cell is not None and self._frame.holds(cell) else None
        self.viewport().update()

    def second(self) -> Cell | None:
        """Return the (row, column) of the head beside the selected one, or None."""
        return self._second

    def selected(self) -> Cell | None:
        """Return the outlined (row, column), or None."""
        return self._selected

    def hovered(self) -> Cell | None:
        """Return the (row, column) under the pointer, or None."""
        return self._hover

    def set_tip(self, tip: Callable[[int, int], str] | None) -> None:
        """Set what gives the tooltip of (row, column); None writes the head's name."""
        self._tip = tip

    def set_picked(self, cells: Iterable[Cell]) -> None:
        """Mark the picked heads."""
        self._picked = frozenset(cells)
        self.viewport().update()

    def picked(self) -> frozenset[Cell]:
        """Return the heads that are marked as picked."""
        return self._picked

    def clear(self) -> None:
        """Take everything away."""
        self.set_shape(0, 0)

    def head_name(self, row: int, col: int) -> str:
        """Return a head's name, such as `L18 H6`."""
        return f"L{self._rows.labels[row]}H{self._cols.labels[col]}"

    def head_center(self, row: int, col: int) -> QPoint:
        """Return the middle of a thumbnail, on the viewport."""
        return self._frame.cell_rect(row, col).center().toPoint()

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(420, 480)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(160, 120)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._follow()
        super().scrollContentsBy(dx, dy)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._frame.rows or not self._frame.cols:
            return
        plot = self._frame.plot
        painter = QPainter(self.viewport())
        painter.save()
        painter.setClipRect(plot)
        picture, gap = self._mosaic(), (self.pitch - self._side()) // 2
        if picture is not None:
            painter.drawImage(plot.topLeft().toPoint() - self._offset() + QPoint(gap, gap), picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(plot.adjusted(-2, -2, 2, 2))
        paint_picked(painter, self._frame, self._picked, self._picker)
        paint_outline(painter, self._frame, self._hover, colour("text_muted"), 1.5)
        paint_outline(painter, self._frame, self._second, colour("mark"), 2.0)
        paint_outline(painter, self._frame, self._selected, colour("accent"), 2.0)
        painter.restore()
        marked = [cell for cell in (self._hover, self._selected) if cell is not None]
        rows, cols = {row for row, _ in marked}, {col for _, col in marked}
        matrix_axes.paint_rows(painter, self._frame, self._rows, rows)
        matrix_axes.paint_columns(painter, self._frame, self._cols, cols)
        if 0 < self._groups < self._frame.cols:
            paint_groups(painter, self._frame, self._groups)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hover(self._frame.cell_at(event.position()))

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(None)
        super().leaveEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self._frame.cell_at(event.position())
        if cell is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.head_compared.emit(*cell)
        else:
            self._choose(cell)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        cell = self._frame.cell_at(event.position())
        if cell is not None:
            self.head_activated.emit(*cell)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in ARROWS and self._frame.rows and self._frame.cols:
            self._choose(self._frame.stepped(self._selected, *ARROWS[key]))
        elif key in ENTER and self._selected is not None:
            self.head_activated.emit(*self._selected)
        else:
            super().keyPressEvent(event)

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._frame.cell_at(event.pos().toPointF())
            text = "" if cell is None else (self._tip or self.head_name)(*cell)
            QToolTip.showText(event.globalPos(), plain_tip(text), self.viewport())
            return True
        return super().viewportEvent(event)

    # Within.

    def _choose(self, cell: Cell) -> None:
        self.set_selected(*cell)
        self.setAccessibleDescription(self.head_name(*cell))
        self.head_clicked.emit(*cell)

    def _set_hover(self, cell: Cell | None) -> None:
        if cell != self._hover:
            self._hover = cell
            self.viewport().update()

    def _side(self) -> int:
        """Return the side of a thumbnail in pixels, without the gap."""
        return self.pitch - (2 if self.pitch < 32 else 4)

    def _arrange(self) -> None:
        """Choose the side of a thumbnail: all in sight where they stay legible, else scroll."""
        rows, cols = self._frame.rows, self._frame.cols
        if not rows or not cols:
            return
        left = round(matrix_axes.rows_width(self._rows))
        top = round(matrix_axes.columns_height(self._cols, self.width()))
        room = self.viewport().size() - QSize(left + _EDGE, top + _EDGE)
        across = room.width() // cols
        pitch = min(across, room.height() // rows)
        if pitch < _SMALLEST:
            pitch = max(_SCROLLED, min(across, _COMFORTABLE))
        self.pitch = min(pitch, _LARGEST)
        width, height = min(cols * self.pitch, room.width()), min(rows * self.pitch, room.height())
        self._frame.plot = QRectF(left, top, max(width, 1), max(height, 1))
        self._picture = None
        for bar, whole, shown in (
            (self.horizontalScrollBar(), cols * self.pitch, width),
            (self.verticalScrollBar(), rows * self.pitch, height),
        ):
            bar.setRange(0, max(0, whole - shown))
            bar.setPageStep(max(shown, 1))
            bar.setSingleStep(self.pitch)
        self._follow()
        self.viewport().update()

    def _follow(self) -> None:
        """Let the frame see what the bars say."""
        at, plot = self._offset(), self._frame.plot
        place = (at.x(), at.y(), plot.width(), plot.height())
        self._frame.seen = QRectF(*(length / self.pitch for length in place))

    def _mosaic(self) -> QImage | None:
        theme = theme_hub().current
        if self._thumbnails is not None and (self._picture is None or self._inked is not theme):
            ratio = self.devicePixelRatioF()
            colours = lookup(sequential_map(), 256), theme.color("panel")
            self._picture = mosaic(self._thumbnails, self.pitch, self._side(), ratio, colours)
            self._inked = theme
        return self._picture


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
    """Return all thumbnails [L, H, t, t] as one picture, exact to the pixel of the screen.

    Pitch and side of one are logical pixels, `ratio` says how many device pixels each is; `colours`
    are a table uint8 [256, 4] and what the gaps are filled with.
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


def paint_groups(painter: QPainter, frame: MatrixFrame, groups: int) -> None:
    """Draw one bracket per key-value head beneath the column labels."""
    y = frame.plot.top() - 3
    painter.setPen(QPen(colour("border_strong"), 2))
    for group in range(groups):
        first, last = group * frame.cols // groups, (group + 1) * frame.cols // groups
        left = max(frame.cell_rect(0, first).left() + 3, frame.plot.left())
        right = min(frame.cell_rect(0, last).left() - 3, frame.plot.right())
        if right > left:
            painter.drawLine(QLineF(left, y, right, y))
