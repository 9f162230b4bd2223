"""Steps from above, positions from left: where a step computes, changes, or finds the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.painted_area import PaintedArea
from desktop_app.widgets.basics.theme import colour
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from desktop_app.analyses.steer.timeline_picture import Timeline

Cell = tuple[int, int]
ROW, HEAD, GAP = 26, 42, 3
_LEAST, _WIDEST, _PADDING = 30, 96, 6
_SIDE = 126
_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Home: (0, -(2**30)),
    Qt.Key.Key_End: (0, 2**30),
}


class TimelineGrid(PaintedArea):
    """Cells with a sign each, so that no meaning hangs on colour alone.

    Signals:
        cell_chosen: (step, position), by click or by the arrow keys.
    """

    cell_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timeline: Timeline | None = None
        self._lefts: list[int] = []
        self._widths: list[int] = []
        self._chosen: Cell | None = None
        self.setAccessibleName("Timeline")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_timeline(self, timeline: Timeline | None) -> None:
        """Show one, or nothing."""
        before, self._timeline = self._timeline, timeline
        if self._chosen is not None and not self._has(self._chosen):
            self._chosen = None
        metrics = QFontMetrics(mono_font(11))
        self._lefts, self._widths, left = [], [], _SIDE
        for label in () if timeline is None else timeline.labels:
            wide = metrics.horizontalAdvance(label) + 2 * _PADDING
            width = min(_WIDEST, max(_LEAST, wide))
            self._lefts.append(left)
            self._widths.append(width)
            left += width + GAP
        self._arrange()
        if timeline is not None and not timeline.same(before):
            self._bring_changed()
        self._describe()

    def chosen(self) -> Cell | None:
        """Return step and position of the outlined cell, or None."""
        return self._chosen

    def cell_box(self, step: int, position: int) -> QRect:
        """Return a cell in viewport coordinates."""
        return self._box(step, position).translated(-self._offset())

    def whole(self) -> QSize:
        """Return the room in which nothing is scrolled."""
        rows = 0 if self._timeline is None else len(self._timeline.codes)
        right = self._lefts[-1] + self._widths[-1] + GAP if self._lefts else _SIDE
        return QSize(right + 2, HEAD + rows * ROW + 2)

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(520, HEAD + 8 * ROW)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(_SIDE + 120, HEAD + 3 * ROW + 12)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._timeline is None:
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        steps = self._seen_steps()
        places = self._seen_positions()
        room = self.viewport().rect()
        painter.setClipRect(room.adjusted(_SIDE, HEAD, 0, 0))
        for step in steps:
            for position in places:
                self._paint_cell(painter, step, position)
        painter.setClipRect(room.adjusted(_SIDE, 0, 0, 0))
        self._paint_head(painter, places)
        painter.setClipRect(room.adjusted(0, HEAD, 0, 0))
        self._paint_side(painter, steps)
        painter.setClipping(False)
        painter.setFont(ui_font(11))
        painter.setPen(colour("text_muted"))
        corner = QRect(4, HEAD - 20, _SIDE - 8, 18)
        painter.drawText(corner, Qt.AlignmentFlag.AlignLeft, "step · hooked tensor")

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self._cell_at(event.position().toPoint())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._take(cell)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        arrow, timeline = _ARROWS.get(Qt.Key(event.key())), self._timeline
        if arrow is None or timeline is None:
            super().keyPressEvent(event)
            return
        step, position = self._chosen or (0, 0)
        if self._chosen is not None:
            step, position = step + arrow[0], position + arrow[1]
        rows, columns = len(timeline.codes), len(timeline.labels)
        self._take((min(max(step, 0), rows - 1), min(max(position, 0), columns - 1)))

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._cell_at(event.pos())
            text = "" if cell is None or self._timeline is None else self._timeline.words(*cell)
            QToolTip.showText(event.globalPos(), plain_tip(text), self.viewport())
            return True
        return super().viewportEvent(event)

    # Within.

    def _has(self, cell: Cell) -> bool:
        timeline = self._timeline
        if timeline is None:
            return False
        return cell[0] < len(timeline.codes) and cell[1] < len(timeline.labels)

    def _bring_changed(self) -> None:
        """Scroll to the first position that was changed, where it is not in sight."""
        codes = np.zeros((0, 0)) if self._timeline is None else self._timeline.codes
        changed = np.nonzero(codes == 3)[1][:1].tolist()
        bar, room = self.horizontalScrollBar(), self.viewport().width()
        bar.setValue(0)
        if changed and self._lefts[changed[0]] + self._widths[changed[0]] > room:
            bar.setValue(self._lefts[max(0, changed[0] - 2)] - _SIDE)

    def _describe(self) -> None:
        told = "Nothing was changed."
        if self._timeline is not None:
            rows, columns = len(self._timeline.codes), len(self._timeline.labels)
            told = f"{rows} steps, {columns} positions"
            if self._chosen is not None:
                told = self._timeline.words(*self._chosen)
        self.setAccessibleDescription(told)

    def _take(self, cell: Cell) -> None:
        self._chosen = cell
        box, room = self._box(*cell), self.viewport().size()
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        if box.left() - _SIDE < across.value():
            across.setValue(box.left() - _SIDE)
        elif box.right() + GAP > across.value() + room.width():
            across.setValue(box.right() + GAP - room.width())
        if box.top() - HEAD < down.value():
            down.setValue(box.top() - HEAD)
        elif box.bottom() + GAP > down.value() + room.height():
            down.setValue(box.bottom() + GAP - room.height())
        self._describe()
        self.viewport().update()
        self.cell_chosen.emit(*cell)

    def _box(self, step: int, position: int) -> QRect:
        top = HEAD + step * ROW
        return QRect(self._lefts[position], top, self._widths[position], ROW - GAP)

    def _cell_at(self, point: QPoint) -> Cell | None:
        if point.x() < _SIDE or point.y() < HEAD or self._timeline is None:
            return None
        at = point + self._offset()
        step = (at.y() - HEAD) // ROW
        for position, left in enumerate(self._lefts):
            if left <= at.x() < left + self._widths[position] and self._has((step, position)):
                return step, position
        return None

    def _seen_steps(self) -> range:
        count = 0 if self._timeline is None else len(self._timeline.codes)
        top, room = self.verticalScrollBar().value(), self.viewport().height()
        return range(max(0, top // ROW), min(count, (top + room) // ROW + 1))

    def _seen_positions(self) -> list[int]:
        left = self.horizontalScrollBar().value() + _SIDE
        right = left - _SIDE + self.viewport().width()
        pairs = enumerate(zip(self._lefts, self._widths, strict=True))
        return [place for place, (x, width) in pairs if x + width > left and x < right]

    def _arrange(self) -> None:
        timeline, room = self._timeline, self.viewport().size()
        rows = 0 if timeline is None else len(timeline.codes)
        wide = self._lefts[-1] + self._widths[-1] + GAP if self._lefts else 0
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setRange(0, max(0, wide - room.width()))
        across.setPageStep(room.width())
        across.setSingleStep(_LEAST)
        down.setRange(0, max(0, HEAD + rows * ROW - room.height()))
        down.setPageStep(room.height())
        down.setSingleStep(ROW)
        self.viewport().update()

    # Painting.

    def _paint_head(self, painter: QPainter, places: list[int]) -> None:
        timeline = self._timeline
        if timeline is None:
            return
        metrics = QFontMetrics(mono_font(11))
        shift = self.horizontalScrollBar().value()
        for position in places:
            box = QRect(self._lefts[position] - shift, 2, self._widths[position], 16)
            painter.setFont(ui_font(11))
            painter.setPen(colour("text_muted"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(position))
            painter.setFont(mono_font(11))
            painter.setPen(colour("text" if position < timeline.prompt else "accent"))
            label = timeline.labels[position]
            shown = metrics.elidedText(label, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box.translated(0, 18), Qt.AlignmentFlag.AlignCenter, shown)

    def _paint_side(self, painter: QPainter, steps: range) -> None:
        timeline, shift = self._timeline, self.verticalScrollBar().value()
        if timeline is None:
            return
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        for step in steps:
            line = QRect(4, HEAD + step * ROW - shift, 44, ROW - GAP)
            painter.setFont(ui_font(12, "medium"))
            painter.setPen(colour("text"))
            painter.drawText(line, middle, str(step))
            if step < len(timeline.shapes):
                painter.setFont(ui_font(11))
                painter.setPen(colour("text_muted"))
                there = QRect(44, line.top(), _SIDE - 48, line.height())
                painter.drawText(there, middle, timeline.shapes[step])

    def _paint_cell(self, painter: QPainter, step: int, position: int) -> None:
        timeline = self._timeline
        if timeline is None:
            return
        box = self.cell_box(step, position)
        paint_code(painter, box, int(timeline.codes[step, position]))
        if (step, position) == self._chosen:
            painter.setPen(QPen(colour("accent"), 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), 4, 4)


def paint_code(painter: QPainter, box: QRect, code: int) -> None:
    """Paint one cell by its code: ground, edge and sign; also in the legend."""
    if code not in {1, 2, 3, 4, 5}:
        return
    ground = {1: "pressed", 2: "token", 3: "accent", 4: "accent_soft", 5: "warn_soft"}[code]
    edge = {1: "border_strong", 2: "border", 3: "accent", 4: "accent", 5: "warn"}[code]
    style = Qt.PenStyle.SolidLine if code in {1, 3} else Qt.PenStyle.DashLine
    painter.setPen(QPen(colour(edge), 1.0, style))
    painter.setBrush(colour(ground))
    painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    middle = QRectF(box).center()
    if code == 3:
        _diamond(painter, middle, filled=True)
    elif code == 4:
        _diamond(painter, middle, filled=False)
    elif code == 5:
        painter.setPen(QPen(colour("warn"), 1.8))
        for x, y in ((-1, -1), (-1, 1)):
            far = QPointF(4.0 * x, 4.0 * y)
            painter.drawLine(middle + far, middle - far)


def _diamond(painter: QPainter, middle: QPointF, *, filled: bool) -> None:
    size = 5.0
    ink = colour("accent_text" if filled else "accent")
    painter.setPen(QPen(ink, 1.5))
    painter.setBrush(ink if filled else Qt.BrushStyle.NoBrush)
    corners = ((0, -size), (size, 0), (0, size), (-size, 0))
    painter.drawPolygon(QPolygonF([middle + QPointF(x, y) for x, y in corners]))
