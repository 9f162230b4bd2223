"""The prompt table's rows as a Qt model: what is typed is kept to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.window.prompts.prompt_rows import COLUMNS, TypedRow, problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PySide6.QtWidgets import QWidget

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
HEADINGS = ("Prompt", "Corrupt", "Answer", "Wrong")
_TIPS = (
    "The clean prompt, to the letter: a space at its end counts",
    "Its counterpart without the behaviour, of the same number of tokens",
    "Continuations that the metric rewards; several with | between",
    "Continuations that they are compared with; several with | between",
)
_SHOWN_CHARACTERS = 400


def visible(text: str) -> str:
    """Return a text with the spaces at its ends, line breaks and tabs made visible."""
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS // 2] + " … " + text[-_SHOWN_CHARACTERS // 2 :]
    body = text.strip(" ")
    if not body:
        return "␠" * len(text)
    start = len(text) - len(text.lstrip(" "))
    end = len(text) - len(text.rstrip(" "))
    body = body.replace("\n", "↵").replace("\t", "⇥")
    return "␠" * start + body + "␠" * end


class PromptModel(QAbstractTableModel):
    """The rows of the table.

    Signals:
        edited: Any text or row changed.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[TypedRow] = []

    def rows(self) -> list[TypedRow]:
        """Return the rows as typed."""
        return list(self._rows)

    def set_rows(self, rows: Iterable[TypedRow]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()
        self.edited.emit()

    def insert(self, place: int, rows: Sequence[TypedRow]) -> None:
        """Put rows before the one at `place`."""
        if not rows:
            return
        self.beginInsertRows(_NOWHERE, place, place + len(rows) - 1)
        self._rows[place:place] = rows
        self.endInsertRows()
        self.edited.emit()

    def remove(self, places: Iterable[int]) -> None:
        """Remove the rows at these places."""
        for place in sorted(set(places), reverse=True):
            self.beginRemoveRows(_NOWHERE, place, place)
            del self._rows[place]
            self.endRemoveRows()
        self.edited.emit()

    def replace_row(self, place: int, row: TypedRow) -> None:
        """Change one row."""
        if self._rows[place] == row:
            return
        self._rows[place] = row
        last = len(COLUMNS) - 1
        self.dataChanged.emit(self.index(place, 0), self.index(place, last))
        self.edited.emit()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows, edits or says."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        text = row.cell(index.column())
        column = index.column()
        if role == Qt.ItemDataRole.EditRole:
            return text
        if role == Qt.ItemDataRole.DisplayRole:
            return visible(text)
        return self._look(row, column, role)

    def _look(self, row: TypedRow, column: int, role: int) -> Any:
        """Return a cell's font, colour, tip or name for screen readers."""
        match role:
            case Qt.ItemDataRole.FontRole:
                look: Any = mono_font(12)
            case Qt.ItemDataRole.ToolTipRole:
                text = visible(row.cell(column))
                look = problem(row) or text or _TIPS[column]
            case Qt.ItemDataRole.ForegroundRole:
                look = theme_hub().current.color("bad") if problem(row) else None
            case Qt.ItemDataRole.AccessibleTextRole:
                look = f"{HEADINGS[column]}: {row.cell(column) or 'empty'}"
            case _:
                look = None
        return look

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take over what was typed into a cell."""
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        row = self._rows[index.row()]
        self.replace_row(index.row(), row.with_cell(index.column(), str(value)))
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Every cell can be edited."""
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the headings and the row numbers."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return HEADINGS[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return _TIPS[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        elif role == Qt.ItemDataRole.DisplayRole:
            return str(section + 1)
        return None
