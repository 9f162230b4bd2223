"""Rows of plain values behind a table, with columns that know how to write them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from desktop_app.widgets.basics.fonts import mono_font

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
SORT_ROLE = int(Role.UserRole)

_ALIGN = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "right": Qt.AlignmentFlag.AlignRight,
    "center": Qt.AlignmentFlag.AlignHCenter,
}


@dataclass(frozen=True)
class Column:
    """One column: its heading and how its values are written.

    Attributes:
        name: The heading.
        align: Where the text stands.
        format: Turns a value into text; `str` where None.
        mono: Whether to use the face of tokens.
        bar: Whether a bar behind the number shows its share of the column's largest.
        width: Pixels, `stretch` for the rest of the room, None for what the contents need.
        tooltip: Explains the heading.
    """

    name: str
    align: Literal["left", "right", "center"] = "left"
    format: Callable[[Any], str] | None = None
    mono: bool = False
    bar: bool = False
    width: int | Literal["stretch"] | None = None
    tooltip: str = ""


class TableModel(QAbstractTableModel):
    """Rows, their keys, and sorting by value rather than by text."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: tuple[Column, ...] = ()
        self._rows: list[tuple[Sequence[object], object]] = []
        self._mono = mono_font(12)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Take other columns; all rows are let go."""
        self.beginResetModel()
        self.columns = tuple(columns)
        self._rows = []
        self.endResetModel()

    def set_rows(self, rows: Sequence[Sequence[object]], keys: Sequence[object]) -> None:
        """Take other rows, each with the key that signals carry."""
        self.beginResetModel()
        self._rows = list(zip(rows, keys, strict=True))
        self.endResetModel()

    def key(self, row: int) -> object:
        """Return a row's key."""
        return self._rows[row][1]

    def row_of(self, key: object) -> int | None:
        """Return the row that has a key, or None."""
        return next((i for i, (_row, own) in enumerate(self._rows) if own == key), None)

    def value(self, row: int, column: int) -> object:
        """Return a cell's value as it was given."""
        return self._rows[row][0][column]

    def text(self, row: int, column: int) -> str:
        """Return a cell as it is written."""
        value = self.value(row, column)
        if value is None:
            return ""
        form = self.columns[column].format
        return form(value) if form is not None else str(value)

    def share(self, row: int, column: int) -> float:
        """Return a number's share of its column's largest magnitude, −1..1; 0 for no number."""
        value = _number(self.value(row, column))
        largest = max(
            (abs(n) for r in range(len(self._rows)) if (n := _number(self.value(r, column)))),
            default=0.0,
        )
        return value / largest if value is not None and largest else 0.0

    # Qt.

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        column = self.columns[index.column()]
        if role == Role.DisplayRole:
            return self.text(index.row(), index.column())
        if role == Role.TextAlignmentRole:
            return int(_ALIGN[column.align] | Qt.AlignmentFlag.AlignVCenter)
        if role == Role.FontRole and column.mono:
            return self._mono
        if role == SORT_ROLE:
            return self.value(index.row(), index.column())
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> object:
        """Return what a heading shows."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Role.DisplayRole:
            return column.name
        if role == Role.ToolTipRole:
            return column.tooltip or None
        if role == Role.TextAlignmentRole:
            return int(_ALIGN[column.align] | Qt.AlignmentFlag.AlignVCenter)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows by a column; what is missing goes last in either direction."""
        if not 0 <= column < len(self.columns):
            return
        self.layoutAboutToBeChanged.emit()
        before = {id(row): i for i, (row, _key) in enumerate(self._rows)}
        there = [entry for entry in self._rows if not _missing(entry[0][column])]
        gone = [entry for entry in self._rows if _missing(entry[0][column])]
        descending = order == Qt.SortOrder.DescendingOrder
        there.sort(key=lambda entry: _sort_key(entry[0][column]), reverse=descending)
        self._rows = there + gone
        self._follow(before)
        self.layoutChanged.emit()

    def _follow(self, before: dict[int, int]) -> None:
        """Let selections follow their rows to the new places."""
        after = {before[id(row)]: i for i, (row, _key) in enumerate(self._rows)}
        for index in self.persistentIndexList():
            self.changePersistentIndex(index, self.index(after[index.row()], index.column()))


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _sort_key(value: object) -> tuple[int, float, str]:
    """Order numbers by value and before words."""
    try:
        return (0, float(value), "")  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return (1, 0.0, str(value).casefold())
