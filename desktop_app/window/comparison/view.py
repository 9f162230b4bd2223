"""Two results of one analysis in a window: other settings, difference map, scatter."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from desktop_app.pictures import matrix as maps
from desktop_app.pictures.ranking import Column
from desktop_app.pictures.slicing import token_labels
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import (
    WITHHELD,
    choice_label,
    choice_term,
    layers_words,
    number,
    plural,
)
from desktop_app.session.diff import Change, setting_changes
from desktop_app.views.choosers import Choosers
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.views.reflow import Reflow, Room
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import column_in, filled
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import PlainLabel, plain_tip
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
from desktop_app.window.sessions.entries import kind, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from desktop_app.contract.result import Result
    from desktop_app.session.store import SessionRow
    from desktop_app.window.exports.picture_desk import PictureDesk

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
        self._results: tuple[Result, Result] | None = None
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
        self._field.activated.connect(self._show_field)
        self._choosers.chosen.connect(self._draw)
        self._shown.changed.connect(self._draw)
        self._map.cell_clicked.connect(self._on_cell_clicked)
        self._scatter.point_clicked.connect(self._on_dot_clicked)

    def show_pair(self, left: Result, right: Result, titles: tuple[str, str]) -> None:
        """Compare two results of one analysis; the history calls them by these titles."""
        self._titles = (_line(titles[0]), _line(titles[1]))
        self._results = left, right
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

    def scripts(self) -> list[tuple[str, Result]]:
        """Return what copies either result as Python, and the result."""
        words = ("Copy first as Python", "Copy second as Python")
        return list(zip(words, self._results, strict=True)) if self._results else []

    def pair(self) -> Pair | None:
        """Return the matrices on screen."""
        return self._pair

    def read_out(self) -> dict[str, Any]:
        """Return what is on screen as plain data, for tests and whatever reads along."""
        return {
            "heading": self._heading.full_text(),
            "sentence": self._sentence.full_text(),
            "changes": self._changes.texts(),
            "drawn": self._stack.currentWidget() is self._scroll,
            "field": self._field.currentText(),
            "places": self._choosers.places(),
            "map": self._map.values(),
            "selected": self._map.selected(),
            "facts": self._facts.text(),
            "scatter": self._scatter.picture(),
            "dot": self._scatter.selected(),
        }

    # Building.

    def _build(self) -> None:
        left, right = panel(self._choosers, (self._map, 1)), panel(self._facts, (self._scatter, 1))
        self._pictures = Reflow((left, 5, 560, 320), (right, 4, 440, 320))
        nothing = EmptyState(
            "compare", "No numbers to lay over each other", "What was set differently stands above."
        )
        room = QWidget()
        self._stack = QStackedLayout(room)
        inside = QWidget()
        column_in(inside, self._pictures)
        self._scroll = Room(inside)
        self._stack.addWidget(self._scroll)
        self._stack.addWidget(nothing)
        parts = (self._heading, self._sentence, self._changes, (room, 1))
        filled(QVBoxLayout(self), *parts, margins=(16, 12, 16, 12), spacing=8)
        self.setAccessibleName("Comparison of two results")

    def _show_changes(self, changes: tuple[Change, ...]) -> None:
        rows = [(_name(c.name), _words(c.left, c.name), _words(c.right, c.name)) for c in changes]
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
    count = len(changes)
    return f"{plural(count, 'setting')} differ." if count > 1 else "1 setting differs."


def _name(name: str) -> str:
    return name.replace("_", " ").replace(".", " · ")


def _words(value: object, name: str = "") -> str:
    """Write a setting's value plainly: lists as their entries, nothing as a dash."""
    text = (
        layers_words(value) if name == "layers" and isinstance(value, str) else _plain(value, name)
    )
    return text if len(text) <= 300 else text[:299] + "…"


def _plain(value: object, name: str = "") -> str:
    if value == _MISSING:
        return "not in this one"
    if value is None or value in ("", [], ()):
        return WITHHELD
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " · ".join(_plain(entry, name) for entry in value)
    if isinstance(value, str):
        return choice_label(value, name) if choice_term(value) else display_text(value)
    return str(value)


def _line(title: str) -> str:
    """Return a title as one line in which nothing is invisible."""
    return "".join(c if c.isprintable() else display_text(c) for c in title)


class ComparisonDialog(QDialog):
    """A comparison with a choice of its two results; nothing in it blocks.

    Signals:
        pair_chosen: Ids of the first and second result that are to be compared.
    """

    pair_chosen = Signal(int, int)

    def __init__(self, rows: Sequence[SessionRow], pictures: PictureDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setWindowTitle(f"Comparison · {kind(rows[0])}")
        self.view = ComparisonView()
        self.first, self.second = QComboBox(), QComboBox()
        self._rows = tuple(rows)
        for name, box in (("First", self.first), ("Second", self.second)):
            box.setAccessibleName(f"{name} result")
            box.addItems([f"{row.id} · {words(row)[0]} · {words(row)[1]}" for row in rows])
            # As wide as its longest entry, it would push the scatter off the screen.
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(18)
            box.activated.connect(self._on_chosen)
            box.currentTextChanged.connect(self._show_tips)
        self.export_button = icon_button("export", "Save picture as…")
        self.copy_button = icon_button("copy", "Copy picture")
        shown = self.view.picture_widget()
        export = partial(pictures.export, shown, "comparison", self.windowTitle())
        pictures.offer(shown, "comparison", self.windowTitle(), self.view.scripts)
        menu_keys = QShortcut(QKeySequence("Shift+F10"), self)
        menu_keys.activated.connect(self._open_menu)
        self.export_button.clicked.connect(export)
        self.copy_button.clicked.connect(partial(pictures.copy_picture, shown))
        top = filled(
            QHBoxLayout(),
            *(PlainLabel("First"), (self.first, 1), PlainLabel("Second"), (self.second, 1)),
            *(self.export_button, self.copy_button),
            margins=(16, 12, 16, 0),
        )
        filled(QVBoxLayout(self), top, (self.view, 1))
        self.resize(1120, 760)

    def _open_menu(self) -> None:
        """Open the picture's menu for whoever has no mouse."""
        shown = self.view.picture_widget()
        shown.customContextMenuRequested.emit(shown.rect().center())

    def set_chosen(self, first: int, second: int) -> None:
        """Show which two results are compared, without a signal."""
        ids = [row.id for row in self._rows]
        self.first.setCurrentIndex(ids.index(first))
        self.second.setCurrentIndex(ids.index(second))

    def _show_tips(self, _chosen: str) -> None:
        """Tell in full what has no room in a narrow window."""
        for box in (self.first, self.second):
            box.setToolTip(plain_tip(box.currentText()))

    def _on_chosen(self, _index: int) -> None:
        one, two = self.first.currentIndex(), self.second.currentIndex()
        self.pair_chosen.emit(self._rows[one].id, self._rows[two].id)
