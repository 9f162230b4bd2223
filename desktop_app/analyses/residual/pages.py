"""The pages of the residual stream: curves over layers, the map, and what the stream is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.residual import charts
from desktop_app.analyses.residual import picture as data_of
from desktop_app.analyses.residual.sizes import TITLES, map_shape
from desktop_app.views.choosers import PromptChooser
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import PageStack, column_in, row_of
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.pictures.curves import Curves
    from desktop_app.pictures.shown import Shown
    from desktop_app.widgets.basics.selection import Selection

# Below these the picture scrolls rather than shrinks.
_TALL, _LOW = 132, 80
_TABLE_LEAST = 320
_MADE = "Geometric mean over positions ≥ 1; shaded: lowest to highest prompt"


class Chart(QWidget):
    """A plot with its title and its legend.

    Signals:
        row_clicked: The number of the place that was chosen.
    """

    row_clicked = Signal(int)

    def __init__(self, title: str, name: str, least: int) -> None:
        super().__init__()
        self.plot, self._legend = Plot(), Legend()
        self.plot.setAccessibleName(name)
        self.plot.setMinimumHeight(least)
        self._title = ElidedLabel(title, "heading")
        column_in(self, panel(self._title, self._legend, (self.plot, 1), spacing=4))
        self.plot.point_clicked.connect(self.row_clicked)

    def show_curves(self, curves: Curves, row: int | None) -> None:
        """Draw curves, and mark a place."""
        self._legend.show_keys(curves.entries())
        self.plot.show_picture(curves)
        self.mark(row)

    def mark(self, row: int | None) -> None:
        """Mark a place without a signal; one that has no point is none."""
        there = row is not None and self.plot.point(row) is not None
        self.plot.set_selected(row if there else None)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        chosen = self.plot.selected()
        return {"curves": self.plot.picture(), "legend": self._legend.texts(), "row": chosen}


class NormsPage(QWidget):
    """Norms over layers above, growth and cosine below.

    Signals:
        row_clicked: A place of the stream: the block behind it, or the number of layers.
    """

    row_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.norms = Chart(f"Norm of the stream · {_MADE}", "Norm of the stream over layers", _TALL)
        self.growth = Chart("Growth of each block", "Growth over blocks", _LOW)
        self.cosine = Chart("Cosine with the layer before", "Cosine over blocks", _LOW)
        lower = Reflow((self.growth, 1, 400, 220), (self.cosine, 1, 400, 220))
        parts = ((self.norms, 3, 340, _TALL), (lower, 2, 290, _LOW))
        column_in(self, Reflow(*parts, upright=True))
        for chart in (self.norms, self.growth, self.cosine):
            chart.row_clicked.connect(self.row_clicked)

    def show_stream(self, shown: Shown, place: tuple[int, int | None], *, with_first: bool) -> None:
        """Draw the curves; `place` is the prompt and the position with a line of its own."""
        norms = charts.norm_curves(shown, place, with_first=with_first)
        self.norms.show_curves(norms, None)
        self.growth.show_curves(charts.growth_curve(shown), None)
        self.cosine.show_curves(charts.cosine_curve(shown, with_first=with_first), None)

    def mark(self, row: int | None, layers: int) -> None:
        """Mark a place in all plots; growth and cosine have none for the end."""
        self.norms.mark(row)
        for chart in (self.growth, self.cosine):
            chart.mark(row if row is not None and row < layers else None)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        charts_of = {"norms": self.norms, "growth": self.growth, "cosine": self.cosine}
        return {name: chart.read() for name, chart in charts_of.items()}


class MapPage(QWidget):
    """Norms layer by position of a prompt, beside them the layers of the selected position.

    Signals:
        cell_clicked: Row and position.
        cell_activated: The same, by a double click or Enter.
        row_clicked: A row of the table.
    """

    cell_clicked = Signal(int, int)
    cell_activated = Signal(int, int)
    row_clicked = Signal(int)

    def __init__(self, selection: Selection) -> None:
        super().__init__()
        self._start = 0
        self.kind = SegmentedControl(list(TITLES.items()))
        self.kind.setToolTip("Whose norm the map shows: the stream's, or that of what a block adds")
        self.chooser = PromptChooser(selection)
        self.map = Heatmap()
        self.map.setAccessibleName("Norms, layer by position")
        self._title = ElidedLabel("", "heading")
        self.table = RankingList("Stream layer by layer")
        left = panel(row_of(self.kind, None), self.chooser, (self.map, 1))
        right = panel(self._title, (self.table, 1))
        right.setMinimumWidth(_TABLE_LEAST)
        column_in(self, (Reflow((left, 3, 600, 380), (right, 2, 380, 260)), 1))
        self.map.cell_clicked.connect(self._on_clicked)
        self.map.cell_activated.connect(self._on_activated)
        self.table.row_selected.connect(self._on_row)

    def show_map(self, shown: Shown, place: tuple[int, int | None], *, with_first: bool) -> None:
        """Draw the map of a prompt; `place` is its number and the selected position."""
        for name in TITLES:
            there = name in shown.data
            self.kind.set_option_enabled(name, there, "" if there else "Not seen in this model")
        if self.kind.value() not in shown.data:
            self.kind.set_value("norm")
        prompt, position = place
        several = map_shape(shown, prompt)[1] > 1
        self._start = 0 if with_first or not several else 1
        first = self._start == 0
        self.map.show_maps(
            data_of.norm_map(shown, str(self.kind.value()), prompt, with_first=first)
        )
        self.show_table(shown, prompt, position)

    def show_table(self, shown: Shown, prompt: int, position: int | None) -> None:
        """List the stream of a position layer by layer."""
        self._title.set_full_text(data_of.table_title(shown, prompt, position))
        self.table.set_ranking(data_of.layer_table(shown, prompt, position))

    def mark(self, row: int | None, position: int | None) -> None:
        """Outline a cell and its row in the table, without a signal."""
        maps, column = self.map.maps(), None if position is None else position - self._start
        rows, columns = maps[0].values.shape if maps else (0, 0)
        there = row is not None and row < rows and column is not None and 0 <= column < columns
        self.map.set_selected(row if there else None, column if there else None)
        self.table.select_key(row)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "maps": self.map.maps(),
            "kind": self.kind.value(),
            "selected": self.map.selected(),
            "title": self._title.full_text(),
            "table": self.table.texts(),
            "row": self.table.selected_key(),
        }

    def _on_clicked(self, row: int, column: int) -> None:
        self.cell_clicked.emit(row, column + self._start)

    def _on_activated(self, row: int, column: int) -> None:
        self.cell_activated.emit(row, column + self._start)

    def _on_row(self, row: int | None) -> None:
        if row is not None:
            self.row_clicked.emit(row)


class SharesPage(QWidget):
    """Shares stacked over layers, and the share of each part as a map; or why there are none.

    Signals:
        row_clicked: A place of the stream.
    """

    row_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.by = SegmentedControl([("kind", "By kind"), ("age", "By age")])
        self.by.setToolTip("Take parts together by what writes them, or by when they were written")
        self.where = SegmentedControl([("later", "Positions ≥ 1"), ("first", "Position 0")])
        self.where.setToolTip("Of which tokens: the mean over all but the first, or the first")
        self.stack = Chart("What the stream is made of", "Shares over layers", _TALL)
        self.map = Heatmap()
        self.map.setAccessibleName("Share of each part, layer by part")
        self.caption = ElidedLabel(data_of.READING, "small")
        self.empty = EmptyState("residual", "No shares in this result", "")
        right = panel(label("Share of each part", "heading"), (self.map, 1))
        split = Reflow((self.stack, 1, 500, 320), (right, 1, 500, 340))
        inside = QWidget()
        column_in(inside, (split, 1), self.caption)
        self._pages = PageStack(self.empty, inside)
        column_in(self, (self._pages, 1))
        self.stack.row_clicked.connect(self.row_clicked)
        self.map.cell_clicked.connect(self._on_cell)

    def show_shares(self, shown: Shown) -> None:
        """Draw the shares of the later positions, or of position 0."""
        of_first = self.where.value() == "first"
        parts = data_of.share_map(shown, of_first=of_first)
        self._pages.setCurrentIndex(0 if parts is None else 1)
        if parts is None:
            why = data_of.why_no_shares(shown)
            self.empty.set_content("residual", "No shares in this result", why)
            return
        self.map.show_maps(parts)
        by = str(self.by.value())
        self.stack.show_curves(charts.share_stack(shown, by, of_first=of_first), None)

    def mark(self, row: int | None) -> None:
        """Mark a place of the stream."""
        if self.has_shares():
            self.stack.mark(row)

    def has_shares(self) -> bool:
        """Return whether there are shares to see."""
        return self._pages.currentIndex() == 1

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        if not self.has_shares():
            return {"why": self.empty.accessibleDescription()}
        return {
            "stack": self.stack.read(),
            "by": self.by.value(),
            "where": self.where.value(),
            "maps": self.map.maps(),
            "caption": self.caption.full_text(),
        }

    def _on_cell(self, row: int, _column: int) -> None:
        self.row_clicked.emit(row)
