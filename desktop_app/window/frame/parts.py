"""Small pieces that several parts of the window are made of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
)

from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import Weight, ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

Index = QModelIndex | QPersistentModelIndex
SMALL: tuple[int, Weight] = (11, "regular")
_FOLDER = 44
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


def tool_button(action: QAction, *, size: int = 18) -> QToolButton:
    """Return a flat button for an action, with its name and shortcut in the tooltip."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setIconSize(QSize(size, size))
    button.setAccessibleName(action.text().replace("&", ""))
    button.setToolTip(plain_tip(action_tip(action)))
    return button


def action_tip(action: QAction) -> str:
    """Return an action's name with its shortcut."""
    name = action.text().replace("&", "").rstrip("…")
    keys = action.shortcut().toString()
    return f"{name} ({keys})" if keys else name


def human_count(count: int) -> str:
    """Return a number of parameters in words."""
    if count >= 1_000_000_000:
        return f"{count / 1e9:.1f} B"
    return f"{count / 1e6:.0f} M" if count >= 10_000_000 else f"{count / 1e6:.1f} M"


def elided_folder(path: str, limit: int = _FOLDER) -> str:
    """Return the folder of a file, with `~` for the user's own, its middle left out if need be."""
    folder, home = os.path.dirname(path), os.path.expanduser("~")
    if folder == home or folder.startswith(home + os.sep):
        folder = "~" + folder[len(home) :]
    if len(folder) <= limit:
        return folder
    half = (limit - 1) // 2
    return f"{folder[:half]}…{folder[-half:]}"


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
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self.paint_row(painter, option, index)
        finally:
            painter.restore()  # the other rows are drawn with the same painter


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

    The colour is a field of the theme, the look a height in pixels and a weight.
    """
    painter.setFont(ui_font(*look))
    painter.setPen(theme_hub().current.color(colour))
    metrics = painter.fontMetrics()
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, align, shown)
    return metrics.horizontalAdvance(shown)
