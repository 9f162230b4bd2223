"""The labels along a matrix: thinned where they would touch, turned where they are words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF

from desktop_app.widgets.basics.fonts import mono_font, ui_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPainter

    from desktop_app.pictures.matrix import Axis
    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

TITLE = 18
PAD = 6
_LONGEST_WORD = 96
_STANDING_BELOW = 36.0
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def label_font(axis: Axis) -> QFont:
    """Return the face of the labels."""
    return mono_font(11) if axis.words else ui_font(11)


def label_length(axis: Axis) -> float:
    """Return the room that the longest label needs, in pixels."""
    metrics = QFontMetricsF(label_font(axis))
    longest = sorted(axis.labels, key=len)[-8:]
    widest = max((metrics.horizontalAdvance(label) for label in longest), default=0.0)
    return min(widest, float(_LONGEST_WORD)) + 1


def rows_width(axis: Axis) -> float:
    """Return the room that labels and name of the rows need left of the plot, in pixels."""
    return (TITLE if axis.name else 0) + label_length(axis) + 2 + PAD


def columns_height(axis: Axis, width: float) -> float:
    """Return the room that labels and name of the columns need above a plot of some width."""
    plain = (TITLE if axis.name else 0) + 16.0 + PAD
    stand = words_stand(axis, width / max(1, len(axis.labels)))
    return plain - 14 + label_length(axis) if stand else plain


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


def spread(seen: range, pitch: float, room: float, wanted: Sequence[int]) -> set[int]:
    """Return the columns whose labels have room beside each other, the wanted ones first.

    Args:
        seen: The columns in sight.
        pitch: Distance of two neighbours in pixels.
        room: What one label needs.
        wanted: Columns in the order in which they matter.
    """
    if pitch >= room:
        return set(seen)
    least = math.ceil(room / max(pitch, 1e-6))
    taken: set[int] = set()
    for col in (*wanted, *thinned(seen, pitch, room)):
        if col in seen and not any(other in taken for other in range(col - least + 1, col + least)):
            taken.add(col)
    return taken


def words_stand(axis: Axis, pitch: float) -> bool:
    """Return whether the labels on top must be turned upright to fit beside each other."""
    return axis.words and pitch < _STANDING_BELOW and label_length(axis) + PAD > pitch


def paint_rows(
    painter: QPainter, frame: MatrixFrame, axis: Axis, theme: Theme, strong: set[int]
) -> None:
    """Write the labels of the rows left of the plot; `strong` ones in full ink."""
    painter.setFont(label_font(axis))
    metrics, pitch = QFontMetricsF(label_font(axis)), frame.cell_height()
    width = label_length(axis) + 2
    room = metrics.height()
    for row in _with(thinned(frame.rows_seen(), pitch, room), strong, pitch, room):
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
    painter.setFont(label_font(axis))
    metrics, pitch = QFontMetricsF(label_font(axis)), frame.cell_width()
    standing = words_stand(axis, pitch)
    roomy = axis.words and not standing
    longest = pitch - 4 if roomy else float(_LONGEST_WORD)
    room = metrics.height() if standing else pitch if roomy else label_length(axis) + 8
    columns = thinned(frame.cols_seen(), pitch, room)
    for col in _with(columns, strong, pitch, room):
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
        height = label_length(axis) if standing else 14.0
        painter.translate(frame.plot.center().x(), frame.plot.top() - PAD - height - TITLE / 2 - 2)
        _paint_name(painter, axis.name, theme)
        painter.restore()


def _with(shown: range, strong: set[int], pitch: float, room: float) -> list[int]:
    """Return the thinned indices and the strong ones, without those the strong ones would touch."""
    kept = [
        index
        for index in shown
        if all(abs(index - s) * pitch >= room for s in strong if s != index)
    ]
    return sorted({*kept, *strong})


def _ink(painter: QPainter, theme: Theme, strong: bool) -> None:
    painter.setPen(theme.color("text" if strong else "text_muted"))


def _paint_name(painter: QPainter, name: str, theme: Theme) -> None:
    painter.setFont(ui_font(11, "medium"))
    painter.setPen(theme.color("text_muted"))
    painter.drawText(QRectF(-200, -10, 400, 20), Qt.AlignmentFlag.AlignCenter, name)
