"""The cells of a patching sweep as painted rows: name, what it restores, what it breaks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, Qt

from desktop_app.pictures.words import number
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.matrix.colormaps import colour_at, diverging_map
from desktop_app.widgets.tables.row_canvas import RowCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.patch.parts import PatchPart
    from desktop_app.widgets.basics.theme import Theme

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_GAP = 8
_NUMBER = 56
_LEAST_BAR = 26
_NAME = 76


class PatchList(RowCanvas):
    """Parts in the order given; both bars have one scale and the maps' own colours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: Sequence[PatchPart] = ()
        self._columns: tuple[str, ...] = ("restored", "broken")
        self._reach = 1.0
        self._name_width = _NAME
        self.setAccessibleName("Cells by effect")

    def set_parts(self, parts: Sequence[PatchPart], columns: tuple[str, ...]) -> None:
        """Show these parts with the directions that were run."""
        self._parts, self._columns = parts, columns
        shown = [abs(x) for p in parts for x in (p.restored, p.broken) if math.isfinite(x)]
        self._reach = max([1e-9, *shown])
        longest = max((len(p.name) for p in parts), default=5)
        self._name_width = min(max(52, 14 + 7 * longest), 128)
        self.rows_changed()

    def part(self, row: int) -> PatchPart:
        """Return the part of a row."""
        return self._parts[row]

    def select_place(self, place: tuple[int, int] | None) -> None:
        """Select the row of the part at (row, column) of the picture, if it is listed."""
        for i, part in enumerate(self._parts):
            if (part.row, part.column) == place:
                self.set_selected(i)
                return
        self.set_selected(None)

    def row_count(self) -> int:
        """Return the number of rows."""
        return len(self._parts)

    def row_text(self, row: int) -> str:
        """Return a row in words."""
        part = self._parts[row]
        shares = [f"{name} {number(getattr(part, name))}" for name in self._columns]
        return f"{part.name}: {', '.join(shares)}"

    def _cells(self, rect: QRect) -> dict[str, QRect]:
        """Return where each column lies; bars take what names and numbers leave."""
        count = max(1, len(self._columns))
        name = min(self._name_width, rect.width() - count * _NUMBER)
        bar = (rect.width() - name) // count - _NUMBER - _GAP
        if bar < _LEAST_BAR:
            bar, name = 0, rect.width() - count * _NUMBER
        found = {"name": QRect(rect.left(), rect.top(), name - 4, rect.height())}
        x = rect.left() + name
        for column in self._columns:
            if bar:
                found[f"{column} bar"] = QRect(x + _GAP, rect.top(), bar, rect.height())
                x += bar + _GAP
            found[column] = QRect(x, rect.top(), _NUMBER, rect.height())
            x += _NUMBER
        return found

    def paint_header(self, painter: QPainter, rect: QRect, _theme: Theme) -> None:
        """Paint the column names."""
        placed = self._cells(rect)
        painter.drawText(placed["name"], _LEFT, "part")
        for column in self._columns:
            cell = placed[column]
            bar = placed.get(f"{column} bar", cell)
            painter.drawText(bar.united(cell), _RIGHT, column)

    def paint_row(self, painter: QPainter, rect: QRect, row: int, theme: Theme) -> None:
        """Paint one row."""
        part, placed = self._parts[row], self._cells(rect)
        painter.setFont(ui_font(12, "medium"))
        painter.setPen(theme.color("text"))
        name = placed["name"]
        elide = Qt.TextElideMode.ElideRight
        painter.drawText(
            name, _LEFT, painter.fontMetrics().elidedText(part.name, elide, name.width())
        )
        for column in self._columns:
            value = float(getattr(part, column))
            painter.setFont(mono_font(11))
            painter.setPen(theme.color("text"))
            painter.drawText(placed[column], _RIGHT, number(value, 2))
            bar = placed.get(f"{column} bar")
            if bar is not None:
                self._paint_bar(painter, bar, value, theme)

    def _paint_bar(self, painter: QPainter, cell: QRect, value: float, theme: Theme) -> None:
        """Paint a bar from 0, which lies at the left where nothing is negative."""
        negative = any(min(p.restored, p.broken) < -self._reach / 50 for p in self._parts)
        span = cell.width() - 2
        zero = cell.left() + 1 + (span / 3 if negative else 0.0)
        scale = (span * 2 / 3 if negative else span) / self._reach
        middle = cell.center().y() + 0.5
        painter.setPen(theme.color("border_strong"))
        painter.drawLine(round(zero), cell.top() + 5, round(zero), cell.bottom() - 4)
        if not math.isfinite(value):
            return
        length = max(value * scale, -(zero - cell.left()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour_at(diverging_map(), 0.14 if value < 0 else 0.86))
        painter.drawRoundedRect(QRectF(min(zero, zero + length), middle - 5, abs(length), 10), 2, 2)
