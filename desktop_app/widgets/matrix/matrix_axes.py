"""The labels along a matrix: thinned where they would touch, turned where they are words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF

from desktop_app.widgets.basics.fonts import mono_font, ui_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPainter

    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

TITLE = 18
PAD = 6
_LONGEST_WORD = 96
_STANDING_BELOW = 36.0
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Axis:
    """The labels of one direction, its name, and whether they are words (tokens) or numbers."""

    name: str
    labels: Sequence[str]
    words: bool = False

    def font(self) -> QFont:
        """Return the face of the labels."""
        return mono_font(11) if self.words else ui_font(11)

    def length(self) -> float:
        """Return the room that the longest label needs, in pixels."""
        metrics = QFontMetricsF(self.font())
        longest = sorted(self.labels, key=len)[-8:]
        widest = max((metrics.horizontalAdvance(label) for label in longest), default=0.0)
        return min(widest, float(_LONGEST_WORD)) + 1


def thinned(count: range, pitch: float, room: float) -> range:
    """Return every n-th index so that neighbours lie at least `room` pixels apart.

    Args:
        count: The indices in sight.
        pitch: Distance of two neighbours in pixels.
        room: What one label needs.
    """
    if pitch <= 0:
        return range(0)
    step = next((step for step in _STEPS if step * pitch >= room), _STEPS[-1])
    first = -(-count.start // step) * step
    return range(first, count.stop, step)


def words_stand(axis: Axis, pitch: float) -> bool:
    """Return whether the labels on top must be turned upright to fit beside each other."""
    return axis.words and pitch < _STANDING_BELOW and axis.length() + PAD > pitch


def paint_rows(
    painter: QPainter, frame: MatrixFrame, axis: Axis, theme: Theme, strong: set[int]
) -> None:
    """Write the labels of the rows left of the plot; `strong` ones in full ink."""
    painter.setFont(axis.font())
    metrics, pitch = QFontMetricsF(axis.font()), frame.cell_height()
    width = axis.length() + 2
    for row in _with(thinned(frame.rows_seen(), pitch, metrics.height()), strong, pitch, metrics):
        rect = frame.cell_rect(row, frame.seen.left())
        middle = rect.center().y()
        if not frame.plot.top() <= middle <= frame.plot.bottom():
            continue
        box = QRectF(frame.plot.left() - PAD - width, middle - 10, width, 20)
        text = metrics.elidedText(axis.labels[row], Qt.TextElideMode.ElideRight, width)
        _ink(painter, theme, row in strong)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
    if axis.name:
        painter.save()
        left = frame.plot.left() - PAD - width - TITLE
        painter.translate(left + TITLE / 2, frame.plot.center().y())
        painter.rotate(-90)
        _paint_name(painter, axis.name, theme)
        painter.restore()


def paint_columns(
    painter: QPainter, frame: MatrixFrame, axis: Axis, theme: Theme, strong: set[int]
) -> None:
    """Write the labels of the columns above the plot; `strong` ones in full ink."""
    painter.setFont(axis.font())
    metrics, pitch = QFontMetricsF(axis.font()), frame.cell_width()
    standing = words_stand(axis, pitch)
    roomy = axis.words and not standing
    longest = pitch - 4 if roomy else float(_LONGEST_WORD)
    room = metrics.height() if standing else pitch if roomy else axis.length() + 8
    columns = thinned(frame.cols_seen(), pitch, room)
    for col in _with(columns, strong, pitch, metrics) if standing else columns:
        middle = frame.cell_rect(frame.seen.top(), col).center().x()
        if not frame.plot.left() <= middle <= frame.plot.right():
            continue
        _ink(painter, theme, col in strong)
        text = metrics.elidedText(axis.labels[col], Qt.TextElideMode.ElideRight, longest)
        if standing:
            painter.save()
            painter.translate(middle, frame.plot.top() - PAD)
            painter.rotate(-90)
            box = QRectF(0, -10, _LONGEST_WORD + 4, 20)
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, flags, text)
            painter.restore()
        else:
            # The last label would reach over the edge of the widget, and be cut there.
            middle = min(middle, painter.viewport().width() - metrics.horizontalAdvance(text) / 2)
            box = QRectF(middle - 60, frame.plot.top() - PAD - 14, 120, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    if axis.name:
        painter.save()
        height = axis.length() if standing else 14.0
        painter.translate(frame.plot.center().x(), frame.plot.top() - PAD - height - TITLE / 2 - 2)
        _paint_name(painter, axis.name, theme)
        painter.restore()


def _with(shown: range, strong: set[int], pitch: float, metrics: QFontMetricsF) -> list[int]:
    """Return the thinned indices and the strong ones, without those the strong ones would touch."""
    kept = [
        index
        for index in shown
        if all(abs(index - s) * pitch >= metrics.height() for s in strong if s != index)
    ]
    return sorted({*kept, *strong})


def _ink(painter: QPainter, theme: Theme, strong: bool) -> None:
    painter.setPen(theme.color("text" if strong else "text_muted"))


def _paint_name(painter: QPainter, name: str, theme: Theme) -> None:
    painter.setFont(ui_font(11, "medium"))
    painter.setPen(theme.color("text_muted"))
    painter.drawText(QRectF(-200, -10, 400, 20), Qt.AlignmentFlag.AlignCenter, name)
