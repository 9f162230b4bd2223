"""How one result of the history is drawn, worded and found."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop_app.contract.registry import ANALYSES
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.icons import icon
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.window.prompts.prompt_model import visible

if TYPE_CHECKING:
    from desktop_app.session.history import SessionRow

ROW = Qt.ItemDataRole.UserRole
_HEIGHT = 46
_STAR = 13
Index = QModelIndex | QPersistentModelIndex


class RowDelegate(QStyledItemDelegate):
    """Draws a result as an icon, its title, a star where it is marked, and a line of facts."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Return the height of a row."""
        return QSize(120, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        row: SessionRow = index.data(ROW)
        theme = theme_hub().current
        box = option.rect.adjusted(4, 2, -4, -2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, box, option.state)
        symbol = icon(_icon_name(row.analysis), "accent")
        symbol.paint(painter, QRect(box.x() + 8, box.y() + 12, 18, 18))
        left, width = box.x() + 36, box.width() - 44
        if row.star:
            width -= _STAR + 5
            place = QRect(left + width + 5, box.y() + 7, _STAR, _STAR)
            icon("star", "warn").paint(painter, place)
        title, facts = words(row)
        painter.setFont(ui_font(13, "medium"))
        painter.setPen(theme.color("text"))
        self._line(painter, QRect(left, box.y() + 4, width, 19), title)
        painter.setFont(ui_font(11))
        painter.setPen(theme.color("warn" if row.id < 0 else "text_muted"))
        self._line(painter, QRect(left, box.y() + 22, box.width() - 44, 16), facts)
        painter.restore()

    @staticmethod
    def _paint_ground(painter: QPainter, box: QRect, state: QStyle.StateFlag) -> None:
        theme = theme_hub().current
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            if state & QStyle.StateFlag.State_HasFocus:
                painter.setPen(QPen(theme.color("accent")))
            painter.setBrush(theme.color("accent_soft"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.color("hover"))
        else:
            return
        painter.drawRoundedRect(box, 6, 6)

    @staticmethod
    def _line(painter: QPainter, area: QRect, text: str) -> None:
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def words(row: SessionRow) -> tuple[str, str]:
    """Return a result's title and its line of facts."""
    facts = [row.model, moment(row.created), *(f"#{visible(tag)}" for tag in row.tags)]
    if row.id < 0:
        facts.insert(0, "in memory only")
    return visible(row.title or kind(row)), " · ".join(facts)


def kind(row: SessionRow) -> str:
    """Return what the analysis of a result is called."""
    analysis = ANALYSES.get(row.analysis)
    return analysis.title if analysis is not None else row.analysis


def moment(created: str, *, full: bool = False) -> str:
    """Return when a result was made, in the local time of whoever looks."""
    try:
        when = datetime.fromisoformat(created).astimezone()
    except (ValueError, OverflowError, OSError):
        return created
    if full:
        return when.strftime("%Y-%m-%d %H:%M:%S")
    today = when.date() == datetime.now().astimezone().date()
    return when.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")


def matches(row: SessionRow, wanted: str) -> bool:
    """Return whether every word that is looked for is in a result's title, notes, tags or facts.

    Args:
        row: The result.
        wanted: Words; `#word` looks among the tags, and `*` for the star.
    """
    text = "\n".join((row.title, row.notes, kind(row), row.analysis, row.model)).casefold()
    tags = [f"#{tag.casefold()}" for tag in row.tags]
    for word in wanted.casefold().split():
        if word == "*":
            found = row.star
        elif word.startswith("#"):
            found = any(tag.startswith(word) for tag in tags)
        else:
            found = word in text or any(word in tag for tag in tags)
        if not found:
            return False
    return True


def _icon_name(analysis: str) -> str:
    return analysis if analysis in ANALYSES else "history"
