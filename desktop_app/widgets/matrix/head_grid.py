"""All heads of a model as small pictures: layers down, heads across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget
from typing_extensions import override

from desktop_app.pictures.matrix import Axis, numbered
from desktop_app.widgets.basics.colormaps import lookup, sequential_map
from desktop_app.widgets.basics.painted_area import PaintedArea
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix import matrix_axes
from desktop_app.widgets.matrix.matrix_canvas import ARROWS, ENTER
from desktop_app.widgets.matrix.matrix_cells import paint_outline
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame
from desktop_app.widgets.matrix.mosaic import mosaic, paint_groups, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtGui import QResizeEvent

    from desktop_app.pictures.matrix import Cell

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
        head_hovered: (row, column) under the pointer; (−1, −1) when it leaves.
        head_clicked: (row, column) chosen by click or arrow keys.
        head_activated: (row, column) double-clicked, or Enter.
    """

    head_hovered = Signal(int, int)
    head_clicked = Signal(int, int)
    head_activated = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pitch = 24
        self._frame = MatrixFrame()
        self._rows, self._cols = Axis("Layer", ()), Axis("Head", ())
        self._thumbnails: NDArray[np.uint8] | None = None
        self._picture: QImage | None = None
        self._groups = 0
        self._hover: Cell | None = None
        self._selected: Cell | None = None
        self._tip: Callable[[int, int], str] | None = None
        self.setAccessibleName("All heads")

    def set_shape(self, layers: int, heads: int) -> None:
        """Lay out a grid of layers by heads, numbered from 0; thumbnails are let go."""
        self._frame.set_shape(layers, heads)
        self._rows, self._cols = numbered("Layer", layers), numbered("Head", heads)
        self._thumbnails = None
        self._hover = self._selected = None
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
        """Fill the grid.

        Args:
            thumbnails: [L, H, t, t], uint8, or float from 0 to 1; NaN counts as 0.

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

    def selected(self) -> Cell | None:
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
        return f"L{self._rows.labels[row]} H{self._cols.labels[col]}"

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
        theme, plot = theme_hub().current, self._frame.plot
        painter = QPainter(self.viewport())
        painter.save()
        painter.setClipRect(plot)
        picture, gap = self._mosaic(), (self.pitch - self._side()) // 2
        if picture is not None:
            painter.drawImage(plot.topLeft().toPoint() - self._offset() + QPoint(gap, gap), picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(plot.adjusted(-2, -2, 2, 2))
        paint_outline(painter, self._frame, self._hover, theme.color("text_muted"), 1.5)
        paint_outline(painter, self._frame, self._selected, theme.color("accent"), 2.0)
        painter.restore()
        marked = [cell for cell in (self._hover, self._selected) if cell is not None]
        rows, cols = {row for row, _ in marked}, {col for _, col in marked}
        matrix_axes.paint_rows(painter, self._frame, self._rows, theme, rows)
        matrix_axes.paint_columns(painter, self._frame, self._cols, theme, cols)
        if 0 < self._groups < self._frame.cols:
            paint_groups(painter, self._frame, self._groups, theme)

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
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
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
            QToolTip.showText(event.globalPos(), text, self.viewport())
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
            self.head_hovered.emit(*(cell or (-1, -1)))

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
        if self._picture is None and self._thumbnails is not None:
            ratio = self.devicePixelRatioF()
            colours = lookup(sequential_map(), 256), theme_hub().current.color("panel")
            self._picture = mosaic(self._thumbnails, self.pitch, self._side(), ratio, colours)
        return self._picture

    @override
    def _take_theme(self) -> None:
        self._picture = None
        super()._take_theme()
