"""The parts of an ablation sweep as painted rows: name, bar with a dot per prompt, percent kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from desktop_app.pictures.words import number, percent
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.matrix.colormaps import colour_at, diverging_map
from desktop_app.widgets.tables.row_canvas import RowCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QColor
    from PySide6.QtWidgets import QWidget

    from desktop_app.analyses.ablate.picture import Part
    from desktop_app.widgets.basics.theme import Theme

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_GAP = 8
# More dots than these on one line hide each other.
_MOST_DOTS = 60


class PartList(RowCanvas):
    """Parts in the order given; bars are diverging about 0 and take the heatmap's own colours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: Sequence[Part] = ()
        self._range = (-1.0, 1.0)
        self._prompt: int | None = None
        self._name_width = 52
        self.setAccessibleName("Parts by effect")

    def set_parts(self, parts: Sequence[Part], *, prompt: int | None = None) -> None:
        """Show these parts; `prompt` is the one whose dot is filled."""
        self._parts = parts
        self._prompt = prompt
        self._range = _range(parts)
        longest = max((len(p.name) for p in parts), default=5)
        self._name_width = 12 + 7 * longest
        self.rows_changed()

    def part(self, row: int) -> Part:
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
        error = "" if math.isnan(part.sem) else f" ± {number(part.sem)}"
        kept = "withheld" if math.isnan(part.percent) else f"{percent(part.percent)} kept"
        return f"{part.name}: effect {number(part.effect, sign=True)}{error}, {kept}"

    def _cells(self, rect: QRect) -> dict[str, QRect]:
        widths = {"name": self._name_width, "effect": 56, "percent": 58}
        bar = max(40, rect.width() - sum(widths.values()) - 3 * _GAP)
        cells, x = {}, rect.left()
        for name, width in (
            ("name", widths["name"]),
            ("bar", bar),
            ("effect", widths["effect"]),
            ("percent", widths["percent"]),
        ):
            cells[name] = QRect(x, rect.top(), width, rect.height())
            x += width + _GAP
        return cells

    def paint_header(self, painter: QPainter, rect: QRect, _theme: Theme) -> None:
        """Paint the column names."""
        cells = self._cells(rect)
        painter.drawText(cells["name"], _LEFT, "part")
        painter.drawText(cells["effect"], _RIGHT, "effect")
        painter.drawText(cells["percent"], _RIGHT, "kept")
        count = len(self._parts[0].per_prompt) if self._parts else 0
        if count > 1:
            text = "dots: prompts" if count <= _MOST_DOTS else "± standard error"
            if painter.fontMetrics().horizontalAdvance(text) <= cells["bar"].width():
                painter.drawText(cells["bar"], Qt.AlignmentFlag.AlignCenter, text)

    def paint_row(self, painter: QPainter, rect: QRect, row: int, theme: Theme) -> None:
        """Paint one row."""
        part, cells = self._parts[row], self._cells(rect)
        painter.setFont(ui_font(12, "medium"))
        painter.setPen(theme.color("text"))
        painter.drawText(cells["name"], _LEFT, part.name)
        painter.setFont(mono_font(11))
        painter.drawText(cells["effect"], _RIGHT, number(part.effect, 2, sign=True))
        painter.setPen(theme.color("text_muted"))
        painter.drawText(cells["percent"], _RIGHT, percent(part.percent))
        self._paint_bar(painter, cells["bar"], part, theme)

    def _x(self, cell: QRect, value: float) -> float:
        low, high = self._range
        return cell.left() + 4 + (cell.width() - 8) * (value - low) / (high - low)

    def _paint_bar(self, painter: QPainter, cell: QRect, part: Part, theme: Theme) -> None:
        middle = cell.center().y() + 0.5
        zero = self._x(cell, 0.0)
        painter.setPen(theme.color("border_strong"))
        painter.drawLine(QPointF(zero, cell.top() + 4), QPointF(zero, cell.bottom() - 3))
        if math.isfinite(part.effect):
            end = self._x(cell, part.effect)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_bar_colour(part.effect))
            painter.drawRoundedRect(QRectF(min(zero, end), middle - 5, abs(end - zero), 10), 2, 2)
        if 1 < len(part.per_prompt) <= _MOST_DOTS:
            self._paint_dots(painter, cell, part, theme)
        elif math.isfinite(part.sem):
            self._paint_error(painter, cell, part, theme)

    def _paint_error(self, painter: QPainter, cell: QRect, part: Part, theme: Theme) -> None:
        """Draw mean ± standard error as a whisker."""
        middle = cell.center().y() + 0.5
        left = self._x(cell, part.effect - part.sem)
        right = self._x(cell, part.effect + part.sem)
        painter.setPen(QPen(theme.color("text"), 1.5))
        painter.drawLine(QPointF(left, middle), QPointF(right, middle))
        for x in (left, right):
            painter.drawLine(QPointF(x, middle - 3), QPointF(x, middle + 3))

    def _paint_dots(self, painter: QPainter, cell: QRect, part: Part, theme: Theme) -> None:
        middle = cell.center().y() + 0.5
        painter.setPen(QPen(theme.color("text"), 1))
        for prompt, value in enumerate(part.per_prompt):
            if not math.isfinite(value):
                continue
            chosen = prompt == self._prompt
            painter.setBrush(theme.color("text" if chosen else "panel"))
            radius = 3.0 if chosen else 2.2
            painter.drawEllipse(QPointF(self._x(cell, value), middle), radius, radius)


def _range(parts: Sequence[Part]) -> tuple[float, float]:
    """Return limits that hold every bar, every dot and 0, with some room on both sides of 0."""
    shown = [x for p in parts for x in (p.effect, *p.per_prompt) if math.isfinite(x)]
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.04 * (high - low) or 1.0
    return min(low, -margin), max(high, margin)


def _bar_colour(value: float) -> QColor:
    """Return the heatmap's colour for a strong value of this sign."""
    return colour_at(diverging_map(), 0.14 if value < 0 else 0.86)
