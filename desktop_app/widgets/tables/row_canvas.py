"""A list whose rows are painted: a pinned header, hover, selection and keyboard.

The rankings of predictions and of parts are built on it; they need bars, dots and token boxes on
one line, which tables do not give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import Theme, theme_hub

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QHelpEvent, QResizeEvent

ROW_HEIGHT = 28
HEADER_HEIGHT = 26
PADDING = 10


class RowCanvas(QAbstractScrollArea):
    """Base of painted lists; subclasses say how many rows there are and paint one.

    Signals:
        row_clicked: A row was chosen by click or by the arrow keys.
        row_activated: A row was double-clicked, or Enter was pressed on it.
        row_hovered: The pointer is over a row; −1 when it leaves.
    """

    row_clicked = Signal(int)
    row_activated = Signal(int)
    row_hovered = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hover = -1
        self._selected = -1
        self._empty_text = ""
        self._row_height = ROW_HEIGHT
        self._fitting: tuple[int, int] | None = None
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.setFont(ui_font(12))
        theme_hub().theme_changed.connect(self._on_theme_changed)

    # What subclasses give.

    def row_count(self) -> int:
        """Return the number of rows."""
        raise NotImplementedError

    def paint_row(self, painter: QPainter, rect: QRect, row: int, theme: Theme) -> None:
        """Paint one row within `rect`."""
        raise NotImplementedError

    def paint_header(self, painter: QPainter, rect: QRect, _theme: Theme) -> None:
        """Paint the column names within `rect`."""
        raise NotImplementedError

    def row_text(self, row: int) -> str:
        """Return a row in words, for the tooltip and the screen reader."""
        raise NotImplementedError

    # What callers use.

    def set_empty_text(self, text: str) -> None:
        """Set what is said where there are no rows."""
        self._empty_text = text
        self.viewport().update()

    def set_fitting(self, smallest: int, largest: int) -> None:
        """Let rows grow and shrink within these heights, so that the list fills its room."""
        self._fitting = (smallest, largest)
        self._update_range()

    def selected_row(self) -> int | None:
        """Return the selected row, or None."""
        return self._selected if 0 <= self._selected < self.row_count() else None

    def set_selected(self, row: int | None) -> None:
        """Select a row without a signal, and bring it into view."""
        self._selected = -1 if row is None else row
        if row is not None:
            self._reveal(row)
        self.viewport().update()

    def show_top(self) -> None:
        """Scroll to the first row, as for a list that is new."""
        self.verticalScrollBar().setValue(0)

    def rows_changed(self) -> None:
        """Take over a new number of rows; subclasses call it after their rows were replaced."""
        self._hover = -1
        if self._selected >= self.row_count():
            self._selected = -1
        self._update_range()
        self.updateGeometry()
        self.viewport().update()

    def full_height(self) -> int:
        """Return the height at which no row needs scrolling."""
        return HEADER_HEIGHT + max(1, self.row_count()) * ROW_HEIGHT + 2

    # Qt.

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(320, min(self.full_height(), 420))

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which nothing is cut."""
        return QSize(220, HEADER_HEIGHT + 3 * ROW_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = theme_hub().current
        if not self.row_count():
            self._paint_empty(painter, theme)
            return
        for row in self._visible_rows():
            rect = self._row_rect(row)
            self._paint_background(painter, rect, row, theme)
            self.paint_row(painter, rect.adjusted(PADDING, 0, -PADDING, 0), row, theme)
        self._paint_header_band(painter, theme)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew for the new size."""
        super().resizeEvent(event)
        self._update_range()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        self._set_hover(self._row_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._set_hover(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what was clicked."""
        row = self._row_at(event.position().toPoint())
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._choose(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Activate what was double-clicked."""
        row = self._row_at(event.position().toPoint())
        if row >= 0:
            self.row_activated.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the selection by arrow keys, activate by Enter."""
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -10,
            Qt.Key.Key_PageDown: 10,
            Qt.Key.Key_Home: -self.row_count(),
            Qt.Key.Key_End: self.row_count(),
        }
        key = Qt.Key(event.key())
        if key in steps and self.row_count():
            row = min(max(self._selected + steps[key], 0), self.row_count() - 1)
            self._choose(row)
            self._reveal(row)
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.selected_row() is not None:
            self.row_activated.emit(self._selected)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Give each row its own tooltip."""
        if event.type() == event.Type.ToolTip:
            help_event: QHelpEvent = event  # type: ignore[assignment]
            row = self._row_at(help_event.pos())
            self.viewport().setToolTip(self.row_text(row) if row >= 0 else "")
        return super().viewportEvent(event)

    # Within.

    def _choose(self, row: int) -> None:
        self._selected = row
        self.setAccessibleDescription(self.row_text(row))
        self.viewport().update()
        self.row_clicked.emit(row)

    def _set_hover(self, row: int) -> None:
        if row != self._hover:
            self._hover = row
            self.viewport().update()
            self.row_hovered.emit(row)

    def _row_at(self, point: QPoint) -> int:
        if point.y() < HEADER_HEIGHT:
            return -1
        row = (point.y() - HEADER_HEIGHT + self.verticalScrollBar().value()) // self._row_height
        return row if row < self.row_count() else -1

    def _row_rect(self, row: int) -> QRect:
        top = HEADER_HEIGHT + row * self._row_height - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width(), self._row_height)

    def _visible_rows(self) -> range:
        first = self.verticalScrollBar().value() // self._row_height
        count = self.viewport().height() // self._row_height + 2
        return range(first, min(self.row_count(), first + count))

    def _update_range(self) -> None:
        room = self.viewport().height() - HEADER_HEIGHT
        if self._fitting is not None and self.row_count():
            smallest, largest = self._fitting
            self._row_height = min(largest, max(smallest, room // self.row_count()))
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, self.row_count() * self._row_height - room))
        bar.setPageStep(max(1, room))
        bar.setSingleStep(self._row_height)

    def _reveal(self, row: int) -> None:
        bar, room = self.verticalScrollBar(), self.viewport().height() - HEADER_HEIGHT
        top = row * self._row_height
        if top < bar.value():
            bar.setValue(top)
        elif top + self._row_height > bar.value() + room:
            bar.setValue(top + self._row_height - room)

    def _paint_background(self, painter: QPainter, rect: QRect, row: int, theme: Theme) -> None:
        if row == self._selected:
            field = "accent_soft"
        elif row == self._hover:
            field = "hover"
        else:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(field))
        painter.drawRoundedRect(rect.adjusted(2, 1, -2, -1), 5, 5)

    def _paint_header_band(self, painter: QPainter, theme: Theme) -> None:
        band = QRect(0, 0, self.viewport().width(), HEADER_HEIGHT)
        painter.fillRect(band, theme.color("panel"))
        painter.setPen(theme.color("border"))
        painter.drawLine(0, HEADER_HEIGHT - 1, band.right(), HEADER_HEIGHT - 1)
        painter.setPen(theme.color("text_muted"))
        painter.setFont(ui_font(11, "medium"))
        self.paint_header(painter, band.adjusted(PADDING, 0, -PADDING, 0), theme)

    def _paint_empty(self, painter: QPainter, theme: Theme) -> None:
        painter.setPen(theme.color("text_muted"))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.viewport().rect().adjusted(16, 0, -16, 0), flags, self._empty_text)

    def _on_theme_changed(self, _theme: object) -> None:
        self.viewport().update()
