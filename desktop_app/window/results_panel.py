"""The history: every result that finished, newest first; a click shows it in its tab again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QInputDialog,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop_app.analyses.registry import ANALYSES
from desktop_app.widgets.fonts import ui_font
from desktop_app.widgets.icons import icon
from desktop_app.widgets.messages import EmptyState
from desktop_app.widgets.theme import theme_hub
from desktop_app.window.prompt_model import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.session.store import SessionRow

_ROW = Qt.ItemDataRole.UserRole
_HEIGHT = 46
Index = QModelIndex | QPersistentModelIndex


class _RowDelegate(QStyledItemDelegate):
    """Draws a result as an icon, its title and a line of facts."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Return the height of a row."""
        return QSize(120, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        row = index.data(_ROW)
        theme = theme_hub().current
        area = option.rect
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = area.adjusted(4, 2, -4, -2)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(theme.color("accent_soft"))
            focused = bool(state & QStyle.StateFlag.State_HasFocus)
            pen = QPen(theme.color("accent")) if focused else QPen(Qt.PenStyle.NoPen)
            painter.setPen(pen)
            painter.drawRoundedRect(box, 6, 6)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.color("hover"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(box, 6, 6)
        icon(row.analysis, "accent").paint(painter, QRect(box.x() + 8, box.y() + 12, 18, 18))
        left, width = box.x() + 36, box.width() - 44
        title, facts = _words(row)
        painter.setFont(ui_font(13, "medium"))
        painter.setPen(theme.color("text"))
        self._line(painter, QRect(left, box.y() + 4, width, 19), title)
        painter.setFont(ui_font(11))
        painter.setPen(theme.color("text_muted"))
        self._line(painter, QRect(left, box.y() + 22, width, 16), facts)
        painter.restore()

    @staticmethod
    def _line(painter: QPainter, area: QRect, text: str) -> None:
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


class ResultsPanel(QWidget):
    """The list of results.

    Signals:
        result_chosen: Id of the result to show.
        reuse_requested: Id of the result whose prompts should go into the table.
        export_requested: Id of the result to write to a file.
        renamed: (id, new title).
    """

    result_chosen = Signal(int)
    reuse_requested = Signal(int)
    export_requested = Signal(int)
    renamed = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setItemDelegate(_RowDelegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.setAccessibleName("Results, newest first")
        self._empty = EmptyState(
            "history", "No results yet", "Every finished run is kept here and can be shown again."
        )
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.list)
        self.list.itemClicked.connect(self._on_item_chosen)
        self.list.itemActivated.connect(self._on_item_chosen)
        self.setMinimumHeight(120)

    def set_rows(self, rows: Sequence[SessionRow]) -> None:
        """Show the history, given oldest first."""
        current = self.current_id()
        self.list.clear()
        for row in reversed(rows):
            item = QListWidgetItem()
            item.setData(_ROW, row)
            title, facts = _words(row)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{title}, {facts}")
            item.setToolTip(f"{title}\n{facts}\n{_time(row.created, full=True)}")
            self.list.addItem(item)
        self._stack.setCurrentWidget(self.list if rows else self._empty)
        if current is not None:
            self.select(current)

    def select(self, number: int) -> None:
        """Mark the result of that id."""
        for place in range(self.list.count()):
            if self.list.item(place).data(_ROW).id == number:
                self.list.setCurrentRow(place)
                return

    def current_id(self) -> int | None:
        """Return the id of the marked result."""
        index = self.list.currentIndex()
        return int(index.data(_ROW).id) if index.isValid() else None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with a result."""
        index = self.list.indexAt(self.list.viewport().mapFromGlobal(event.globalPos()))
        if not index.isValid():
            return
        item = self.list.item(index.row())
        number = int(item.data(_ROW).id)
        menu = QMenu(self)
        show = menu.addAction("Show")
        reuse = menu.addAction("Put its prompts into the table")
        rename = menu.addAction("Rename…")
        write = menu.addAction("Export data…")
        chosen = menu.exec(event.globalPos())
        if chosen is show:
            self.result_chosen.emit(number)
        elif chosen is reuse:
            self.reuse_requested.emit(number)
        elif chosen is rename:
            self._rename(number, item.data(_ROW).title)
        elif chosen is write:
            self.export_requested.emit(number)

    def _rename(self, number: int, title: str) -> None:
        new, accepted = QInputDialog.getText(self, "Rename result", "Title:", text=title)
        if accepted and new:
            self.renamed.emit(number, new)

    def _on_item_chosen(self, item: QListWidgetItem) -> None:
        self.result_chosen.emit(int(item.data(_ROW).id))


def _words(row: SessionRow) -> tuple[str, str]:
    analysis = ANALYSES.get(row.analysis)
    kind = analysis.title if analysis is not None else row.analysis
    return visible(row.title or kind), f"{row.model} · {_time(row.created)}"


def _time(created: str, *, full: bool = False) -> str:
    """Return when a result was made, in the local time of whoever looks."""
    try:
        moment = datetime.fromisoformat(created).astimezone()
    except ValueError:
        return created
    if full:
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    today = moment.date() == datetime.now().astimezone().date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")
