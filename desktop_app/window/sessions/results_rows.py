"""How one result of the history is drawn, worded and found."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QStyle
from typing_extensions import override

from desktop_app.contract.registry import ANALYSES
from desktop_app.widgets.basics.icons import icon, icon_of
from desktop_app.window.frame.rows import SMALL, RowDelegate, paint_ground, paint_line
from desktop_app.window.prompts.prompt_model import visible

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem

    from desktop_app.session.store import SessionRow
    from desktop_app.window.frame.rows import Index

ROW = Qt.ItemDataRole.UserRole
_STAR = 13


class ResultDelegate(RowDelegate):
    """Draws a result as an icon, its title, a star where it is marked, and a line of facts."""

    height = 46

    @override
    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: SessionRow = index.data(ROW)
        box, state = option.rect.adjusted(4, 2, -4, -2), option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        ring = chosen and bool(state & QStyle.StateFlag.State_HasFocus)
        paint_ground(painter, box, state, chosen=chosen, ring=ring)
        name = icon_of(row.analysis) if row.analysis in ANALYSES else "history"
        icon(name, "accent").paint(painter, QRect(box.x() + 8, box.y() + 12, 18, 18))
        left, width = box.x() + 36, box.width() - 44
        if row.star:
            width -= _STAR + 5
            place = QRect(left + width + 5, box.y() + 7, _STAR, _STAR)
            icon("star", "warn").paint(painter, place)
        (title, facts), ink = words(row), "warn" if row.id < 0 else "text_muted"
        paint_line(painter, QRect(left, box.y() + 4, width, 19), title, look=(13, "medium"))
        paint_line(painter, QRect(left, box.y() + 22, box.width() - 44, 16), facts, ink, SMALL)


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
