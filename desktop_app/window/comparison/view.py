"""Two results of one analysis side by side: other settings, difference map, scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QStackedLayout, QVBoxLayout, QWidget

from desktop_app.pictures import matrix as maps
from desktop_app.pictures.ranking import Column
from desktop_app.pictures.slicing import token_labels
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import WITHHELD, number, plural
from desktop_app.session.diff import Change, setting_changes
from desktop_app.views.choosers import Choosers
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.comparison.data import (
    Both,
    Dots,
    Pair,
    dots,
    fields,
    matrices,
    most_different,
    summary,
)

if TYPE_CHECKING:
    import numpy as np

    from desktop_app.contract.result import Result

_SHOWN = (("difference", "Second − first"), ("left", "First"), ("right", "Second"))
_TABLE_ROWS = 5
# What stands for a setting that one of the two results lacks.
_MISSING = "(not there)"
_CHANGES = (
    Column("What differs", width=190),
    Column("First", "mono", width="stretch"),
    Column("Second", "mono", width="stretch"),
)


class ComparisonView(QWidget):
    """What differs in the settings above; below, the difference map beside the scatter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles = ("first", "second")
        self._fields: list[Both] = []
        self._pair: Pair | None = None
        self._heading = ElidedLabel("", "title")
        self._sentence = ElidedLabel("", "muted")
        self._changes = RankingList("Settings that differ", _CHANGES, sortable=True)
        self._changes.set_empty_text("Nothing differs in the settings, prompts or model.")
        self._field = QComboBox()
        self._field.setAccessibleName("Field")
        self._field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._shown = SegmentedControl(list(_SHOWN))
        self._choosers = Choosers(self._field, self._shown)
        self._facts = label("", "small", wrap=True)
        self._map = Heatmap()
        self._dots: Dots | None = None
        self._scatter = Plot()
        self._scatter.setAccessibleName("Scatter of both results")
        self._build()
        self._field.activated.connect(self._on_field_chosen)
        self._choosers.chosen.connect(self._draw)
        self._shown.changed.connect(self._draw)
        self._map.cell_clicked.connect(self._on_cell_clicked)
        self._scatter.point_clicked.connect(self._on_dot_clicked)

    def show_pair(self, left: Result, right: Result, titles: tuple[str, str]) -> None:
        """Compare two results of one analysis.

        Args:
            left: The first.
            right: The second; differences are second minus first.
            titles: What the history calls them.
        """
        self._titles = (_line(titles[0]), _line(titles[1]))
        changes = setting_changes(left, right)
        self._heading.set_full_text(f"{_line(titles[0])}  →  {_line(titles[1])}")
        self._sentence.set_full_text(_sentence(changes))
        self._show_changes(changes)
        self._fields = fields(left, right)
        self._field.clear()
        self._field.addItems([f.name.replace("_", " ") for f in self._fields])
        self._stack.setCurrentIndex(0 if self._fields else 1)
        self._show_field()

    def picture_widget(self) -> QWidget:
        """Return what an export draws."""
        return self._pictures

    def pair(self) -> Pair | None:
        """Return the matrices on screen."""
        return self._pair

    # Building.

    def _build(self) -> None:
        left, right = panel(self._choosers, (self._map, 1)), panel(self._facts, (self._scatter, 1))
        self._pictures = gap_splitter(Qt.Orientation.Horizontal, (left, 0, 560), (right, 0, 440))
        nothing = EmptyState(
            "compare", "No numbers to lay over each other", "What was set differently stands above."
        )
        room = QWidget()
        self._stack = QStackedLayout(room)
        self._stack.addWidget(self._pictures)
        self._stack.addWidget(nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self._heading)
        column.addWidget(self._sentence)
        column.addWidget(self._changes)
        column.addWidget(room, 1)
        self.setAccessibleName("Comparison of two results")

    def _show_changes(self, changes: tuple[Change, ...]) -> None:
        rows = [(_name(c.name), _words(c.left), _words(c.right)) for c in changes]
        self._changes.set_rows(rows)
        self._changes.setFixedHeight(self._changes.full_height(min(len(rows), _TABLE_ROWS)))

    # Drawing.

    def _show_field(self) -> None:
        """Offer the places of the axes that the picture leaves out, and draw."""
        field = self._current()
        if field is None:
            self._pair = None
            return
        self._choosers.set_axes(field.choosers(), most_different(field))
        self._draw()

    def _current(self) -> Both | None:
        index = self._field.currentIndex()
        return self._fields[index] if 0 <= index < len(self._fields) else None

    def _draw(self, *_chosen: object) -> None:
        field = self._current()
        if field is None:
            return
        chosen = self._choosers.places()
        self._pair = matrices(field, chosen)
        self._map.show_maps(self._difference(field, self._pair, chosen.get("prompt", 0)))
        self._dots = dots(self._pair, self._titles, self._cell_name)
        self._scatter.show_picture(self._dots.picture)
        self._facts.setText(_fact_sentence(self._pair, self._dots))

    def _difference(self, field: Both, pair: Pair, prompt: int) -> maps.Matrix:
        """Return the difference, or what is shown in its place, as a map."""
        shown = self._shown.value()
        values: np.ndarray = getattr(pair, shown)
        name = field.name.replace("_", " ")
        rows, columns = (
            maps.Axis(axis.name.capitalize(), token_labels(field.sources[0].prompts, axis, prompt))
            for axis in (pair.rows, pair.columns)
        )
        return maps.Matrix(
            values,
            rows,
            columns,
            name=f"{name}: second − first" if shown == "difference" else name,
            diverging=shown == "difference" or bool((values < 0).any()),
        )

    def _cell_name(self, row: int, column: int) -> str:
        return self._map.cell_text(row, column).split("    ")[0]

    # Answering.

    def _on_field_chosen(self, _index: int) -> None:
        self._show_field()

    def _on_cell_clicked(self, row: int, column: int) -> None:
        if self._dots is not None:
            self._scatter.set_selected(self._dots.index(row, column))

    def _on_dot_clicked(self, index: int) -> None:
        if self._dots is not None:
            self._map.set_selected(*self._dots.cells[index].tolist())


def _fact_sentence(pair: Pair, shown: Dots) -> str:
    told, drawn = summary(pair), len(shown.cells)
    cells = plural(shown.total, "cell")
    if drawn < shown.total:
        cells += f", {drawn:,} of them drawn"
    return (
        f"{cells} · largest difference {number(told['largest'], 4)} · mean difference "
        f"{number(told['mean'], 4, sign=True)} · correlation {number(told['correlation'], 3)}"
    )


def _sentence(changes: tuple[Change, ...]) -> str:
    if not changes:
        return "Both were made with the same settings, prompts and model."
    return (
        f"{plural(len(changes), 'setting')} differ." if len(changes) > 1 else "1 setting differs."
    )


def _name(name: str) -> str:
    return name.replace("_", " ").replace(".", " · ")


def _words(value: object) -> str:
    """Write a setting's value plainly: lists as their entries, nothing as a dash."""
    text = _plain(value)
    return text if len(text) <= 300 else text[:299] + "…"


def _plain(value: object) -> str:
    if value == _MISSING:
        return "not in this one"
    if value is None or value in ("", [], ()):
        return WITHHELD
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " | ".join(_plain(entry) for entry in value)
    return display_text(value) if isinstance(value, str) else str(value)


def _line(title: str) -> str:
    """Return a title as one line in which nothing is invisible."""
    return "".join(c if c.isprintable() else display_text(c) for c in title)
