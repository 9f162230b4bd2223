"""The view of an analysis that brings none: it draws any result from the axes of its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from desktop_app.pictures.curves import Curves
from desktop_app.pictures.fields import entries, picture, strongest
from desktop_app.pictures.matrix import Matrix
from desktop_app.pictures.slicing import Source, largest, source
from desktop_app.pictures.words import METRIC_NAMES
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.choosers import Choosers
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import PageStack, column_in
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import Analysis
    from desktop_app.pictures.fields import Entry, Picture
    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.slicing import Axis
    from desktop_app.widgets.basics.selection import Selection

_POSITIONS = ("position", "query", "key")


class DefaultView(AnalysisView):
    """Any field as a map beside its strongest cells, as a curve, or as a table."""

    picks = True

    def __init__(
        self, analysis: Analysis, selection: Selection, parent: QWidget | None = None
    ) -> None:
        self._source = Source({})
        self._entries: list[Entry] = []
        self._picture: Picture | None = None
        self._shown: str | None = None
        self._so_far: dict[str, Any] = {}
        # Whether the mean over prompts is shown, where there is one, rather than a prompt.
        self._mean = True
        super().__init__(analysis, selection, parent)

    @override
    def build_content(self, content: QWidget) -> None:
        self._field = QComboBox()
        self._field.setAccessibleName("Field")
        self._field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._choosers = Choosers(self._field)
        self._meaning = ElidedLabel("", "muted")
        self._map, self._plot = Heatmap(), Plot()
        self._list, self._table = RankingList("Strongest cells"), RankingList("Values")
        split = Reflow((panel(self._map), 1, 640, 320), (panel(self._list), 0, 320, 220))
        self._pages = PageStack(split, panel(self._plot), panel(self._table))
        column_in(content, self._choosers, self._meaning, (self._pages, 1))
        self._field.activated.connect(self._on_field_chosen)
        self._choosers.chosen.connect(self._on_place_chosen)
        self._map.let_pick()
        self._map.cells_picked.connect(self._on_cells_picked)
        self._list.rows_picked.connect(self._on_rows_picked)
        self.selection.picked_changed.connect(self._on_picked)
        self._map.cell_clicked.connect(self._on_cell_clicked)
        self._map.cell_activated.connect(self._on_cell_activated)
        self._list.row_selected.connect(self._on_row_selected)
        self._plot.point_clicked.connect(self._on_point_clicked)
        self._table.row_selected.connect(self._on_point_clicked)
        for signal in (
            self.selection.head_changed,
            self.selection.position_changed,
            self.selection.pair_changed,
        ):
            signal.connect(self._on_selection_changed)

    @override
    def picture_widget(self) -> QWidget:
        return self._pages.currentWidget() or self._pages

    # What tests and the window read.

    def fields(self) -> tuple[str, ...]:
        """Return the titles of what can be looked at."""
        return tuple(entry.title for entry in self._entries)

    def show_field(self, title: str) -> None:
        """Show another field."""
        self._field.setCurrentIndex(self.fields().index(title))
        self._show_entry()

    def drawn(self) -> Picture | None:
        """Return the picture on screen with its axes."""
        return self._picture

    @override
    def read_picture(self) -> dict[str, Any]:
        listed = (self._list, None, self._table)[self._pages.currentIndex()]
        return {
            "field": self._field.currentText(),
            "places": self._choosers.places(),
            "rows": [] if listed is None else listed.texts(),
            "chosen": None if listed is None else listed.selected_key(),
            "selected": self._map.selected(),
        }

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self._draw(source(result))

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        self._is_partial = True
        self._so_far |= data
        settings = self.settings_of_run()
        specs = {spec.name: spec for spec in self.analysis.describe(self._so_far, settings)}
        self._draw(Source(dict(self._so_far), specs))
        return True

    @override
    def show_busy(self, busy: bool, *, waiting: bool = False) -> None:
        self._so_far.clear()
        super().show_busy(busy, waiting=waiting)

    def _draw(self, shown: Source) -> None:
        before = self._field.currentText()
        self._source, self._entries = shown, entries(shown)
        titles = list(self.fields())
        if titles != [self._field.itemText(i) for i in range(self._field.count())]:
            self._field.clear()
            self._field.addItems(titles)
            for index, entry in enumerate(self._entries):
                tip = "" if entry.spec is None else entry.spec.meaning
                self._field.setItemData(index, plain_tip(tip), Qt.ItemDataRole.ToolTipRole)
        self._field.setCurrentIndex(titles.index(before) if before in titles else 0)
        self._show_entry()

    def _show_entry(self) -> None:
        """Offer the places of the axes that the picture leaves out, and draw."""
        entry = self._entries[self._field.currentIndex()]
        axes = entry.choosers(self._source)
        kept = self._choosers.places() if entry.name == self._shown else {}
        if entry.field is not None and not kept:
            kept = largest(self._source, entry.field)
        self._shown = entry.name
        self._choosers.set_axes(axes, {axis.name: self._place(axis, kept) for axis in axes})
        metric = self._metric()
        unit, told = entry.unit(metric), "Values that stand alone"
        if entry.spec is not None:
            told = entry.spec.meaning
        self._meaning.set_full_text(f"{told}, in {unit}" if unit else told)
        self._show_picture(picture(self._source, entry, self._choosers.places(), metric))

    def _show_picture(self, shown: Picture) -> None:
        self._picture, drawn = shown, shown.drawn
        if isinstance(drawn, Matrix) and shown.rows is not None and shown.columns is not None:
            self._map.show_maps(drawn)
            self._list.set_ranking(strongest(drawn, shown.rows, shown.columns))
            self._pages.setCurrentIndex(0)
        elif isinstance(drawn, Curves):
            self._plot.show_picture(drawn)
            self._pages.setCurrentIndex(1)
        elif not isinstance(drawn, Matrix):
            self._table.set_ranking(drawn)
            self._pages.setCurrentIndex(2)
        self._mark()
        self._on_picked()

    def _metric(self) -> str:
        """Return the metric in words."""
        old = None if self._is_partial else self._result
        params = self.settings_of_run() if old is None else old.params
        return METRIC_NAMES.get(str(params.get("metric")), "metric")

    def _place(self, axis: Axis, kept: Mapping[str, int]) -> int:
        """Return the place of an axis that is to be shown."""
        if axis.name == "prompt":
            mean = axis.places[:1] == (-1,)
            return 0 if mean and self._mean else self._shown_prompt() + mean
        wanted = {"layer": self.selection.layer, "head": self.selection.head}.get(axis.name)
        if str(wanted) in axis.labels:
            return axis.labels.index(str(wanted))
        return kept.get(axis.name, 0)

    def _shown_prompt(self) -> int:
        return self.selection.prompt if self._result is None else self.prompt_of(self._result)

    # The selection.

    def _mark(self) -> None:
        """Mark what is selected elsewhere."""
        shown = self._picture
        if shown is None or shown.rows is None:
            self._table.select_key(None)
            return
        row = self._index(shown.rows)
        if shown.columns is not None:
            column = self._index(shown.columns)
            known = row is not None and column is not None
            self._map.set_selected(*((row, column) if known else (None, None)))
            self._list.select_key((row, column) if known else None)
        elif isinstance(shown.drawn, Curves):
            self._plot.set_selected(row)
        else:
            self._table.select_key(row)

    def _index(self, axis: Axis) -> int | None:
        """Return which place of an axis is selected."""
        chosen = self.selection
        query, key = chosen.pair or (None, None)
        wanted = {
            "layer": chosen.layer,
            "head": chosen.head,
            "position": chosen.position,
            "query": query,
            "key": key,
        }
        if axis.name == "prompt":
            return chosen.prompt if chosen.prompt < len(axis.labels) else None
        label = str(wanted.get(axis.name))
        return axis.labels.index(label) if label in axis.labels else None

    def _select(self, places: Mapping[str, str], prompt: int | None = None) -> None:
        """Select places of axes by their labels, as far as they are the model's own numbers."""
        known = {name: int(label) for name, label in places.items() if label.isdecimal()}
        if prompt is not None:
            self.selection.select_prompt(prompt)
        if "layer" in known:
            self.selection.select_head(known["layer"], known.get("head"))
        if {"query", "key"} <= known.keys():
            self.selection.select_pair(known["query"], known["key"])
        elif "position" in known:
            self.selection.select_position(known["position"])

    def _chosen_labels(self) -> dict[str, str]:
        """Return the labels at which the axes stand that the picture leaves out."""
        axes = self._entries[self._field.currentIndex()].choosers(self._source)
        places = self._choosers.places()
        return {axis.name: axis.labels[places[axis.name]] for axis in axes}

    # Answering.

    def _on_field_chosen(self, _index: int) -> None:
        self._show_entry()

    def _on_place_chosen(self, name: str, place: int) -> None:
        if name == "prompt":
            entry = self._entries[self._field.currentIndex()]
            self._mean = entry.mean is not None and place == 0
            if not self._mean:
                self.selection.select_prompt(place - (entry.mean is not None))
        elif name in {"layer", "head"}:
            self._select(self._chosen_labels())
        self._show_entry()

    def _on_cell_clicked(self, row: int, column: int) -> None:
        shown = self._picture
        if shown is None or shown.rows is None or shown.columns is None:
            return
        self._list.select_key((row, column))
        ends = ((shown.rows, row), (shown.columns, column))
        prompt = next((at for axis, at in ends if axis.name == "prompt"), None)
        here = {axis.name: axis.labels[at] for axis, at in ends if axis.name != "prompt"}
        self._select({**self._chosen_labels(), **here}, prompt)

    def _of_heads(self) -> tuple[Axis, Axis] | None:
        """Return the axes of the map where its cells are heads."""
        shown = self._picture
        if shown is None or shown.rows is None or shown.columns is None:
            return None
        named = {shown.rows.name, shown.columns.name} == {"layer", "head"}
        return (shown.rows, shown.columns) if named else None

    def _parts(self, cells: Iterable[Cell]) -> list[Part]:
        """Return the heads of cells; none where the map is not one of layers and heads."""
        found: list[Part] = []
        axes = self._of_heads() or ()
        for cell in cells if axes else ():
            place = {axis.name: axis.labels[at] for axis, at in zip(axes, cell, strict=True)}
            if all(label.isdecimal() for label in place.values()):
                found.append((int(place["layer"]), int(place["head"])))
        return found

    def _on_picked(self, _picked: object = None) -> None:
        """Mark the picked heads."""
        axes, cells = self._of_heads(), []
        for layer, head in self.selection.picked if axes is not None else ():
            wanted = {"layer": str(layer), "head": str(head)}
            if axes is not None and all(wanted[axis.name] in axis.labels for axis in axes):
                row, column = (axis.labels.index(wanted[axis.name]) for axis in axes)
                cells.append((row, column))
        self._map.set_picked(cells)
        self._list.set_marked(cells)

    def _on_cells_picked(self, cells: tuple[Cell, ...]) -> None:
        if parts := self._parts(cells):
            self.selection.toggle_picked(parts)

    def _on_rows_picked(self, chosen: tuple[Cell, ...], let_go: tuple[Cell, ...]) -> None:
        if self._of_heads() is not None:
            self.selection.pick_rows(self._parts(chosen), self._parts(let_go))

    def _on_cell_activated(self, row: int, column: int) -> None:
        self._on_cell_clicked(row, column)

    def _on_row_selected(self, key: object) -> None:
        if isinstance(key, tuple):
            self._map.set_selected(*key)
            self._on_cell_clicked(*key)

    def _on_point_clicked(self, index: object) -> None:
        axis = None if self._picture is None else self._picture.rows
        if axis is None or not isinstance(index, int) or index >= len(axis.labels):
            return
        if axis.name == "prompt":
            self._select({}, index)
        else:
            self._select({**self._chosen_labels(), axis.name: axis.labels[index]})

    def _on_selection_changed(self, _what: object) -> None:
        if not self._entries:
            return
        axes = self._entries[self._field.currentIndex()].choosers(self._source)
        kept = self._choosers.places()
        if {axis.name: self._place(axis, kept) for axis in axes} != kept:
            self._show_entry()
        else:
            self._mark()
