"""A ranking behind Qt's item views, and the one delegate that draws its cells by their columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    Qt,
)
from PySide6.QtGui import QFont, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from desktop_app.pictures.ranking import Bar, Ranking
from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import colour_at, diverging_map
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from PySide6.QtGui import QColor

    from desktop_app.pictures.ranking import Column, Emphasis, Kind, Row

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
ALIGNMENTS = {
    "left": Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
    "right": Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
    "center": Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter,
}
PAD = 6
# From this height of a row on, letters grow too.
_TALL = 48
# More dots than these on one line hide each other.
_MOST_DOTS = 60
_MARK = 7.0  # beside the letters, not behind them
# A bar shorter than this, in pixels, is nothing.
_SEEN = 0.5
# How much of a bar is left in a row that steps back.
_FAINT = 0.35


class RankingModel(QAbstractTableModel):
    """A ranking in its own order, or sorted by one of its columns."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.ranking = Ranking()
        self.marked: frozenset[Hashable] = frozenset()
        self.zoom = 100
        self._order: Sequence[int] = ()
        self._limits: dict[int, tuple[float, float]] = {}

    def set_ranking(self, ranking: Ranking) -> None:
        """Take another ranking in its own order."""
        self.beginResetModel()
        self.ranking = ranking
        self._order = range(len(ranking.rows))
        self._limits.clear()
        self.endResetModel()

    def row(self, place: int) -> Row:
        """Return the row at a place on screen."""
        return self.ranking.rows[self._order[place]]

    def place_of(self, key: object) -> int | None:
        """Return where the row of a key stands on screen, or None."""
        row = self.ranking.row_of(key)
        return None if row is None else self._order.index(row)

    def column(self, index: Index) -> Column:
        """Return the column of an index."""
        return self.ranking.columns[index.column()]

    def limits(self, column: int) -> tuple[float, float]:
        """Return the values at the ends of a column's bars."""
        if column not in self._limits:
            self._limits[column] = self.ranking.limits(column)
        return self._limits[column]

    def lines(self, places: Sequence[int]) -> str:
        """Write headings and the rows at these places as tabbed text."""
        return "\n".join(self.ranking.lines(self._order[place] for place in places))

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._order)

    @override
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.ranking.columns)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self._order[index.row()]
        if role == Role.DisplayRole:
            return self.ranking.text(row, index.column())
        if role == Role.TextAlignmentRole:
            return ALIGNMENTS[self.column(index).side]
        if role == Role.AccessibleTextRole:
            picked = ", picked" if self.ranking.rows[row].key in self.marked else ""
            return f"{self.ranking.told(row)}{picked}"
        if role == Role.ToolTipRole:
            return plain_tip(self.ranking.rows[row].tooltip or self.ranking.told(row))
        return None

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> object:
        columns = self.ranking.columns
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(columns):
            return None
        column = columns[section]
        if role == Role.DisplayRole:
            return column.heading
        if role == Role.AccessibleTextRole:
            return column.heading or column.key
        if role == Role.ToolTipRole:
            return plain_tip(column.tooltip) or None
        if role == Role.TextAlignmentRole:
            return ALIGNMENTS[column.side]
        return None

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, or by none of them in the ranking's own order."""
        self.layoutAboutToBeChanged.emit()
        before = self._order
        if 0 <= column < len(self.ranking.columns):
            descending = order == Qt.SortOrder.DescendingOrder
            self._order = self.ranking.order(column, descending=descending)
        else:
            self._order = range(len(self.ranking.rows))
        places = {row: place for place, row in enumerate(self._order)}
        for index in self.persistentIndexList():
            moved = self.index(places[before[index.row()]], index.column())
            self.changePersistentIndex(index, moved)
        self.layoutChanged.emit()


def cell_font(kind: Kind, height: int = 0, zoom: int = 100) -> QFont:
    """Return the face of a kind of column in rows of that height, its letters zoomed in percent."""
    more = 2 if height >= _TALL and zoom == 100 else 0
    pixels = max(6, round((13 if kind == "text" else 12) * zoom / 100)) + more
    if kind == "text":
        return ui_font(pixels)
    return ui_font(pixels, "medium") if kind in {"name", "mark"} else mono_font(pixels)


class RankingDelegate(QStyledItemDelegate):
    """Draws cells; hover and selection are those of the whole row."""

    def __init__(self, view: QTableView) -> None:
        super().__init__(view)
        self.hovered = -1

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        if not isinstance(model, RankingModel):
            return
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if state & QStyle.StateFlag.State_Selected:
                painter.fillRect(rect, theme_hub().current.color("selection"))
            elif index.row() == self.hovered:
                painter.fillRect(rect, theme_hub().current.color("hover"))
            if index.column() == 0 and model.row(index.row()).key in model.marked:
                _paint_mark(painter, rect)
            _Cell(painter, rect.adjusted(PAD, 0, -PAD, 0), model, index).paint()
        finally:
            painter.restore()  # the other cells are drawn with the same painter


def _paint_mark(painter: QPainter, rect: QRect) -> None:
    """Draw the corner that marks a picked row, as the maps do."""
    arm = min(_MARK, rect.height() / 2)
    corner = QPointF(rect.left() + 1, rect.top() + 1)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme_hub().current.color("text"))
    painter.drawPolygon(QPolygonF([corner, corner + QPointF(arm, 0), corner + QPointF(0, arm)]))


