"""Rankings and tables on Qt's item views: keyboard, screen reader, copying, sorting where asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from desktop_app.pictures.ranking import Ranking, ranked
from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.menus import new_menu, open_menu
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.tables.ranking_paint import PAD, RankingDelegate, RankingModel, cell_font

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Sequence

    from PySide6.QtCore import QItemSelection
    from PySide6.QtGui import QMouseEvent, QPaintEvent, QResizeEvent

    from desktop_app.pictures.ranking import Column

ROW_HEIGHT = 28
HEADER_HEIGHT = 28
# What a bar or another stretching column needs at least, what contents get at most, and how many
# rows a width is taken from.
_LEAST, _MOST = 88, 200
_SAMPLED = 300


class RankingList(QTableView):
    """Rows with keys; every signal carries the key of the row it speaks of.

    Signals:
        row_selected: Another row became the current one, by mouse or keys.
        row_clicked: A row was clicked.
        row_activated: A row was double-clicked, or Enter was pressed on it.
        row_hovered: The pointer is over a row; None when it leaves.
        rows_picked: Rows were selected beside each other with Ctrl or Shift; the keys of all that
            are selected now, and of those that were let go.
    """

    row_selected = Signal(object)
    row_clicked = Signal(object)
    row_activated = Signal(object)
    row_hovered = Signal(object)
    rows_picked = Signal(object, object)

    def __init__(
        self,
        name: str = "Ranking",
        columns: Sequence[Column] = (),
        *,
        sortable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = RankingModel(self)
        self._delegate = RankingDelegate(self)
        self._empty = "Nothing to show yet"
        self._silent = False
        self._fitting = (ROW_HEIGHT, ROW_HEIGHT)
        self._widths: list[int] = []
        self.setModel(self._model)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName(name)
        self._set_behaviour()
        self._set_headers(sortable=sortable)
        self.clicked.connect(self._on_clicked)
        self.doubleClicked.connect(self._on_double_clicked)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.set_ranking(Ranking(tuple(columns)))

    def _set_behaviour(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def _set_headers(self, *, sortable: bool) -> None:
        rows, heads = self.verticalHeader(), self.horizontalHeader()
        rows.setVisible(False)
        rows.setMinimumSectionSize(1)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        heads.setMinimumSectionSize(16)
        heads.setHighlightSections(False)
        heads.setTextElideMode(Qt.TextElideMode.ElideRight)
        heads.setFixedHeight(HEADER_HEIGHT)
        heads.setSortIndicatorClearable(True)
        heads.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        heads.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        heads.customContextMenuRequested.connect(self._on_heading_asked)
        self.setSortingEnabled(sortable)
        heads.setSectionsClickable(sortable)

    @property
    def ranking(self) -> Ranking:
        """What is shown."""
        return self._model.ranking

    def set_ranking(self, ranking: Ranking) -> None:
        """Show a ranking; the selected key stays, and a chosen sorting where the columns do."""
        before = [column.key for column in self.ranking.columns]
        chosen, heads = self.selected_key(), self.horizontalHeader()
        self._delegate.hovered = -1
        self._model.set_ranking(ranking)
        if before != [column.key for column in ranking.columns]:
            heads.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        elif heads.sortIndicatorSection() >= 0:
            self._model.sort(heads.sortIndicatorSection(), heads.sortIndicatorOrder())
        self._select(chosen, scroll=False)
        self._measure_columns()
        self._share_room()
        self.updateGeometry()

    def set_marked(self, keys: Collection[Hashable]) -> None:
        """Mark the rows of these keys, without a signal."""
        self._model.marked = frozenset(keys)
        self.viewport().update()

    def marked(self) -> frozenset[Hashable]:
        """Return the keys whose rows are marked."""
        return self._model.marked

    def set_rows(
        self, values: Iterable[Iterable[object]], keys: Sequence[Hashable] | None = None
    ) -> None:
        """Show other rows in the same columns; see `pictures.ranking.ranked`."""
        self.set_ranking(ranked(self.ranking.columns, values, keys))

    def set_empty_text(self, text: str) -> None:
        """Set what is said where there are no rows."""
        self._empty = text
        self.viewport().update()

    def set_fitting(self, smallest: int, largest: int) -> None:
        """Let rows grow and shrink within these heights, so that the list fills its room."""
        self._fitting = (smallest, largest)
        self._measure_columns()
        self._share_room()

    def set_zoom(self, percent: int) -> None:
        """Show larger or smaller letters, in rows of that height."""
        self._model.zoom = percent
        height = round(ROW_HEIGHT * percent / 100)
        self.set_fitting(height, height)
        self.viewport().update()

    def full_height(self, rows: int | None = None) -> int:
        """Return the height at which so many rows, or those there are, need no scrolling."""
        count = self._model.rowCount() if rows is None else rows
        head = 0 if self.horizontalHeader().isHidden() else HEADER_HEIGHT
        return head + max(1, count) * self._fitting[0] + 2

    def select_key(self, key: object) -> None:
        """Select the row of a key without a signal; an unknown one selects nothing."""
        self._select(key, scroll=True)

    def selected_key(self) -> Any:
        """Return the key of the current selected row, or None."""
        current = self.selectionModel().currentIndex().row()
        places = [index.row() for index in self.selectionModel().selectedRows()]
        if not places:
            return None
        return self._model.row(current if current in places else min(places)).key

    def texts(self) -> list[tuple[str, ...]]:
        """Return every row as it is written on screen, hidden columns included."""
        model = self._model
        columns = range(model.columnCount())
        return [
            tuple(str(model.index(row, column).data()) for column in columns)
            for row in range(model.rowCount())
        ]

    def shown_columns(self) -> tuple[str, ...]:
        """Return the keys of the columns for which there is room."""
        columns = enumerate(self.ranking.columns)
        return tuple(column.key for i, column in columns if not self.isColumnHidden(i))

    def copy_selection(self) -> str:
        """Put the selected rows on the clipboard, with headings, columns apart by tabs."""
        return self._copy(sorted(i.row() for i in self.selectionModel().selectedRows()))

    def copy_table(self) -> str:
        """Put all rows on the clipboard as they stand."""
        return self._copy(range(self._model.rowCount()))

    def _copy(self, places: Sequence[int]) -> str:
        text = self._model.lines(places) if places else ""
        if text:
            QGuiApplication.clipboard().setText(text)
        return text

    def _keys(self, places: Iterable[int]) -> tuple[Hashable, ...]:
        return tuple(self._model.row(place).key for place in places)

    def _select(self, key: object, *, scroll: bool) -> None:
        place = None if key is None else self._model.place_of(key)
        self._silent = True
        if place is not None and key == self.selected_key():
            if scroll:  # rows selected beside it stay
                self.scrollTo(self._model.index(place, 0))
        elif place is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        else:
            self.selectRow(place)
            if scroll:
                self.scrollTo(self._model.index(place, 0))
        self._silent = False

    # Room.

    def _measure_columns(self) -> None:
        """Take each column's width from its spec or its contents; stretching ones fill the rest."""
        heads, mode = self.horizontalHeader(), QHeaderView.ResizeMode
        self._widths = [self._width(i) for i in range(len(self.ranking.columns))]
        for i, column in enumerate(self.ranking.columns):
            heads.setSectionResizeMode(i, mode.Stretch if column.stretches else mode.Interactive)
            if not column.stretches:
                heads.resizeSection(i, self._widths[i])

    def _width(self, column: int) -> int:
        spec = self.ranking.columns[column]
        if isinstance(spec.width, int):
            return spec.width * self._model.zoom // 100
        if spec.stretches:
            return spec.least or _LEAST
        sampled = range(min(len(self.ranking.rows), _SAMPLED))
        metrics = QFontMetrics(cell_font(spec.kind, self._fitting[1], self._model.zoom))
        longest = max((self.ranking.text(row, column) for row in sampled), key=len, default="")
        said = "" if self.horizontalHeader().isHidden() else spec.heading
        heading = QFontMetrics(ui_font(12, "medium")).horizontalAdvance(said)
        box = 14 if spec.kind == "token" else 0
        # Some pixels more than the text: painting rounds up, and a cut word says nothing.
        needed = max(metrics.horizontalAdvance(longest) + box, heading) + 2 * PAD + 4
        return min(needed, _MOST * self._model.zoom // 100)

    def _share_room(self) -> None:
        """Leave out columns where room is scarce, and give rows the height that fills the list."""
        columns = self.ranking.columns
        if len(columns) != len(self._widths):  # a resize in the midst of another ranking
            return
        last = max((column.priority for column in columns), default=0)
        room = self.viewport().width()
        while last > 0 and room < self._needed(last):
            last -= 1
        for i, column in enumerate(columns):
            hidden = column.priority > last
            if hidden != self.isColumnHidden(i):
                self.setColumnHidden(i, hidden)
        self._fill(last)
        smallest, largest = self._fitting
        fits = self.viewport().height() // max(1, len(self.ranking.rows))
        height = min(largest, max(smallest, fits))
        if height != self.verticalHeader().defaultSectionSize():
            self.verticalHeader().setDefaultSectionSize(height)

    def _fill(self, priority: int) -> None:
        """Let the first column take the rest where no other does that is shown."""
        if not self.ranking.columns:
            return
        heads, first = self.horizontalHeader(), self.ranking.columns[0]
        filled = any(c.stretches and c.priority <= priority for c in self.ranking.columns)
        mode = QHeaderView.ResizeMode.Interactive if filled else QHeaderView.ResizeMode.Stretch
        if not first.stretches and heads.sectionResizeMode(0) != mode:
            heads.setSectionResizeMode(0, mode)
            heads.resizeSection(0, self._widths[0])

    def _needed(self, priority: int) -> int:
        """Return the width of the columns up to a priority."""
        columns = zip(self.ranking.columns, self._widths, strict=True)
        return sum(width for column, width in columns if column.priority <= priority)

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, min(self.full_height(), 420))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(min(220, self._needed(0)), self.full_height(1) + ROW_HEIGHT // 2)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: self._model.rowCount() - 1}
        key = Qt.Key(event.key())
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_selection()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            if (chosen := self.selected_key()) is not None:
                self.row_activated.emit(chosen)
        elif key in ends and not event.modifiers() and self._model.rowCount():
            self.selectRow(ends[key])
        else:
            super().keyPressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        pointed = event.reason() != QContextMenuEvent.Reason.Keyboard
        self._open_menu(event.globalPos(), self.columnAt(event.pos().x()) if pointed else -1)

    @Slot(QPoint)
    def _on_heading_asked(self, place: QPoint) -> None:
        heads = self.horizontalHeader()
        self._open_menu(heads.mapToGlobal(place), heads.logicalIndexAt(place))

    def _open_menu(self, place: QPoint, column: int) -> None:
        """Offer to copy rows; whatever the table stands in may add what it knows of a column."""
        menu = new_menu(self)
        rows = menu.addAction("Copy rows", self.copy_selection)
        rows.setEnabled(self.selectionModel().hasSelection())
        menu.addAction("Copy table", self.copy_table).setEnabled(self._model.rowCount() > 0)
        open_menu(menu, place, self.ranking.columns[column].key if column >= 0 else "")

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._model.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setFont(ui_font(13))
            painter.setPen(theme_hub().current.color("text_muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(16, 8, -16, -8), flags, self._empty)

    def _hover(self, place: int) -> None:
        if place != self._delegate.hovered:
            self._delegate.hovered = place
            self.viewport().update()
            self.row_hovered.emit(None if place < 0 else self._model.row(place).key)

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        self.row_clicked.emit(self._model.row(index.row()).key)

    @Slot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        self.row_activated.emit(self._model.row(index.row()).key)

    @Slot()
    def _on_selection_changed(self, came: QItemSelection, went: QItemSelection) -> None:
        if self._silent:
            return
        now = [index.row() for index in self.selectionModel().selectedRows()]
        if len(now) > 1 or not came.count():  # a plain click brings one row and ends the others
            self.rows_picked.emit(self._keys(now), self._keys(_rows_of(went)))
        key = self.selected_key()
        if key is not None:
            self.row_selected.emit(key)


def _rows_of(selection: QItemSelection) -> list[int]:
    return sorted({index.row() for index in selection.indexes()})
