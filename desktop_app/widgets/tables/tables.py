"""Tables: sorted by a click on a heading, copied as text, drawn without a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.tables.table_model import Column, TableModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QEvent, QItemSelection
    from PySide6.QtGui import QPaintEvent

__all__ = ["Column", "DataTable"]

_ROW = 28
_HEADER = 30
_PAD = 8


class _RowDelegate(QStyledItemDelegate):
    """Draws a cell: the whole row's hover and selection, a bar where asked for, the text."""

    def __init__(self, table: DataTable) -> None:
        super().__init__(table)
        self.hovered_row = -1

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw one cell."""
        self.initStyleOption(option, index)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        theme = theme_hub().current
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selection"))
        elif index.row() == self.hovered_row:
            painter.fillRect(rect, theme.color("hover"))
        model = index.model()
        if isinstance(model, TableModel) and model.columns[index.column()].bar:
            self._paint_bar(painter, rect, model.share(index.row(), index.column()))
        painter.setFont(option.font)
        painter.setPen(theme.color("text"))
        text: str = option.text
        box = rect.adjusted(_PAD, 0, -_PAD, 0)
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, option.displayAlignment, shown)
        painter.restore()

    def _paint_bar(self, painter: QPainter, rect: QRect, share: float) -> None:
        theme = theme_hub().current
        room = QRectF(rect).adjusted(_PAD / 2, 5, -_PAD / 2, -5)
        room.setWidth(room.width() * min(abs(share), 1.0))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("bad_soft" if share < 0 else "accent_soft"))
        painter.drawRoundedRect(room, 3, 3)


class DataTable(QTableView):
    """Rows with keys; the signals carry the key of the row they speak of.

    Signals:
        row_clicked: A row was clicked.
        row_activated: A row was double-clicked, or Enter was pressed on it.
        row_selected: Another row became the current one, by mouse or keys.
    """

    row_clicked = Signal(object)
    row_activated = Signal(object)
    row_selected = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = TableModel()
        self._delegate = _RowDelegate(self)
        self._empty = "Nothing to show yet"
        self._silent = False
        self.setModel(self._model)
        self.setItemDelegate(self._delegate)
        self._set_behaviour()
        self._set_headers()
        self.clicked.connect(self._on_clicked)
        self.doubleClicked.connect(self._on_double_clicked)
        self.entered.connect(self._on_entered)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def _set_behaviour(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setSortingEnabled(True)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Table")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def _set_headers(self) -> None:
        rows, heads = self.verticalHeader(), self.horizontalHeader()
        rows.setVisible(False)
        rows.setMinimumSectionSize(_ROW)
        rows.setDefaultSectionSize(_ROW)
        heads.setHighlightSections(False)
        heads.setFixedHeight(_HEADER)
        heads.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        heads.setSortIndicatorClearable(False)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Take these columns; all rows are let go."""
        self._model.set_columns(columns)
        heads = self.horizontalHeader()
        for index, column in enumerate(columns):
            if column.width == "stretch":
                heads.setSectionResizeMode(index, QHeaderView.ResizeMode.Stretch)
            elif column.width is None:
                heads.setSectionResizeMode(index, QHeaderView.ResizeMode.ResizeToContents)
            else:
                heads.setSectionResizeMode(index, QHeaderView.ResizeMode.Interactive)
                heads.resizeSection(index, column.width)
        heads.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)

    def set_rows(
        self, rows: Sequence[Sequence[object]], keys: Sequence[object] | None = None
    ) -> None:
        """Show these rows; a chosen sorting and the selected key stay.

        Args:
            rows: One value per column each.
            keys: What the signals carry for each row; its number where None.

        Raises:
            ValueError: There are more or fewer keys than rows, or values than columns.
        """
        wrong = next((row for row in rows if len(row) != len(self._model.columns)), None)
        if wrong is not None:
            raise ValueError(
                f"A row of {len(wrong)} values for {len(self._model.columns)} columns."
            )
        chosen = self.selected_key()
        self._delegate.hovered_row = -1
        self._model.set_rows(rows, range(len(rows)) if keys is None else keys)
        heads = self.horizontalHeader()
        if heads.sortIndicatorSection() >= 0:
            self._model.sort(heads.sortIndicatorSection(), heads.sortIndicatorOrder())
        self.select_key(chosen)

    def clear_rows(self) -> None:
        """Take all rows away."""
        self.set_rows([])

    def set_empty_text(self, text: str) -> None:
        """Set what is said where there are no rows."""
        self._empty = text
        self.viewport().update()

    def select_key(self, key: object) -> None:
        """Select the row of a key without a signal; an unknown one selects nothing."""
        row = None if key is None else self._model.row_of(key)
        self._silent = True
        if row is None:
            self.clearSelection()
        else:
            self.selectRow(row)
            self.scrollTo(self._model.index(row, 0))
        self._silent = False

    def selected_key(self) -> Any:
        """Return the key of the first selected row, or None."""
        rows = self.selectionModel().selectedRows()
        return self._model.key(min(index.row() for index in rows)) if rows else None

    def copy_selection(self) -> str:
        """Put the selected rows on the clipboard, with headings, columns apart by tabs."""
        chosen = sorted(index.row() for index in self.selectionModel().selectedRows())
        columns = range(len(self._model.columns))
        lines = ["\t".join(column.name for column in self._model.columns)]
        lines += ["\t".join(_flat(self._model.text(r, c)) for c in columns) for r in chosen]
        text = "\n".join(lines) if chosen else ""
        if text:
            QGuiApplication.clipboard().setText(text)
        return text

    # Qt.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer a key."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_selection()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            key = self.selected_key()
            if key is not None:
                self.row_activated.emit(key)
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    def leaveEvent(self, event: QEvent) -> None:
        """Let go of what was under the pointer."""
        super().leaveEvent(event)
        self._hover(-1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        super().paintEvent(event)
        if self._model.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setFont(ui_font(13))
            painter.setPen(theme_hub().current.color("text_muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(16, 8, -16, -8), flags, self._empty)

    def _hover(self, row: int) -> None:
        if row != self._delegate.hovered_row:
            self._delegate.hovered_row = row
            self.viewport().update()

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        self.row_clicked.emit(self._model.key(index.row()))

    @Slot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        self.row_activated.emit(self._model.key(index.row()))

    @Slot(QModelIndex)
    def _on_entered(self, index: QModelIndex) -> None:
        self._hover(index.row())

    @Slot()
    def _on_selection_changed(self, *_change: QItemSelection) -> None:
        if not self._silent:
            key = self.selected_key()
            if key is not None:
                self.row_selected.emit(key)

    @Slot(object)
    def _on_theme_changed(self, _theme: object) -> None:
        self.viewport().update()


def _flat(text: str) -> str:
    """Return a cell without the characters that part cells and rows."""
    return text.replace("\t", " ").replace("\n", " ")
