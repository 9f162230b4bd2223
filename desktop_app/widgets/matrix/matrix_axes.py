"""The labels along a matrix: numbers, words, or the tokens of one prompt above those of another."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPen, QPolygonF

from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import colour

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from PySide6.QtGui import QPainter

    from desktop_app.pictures.matrix import Axis
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

TITLE = 18
PAD = 6
_BETWEEN = 2.5  # numbers of two rows
_LONGEST_WORD = 96
_STANDING_BELOW = 36.0
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
LINE = 19.0
_GAP = 3.0
_LONGEST = 62.0
_ARROW = 9.0
_ROW_NAMES = ("clean", "corrupt")


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
    """Return every n-th index in sight, neighbours at least `room` pixels apart."""
    if pitch <= 0:
        return range(0)
    step = next((step for step in _STEPS if step * pitch >= room), _STEPS[-1])
    first = -(-count.start // step) * step
    return range(first, count.stop, step)


def fitting(
    seen: range, pitch: float, width: Callable[[int], float], strong: Collection[int] = ()
) -> list[int]:
    """Return every n-th column in sight whose labels have room, each as wide as it is.

    The strong ones are there in any case, and none that would touch them.
    """
    if pitch <= 0 or not len(seen):
        return []

    def clear(one: int, other: int) -> bool:
        return abs(one - other) * pitch >= (width(one) + width(other)) / 2

    for step in _STEPS:
        shown = range(-(-seen.start // step) * step, seen.stop, step)
        if all(clear(one, other) for one, other in pairwise(shown)):
            break
    kept = [one for one in shown if all(one == s or clear(one, s) for s in strong)]
    return sorted({*kept, *strong})


def spread(seen: range, pitch: float, room: float, wanted: Sequence[int]) -> set[int]:
    """Return the columns whose labels have room beside each other, the wanted ones first."""
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


def paint_rows(painter: QPainter, frame: MatrixFrame, axis: Axis, strong: set[int]) -> None:
    """Write the labels of the rows left of the plot; `strong` ones in full ink."""
    painter.setFont(label_font(axis))
    metrics, width = QFontMetricsF(label_font(axis)), label_length(axis) + 2
    for row in rows_labelled(frame, axis, strong):
        rect = frame.cell_rect(row, frame.seen.left())
        middle = rect.center().y()
        if not frame.plot.top() <= middle <= frame.plot.bottom():
            continue
        box = QRectF(frame.plot.left() - PAD - width, middle - 10, width, 20)
        text = metrics.elidedText(axis.labels[row], Qt.TextElideMode.ElideRight, width)
        _ink(painter, row in strong)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
    if axis.name:
        painter.save()
        left = frame.plot.left() - PAD - width - TITLE
        painter.translate(left + TITLE / 2, frame.plot.center().y())
        painter.rotate(-90)
        _paint_name(painter, axis.name)
        painter.restore()


def rows_labelled(frame: MatrixFrame, axis: Axis, strong: set[int]) -> list[int]:
    """Return the rows whose labels have room below each other, the strong ones in any case."""
    metrics, pitch = QFontMetricsF(label_font(axis)), frame.cell_height()
    # Numbers reach neither below their line nor as high as it is.
    room = metrics.height() if axis.words else metrics.capHeight() + _BETWEEN
    return _with(thinned(frame.rows_seen(), pitch, room), strong, pitch, room)


def paint_columns(painter: QPainter, frame: MatrixFrame, axis: Axis, strong: set[int]) -> None:
    """Write the labels of the columns above the plot; `strong` ones in full ink."""
    painter.setFont(label_font(axis))
    metrics, pitch = QFontMetricsF(label_font(axis)), frame.cell_width()
    standing = words_stand(axis, pitch)
    roomy = axis.words and not standing
    longest = pitch - 4 if roomy else float(_LONGEST_WORD)
    apart = 8 if axis.words else 4
    room = metrics.height() if standing else pitch if roomy else label_length(axis) + apart
    if standing or roomy:
        columns = _with(thinned(frame.cols_seen(), pitch, room), strong, pitch, room)
    else:
        columns = fitting(
            frame.cols_seen(),
            pitch,
            lambda col: metrics.horizontalAdvance(axis.labels[col]) + apart,
            strong,
        )
    for col in columns:
        middle = frame.cell_rect(frame.seen.top(), col).center().x()
        if not frame.plot.left() <= middle <= frame.plot.right():
            continue
        _ink(painter, col in strong)
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
        _paint_name(painter, axis.name)
        painter.restore()


def _with(shown: range, strong: set[int], pitch: float, room: float) -> list[int]:
    """Return the thinned indices and the strong ones, without those the strong ones would touch."""
    kept = [
        index
        for index in shown
        if all(abs(index - s) * pitch >= room for s in strong if s != index)
    ]
    return sorted({*kept, *strong})


def _ink(painter: QPainter, strong: bool) -> None:
    painter.setPen(colour("text" if strong else "text_muted"))


def _paint_name(painter: QPainter, name: str) -> None:
    painter.setFont(ui_font(11, "medium"))
    painter.setPen(colour("text_muted"))
    painter.drawText(QRectF(-200, -10, 400, 20), Qt.AlignmentFlag.AlignCenter, name)


def names_width() -> float:
    """Return the room that the names of the two prompts need, in pixels."""
    return QFontMetricsF(ui_font(11)).horizontalAdvance(_ROW_NAMES[1]) + PAD + 2


def pairs_height(axis: Axis, width: float) -> float:
    """Return the room that the tokens need above a plot of some width, in pixels."""
    return 2 * _token_height(axis, width) + _GAP + PAD + _ARROW


def paint_pairs(
    painter: QPainter,
    frame: MatrixFrame,
    axis: Axis,
    marked: list[int],
    *,
    names: bool,
) -> None:
    """Write both tokens above the columns, and dim what lies before the first difference."""
    _paint_dimmed(painter, frame, axis.dimmed)
    height = _token_height(axis, frame.plot.width())
    if names:
        _paint_names(painter, frame, height)
    differs = [pair.differs for pair in axis.pairs]
    for row, texts in enumerate(zip(*((p.clean, p.corrupt) for p in axis.pairs), strict=True)):
        band = (_token_top(row, height), height)
        paint_tokens(painter, frame, list(zip(texts, differs, strict=True)), band, marked)
    if axis.read is not None:
        paint_read(painter, frame, axis.read, 1)


def tokens_height(texts: Sequence[str], pitch: float) -> float:
    """Return the room that a line of tokens needs above columns of some width, in pixels."""
    return _longest(texts) + 8 if _stand(texts, pitch) else LINE


def paint_tokens(
    painter: QPainter,
    frame: MatrixFrame,
    tokens: Sequence[tuple[str, bool]],
    band: tuple[float, float],
    marked: Collection[int],
) -> None:
    """Write a token above each column, tinted where it differs; those of marked columns come first.

    `band` is top and height of the line; tokens that need more than one line's height stand.
    """
    top, height = band
    font = mono_font(11)
    painter.setFont(font)
    metrics, pitch = QFontMetricsF(font), frame.cell_width()
    standing, seen = height != LINE, frame.cols_seen()
    wanted = [*marked, *(col for col in seen if tokens[col][1])]
    shown = spread(seen, pitch, metrics.height() - 2 if standing else 0.0, wanted)
    for col in seen:
        cell = frame.cell_rect(0, col)
        if not frame.plot.left() <= cell.center().x() <= frame.plot.right():
            continue
        text, differs = tokens[col]
        box = QRectF(cell.left() + 1, top, pitch - 2, height)
        if col in shown:
            # A label that is wider than its column covers what its neighbours leave free.
            grow = max(0.0, (metrics.height() - 3 - box.width()) / 2)
            box.adjust(-grow, 0, grow, 0)
        if differs:
            painter.setPen(QPen(colour("warn"), 1))
            painter.setBrush(colour("token_differs"))
            painter.drawRoundedRect(box, 3, 3)
        if col in shown:
            painter.setPen(colour("text" if differs or col in marked else "text_muted"))
            _write(painter, box, text, standing=standing)


def paint_read(painter: QPainter, frame: MatrixFrame, column: int, top: float) -> None:
    """Point at the token that the metric is read after, from `top` on."""
    x = frame.cell_rect(0, column).center().x()
    if not frame.plot.left() <= x <= frame.plot.right():
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour("accent"))
    points = [QPointF(x - 4, top), QPointF(x + 4, top), QPointF(x, top + _ARROW - 3)]
    painter.drawPolygon(QPolygonF(points))


def _longest(texts: Sequence[str]) -> float:
    metrics = QFontMetricsF(mono_font(11))
    longest = sorted(texts, key=len)[-12:]
    return min(max((metrics.horizontalAdvance(text) for text in longest), default=0.0), _LONGEST)


def _stand(texts: Sequence[str], pitch: float) -> bool:
    return _longest(texts) + 8 > pitch and pitch < 44


def _token_height(axis: Axis, width: float) -> float:
    texts = [text for pair in axis.pairs for text in (pair.clean, pair.corrupt)]
    return tokens_height(texts, width / max(1, len(axis.pairs)))


def _token_top(row: int, height: float) -> float:
    return _ARROW + row * (height + _GAP)


def _paint_dimmed(painter: QPainter, frame: MatrixFrame, columns: int) -> None:
    if not columns:
        return
    rect = frame.cell_rect(0, 0, frame.rows, columns) & frame.plot
    wash = colour("panel")
    wash.setAlpha(150)
    painter.fillRect(rect, wash)
    hatch = colour("border_strong")
    hatch.setAlpha(110)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(hatch)
    brush = painter.brush()
    brush.setStyle(Qt.BrushStyle.BDiagPattern)
    painter.setBrush(brush)
    painter.drawRect(rect)


def _paint_names(painter: QPainter, frame: MatrixFrame, height: float) -> None:
    painter.setFont(ui_font(11))
    painter.setPen(colour("text_muted"))
    for row, name in enumerate(_ROW_NAMES):
        box = QRectF(0, _token_top(row, height), frame.plot.left() - PAD, height)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)


def _write(painter: QPainter, box: QRectF, text: str, *, standing: bool) -> None:
    """Write a token into its box, turned upright where its column is too narrow for it."""
    metrics = painter.fontMetrics()
    if metrics.horizontalAdvance(text) <= box.width() + 2:
        middle = box.center()
        wide = QRectF(middle.x() - 60, box.top(), 120, box.height())
        painter.drawText(wide, Qt.AlignmentFlag.AlignCenter, text)
        return
    room = int((box.height() if standing else box.width()) - 4)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(room, 0))
    if not standing:
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
        return
    painter.save()
    painter.translate(box.center())
    painter.rotate(-90)
    turned = QRectF(-box.height() / 2 + 3, -10, box.height() - 3, 20)
    painter.drawText(turned, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
    painter.restore()
