"""The rows of the prompt table as Qt's item model; what is typed is kept to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override
from desktop_app.support.terminal import printable
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.window.prompts.prompt_rows import TEXTS, TypedRow, problem, run_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PySide6.QtGui import QFont
    from PySide6.QtWidgets import QWidget

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
HEADINGS = ("Prompt", "Corrupt", "Answer", "Wrong", "Label", "Group", "")
TICK = len(TEXTS)
_TIPS = (
    "The clean prompt, to the letter: a space at its end counts",
    "Its counterpart without the behaviour, of the same number of tokens",
    "Continuations that the metric rewards; several with | between",
    "Continuations that they are compared with; several with | between",
    "Which kind of prompt this is",
    "Which template it was made from",
    "Runs take the ticked prompts (Ctrl+T)",
)
_NOT_RUN = "·"
_SHOWN_CHARACTERS, _SHOWN_WHERE_LARGE = 400, 3_000
MOST_EDITED = 20_000
_TOO_LONG = "Too long to be edited here: change it in a file and open that, or paste a row anew."
_SMALL, _LARGE = 12, 13


def visible(text: str, most: int = _SHOWN_CHARACTERS) -> str:
    """Return a text with what is invisible in it made visible.

    That is the spaces at its ends, line breaks, tabs and control characters; of these some would
    turn the direction of writing and so show another text than there is.
    """
    if len(text) > most:
        text = text[: most // 2] + " … " + text[-most // 2 :]
    body = text.strip(" ")
    if not body:
        return "␠" * len(text)
    start = len(text) - len(text.lstrip(" "))
    end = len(text) - len(text.rstrip(" "))
    body = printable(body.replace("\n", "↵").replace("\t", "⇥"))
    return "␠" * start + body + "␠" * end


class PromptModel(QAbstractTableModel):
    """The rows of the table, and last a column of ticks, which the view shows first.

    Attributes:
        revision: Another number whenever the rows are others.

    Signals:
        edited: Any text or row changed.
        tick_asked: (row, whether it is to be ticked) of a box that was clicked.
    """

    edited = Signal()
    tick_asked = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[TypedRow] = []
        self.revision = 0
        self._pixels = _SMALL
        self._numbers: tuple[int, dict[int, int]] = (-1, {})
        self.edited.connect(self._on_edited)

    def rows(self) -> list[TypedRow]:
        """Return the rows as typed."""
        return list(self._rows)

    def numbers(self) -> dict[int, int]:
        """Return the number that a run gives to the prompt of a row, of those that it takes."""
        if self._numbers[0] != self.revision:
            self._numbers = self.revision, run_numbers(self._rows)
        return self._numbers[1]

    def called(self, place: int) -> str:
        """Return what a row is called: the prompt by its number in a run, or the row."""
        number = self.numbers().get(place)
        return f"prompt {number}" if number else f"row {place + 1}"

    def cell_called(self, place: int, column: int) -> str:
        """Return what a cell is called, such as `Prompt 2` or `Answer of prompt 2`."""
        called = self.called(place)
        if column == 0 and place in self.numbers():
            return called.capitalize()
        return f"{HEADINGS[column]} of {called}"

    def font(self) -> QFont:
        """Return the face of the cells."""
        return mono_font(self._pixels)

    def shown(self, row: TypedRow, column: int) -> str:
        """Return a text of a row as its cell shows it: more of it where there is room."""
        most = _SHOWN_WHERE_LARGE if self._pixels == _LARGE else _SHOWN_CHARACTERS
        return visible(row.cell(column), most)

    def set_large(self, large: bool) -> None:
        """Write larger, where there is room."""
        self._pixels = _LARGE if large else _SMALL

    def set_rows(self, rows: Iterable[TypedRow]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._rows = list(rows)
        self.revision += 1
        self.endResetModel()
        self.edited.emit()

    def become(self, rows: Sequence[TypedRow]) -> None:
        """Hold these rows; those that stay the same at both ends are left alone."""
        old, new = self._rows, list(rows)
        start = 0
        while start < min(len(old), len(new)) and old[start] == new[start]:
            start += 1
        end = 0
        while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
            end += 1
        gone, come = old[start : len(old) - end], new[start : len(new) - end]
        shared = min(len(gone), len(come))
        self._rows[start : start + shared] = come[:shared]
        self.revision += 1
        if len(gone) > shared:
            first, last = start + shared, start + len(gone) - 1
            self.beginRemoveRows(_NOWHERE, first, last)
            del self._rows[first : last + 1]
            self.revision += 1
            self.endRemoveRows()
        elif len(come) > shared:
            self.beginInsertRows(_NOWHERE, start + shared, start + len(come) - 1)
            self._rows[start + shared : start + shared] = come[shared:]
            self.revision += 1
            self.endInsertRows()
        if shared:
            self.dataChanged.emit(self.index(start, 0), self.index(start + shared - 1, TICK))
        self.edited.emit()

    def insert(self, place: int, rows: Sequence[TypedRow]) -> None:
        """Put rows before the one at `place`."""
        if not rows:
            return
        self.beginInsertRows(_NOWHERE, place, place + len(rows) - 1)
        self._rows[place:place] = rows
        self.revision += 1
        self.endInsertRows()
        self.edited.emit()

    def remove(self, places: Iterable[int]) -> None:
        """Remove the rows at these places."""
        for place in sorted(set(places), reverse=True):
            self.beginRemoveRows(_NOWHERE, place, place)  # here others ask, of the rows as they are
            del self._rows[place]
            self.revision += 1
            self.endRemoveRows()
        self.edited.emit()

    def replace_row(self, place: int, row: TypedRow) -> None:
        """Change one row."""
        if self._rows[place] == row:
            return
        self.revision += 1
        self._rows[place] = row
        self.dataChanged.emit(self.index(place, 0), self.index(place, TICK))
        self.edited.emit()

    @override
    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    @override
    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else TICK + 1

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row, column = self._rows[index.row()], index.column()
        if column == TICK:
            return self._tick(row, index.row(), role)
        if role == Qt.ItemDataRole.EditRole:
            return row.cell(column)
        if role == Qt.ItemDataRole.DisplayRole:
            return self.shown(row, column)
        return self._look(row, column, role)

    def _tick(self, row: TypedRow, place: int, role: int) -> Any:
        """Return what is told of a box: its state, its tip, its name for screen readers."""
        state = Qt.CheckState.Checked if row.ticked else Qt.CheckState.Unchecked
        told_of = self.called(place).capitalize()
        said = "runs take it" if row.ticked else "runs leave it out"
        match role:
            case Qt.ItemDataRole.CheckStateRole:
                told: Any = state
            case Qt.ItemDataRole.ToolTipRole:
                told = plain_tip(f"{told_of}: {said} (Ctrl+T)")
            case Qt.ItemDataRole.AccessibleTextRole:
                told = f"{told_of}: {said}"
            case _:
                told = None
        return told

    def _look(self, row: TypedRow, column: int, role: int) -> Any:
        """Return a cell's font, colour, tip or name for screen readers."""
        match role:
            case Qt.ItemDataRole.FontRole:
                look: Any = self.font()
            case Qt.ItemDataRole.ToolTipRole:
                text = visible(row.cell(column))
                if len(row.cell(column)) > MOST_EDITED:
                    text = f"{text}\n{_TOO_LONG}"
                look = plain_tip(problem(row) or text or _TIPS[column])
            case Qt.ItemDataRole.ForegroundRole:
                ink = "text_muted" if not row.ticked else "bad" if problem(row) else ""
                look = theme_hub().current.color(ink) if ink else None
            case Qt.ItemDataRole.AccessibleTextRole:
                look = f"{HEADINGS[column]}: {clipped(row.cell(column)) or 'empty'}"
            case _:
                look = None
        return look

    @override
    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid():
            return False
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == TICK:
            self.tick_asked.emit(index.row(), Qt.CheckState(value) == Qt.CheckState.Checked)
            return True
        if role != Qt.ItemDataRole.EditRole or index.column() == TICK:
            return False
        row = self._rows[index.row()]
        self.replace_row(index.row(), row.with_cell(index.column(), str(value)))
        return True

    @override
    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.column() == TICK:
            return super().flags(index) | Qt.ItemFlag.ItemIsUserCheckable
        there = index.isValid() and index.row() < len(self._rows)
        text = self._rows[index.row()].cell(index.column()) if there else ""
        # An editor lays all of a text out at each keystroke.
        fits = len(text) <= MOST_EDITED
        return super().flags(index) | (Qt.ItemFlag.ItemIsEditable if fits else Qt.ItemFlag(0))

    def _on_edited(self) -> None:
        if self._rows:  # a tick changes the numbers of all below
            self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, len(self._rows) - 1)

    def _row_heading(self, place: int, role: int) -> str | None:
        number = self.numbers().get(place)
        if role == Qt.ItemDataRole.DisplayRole:
            return _NOT_RUN if number is None else str(number)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip("Runs leave this row out" if number is None else f"Prompt {number}")
        return None

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return self._row_heading(section, role)
        looks = {
            Qt.ItemDataRole.DisplayRole: HEADINGS[section],
            Qt.ItemDataRole.ToolTipRole: plain_tip(_TIPS[section]),
            Qt.ItemDataRole.TextAlignmentRole: Qt.AlignmentFlag.AlignLeft
            | Qt.AlignmentFlag.AlignVCenter,
        }
        return looks.get(Qt.ItemDataRole(role))