class _Cell:
    """One cell on its way to the screen."""

    def __init__(self, painter: QPainter, box: QRect, model: RankingModel, index: Index) -> None:
        row = model.row(index.row())
        self._painter, self._box, self._zoom = painter, box, model.zoom
        self._column: Column = model.column(index)
        self._emphasis: Emphasis = row.emphasis
        self._faint = row.faint
        self._value = row.values[index.column()]
        self._text = self._column.text(self._value)
        self._theme = theme_hub().current
        self._limits = (0.0, 1.0)
        if self._column.kind == "bar" or self._column.bar:
            self._limits = model.limits(index.column())

    def paint(self) -> None:
        """Draw it."""
        self._painter.setFont(cell_font(self._column.kind, self._box.height(), self._zoom))
        if self._column.kind == "bar":
            self._painter.setOpacity(_FAINT if self._faint else 1.0)
            self._paint_bar()
        elif self._column.kind == "token":
            self._paint_token()
        else:
            if self._column.bar:
                self._paint_soft_bar()
            self._painter.setPen(self._ink())
            self._write(self._box, ALIGNMENTS[self._column.side], self._text)

    def _ink(self) -> QColor:
        if self._column.kind == "mark" and self._emphasis in {"good", "bad"}:
            return self._theme.color(self._emphasis)
        back = self._column.muted or self._faint
        return self._theme.color("text_muted" if back else "text")

    def _write(self, box: QRect, flags: Qt.AlignmentFlag, text: str) -> None:
        metrics = self._painter.fontMetrics()
        elided = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        self._painter.drawText(box, flags, elided)

    def _paint_token(self) -> None:
        if not self._text:
            return
        metrics, cell = self._painter.fontMetrics(), self._box
        room = cell.width() - 14
        text = metrics.elidedText(self._text, Qt.TextElideMode.ElideRight, room)
        width, high = max(24, metrics.horizontalAdvance(text) + 14), metrics.height() + 4
        left = cell.right() - width if self._column.side == "right" else cell.left()
        box = QRectF(left, cell.center().y() - high / 2 + 0.5, width, high)
        toned = self._emphasis in {"good", "bad"}
        self._painter.setPen(self._theme.color(self._emphasis if toned else "token_border"))
        self._painter.setBrush(self._theme.color(f"{self._emphasis}_soft" if toned else "token"))
        self._painter.drawRoundedRect(box, 4, 4)
        self._painter.setPen(self._ink())
        self._painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_soft_bar(self) -> None:
        """Draw the share of the column's largest behind a number."""
        value, largest = self._value, max(abs(limit) for limit in self._limits)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            return
        room = QRectF(self._box).adjusted(-PAD / 2, 5, PAD / 2, -5)
        room.setWidth(room.width() * min(abs(value) / largest, 1.0))
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(self._theme.color("bad_soft" if value < 0 else "accent_soft"))
        self._painter.drawRoundedRect(room, 3, 3)

    def _paint_bar(self) -> None:
        value = self._value
        bar = value if isinstance(value, Bar) else Bar(_number(value))
        low, high = self._limits
        cell, painter = self._box, self._painter
        thick = min(max(8, cell.height() // 3), 22)
        track = QRectF(cell.left(), cell.center().y() - thick / 2 + 0.5, cell.width(), thick)
        zero = self._x(min(max(0.0, low), high))
        if self._column.signed:
            painter.setPen(self._theme.color("border_strong"))
            painter.drawLine(QPointF(zero, cell.top() + 4), QPointF(zero, cell.bottom() - 3))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("hover"))
            painter.drawRoundedRect(track, 4, 4)
        length = abs(self._x(min(max(bar.value, low), high)) - zero)
        if math.isfinite(bar.value) and length >= _SEEN:
            length = max(length, 2.0)
            fill = QRectF(zero if bar.value > 0 else zero - length, track.top(), length, thick)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._bar_ink(bar.value))
            radius = 2.0 if self._column.signed else min(4.0, length / 2)
            painter.drawRoundedRect(fill, radius, radius)
        self._paint_over(bar)

    def _bar_ink(self, value: float) -> QColor:
        if self._column.signed:
            # The heatmap's colour for a strong value of this sign.
            return colour_at(diverging_map(), 0.14 if value < 0 else 0.86)
        return self._theme.color(self._emphasis or "accent")

    def _paint_over(self, bar: Bar) -> None:
        """Draw a dot per prompt, else mean ± error as a whisker; and what to compare with."""
        middle = self._box.center().y() + 0.5
        if 1 < len(bar.dots) <= _MOST_DOTS:
            self._painter.setPen(QPen(self._theme.color("text"), 1))
            for i, value in enumerate(bar.dots):
                if math.isfinite(value):
                    chosen = i == bar.chosen
                    self._painter.setBrush(self._theme.color("text" if chosen else "panel"))
                    radius = 3.0 if chosen else 2.2
                    self._painter.drawEllipse(QPointF(self._x(value), middle), radius, radius)
        elif math.isfinite(bar.error):
            left, right = self._x(bar.value - bar.error), self._x(bar.value + bar.error)
            self._painter.setPen(QPen(self._theme.color("text"), 1.5))
            self._painter.drawLine(QPointF(left, middle), QPointF(right, middle))
            for x in (left, right):
                self._painter.drawLine(QPointF(x, middle - 3), QPointF(x, middle + 3))
        if math.isfinite(bar.tick):
            x = self._x(bar.tick)
            self._painter.setPen(QPen(self._theme.color("text"), 1.5))
            self._painter.drawLine(QPointF(x, middle - 7), QPointF(x, middle + 7))

    def _x(self, value: float) -> float:
        low, high = self._limits
        return self._box.left() + self._box.width() * (value - low) / ((high - low) or 1.0)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
