"""All scores of all heads as small maps, linked by the selected head."""

from __future__ import annotations

import math
from functools import partial as bind
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QPushButton,
    QWidget,
)

from desktop_app.analyses.detect.picture import (
    LIMITS,
    TITLES,
    cell_tip,
    layer_numbers,
    meaning,
    score_names,
)
from desktop_app.pictures.matrix import Axis, Matrix, numbered
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from PySide6.QtGui import QResizeEvent


# One scale for all maps: what is dark in one is as much in any other. A score whose best head stays
# below this looks empty, and how much there is of it is told in words.
_FAINT = 0.5
# What a map needs beside its cells: title and column numbers above, row numbers at the left.
_ABOVE, _BESIDE = 62, 34
_LEAST_WIDTH = 90
_TITLE_MOST = 14
_NO_WORDS = " "


class SmallMap(QWidget):
    """One score: a title that chooses it, and its cells."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.title = QPushButton(short_title(name))
        self.title.setAccessibleName(TITLES[name])
        self.title.setCheckable(True)
        self.title.setToolTip(plain_tip(meaning(name)))
        set_role(self.title, "segment")
        # Narrow enough for three maps in a row of a small window.
        self.title.setStyleSheet("padding: 0 2px;")
        self.canvas = MatrixCanvas()
        self.canvas.setMinimumSize(84, 70)
        self.canvas.setAccessibleName(f"{TITLES[name]}, layer by head")
        column_in(self, self.title, (self.canvas, 1), spacing=0)

    def show_data(self, data: Mapping[str, Any], *, above: str) -> None:
        """Show this score of a result, or of a part of one, with words above its columns."""
        values = np.asarray(data[self.name], dtype=np.float64)
        rows, columns = values.shape
        layers = [str(n) for n in layer_numbers(data, rows)]
        self.canvas.show_matrix(
            Matrix(
                values,
                Axis("", layers),
                numbered(above, columns),
                diverging=False,
                scale=LIMITS,
                value_format="{:.2f}",
                tip=bind(cell_tip, data, self.name),
            )
        )


class ScoreMaps(QWidget):
    """Small maps side by side, as many in a row as lets their cells grow largest.

    Signals:
        score_chosen: The name of the score whose title or map was clicked.
        head_clicked: The place (row, column) chosen in any map.
        head_activated: The place double-clicked, or Enter.
        head_hovered: The place under the pointer; None when it leaves.
        heads_picked: Places picked with Shift in any map.
    """

    score_chosen = Signal(str)
    head_clicked = Signal(object)
    head_activated = Signal(object)
    head_hovered = Signal(object)
    heads_picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maps: dict[str, SmallMap] = {}
        self._picked: frozenset[tuple[int, int]] = frozenset()
        self._columns = 0
        self._group = QButtonGroup(self)
        self._bar = ColorBar()
        self._bar.set_scale(LIMITS, diverging=False)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        row = row_of(self._grid, self._bar, spacing=2)
        row.setContentsMargins(0, 0, 0, 0)
        row.setStretch(0, 1)
        self.setLayout(row)

    def map_names(self) -> tuple[str, ...]:
        """Return the scores on screen, in their order."""
        return tuple(self._maps)

    def map_of(self, name: str) -> SmallMap:
        """Return the map of a score."""
        return self._maps[name]

    def show_data(self, data: Mapping[str, Any]) -> None:
        """Show every score that a result, or a part of one, holds."""
        names = score_names(data)
        if names != tuple(self._maps):
            self._remake(names)
        above = {name: most_words(np.asarray(data[name], dtype=np.float64)) for name in names}
        # Words above one map take room above all of them, so that cells of a row are level.
        room = _NO_WORDS if any(above.values()) else ""
        for name, shown in self._maps.items():
            shown.show_data(data, above=above[name] or room)
        self._arrange()

    def set_score(self, name: str) -> None:
        """Mark the chosen score without a signal."""
        if name in self._maps:
            self._maps[name].title.setChecked(True)

    def set_selected(self, place: tuple[int, int] | None) -> None:
        """Outline a head in every map without a signal."""
        for shown in self._maps.values():
            shown.canvas.set_selected(place)

    def set_picked(self, places: Iterable[tuple[int, int]]) -> None:
        """Mark picked heads in every map."""
        self._picked = frozenset(places)
        for shown in self._maps.values():
            shown.canvas.set_picked(self._picked)

    def picked(self) -> frozenset[tuple[int, int]]:
        """Return the places that are marked as picked."""
        return self._picked

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(2 * _LEAST_WIDTH + 60, max(240, super().minimumSizeHint().height()))

    def _remake(self, names: tuple[str, ...]) -> None:
        for old in self._maps.values():
            self._group.removeButton(old.title)
            self._grid.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._maps = {name: SmallMap(name, self) for name in names}
        self._columns = 0
        for made in self._maps.values():
            self._group.addButton(made.title)
            made.title.clicked.connect(self._on_title_clicked)
            made.canvas.cell_clicked.connect(self._on_cell_clicked)
            made.canvas.cell_activated.connect(self._on_cell_activated)
            made.canvas.cell_hovered.connect(self._on_cell_hovered)
            made.canvas.let_pick().cells_picked.connect(self.heads_picked)
            made.canvas.set_picked(self._picked)
            made.show()

    def _arrange(self) -> None:
        columns = self._best_columns()
        if columns == self._columns or not columns:
            return
        self._columns = columns
        for line in range(max(self._grid.columnCount(), self._grid.rowCount())):
            self._grid.setColumnStretch(line, 0)
            self._grid.setRowStretch(line, 0)
        for place, shown in enumerate(self._maps.values()):
            self._grid.removeWidget(shown)
            row, column = divmod(place, columns)
            self._grid.addWidget(shown, row, column)
            self._grid.setColumnStretch(column, 1)
            self._grid.setRowStretch(row, 1)

    def _best_columns(self) -> int:
        """Return how many maps a row takes so that a cell's shorter side is the longest."""
        count = len(self._maps)
        if not count:
            return 0
        frame = next(iter(self._maps.values())).canvas.frame
        rows, columns = max(frame.rows, 1), max(frame.cols, 1)
        width, height = self.width() - 50, self.height()

        def side(across: int) -> float:
            down = -(-count // across)
            wide, tall = width / across - 8, height / down - 8
            if wide < _LEAST_WIDTH and across > 1:
                return -math.inf
            return min((wide - _BESIDE) / columns, (tall - _ABOVE) / rows)

        return max(range(1, count + 1), key=side)

    def _name(self) -> str:
        """Return the score whose title or cells have sent a signal."""
        sender = self.sender()
        return next(n for n, shown in self._maps.items() if sender in {shown.title, shown.canvas})

    @Slot()
    def _on_title_clicked(self) -> None:
        self.score_chosen.emit(self._name())

    @Slot(int, int)
    def _on_cell_clicked(self, row: int, column: int) -> None:
        name = self._name()
        self.set_score(name)
        self.score_chosen.emit(name)
        self.head_clicked.emit((row, column))

    @Slot(int, int)
    def _on_cell_activated(self, row: int, column: int) -> None:
        self.head_activated.emit((row, column))

    @Slot(int, int)
    def _on_cell_hovered(self, row: int, column: int) -> None:
        name, place = self._name(), (row, column) if row >= 0 else None
        values = self._maps[name].canvas.values
        self._bar.set_value(None if place is None or values is None else float(values[place]))
        self.head_hovered.emit(place)


def short_title(name: str) -> str:
    """Return a title that fits above a map of a small window; the tooltip says it in full."""
    title = TITLES[name]
    return title if len(title) <= _TITLE_MOST else title.split()[0]


def most_words(values: np.ndarray) -> str:
    """Say how much there is at most where that is far below 1; nothing else needs saying."""
    finite = values[np.isfinite(values)]
    most = float(finite.max()) if finite.size else 1.0
    return f"at most {number(most, 2)}" if most < _FAINT else ""
