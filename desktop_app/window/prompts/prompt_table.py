"""The table of prompts: keys, paste, duplicate and remove, and the room that its cells take."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.window.prompts.prompt_model import HEADINGS, Index, PromptModel, visible
from desktop_app.window.prompts.prompt_rows import (
    TypedRow,
    column_widths,
    line_count,
    parse_pasted,
    to_pasted,
)

_NUMBER_WIDTH = 26
_ROW_HEIGHT = 28
_CELL_PADDING = 12
_MOST_LINES = 4
_MOST_WRAPPED = 200  # longer tables keep one line a row: they are scrolled, not read


class _CellDelegate(QStyledItemDelegate):
    """Edits a cell, handing on every keystroke so that the token strip follows the typing."""

    @override
    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setFrame(False)
        editor.setFont(mono_font(12))
        editor.setProperty("role", "cell")
        editor.setAccessibleName(f"{HEADINGS[index.column()]} of prompt {index.row() + 1}")
        editor.textEdited.connect(self._on_text_edited)
        return editor

    @override
    def setEditorData(self, editor: QWidget, index: Index) -> None:
        # Fill the editor once; later changes come from the editor itself.
        text = index.data(Qt.ItemDataRole.EditRole)
        if isinstance(editor, QLineEdit) and editor.text() != text:
            editor.setText(text)

    def _on_text_edited(self) -> None:
        editor = self.sender()
        if isinstance(editor, QLineEdit):
            self.commitData.emit(editor)


class PromptTable(QTableView):
    """The table widget: paste, delete and duplicate with the usual keys.

    Signals:
        row_selected: Number of the row that now is the current one.
        rows_removed: How many rows were taken out; `undo_remove` puts them back.
        rows_restored: They are back.
    """

    row_selected = Signal(int)
    rows_removed = Signal(int)
    rows_restored = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prompts = PromptModel()
        self._widths: tuple[int, ...] = ()
        self._removed: list[list[tuple[int, TypedRow]]] = []
        self.setModel(self.prompts)
        self.prompts.setParent(self)
        self.setItemDelegate(_CellDelegate(self))
        self.setAccessibleName("Prompt table")
        begin = QAbstractItemView.EditTrigger
        typed = begin.EditKeyPressed | begin.AnyKeyPressed
        self.setEditTriggers(begin.DoubleClicked | begin.SelectedClicked | typed)
        # Cells are narrow here; the style's own padding would cost two letters each.
        self.setStyleSheet(
            "QTableView::item { padding: 0 3px; } QHeaderView::section { padding: 0 4px; }"
        )
        self._set_up_headers()
        self.selectionModel().currentRowChanged.connect(self._on_current_row_changed)
        self.prompts.modelReset.connect(self._on_model_reset)
        self.prompts.edited.connect(self._fit_cells)
        self.horizontalHeader().sectionResized.connect(self._on_section_resized)

    def _set_up_headers(self) -> None:
        across, down = self.horizontalHeader(), self.verticalHeader()
        across.setHighlightSections(False)
        across.setMinimumSectionSize(40)
        down.setDefaultSectionSize(_ROW_HEIGHT)
        down.setFixedWidth(_NUMBER_WIDTH)
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        down.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_cells()

    def _fit_cells(self) -> None:
        """Give the prompts most of the width, and their rows the lines that they need."""
        rows = self.prompts.rows()
        # The scroll bar's place is left free: it comes and goes with the height of the rows, which
        # follows from the widths.
        room = self.width() - _NUMBER_WIDTH - self.verticalScrollBar().sizeHint().width()
        widths: tuple[int, ...] = column_widths(room, rows)
        across, down = self.horizontalHeader(), self.verticalHeader()
        if widths != self._widths:  # else those that the user has drawn stay
            self._widths = widths
            for column, width in enumerate(widths):
                across.resizeSection(column, width)
        widths = tuple(across.sectionSize(column) for column in range(len(widths)))
        if len(rows) > _MOST_WRAPPED:
            return
        metrics = QFontMetrics(mono_font(12))
        letter = max(1, metrics.horizontalAdvance("m"))
        for place, row in enumerate(rows):
            lines = max(
                line_count(visible(row.cell(column)), (width - _CELL_PADDING) // letter)
                for column, width in enumerate(widths)
            )
            height = _ROW_HEIGHT + (min(lines, _MOST_LINES) - 1) * metrics.lineSpacing()
            if down.sectionSize(place) != height:
                down.resizeSection(place, height)

    def current_row(self) -> int:
        """Return the number of the current row, -1 where there is none."""
        return self.currentIndex().row()

    def select_row(self, row: int, column: int = 0) -> None:
        """Make a row the current one, and alone selected."""
        if 0 <= row < self.prompts.rowCount():
            # By itself Qt heeds the keys that are held, such as those of the shortcut that asks.
            alone = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.selectionModel().setCurrentIndex(self.prompts.index(row, column), alone)

    def selected_rows(self) -> list[int]:
        """Return the rows of which a cell is selected, or the current one."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        return rows or ([self.current_row()] if self.current_row() >= 0 else [])

    def add_row(self) -> None:
        """Add an empty row at the end and begin to type in it."""
        place = self.prompts.rowCount()
        self.prompts.insert(place, [TypedRow()])
        self.select_row(place)
        self.setFocus()
        self.edit(self.currentIndex())

    def duplicate_rows(self) -> None:
        """Put copies of the selected rows below them."""
        places = self.selected_rows()
        if places:
            rows = self.prompts.rows()
            self.prompts.insert(places[-1] + 1, [rows[place] for place in places])
            self.select_row(places[-1] + 1)

    def remove_rows(self) -> None:
        """Remove the selected rows; the table never runs out of rows."""
        places = self.selected_rows()
        if not places:
            return
        rows = self.prompts.rows()
        gone = [(place, rows[place]) for place in places]
        self.prompts.remove(places)
        if self.prompts.rowCount() == 0:
            self.prompts.insert(0, [TypedRow()])
        self.select_row(min(places[0], self.prompts.rowCount() - 1))
        if any(not row.is_empty for _, row in gone):
            self._removed.append(gone)
            self.rows_removed.emit(len(gone))

    def undo_remove(self) -> bool:
        """Put back the rows that were removed last; return whether there were any."""
        if not self._removed:
            return False
        gone = self._removed.pop()
        rows = self.prompts.rows()
        if len(rows) == 1 and rows[0].is_empty:
            # It only stands there because the table never runs out of rows.
            self.prompts.replace_row(0, gone[0][1])
            self.prompts.insert(1, [row for _, row in gone[1:]])
        else:
            for place, row in gone:
                self.prompts.insert(min(place, self.prompts.rowCount()), [row])
        self.select_row(min(gone[0][0], self.prompts.rowCount() - 1))
        self.rows_restored.emit()
        return True

    def paste_rows(self) -> int:
        """Add what the clipboard holds as rows below the current one; return how many."""
        rows = parse_pasted(QApplication.clipboard().text())
        place = self.current_row() + 1 if self.current_row() >= 0 else self.prompts.rowCount()
        old = self.prompts.rows()
        if old and all(row.is_empty for row in old):
            self.prompts.set_rows(rows or old)
            place = 0
        else:
            self.prompts.insert(place, rows)
        self.select_row(place)
        return len(rows)

    def copy_rows(self) -> None:
        """Put the selected rows on the clipboard, tab-separated."""
        rows = self.prompts.rows()
        QApplication.clipboard().setText(to_pasted([rows[r] for r in self.selected_rows()]))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Copy, paste and delete; everything else as in any table.
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste_rows()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy_rows()
        elif event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            for index in self.selectedIndexes():
                self.prompts.setData(index, "")
        else:
            super().keyPressEvent(event)

    def _on_current_row_changed(self, current: QModelIndex) -> None:
        if current.isValid():
            self.row_selected.emit(current.row())

    def _on_section_resized(self) -> None:
        if QApplication.mouseButtons():  # drawn by hand: the lines break elsewhere now
            self._fit_cells()

    def _on_model_reset(self) -> None:
        self._removed.clear()  # their places mean nothing in another table
        self.select_row(0)
