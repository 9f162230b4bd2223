"""A painted matrix whose columns are positions of two prompts: both tokens stand above each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF

from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.matrix_axes import PAD, TITLE, Axis, thinned
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from desktop_app.widgets.basics.theme import Theme

_LINE = 19.0
_GAP = 3.0
_LONGEST = 62.0
_ARROW = 9.0
ROW_NAMES = ("clean", "corrupt")


@dataclass(frozen=True)
class PairColumn:
    """One position: the token of either prompt as it is shown, and whether they differ."""

    clean: str
    corrupt: str
    differs: bool = False


class PairCanvas(MatrixCanvas):
    """Cells under two rows of tokens, the clean prompt's above the corrupt one's.

    Columns before the first difference can be dimmed: nothing that is exchanged there is another.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pairs: Sequence[PairColumn] = ()
        self._dimmed = 0
        self._read: int | None = None
        self._row_labels_shown = True

    def set_pairs(
        self, pairs: Sequence[PairColumn], *, dimmed: int = 0, read: int | None = None
    ) -> None:
        """Put tokens above the columns; none gives back plain labels.

        Args:
            pairs: One per column.
            dimmed: So many columns from the left are dimmed.
            read: The column whose token the metric is read after.
        """
        self._pairs, self._dimmed, self._read = pairs, dimmed, read

    def pairs(self) -> Sequence[PairColumn]:
        """Return the tokens above the columns."""
        return self._pairs

    def dimmed(self) -> int:
        """Return how many columns from the left are dimmed."""
        return self._dimmed

    def set_row_labels_shown(self, shown: bool) -> None:
        """Leave out the labels of the rows where a neighbour has the same."""
        self._row_labels_shown = shown

    def set_axes(self, rows: Axis, cols: Axis) -> None:
        """Name and label the two directions; pairs of tokens stand in for the columns' labels."""
        if not self._row_labels_shown:
            rows = Axis("", [""] * len(rows.labels))
        if self._pairs:
            cols = Axis("", [""] * len(cols.labels))
        super().set_axes(rows, cols)

    def left_room(self) -> float:
        """Return what the labels of the rows take, in pixels."""
        if not self._row_labels_shown:
            return float(PAD)
        left = (TITLE if self._rows.name else 0) + self._rows.length() + 2 + PAD
        if self._pairs:
            metrics = QFontMetricsF(ui_font(11))
            left = max(left, metrics.horizontalAdvance(ROW_NAMES[1]) + PAD + 2)
        return left

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which nothing is cut."""
        return QSize(110, 110)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        super().paintEvent(event)
        if self.values is None or not self._pairs:
            return
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_dimmed(painter, theme)
        self._paint_names(painter, theme)
        self._paint_tokens(painter, theme)

    # Within.

    def _arrange(self) -> None:
        """Give the plot the room that the labels leave."""
        left = self.left_room()
        width = max(self.width() - left - 4, 1.0)
        plain = (TITLE if self._cols.name else 0) + 16.0 + PAD
        top = self._header_height(width) if self._pairs else plain
        self.frame.plot = QRectF(left, top, width, max(self.height() - top - 4, 1.0))
        self.plot_moved.emit(self.frame.plot.top(), self.frame.plot.bottom())

    def _longest(self) -> float:
        metrics = QFontMetricsF(mono_font(11))
        texts = sorted((t for p in self._pairs for t in (p.clean, p.corrupt)), key=len)[-12:]
        widest = max((metrics.horizontalAdvance(text) for text in texts), default=0.0)
        return min(widest, _LONGEST)

    def _stands(self, width: float) -> bool:
        pitch = width / max(1, len(self._pairs))
        return self._longest() + 8 > pitch and pitch < 44

    def _token_height(self, width: float) -> float:
        return self._longest() + 8 if self._stands(width) else _LINE

    def _header_height(self, width: float) -> float:
        return 2 * self._token_height(width) + _GAP + PAD + _ARROW

    def _paint_dimmed(self, painter: QPainter, theme: Theme) -> None:
        if not self._dimmed:
            return
        rect = self.frame.cell_rect(0, 0, self.frame.rows, self._dimmed) & self.frame.plot
        wash = theme.color("panel")
        wash.setAlpha(150)
        painter.fillRect(rect, wash)
        hatch = theme.color("border_strong")
        hatch.setAlpha(110)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(hatch)
        brush = painter.brush()
        brush.setStyle(Qt.BrushStyle.BDiagPattern)
        painter.setBrush(brush)
        painter.drawRect(rect)

    def _paint_names(self, painter: QPainter, theme: Theme) -> None:
        if not self._row_labels_shown:
            return
        painter.setFont(ui_font(11))
        painter.setPen(theme.color("text_muted"))
        height = self._token_height(self.frame.plot.width())
        for row, name in enumerate(ROW_NAMES):
            box = QRectF(0, self._token_top(row, height), self.frame.plot.left() - PAD, height)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, flags, name)

    def _token_top(self, row: int, height: float) -> float:
        return _ARROW + row * (height + _GAP)

    def _paint_tokens(self, painter: QPainter, theme: Theme) -> None:
        font = mono_font(11)
        painter.setFont(font)
        metrics, pitch = QFontMetricsF(font), self.frame.cell_width()
        standing = self._stands(self.frame.plot.width())
        height = self._token_height(self.frame.plot.width())
        marked = [cell[1] for cell in (self.hover, self.selected) if cell is not None]
        seen = self.frame.cols_seen()
        wanted = [*marked, *(col for col in seen if self._pairs[col].differs)]
        shown = spread(seen, pitch, metrics.height() - 2 if standing else 0.0, wanted)
        for col in seen:
            cell = self.frame.cell_rect(0, col)
            middle = cell.center().x()
            if not self.frame.plot.left() <= middle <= self.frame.plot.right():
                continue
            pair = self._pairs[col]
            for row, text in enumerate((pair.clean, pair.corrupt)):
                box = QRectF(cell.left() + 1, self._token_top(row, height), pitch - 2, height)
                if col in shown:
                    # A label that is wider than its column covers what its neighbours leave free.
                    grow = max(0.0, (metrics.height() - 3 - box.width()) / 2)
                    box.adjust(-grow, 0, grow, 0)
                if pair.differs:
                    painter.setPen(QPen(theme.color("warn"), 1))
                    painter.setBrush(theme.color("token_differs"))
                    painter.drawRoundedRect(box, 3, 3)
                if col in shown:
                    strong = pair.differs or col in marked
                    painter.setPen(theme.color("text" if strong else "text_muted"))
                    _write(painter, box, text, standing=standing)
            if col == self._read:
                self._paint_read(painter, middle, theme)

    def _paint_read(self, painter: QPainter, x: float, theme: Theme) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        points = [QPointF(x - 4, 1), QPointF(x + 4, 1), QPointF(x, _ARROW - 2)]
        painter.drawPolygon(QPolygonF(points))


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
