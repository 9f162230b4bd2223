"""The table of prompts: keys, paste, ticks, duplicate and remove; each of it a step to undo."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QHeaderView,
    QTableView,
    QWidget,
)

from desktop_app.pictures.words import plural
from desktop_app.support.guard import override
from desktop_app.window.prompts.cell_edit import CellDelegate, LineEdit
from desktop_app.window.prompts.pasting import Pasted, parse_pasted, to_pasted
from desktop_app.window.prompts.prompt_model import HEADINGS, TICK, PromptModel
from desktop_app.window.prompts.prompt_rows import TEXTS, TypedRow
from desktop_app.window.prompts.tick_box import TickBox
from desktop_app.window.prompts.widths import column_widths, line_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from desktop_app.window.prompts.prompt_steps import TableSteps

_NUMBER_WIDTH, _TICK_WIDTH = 26, 26
_ROW_HEIGHT, _TALL_ROW = 28, 32
_CELL_PADDING = 12
_MOST_LINES, _MOST_WHERE_LARGE = 4, 16
_MOST_WRAPPED = 200  # longer tables keep one line a row: they are scrolled, not read
_LARGE = 900  # from this width on it is read, and not glanced at


class PromptTable(QTableView):
    """The table widget; what it does to its rows goes through steps, that can be undone.

    Signals:
        row_selected: Number of the row that now is the current one.
        rows_removed: How many rows were taken out.
        menu_wanted: (place on the screen) of a menu for the chosen cells.
        paste_wanted: The key for pasting was pressed.
    """

    row_selected = Signal(int)
    rows_removed = Signal(int)
    menu_wanted = Signal(object)
    paste_wanted = Signal()

    def __init__(self, steps: TableSteps, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps = steps
        self.prompts = PromptModel()
        self._widths: tuple[int, ...] = ()
        self._is_drawn = self._labels_wanted = False
        self.setModel(self.prompts)
        self.prompts.setParent(self)
        self.delegate = CellDelegate(self, self.prompts)
        self.setItemDelegate(self.delegate)
        self.setAccessibleName("Prompt table")
        begin = QAbstractItemView.EditTrigger
        typed = begin.EditKeyPressed | begin.AnyKeyPressed
        # Not a click on a selected cell: Qt waits for a second one, and loses what is typed then.
        self.setEditTriggers(begin.DoubleClicked | typed)
        # Cells are narrow here; the style's own padding would cost two letters each.
        self.setStyleSheet(
            "QTableView::item { padding: 0 3px; } QHeaderView::section { padding: 0 4px; }"
        )
        self._set_up_headers()
        self.tick_box = TickBox(self.horizontalHeader())
        self.tick_box.clicked.connect(self.tick_all_or_none)
        self._connect()

    def _connect(self) -> None:
        self.selectionModel().currentRowChanged.connect(self._on_current_row_changed)
        self.prompts.modelReset.connect(self._on_model_reset)
        self.prompts.edited.connect(self._fit_cells)
        self.prompts.tick_asked.connect(self._on_tick_asked)
        self.delegate.typed.connect(self.type_into)
        self.delegate.ended.connect(self.steps.settle)
        self.delegate.given_up.connect(self.steps.give_up_typing)
        self.horizontalHeader().sectionResized.connect(self._on_section_resized)

    def _set_up_headers(self) -> None:
        across, down = self.horizontalHeader(), self.verticalHeader()
        across.setHighlightSections(False)
        across.setTextElideMode(Qt.TextElideMode.ElideRight)
        across.setMinimumSectionSize(_TICK_WIDTH)
        across.moveSection(TICK, 0)
        across.resizeSection(TICK, _TICK_WIDTH)
        across.setSectionResizeMode(TICK, QHeaderView.ResizeMode.Fixed)
        down.setDefaultSectionSize(_ROW_HEIGHT)
        down.setFixedWidth(_NUMBER_WIDTH)
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        down.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)

    @override
    def focusNextPrevChild(self, forward: bool) -> bool:
        """Go to the next text, and from the last one out of the table."""
        there = self._onward(forward=forward) if self.hasFocus() else None
        if there is None:
            return QAbstractScrollArea.focusNextPrevChild(self, forward)
        self.setCurrentIndex(there)
        return True

    @override
    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        hints = QAbstractItemDelegate.EndEditHint
        forward = hint == hints.EditNextItem
        goes = hint in {hints.EditNextItem, hints.EditPreviousItem}
        if goes and self._onward(forward=forward) is None:  # Qt would begin at the other end
            super().closeEditor(editor, hints.NoHint)
            QAbstractScrollArea.focusNextPrevChild(self, forward)
        else:
            super().closeEditor(editor, hint)

    def _onward(self, *, forward: bool) -> QModelIndex | None:
        """Return the text after this one, or before it; None at the end of the table."""
        moves, here = QAbstractItemView.CursorAction, self.currentIndex()
        action = moves.MoveNext if forward else moves.MovePrevious
        there = self.moveCursor(action, Qt.KeyboardModifier.NoModifier)
        ends = (here.row(), here.column()), (there.row(), there.column())
        known = here.isValid() and there.isValid()
        return there if known and (ends[0] < ends[1]) == forward else None

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._is_drawn = False
        self._fit_cells()

    def _fit_cells(self) -> None:
        """Give the prompts most of the width, and their rows the lines that they need."""
        rows = self.prompts.rows()
        large = self.width() >= _LARGE
        self.prompts.set_large(large)
        metrics = QFontMetrics(self.prompts.font())
        letter = max(1, metrics.horizontalAdvance("m"))
        # The scroll bar's place is left free: it comes and goes with the height of the rows, which
        # follows from the widths.
        bar = self.verticalScrollBar().sizeHint().width()
        bars = bar + 2 * self.frameWidth()
        room = self.width() - self.verticalHeader().width() - _TICK_WIDTH - bars
        across = self.horizontalHeader()
        widths = column_widths(room, rows, letter, labels=self._labels_wanted)
        if widths != self._widths and not self._is_drawn:  # what was drawn by hand stays
            self._widths = widths
            for column, width in enumerate(widths):
                across.setSectionHidden(column, not width)
                across.resizeSection(column, width)
        self.tick_box.stand_in(across.sectionViewportPosition(TICK), _TICK_WIDTH, across.height())
        self.tick_box.show_ticks([row.ticked for row in rows if not row.is_empty])
        if len(rows) <= _MOST_WRAPPED:
            self._fit_rows(rows, metrics.lineSpacing(), letter, large=large)

    def _fit_rows(self, rows: Sequence[TypedRow], line: int, letter: int, *, large: bool) -> None:
        down, least = self.verticalHeader(), _TALL_ROW if large else _ROW_HEIGHT
        most = _MOST_WHERE_LARGE if large else _MOST_LINES
        sizes = [self.horizontalHeader().sectionSize(column) for column in range(len(TEXTS))]
        room = [max(1, (width - _CELL_PADDING) // letter) if width else 0 for width in sizes]
        for place, row in enumerate(rows):
            lines = max(
                line_count(self.prompts.shown(row, column), letters)
                for column, letters in enumerate(room)
                if letters
            )
            height = least + (min(lines, most) - 1) * line
            if down.sectionSize(place) != height:
                down.resizeSection(place, height)

    def current_row(self) -> int:
        """Return the number of the current row, -1 where there is none."""
        return self.currentIndex().row()

    def current_column(self) -> int:
        """Return the number of the current cell's column; of a tick that of the prompt."""
        column = self.currentIndex().column()
        return column if 0 <= column < TICK else 0

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

    def end_edit(self) -> None:
        """Close the editor that is open; what was typed in it is a step."""
        self.delegate.close()
        self.steps.settle()

    def add_row(self) -> None:
        """Add an empty row at the end and begin to type in it."""
        self.end_edit()
        with self.steps.step("adding a prompt"):
            place = self.prompts.rowCount()
            self.prompts.insert(place, [TypedRow()])
            self.select_row(place)
        self.setFocus()
        self.edit(self.currentIndex())

    def label_rows(self) -> None:
        """Show the labels, also where there are none yet, and begin to type the first that lacks.

        They stay in sight until another table is opened.
        """
        self.end_edit()
        self._labels_wanted, self._is_drawn = True, False
        self._fit_cells()
        rows = self.prompts.rows()
        lacking = (n for n, row in enumerate(rows) if not row.is_empty and not row.label)
        self.select_row(next(lacking, max(0, self.current_row())), TEXTS.index("label"))
        self.setFocus()
        self.edit(self.currentIndex())

    def duplicate_rows(self) -> None:
        """Put copies of the selected rows below them."""
        places = self.selected_rows()
        if places:
            self.end_edit()
            with self.steps.step(f"duplicating {plural(len(places), 'prompt')}"):
                rows = self.prompts.rows()
                self.prompts.insert(places[-1] + 1, [rows[place] for place in places])
                self.select_row(places[-1] + 1)

    def remove_rows(self) -> None:
        """Remove the selected rows; the table never runs out of rows."""
        places = self.selected_rows()
        if not places:
            return
        self.end_edit()
        rows = self.prompts.rows()
        with self.steps.step(f"removing {plural(len(places), 'prompt')}"):
            self.prompts.remove(places)
            if self.prompts.rowCount() == 0:
                self.prompts.insert(0, [TypedRow()])
            self.select_row(min(places[0], self.prompts.rowCount() - 1))
        gone = sum(not rows[place].is_empty for place in places)
        if gone:
            self.rows_removed.emit(gone)

    def paste_rows(self, text: str) -> Pasted:
        """Add what was copied elsewhere as rows below the current one; return how it was read.

        Raises:
            BadInputError: It is a table with a fault; nothing is added.
        """
        found = parse_pasted(text)
        if found.rows:
            words = f"pasting {plural(len(found.rows), 'prompt')}"
            self.add_rows(found.rows, words, below=self.current_row())
        return found

    def add_rows(self, rows: Sequence[TypedRow], words: str, *, below: int | None = None) -> None:
        """Add rows below another one or at the end; they take the place of an empty one."""
        self.end_edit()
        with self.steps.step(words):
            old = self.prompts.rows()
            if all(row.is_empty for row in old):
                self.prompts.set_rows(rows)
                place = 0
            elif below is not None and 0 <= below < len(old) and old[below].is_empty:
                self.prompts.become([*old[:below], *rows, *old[below + 1 :]])
                place = below
            else:
                place = len(old) if below is None or below < 0 else below + 1
                self.prompts.insert(place, rows)
            self.select_row(place)

    def copy_rows(self) -> None:
        """Put the selected rows on the clipboard, tab-separated."""
        rows = self.prompts.rows()
        QApplication.clipboard().setText(to_pasted([rows[r] for r in self.selected_rows()]))

    def clear_cells(self) -> None:
        """Empty the selected cells."""
        chosen = [index for index in self.selectedIndexes() if index.column() != TICK]
        if chosen:
            self.end_edit()
            with self.steps.step(f"clearing {plural(len(chosen), 'cell')}"):
                for index in chosen:
                    self.prompts.setData(index, "")

    def type_into(self, index: QModelIndex, text: str) -> None:
        """Take over what was typed into a cell so far; all of it is one step when it ends."""
        name = HEADINGS[index.column()].lower()
        where = "" if name == "prompt" else f"the {name} of "
        self.steps.begin_typing(f"typing in {where}{self.prompts.called(index.row())}")
        self.prompts.setData(index, text)

    # Ticks.

    def toggle_ticks(self) -> None:
        """Tick the selected rows, or untick them where all of them are ticked."""
        rows, places = self.prompts.rows(), self.selected_rows()
        self.set_ticked(places, not all(rows[place].ticked for place in places))

    def tick_all_or_none(self) -> None:
        """Tick all rows, or none where all of them are ticked."""
        rows = self.prompts.rows()
        self.set_ticked(range(len(rows)), not all(row.ticked for row in rows if not row.is_empty))

    def set_ticked(self, places: Iterable[int], ticked: bool) -> None:
        """Say of some rows whether runs take them."""
        wanted = set(places)
        words = "ticking" if ticked else "unticking"
        with self.steps.step(f"{words} {plural(len(wanted), 'prompt')}"):
            rows = self.prompts.rows()
            for place in wanted:
                rows[place] = replace(rows[place], ticked=ticked)
            self.prompts.become(rows)

    # Qt.

    @override
    def edit(  # type: ignore[override]  # Qt has two of that name
        self,
        index: QModelIndex,
        trigger: QAbstractItemView.EditTrigger = QAbstractItemView.EditTrigger.AllEditTriggers,
        event: QEvent | None = None,
    ) -> bool:
        """Open an editor: what is typed over a cell replaces its text, F2 goes to its end.

        Tab opens the next cell as a whole too, so that typing goes on replacing.
        """
        opens = QAbstractItemView.EditTrigger
        at_end = trigger in {opens.EditKeyPressed, opens.DoubleClicked}
        self.delegate.replaces = not at_end
        is_open = super().edit(index, trigger, event)  # type: ignore[arg-type]  # may be None
        editor = self.delegate.editor
        if is_open and at_end and isinstance(editor, LineEdit):  # selected by Qt itself
            editor.end(False)
        return is_open

    @override
    def moveCursor(
        self, action: QAbstractItemView.CursorAction, held: Qt.KeyboardModifier
    ) -> QModelIndex:
        found = super().moveCursor(action, held)
        if found.column() != TICK:
            return found
        # From text to text: a tick is reached by the arrows, and set from anywhere by Ctrl+T.
        if action == QAbstractItemView.CursorAction.MoveNext:
            return self.prompts.index(found.row(), 0)
        if action == QAbstractItemView.CursorAction.MovePrevious:
            last = max(c for c in range(TICK) if not self.isColumnHidden(c))
            place = (found.row() - 1) % max(1, self.prompts.rowCount())
            return self.prompts.index(place, last)
        return found

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Copy, paste and delete; everything else as in any table.
        keys = QKeySequence.StandardKey
        if event.matches(keys.Paste):
            self.paste_wanted.emit()
        elif event.matches(keys.Copy):
            self.copy_rows()
        elif event.matches(keys.Cut):
            self.copy_rows()
            self.remove_rows()
        elif event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.clear_cells()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and not event.modifiers():
            self.edit(self.currentIndex(), self.EditTrigger.EditKeyPressed, event)
        else:
            super().keyPressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        place = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            cell = self.visualRect(self.currentIndex())
            place = self.viewport().mapToGlobal(cell.bottomLeft() + QPoint(4, 0))
        else:
            index = self.indexAt(self.viewport().mapFromGlobal(place))
            if index.isValid() and index not in self.selectedIndexes():
                self.select_row(index.row(), index.column())
        self.menu_wanted.emit(place)

    def _on_tick_asked(self, row: int, ticked: bool) -> None:
        chosen = self.selected_rows()
        self.set_ticked(chosen if row in chosen else [row], ticked)

    def _on_current_row_changed(self, current: QModelIndex) -> None:
        if current.isValid():
            self.row_selected.emit(current.row())

    def _on_section_resized(self) -> None:
        if QApplication.mouseButtons():  # drawn by hand: the lines break elsewhere now
            self._is_drawn = True
            self._fit_cells()

    def _on_model_reset(self) -> None:
        self.select_row(0)
