"""Heatmaps side by side on one colour scale, zoomed and pointed at together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.pair_heatmap import PairHeatmap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QResizeEvent

    from desktop_app.widgets.matrix.heatmap import HeatmapLook
    from desktop_app.widgets.matrix.pair_canvas import PairColumn

_GAP = 6
_WORD = 22
_LINE = 17
_MOST = 2


@dataclass(frozen=True)
class MapSpec:
    """One of the maps.

    Attributes:
        values: Float [rows, cols], of one shape for all maps of a row; NaN where there is none.
        word: What it shows in one word.
        sentence: The same in one line.
        short: The sentence where there is no room for it.
        value_name: What the number is, beside the word where there is room.
    """

    values: NDArray[Any]
    word: str
    sentence: str = ""
    short: str = ""
    value_name: str = ""


@dataclass(frozen=True)
class Columns:
    """What stands above the columns: tokens of two prompts, or plain labels where none are given.

    Attributes:
        name: What a column is.
        labels: One per column, for the line under a map.
        pairs: Tokens of both prompts.
        dimmed: So many columns from the left are dimmed.
        read: The column after whose token the metric is read.
    """

    name: str
    labels: Sequence[str]
    pairs: Sequence[PairColumn] = field(default=())
    dimmed: int = 0
    read: int | None = None


class MapRow(QWidget):
    """One or two maps that share rows, columns, colours, selection, zoom and pointer.

    Signals:
        cell_hovered: (row, col) under the pointer; (−1, −1) when it leaves.
        cell_clicked: (row, col) chosen by click or arrow keys.
        cell_activated: (row, col) double-clicked, or Enter.
    """

    cell_hovered = Signal(int, int)
    cell_clicked = Signal(int, int)
    cell_activated = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.maps = [PairHeatmap(self) for _ in range(_MOST)]
        self._words = [QLabel(self) for _ in range(_MOST)]
        self._lines = [QLabel(self) for _ in range(_MOST)]
        self._specs = [MapSpec(np.empty((0, 0)), "")] * _MOST
        self._bar = ColorBar(self)
        self._limits = (0.0, 1.0)
        self._shown = 0
        for word, line in zip(self._words, self._lines, strict=True):
            word.setTextFormat(Qt.TextFormat.PlainText)
            line.setTextFormat(Qt.TextFormat.PlainText)
            set_role(word, "heading")
            set_role(line, "small")
        for place, heatmap in enumerate(self.maps):
            heatmap.canvas.set_row_labels_shown(place == 0)
            heatmap.cell_hovered.connect(self._on_hovered)
            heatmap.cell_clicked.connect(self._on_clicked)
            heatmap.cell_activated.connect(self.cell_activated)
            heatmap.canvas.view_changed.connect(self._on_view_changed)
        self.maps[0].canvas.plot_moved.connect(self._on_plot_moved)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Maps")

    def show_maps(
        self,
        specs: Sequence[MapSpec],
        columns: Columns,
        limits: tuple[float, float],
        look: HeatmapLook,
    ) -> None:
        """Show one map or two.

        Args:
            specs: The maps, from the left.
            columns: What stands above them.
            limits: Values at the ends of the colours.
            look: What else the maps share.
        """
        self._shown = len(specs)
        for place, heatmap in enumerate(self.maps):
            inside = place < len(specs)
            for part in (heatmap, self._words[place], self._lines[place]):
                part.setVisible(inside)
            if inside:
                self._fill(place, specs[place], columns, limits, look)
        self._bar.set_scale(limits, diverging=True)
        self._arrange()

    def set_selected(self, row: int | None, col: int | None) -> None:
        """Outline a cell in all maps, without a signal."""
        for heatmap in self._visible():
            heatmap.set_selected(row, col)

    def selected(self) -> tuple[int, int] | None:
        """Return the outlined (row, col), or None."""
        return self.maps[0].selected()

    def values(self, place: int = 0) -> NDArray[Any] | None:
        """Return what a map shows, float [rows, cols]; None where it is not shown."""
        return self.maps[place].values() if place < self._shown else None

    def words(self) -> tuple[str, ...]:
        """Return the words above the maps that are shown."""
        return tuple(spec.word for spec in self._specs[: self._shown])

    def limits(self) -> tuple[float, float]:
        """Return the values at the ends of the one colour scale."""
        return self._limits

    # Qt.

    def sizeHint(self) -> QSize:
        """Return the size that suits the contents."""
        return QSize(560, 420)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which nothing is cut."""
        least = self.maps[0].minimumSizeHint()
        return QSize(330, least.height() + _WORD + _LINE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew."""
        super().resizeEvent(event)
        self._arrange()

    # Within.

    def _visible(self) -> list[PairHeatmap]:
        return self.maps[: self._shown]

    def _fill(
        self,
        place: int,
        spec: MapSpec,
        columns: Columns,
        limits: tuple[float, float],
        look: HeatmapLook,
    ) -> None:
        self._limits = limits
        heatmap = self.maps[place]
        heatmap.canvas.set_pairs(columns.pairs, dimmed=columns.dimmed, read=columns.read)
        own: HeatmapLook = {
            "col_name": columns.name,
            "col_labels": list(columns.labels),
            "limits": limits,
            **look,
        }
        heatmap.show_values(spec.values, **own)
        heatmap.setAccessibleName(f"{spec.word}: {spec.sentence}")
        self._specs[place] = spec
        self._lines[place].setToolTip(spec.sentence)

    def _arrange(self) -> None:
        """Give all plots the same width: only the first has labels beside its rows."""
        if not self._shown:
            return
        bar = self._bar.sizeHint().width()
        head = _WORD + _LINE
        labels = self.maps[0].canvas.left_room()
        small = self.maps[1].canvas.left_room()
        room = self.width() - bar - _GAP - (self._shown - 1) * _GAP
        plot = (room - labels - (self._shown - 1) * small) / self._shown
        x = 0.0
        for place in range(self._shown):
            own = labels if place == 0 else small
            left, width = round(x), round(plot + own)
            text = round(x + own)
            self._words[place].setGeometry(text, 0, round(plot), _WORD)
            self._lines[place].setGeometry(text, _WORD, round(plot), _LINE)
            self._write_line(place, round(plot))
            self.maps[place].setGeometry(left, head, width, self.height() - head)
            x += plot + own + _GAP
        self._bar.setGeometry(self.width() - bar, 0, bar, self.height())
        plot_now = self.maps[0].canvas.frame.plot
        self._on_plot_moved(plot_now.top(), plot_now.bottom())

    def _on_plot_moved(self, top: float, bottom: float) -> None:
        """Let the colour bar reach as far as the cells do."""
        above = _WORD + _LINE + self.maps[0].canvas.y()
        self._bar.set_span(above + top, above + bottom)

    def _write_line(self, place: int, room: int) -> None:
        """Write what stands above a map, shorter where it does not fit."""
        spec = self._specs[place]
        named = f"{spec.word} · {spec.value_name}" if spec.value_name else spec.word
        for label, full, short in (
            (self._words[place], named, spec.word),
            (self._lines[place], spec.sentence, spec.short or spec.sentence),
        ):
            metrics = label.fontMetrics()
            text = full if metrics.horizontalAdvance(full) <= room else short
            label.setText(metrics.elidedText(text, Qt.TextElideMode.ElideRight, room))

    def _point_at(self, cell: tuple[int, int] | None) -> None:
        for heatmap in self._visible():
            heatmap.show_hover(cell)
        values = self.values()
        self._bar.set_value(float(values[cell]) if values is not None and cell else None)

    @Slot(int, int)
    def _on_hovered(self, row: int, col: int) -> None:
        self._point_at(None if row < 0 else (row, col))
        self.cell_hovered.emit(row, col)

    @Slot(int, int)
    def _on_clicked(self, row: int, col: int) -> None:
        self.set_selected(row, col)
        self.cell_clicked.emit(row, col)

    @Slot()
    def _on_view_changed(self) -> None:
        canvas = self.sender()
        for heatmap in self._visible():
            if heatmap.canvas is canvas:
                seen = heatmap.canvas.frame.seen
                for other in self._visible():
                    if other is not heatmap:
                        other.show_seen(seen)
