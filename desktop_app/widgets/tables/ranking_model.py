"""A ranking behind Qt's item views."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from typing_extensions import override

from desktop_app.pictures.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.pictures.ranking import Column, Row

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

ALIGNMENTS = {
    "left": Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
    "right": Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
    "center": Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter,
}


class RankingModel(QAbstractTableModel):
    """A ranking in its own order, or sorted by one of its columns."""

    def __init__(self) -> None:
        super().__init__()
        self.ranking = Ranking()
        self._order: Sequence[int] = ()
        self._limits: dict[int, tuple[float, float]] = {}

    def set_ranking(self, ranking: Ranking) -> None:
        """Take another ranking in its own order."""
        self.beginResetModel()
        self.ranking = ranking
        self._order = range(len(ranking.rows))
        self._limits.clear()
        self.endResetModel()

    def row(self, place: int) -> Row:
        """Return the row at a place on screen."""
        return self.ranking.rows[self._order[place]]

    def place_of(self, key: object) -> int | None:
        """Return where the row of a key stands on screen, or None."""
        row = self.ranking.row_of(key)
        return None if row is None else self._order.index(row)

    def column(self, index: Index) -> Column:
        """Return the column of an index."""
        return self.ranking.columns[index.column()]

    def limits(self, column: int) -> tuple[float, float]:
        """Return the values at the ends of a column's bars."""
        if column not in self._limits:
            self._limits[column] = self.ranking.limits(column)
        return self._limits[column]

    def lines(self, places: Sequence[int]) -> str:
        """Write headings and the rows at these places as tabbed text."""
        return "\n".join(self.ranking.lines(self._order[place] for place in places))

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._order)

    @override
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.ranking.columns)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self._order[index.row()]
        if role == Role.DisplayRole:
            return self.ranking.text(row, index.column())
        if role == Role.TextAlignmentRole:
            return ALIGNMENTS[self.column(index).side]
        if role == Role.AccessibleTextRole:
            return self.ranking.told(row)
        if role == Role.ToolTipRole:
            text = self.ranking.rows[row].tooltip or self.ranking.told(row)
            # A token may look like a tag.
            return f"<p style='white-space: pre-wrap'>{escape(text)}</p>" if "<" in text else text
        return None

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> object:
        columns = self.ranking.columns
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(columns):
            return None
        column = columns[section]
        if role == Role.DisplayRole:
            return column.heading
        if role == Role.AccessibleTextRole:
            return column.heading or column.key
        if role == Role.ToolTipRole:
            return column.tooltip or None
        if role == Role.TextAlignmentRole:
            return ALIGNMENTS[column.side]
        return None

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, or by none of them in the ranking's own order."""
        self.layoutAboutToBeChanged.emit()
        before = self._order
        if 0 <= column < len(self.ranking.columns):
            descending = order == Qt.SortOrder.DescendingOrder
            self._order = self.ranking.order(column, descending=descending)
        else:
            self._order = range(len(self.ranking.rows))
        places = {row: place for place, row in enumerate(self._order)}
        for index in self.persistentIndexList():
            moved = self.index(places[before[index.row()]], index.column())
            self.changePersistentIndex(index, moved)
        self.layoutChanged.emit()
