"""All heads of a model as small pictures: layers down, heads across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from desktop_app.widgets.basics.colormaps import lookup, sequential_map
from desktop_app.widgets.basics.painted_area import PaintedArea
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.head_grid_paint import (
    EDGE,
    GridPlace,
    mosaic,
    paint_frame,
    paint_groups,
    paint_labels,
    to_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtGui import QPixmap, QResizeEvent

# Down to this all heads stay in sight; where they would be smaller, they scroll and are larger.
_SMALLEST = 11
_SCROLLED = 14
_COMFORTABLE = 18
_LARGEST = 112
_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class HeadGrid(PaintedArea):
    """Small multiples of every head's attention; it scrolls where they would be too small.

    Indices count rows and columns of what is shown; labels may be other numbers.

    Signals:
        head_hovered: (row, column) under the pointer; (−1, −1) when it leaves.
        head_clicked: (row, column) chosen by click or arrow keys.
        head_activated: (row, column) double-clicked, or Enter.
    """

    head_hovered = Signal(int, int)
    head_clicked = Signal(int, int)
    head_activated = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place = GridPlace((), ())
        self._thumbnails: NDArray[np.uint8] | None = None
        self._picture: QImage | None = None
        self._groups = 0
        self._hover: tuple[int, int] | None = None
        self._selected: tuple[int, int] | None = None
        self._tip: Callable[[int, int], str] | None = None
        self.setAccessibleName("All heads")

    def set_shape(self, layers: int, heads: int) -> None:
        """Lay out a grid of layers by heads, numbered from 0; thumbnails are let go."""
        self._place = GridPlace(
            tuple(str(i) for i in range(layers)), tuple(str(i) for i in range(heads))
        )
        self._thumbnails = None
        self._hover = self._selected = None
        self._groups = 0
        self._arrange()

    def set_labels(self, layers: Sequence[int], heads: Sequence[int]) -> None:
        """Number the rows and columns as the model does.

        Raises:
            ValueError: There are more or fewer labels than rows or columns.
        """
        if (len(layers), len(heads)) != self._place.shape:
            raise ValueError(
                f"Labels for {len(layers)} × {len(heads)} heads do not fit a grid of "
                f"{self._place.shape[0]} × {self._place.shape[1]}."
            )
        self._place = GridPlace(
            tuple(str(layer) for layer in layers), tuple(str(head) for head in heads)
        )
        self._arrange()

    def set_thumbnails(self, thumbnails: NDArray[Any]) -> None:
        """Fill the grid.

        Args:
            thumbnails: [L, H, t, t], uint8, or float from 0 to 1; NaN counts as 0.

        Raises:
            ValueError: The shape does not fit the grid.
        """
        if thumbnails.ndim != 4 or thumbnails.shape[:2] != self._place.shape:
            raise ValueError(
                f"Thumbnails of shape {thumbnails.shape} do not fit a grid of {self._place.shape}."
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
        rows, cols = self._place.shape
        inside = wanted is not None and 0 <= wanted[0] < rows and 0 <= wanted[1] < cols
        self._selected = wanted if inside else None
        if self._selected is not None:
            self._reveal(*self._selected)
        self.viewport().update()

    def selected(self) -> tuple[int, int] | None:
        """Return the outlined (row, column), or None."""
        return self._selected

    def set_tip(self, tip: Callable[[int, int], str] | None) -> None:
        """Set what gives the tooltip of (row, column); None writes the head's name."""
        self._tip = tip

    def clear(self) -> None:
        """Take everything away."""
        self.set_shape(0, 0)

    def head_name(self, row: int, col: int) -> str:
        """Return a head's name, such as `L18 H6`."""
        return f"L{self._place.layers[row]} H{self._place.heads[col]}"

    def head_center(self, row: int, col: int) -> QPoint:
        """Return the middle of a thumbnail, on the viewport."""
        return self._place.cell(row, col).center() - self._offset()

    def picture(self) -> QPixmap:
        """Return the grid as it is seen."""
        return self.grab()

    # Qt.

    def sizeHint(self) -> QSize:
        """Return the size that suits the contents."""
        return QSize(420, 480)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which nothing is cut."""
        return QSize(160, 120)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew."""
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        rows, cols = self._place.shape
        if not rows or not cols:
            return
        theme = theme_hub().current
        painter = QPainter(self.viewport())
        painter.translate(-self._offset())
        picture = self._mosaic()
        if picture is not None:
            painter.drawImage(self._place.origin, picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_frame(painter, self._place, self._hover, theme.color("text_muted"), 1.5)
        paint_frame(painter, self._place, self._selected, theme.color("accent"), 2.0)
        marked = {cell for cell in (self._hover, self._selected) if cell is not None}
        paint_labels(painter, self._place, self._offset(), marked, theme)
        if 0 < self._groups < cols:
            paint_groups(painter, self._place, self._offset(), self._groups, theme)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        self._set_hover(self._at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """Let go of what was under the pointer."""
        self._set_hover(None)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Answer a press of the mouse."""
        cell = self._at(event.position().toPoint())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._choose(cell)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Answer a double click."""
        cell = self._at(event.position().toPoint())
        if cell is not None:
            self.head_activated.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer a key."""
        key, (rows, cols) = Qt.Key(event.key()), self._place.shape
        if key in _ARROWS and rows and cols:
            down, right = _ARROWS[key]
            row, col = self._selected or (-down, -right)
            self._choose((min(max(row + down, 0), rows - 1), min(max(col + right, 0), cols - 1)))
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._selected is not None:
            self.head_activated.emit(*self._selected)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Show the tooltip of what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._at(event.pos())
            text = ""
            if cell is not None:
                text = self._tip(*cell) if self._tip is not None else self.head_name(*cell)
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    # Within.

    def _choose(self, cell: tuple[int, int]) -> None:
        self.set_selected(*cell)
        self.setAccessibleDescription(self.head_name(*cell))
        self.head_clicked.emit(*cell)

    def _set_hover(self, cell: tuple[int, int] | None) -> None:
        if cell != self._hover:
            self._hover = cell
            self.viewport().update()
            self.head_hovered.emit(*(cell or (-1, -1)))

    def _at(self, point: QPoint) -> tuple[int, int] | None:
        origin = self._place.origin
        if point.x() < origin.x() or point.y() < origin.y():  # the pinned labels
            return None
        return self._place.at(point + self._offset())

    def _arrange(self) -> None:
        """Choose the side of a thumbnail: all in sight where they stay legible, else scroll."""
        rows, cols = self._place.shape
        if rows and cols:
            room = self.viewport().size()
            across = (room.width() - self._place.origin.x() - EDGE) // cols
            down = (room.height() - self._place.origin.y() - EDGE) // rows
            pitch = min(across, down)
            if pitch < _SMALLEST:
                pitch = max(_SCROLLED, min(across, _COMFORTABLE))
            self._place.set_pitch(min(pitch, _LARGEST))
        self._picture = None
        extent, room = self._place.extent(), self.viewport().size()
        for bar, length, shown in (
            (self.horizontalScrollBar(), extent.width(), room.width()),
            (self.verticalScrollBar(), extent.height(), room.height()),
        ):
            bar.setRange(0, max(0, length - shown))
            bar.setPageStep(max(shown, 1))
            bar.setSingleStep(self._place.pitch)
        self.viewport().update()

    def _mosaic(self) -> QImage | None:
        if self._picture is None and self._thumbnails is not None:
            ratio = self.devicePixelRatioF()
            background = theme_hub().current.color("panel")
            table = lookup(sequential_map(), 256)
            pitch, side = self._place.pitch, self._place.side
            self._picture = mosaic(self._thumbnails, pitch, side, ratio, (table, background))
        return self._picture

    def _reveal(self, row: int, col: int) -> None:
        cell: QRect = self._place.cell(row, col)
        origin, room = self._place.origin, self.viewport().size()
        for bar, low, high, pinned, length in (
            (self.horizontalScrollBar(), cell.left(), cell.right(), origin.x(), room.width()),
            (self.verticalScrollBar(), cell.top(), cell.bottom(), origin.y(), room.height()),
        ):
            if low - pinned < bar.value():
                bar.setValue(low - pinned)
            elif high + EDGE > bar.value() + length:
                bar.setValue(high + EDGE - length)

    def _take_theme(self) -> None:
        self._picture = None
        super()._take_theme()
