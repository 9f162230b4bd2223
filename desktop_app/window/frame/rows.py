"""Rows of lists as the window draws them: a rounded ground, an icon, lines of text."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem
from typing_extensions import override

from desktop_app.widgets.basics.fonts import Weight, ui_font
from desktop_app.widgets.basics.theme import theme_hub

Index = QModelIndex | QPersistentModelIndex
SMALL: tuple[int, Weight] = (11, "regular")
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


class RowDelegate(QStyledItemDelegate):
    """Draws each row by `paint_row`, the same height for all.

    Attributes:
        height: Of a row, in pixels.
    """

    height = 32

    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        raise NotImplementedError

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(0, self.height)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_row(painter, option, index)
        painter.restore()


def paint_ground(
    painter: QPainter, box: QRect, state: QStyle.StateFlag, *, chosen: bool, ring: bool = False
) -> None:
    """Draw what lies beneath a row that is chosen or pointed at; the keyboard's has a ring."""
    theme = theme_hub().current
    hovered = bool(state & QStyle.StateFlag.State_MouseOver)
    if chosen or hovered or ring:
        painter.setPen(QPen(theme.color("accent")) if ring else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent_soft" if chosen else "hover" if hovered else "window"))
        painter.drawRoundedRect(box, 6, 6)


def paint_line(
    painter: QPainter,
    area: QRect,
    text: str,
    colour: str = "text",
    look: tuple[int, Weight] = (13, "regular"),
    align: Qt.AlignmentFlag = _LEFT,
) -> int:
    """Write a line that gives up its end where there is no room; return how wide it is.

    Args:
        painter: Of the row.
        area: Its room.
        text: One line.
        colour: A field of the theme.
        look: Height in pixels, and weight.
        align: Where it stands in its room.
    """
    painter.setFont(ui_font(*look))
    painter.setPen(theme_hub().current.color(colour))
    metrics = painter.fontMetrics()
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, align, shown)
    return metrics.horizontalAdvance(shown)
