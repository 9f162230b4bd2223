"""A list of bars: the tokens a model would say next, or the heads that matter most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.painted_area import PaintedArea
from desktop_app.widgets.basics.theme import Theme, theme_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QColor, QResizeEvent

_ROW = 26
_TITLE = 26
_PAD = 8


@dataclass(frozen=True)
class Bar:
    """One row: its label, its value and the text of the value; `mark` colours it."""

    label: str
    value: float
    text: str = ""
    mark: Literal["", "answer", "wrong"] = ""
    tooltip: str = ""
    key: object = None


class BarList(PaintedArea):
    """Rows of label, bar and number; a diverging list has its zero in the middle.

    Signals:
        row_clicked: Index of the row chosen by click or arrow keys.
        row_activated: Index of the row double-clicked, or Enter.
    """

    row_clicked = Signal(int)
    row_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: list[Bar] = []
        self._maximum = 1.0
        self._diverging = False
        self._title = ""
        self._empty = "Nothing to show"
        self._hover = self._selected = -1
        self._reserved = 2
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Bars")

    def set_bars(
        self, bars: Sequence[Bar], maximum: float | None = None, *, diverging: bool = False
    ) -> None:
        """Show these rows.

        Args:
            bars: The rows, best first.
            maximum: Magnitude of a full bar; None takes the largest one.
            diverging: Whether bars start in the middle, negative ones to the left.
        """
        self._bars = list(bars)
        largest = max((abs(bar.value) for bar in bars if bar.value == bar.value), default=1.0)
        self._maximum = maximum or largest or 1.0
        self._diverging = diverging
        self._hover = -1
        self._selected = self._selected if self._selected < len(self._bars) else -1
        self._update_range()
        self.updateGeometry()
        self.viewport().update()

    def set_title(self, title: str) -> None:
        """Set the heading above the rows."""
        self._title = title
        self._update_range()
        self.viewport().update()

    def set_empty_text(self, text: str) -> None:
        """Set what is said where there are no rows."""
        self._empty = text
        self.viewport().update()

    def reserve_rows(self, count: int) -> None:
        """Ask for the room of so many rows, so that neighbours stay while rows come and go."""
        self._reserved = count
        self.updateGeometry()

    def set_selected(self, row: int | None) -> None:
        """Select a row without a signal."""
        self._selected = -1 if row is None else row
        self.viewport().update()

    def sizeHint(self) -> QSize:
        """Return the size that suits the contents."""
        return QSize(240, self._top() + max(len(self._bars), self._reserved) * _ROW)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which nothing is cut."""
        return QSize(140, self._top() + 2 * _ROW)

    def row_center(self, row: int) -> QPoint:
        """Return the middle of a row, on the viewport."""
        return self._row_rect(row).center()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        theme = theme_hub().current
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        columns = self._columns()
        for row in range(len(self._bars)):
            rect = self._row_rect(row)
            if rect.bottom() >= self._top() and rect.top() <= self.viewport().height():
                self._paint_row(painter, rect, row, columns, theme)
        self._paint_title(painter, theme)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        self._set_hover(self._row_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """Let go of what was under the pointer."""
        self._set_hover(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Answer a press of the mouse."""
        row = self._row_at(event.position().toPoint())
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._choose(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Answer a double click."""
        row = self._row_at(event.position().toPoint())
        if row >= 0:
            self.row_activated.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer a key."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        key = Qt.Key(event.key())
        if key in steps and self._bars:
            self._choose(min(max(self._selected + steps[key], 0), len(self._bars) - 1))
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._selected >= 0:
            self.row_activated.emit(self._selected)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Show the tooltip of what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self._row_at(event.pos())
            bar = self._bars[row] if row >= 0 else None
            text = "" if bar is None else bar.tooltip or f"{bar.label}   {bar.text}"
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew."""
        super().resizeEvent(event)
        self._update_range()

    def _paint_row(
        self, painter: QPainter, rect: QRect, row: int, columns: tuple[int, int], theme: Theme
    ) -> None:
        bar = self._bars[row]
        ink = _ink(bar, theme)
        if row in {self._hover, self._selected}:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("selection" if row == self._selected else "hover"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 4, 4)
        names, numbers = columns
        painter.setFont(mono_font(12))
        painter.setPen(theme.color("text"))
        label = painter.fontMetrics().elidedText(bar.label, Qt.TextElideMode.ElideRight, names)
        box = rect.adjusted(_PAD, 0, -_PAD, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | middle, label)
        painter.setFont(ui_font(12))
        painter.setPen(theme.color("text" if bar.mark else "text_muted"))
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, bar.text)
        room = QRectF(box.left() + names + _PAD, rect.center().y() - 3, 0, 7)
        room.setRight(box.right() - numbers - _PAD)
        self._paint_bar(painter, room, bar.value, ink, theme)

    def _paint_bar(
        self, painter: QPainter, room: QRectF, value: float, ink: QColor, theme: Theme
    ) -> None:
        if room.width() < 8:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("grid"))
        painter.drawRoundedRect(room, 2, 2)
        share = min(abs(value) / self._maximum, 1.0) if value == value else 0.0  # noqa: PLR0124
        length = max(share * room.width() / (2 if self._diverging else 1), 2.0 if share else 0.0)
        start = room.center().x() if self._diverging else room.left()
        left = start - length if self._diverging and value < 0 else start
        painter.setBrush(ink)
        painter.drawRoundedRect(QRectF(left, room.top(), length, room.height()), 2, 2)

    def _paint_title(self, painter: QPainter, theme: Theme) -> None:
        width = self.viewport().width()
        if self._title:
            painter.fillRect(0, 0, width, _TITLE, theme.color("panel"))
            painter.setFont(ui_font(12, "medium"))
            painter.setPen(theme.color("text_muted"))
            box = QRect(_PAD, 0, width - 2 * _PAD, _TITLE)
            text = painter.fontMetrics().elidedText(
                self._title, Qt.TextElideMode.ElideRight, box.width()
            )
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
        if not self._bars:
            painter.setFont(ui_font(12))
            painter.setPen(theme.color("text_muted"))
            box = QRect(_PAD, self._top(), width - 2 * _PAD, 2 * _ROW)
            painter.drawText(box, Qt.TextFlag.TextWordWrap, self._empty)

    def _columns(self) -> tuple[int, int]:
        """Return the widths of the labels and of the numbers."""
        words, figures = QFontMetrics(mono_font(12)), QFontMetrics(ui_font(12))
        names = max((words.horizontalAdvance(bar.label) for bar in self._bars), default=0)
        numbers = max((figures.horizontalAdvance(bar.text) for bar in self._bars), default=0)
        # Some pixels more than the text: painting rounds up, and a cut label says nothing.
        return min(names + 4, int(self.viewport().width() * 0.42)), numbers

    def _top(self) -> int:
        return _TITLE if self._title else 0

    def _row_rect(self, row: int) -> QRect:
        top = self._top() + row * _ROW - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width(), _ROW)

    def _row_at(self, point: QPoint) -> int:
        if point.y() < self._top():
            return -1
        row = (point.y() - self._top() + self.verticalScrollBar().value()) // _ROW
        return row if row < len(self._bars) else -1

    def _choose(self, row: int) -> None:
        self._selected = row
        self.setAccessibleDescription(f"{self._bars[row].label} {self._bars[row].text}")
        self.viewport().update()
        self.row_clicked.emit(row)

    def _set_hover(self, row: int) -> None:
        if row != self._hover:
            self._hover = row
            self.viewport().update()

    def _update_range(self) -> None:
        room = self.viewport().height() - self._top()
        self.verticalScrollBar().setRange(0, max(0, len(self._bars) * _ROW - room))
        self.verticalScrollBar().setPageStep(max(room, 1))
        self.verticalScrollBar().setSingleStep(_ROW)


def _ink(bar: Bar, theme: Theme) -> QColor:
    return theme.color({"answer": "good", "wrong": "bad"}.get(bar.mark, "accent"))
