"""All heads at once: dots over two measures, a map of one, or a table of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from desktop_app.analyses.corpus.picture import (
    HEAD_COLUMN,
    head_map,
    nothing_known,
    scatter,
    table_of_heads,
)
from desktop_app.pictures.words import clipped
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.widgets.basics.layouts import FlowLayout, PageStack, column_in, row_in
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import PlainLabel, plain_tip
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from desktop_app.analyses.corpus.measures import Head, Heads, Measure

LOOKS = (("dots", "Scatter"), ("map", "Map"), ("table", "Table"))
_HINTS = {
    "dots": "A dot is a head: click one to see it on text.",
    "map": "Click a head to see it on text; Shift+click picks.",
    "table": "Click a heading to sort; scroll for more.",
}
_FIRST = {"across": "previous", "up": "induction"}
_UNKNOWN = "Effect on my prompts: not known yet"
_HOW = "Run an ablation of heads with this model: its effects can then be an axis here."
_LEAST = 260
_TITLE = 48
_LETTERS, _LIST = 13, 300
# Pages of the pictures: the table is never without rows, and the last says why there is nothing.
_TABLE, _NOTHING = 2, 3


class HeadsStage(QWidget):
    """The picture of all heads, and what is chosen to be looked at.

    Signals:
        head_clicked: A head (layer, head) that was chosen in any picture.
        head_activated: One that was double-clicked, or Enter, on the map or in the table.
        heads_picked: Heads picked with Shift on the map.
        rows_picked: Heads selected beside each other in the table, and those that were let go.
        chosen: Another picture, or another measure, was chosen.
    """

    head_clicked = Signal(object)
    head_activated = Signal(object)
    heads_picked = Signal(object)
    rows_picked = Signal(object, object)
    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._heads: Heads | None = None
        self._selected: Head | None = None
        self._picked: frozenset[Head] = frozenset()
        self._wanted = dict(_FIRST)
        self.look = SegmentedControl(LOOKS)
        self.look.setAccessibleName("Picture of all heads")
        self.across, self.up = (QComboBox() for _side in range(2))
        self._across, _name = _named(self.across, "Across")
        self._up, self._up_name = _named(self.up, "Up")
        choices = QWidget()
        row = FlowLayout(choices, 8)
        for widget in (self.look, self._across, self._up):
            row.addWidget(widget)
        self.plot, self.map = Plot(), Heatmap()
        self.plot.setAccessibleName("All heads over two measures")
        self.map.setAccessibleName("All heads, layer by head")
        self.table = RankingList("All heads, every measure", sortable=True)
        # Where the columns are scrolled, the heads' names still have their room.
        self.table.horizontalHeader().setMinimumSectionSize(HEAD_COLUMN)
        self._legend, self._hint = Legend(), ElidedLabel("", "small")
        dots = QWidget()
        column_in(dots, self._legend, (self.plot, 1), spacing=4)
        self._nothing = label("", "muted", wrap=True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pictures = PageStack(dots, self.map, self.table, self._nothing)
        self.pictures.setMinimumHeight(_LEAST)
        column_in(self, panel(choices, (self.pictures, 1), self._hint))
        self._connect()
        self._show_look()

    def _connect(self) -> None:
        self.look.changed.connect(self._on_look)
        for box in (self.across, self.up):
            box.activated.connect(self._on_measure)
        self.plot.point_clicked.connect(self._on_point)
        self.map.cell_clicked.connect(self._on_cell)
        self.map.cell_activated.connect(self._on_cell_activated)
        self.map.let_pick()
        self.map.cells_picked.connect(self.heads_picked)
        self.table.row_selected.connect(self.head_clicked)
        self.table.row_activated.connect(self.head_activated)
        self.table.rows_picked.connect(self.rows_picked)

    # What is shown.

    def picture(self) -> QWidget:
        """Return the picture in sight, for an export."""
        if self.pictures.currentIndex() == _NOTHING:
            return self._nothing
        return (self.plot, self.map, self.table)[self._page()]

    def up_measure(self) -> Measure | None:
        """Return the measure that goes up, which is that of the map."""
        return self._measure("up")

    def show_heads(
        self, heads: Heads, selected: Head | None = None, picked: Collection[Head] = ()
    ) -> None:
        """Show these numbers; the measures that were chosen stay where they are there."""
        self._heads, self._selected, self._picked = heads, selected, frozenset(picked)
        for side, box in (("across", self.across), ("up", self.up)):
            self._offer(box, self._measure(side))
        self._draw()

    def set_selected(self, head: Head | None) -> None:
        """Mark the selected head without a signal."""
        if head != self._selected:
            self._selected = head
            self._mark()

    def set_picked(self, heads: Collection[Head]) -> None:
        """Mark the picked heads."""
        if frozenset(heads) != self._picked:
            self._picked = frozenset(heads)
            self._mark()

    def choices(self) -> dict[str, str]:
        """Return what is remembered between starts."""
        return {"look": str(self.look.value()), **self._wanted}

    def take_choices(self, choices: Mapping[str, str]) -> None:
        """Choose what was remembered, as far as there is such a thing."""
        if choices.get("look") in dict(LOOKS):
            self.look.set_value(choices["look"])
        self._wanted |= {side: choices[side] for side in _FIRST if side in choices}
        self._show_look()
        if self._heads is not None:
            self.show_heads(self._heads, self._selected, self._picked)

    def read(self) -> dict[str, Any]:
        """Return what is drawn."""
        shown = self.plot.picture()
        return {
            "look": self.look.value(),
            "across": self.across.currentText(),
            "up": self.up.currentText(),
            "offered": [self.up.itemText(at) for at in range(self.up.count())],
            "dots": 0 if shown is None else len(shown.points()[0]),
            "named": [name for _at, name in getattr(shown, "names", ())],
            "maps": self.map.maps(),
            "rows": self.table.texts(),
            "nothing": self._nothing.text(),
            "marked": sorted(self._picked),
            "selected": self._selected,
        }

    # Within.

    def _measure(self, side: str) -> Measure | None:
        """Return what is chosen on a side; the usual, or any, where that is not there."""
        if self._heads is None:
            return None
        known = {measure.key: measure for measure in self._heads.measures()}
        usual = known.get(_FIRST[side], next(iter(known.values()), None))
        return known.get(self._wanted[side], usual)

    def _offer(self, box: QComboBox, chosen: Measure | None) -> None:
        measures = () if self._heads is None else self._heads.measures()
        now = [(box.itemText(at), box.itemData(at)) for at in range(box.count())]
        wanted = [(clipped(m.title, _TITLE), m.key) for m in measures]
        borrows = any(measure.sizes for measure in measures)
        wanted += [] if borrows else [(_UNKNOWN, "")]
        if now != wanted:
            box.clear()
            for text, key in wanted:
                box.addItem(text, key)
            for at, measure in enumerate(measures):
                box.setItemData(at, plain_tip(measure.meaning), Qt.ItemDataRole.ToolTipRole)
            if not borrows:
                last = box.count() - 1
                box.setItemData(last, plain_tip(_HOW), Qt.ItemDataRole.ToolTipRole)
                box.model().setData(box.model().index(last, 0), 0, Qt.ItemDataRole.UserRole - 1)
        box.setCurrentIndex(-1 if chosen is None else box.findData(chosen.key))

    def _draw(self) -> None:
        """Draw the picture in sight; the others when they are turned to."""
        heads, up, look = self._heads, self._measure("up"), self.look.value()
        if heads is None or up is None or 0 in heads.shape:
            return
        self._turn()
        if look == "map":
            self.map.show_maps(head_map(heads, up))
        elif look == "table":
            self.table.set_ranking(table_of_heads(heads))
        self._mark()

    def _mark(self) -> None:
        """Mark what is selected and picked; of dots the names and the colours are other ones."""
        look, chosen = self.look.value(), self._selected
        if look == "dots":
            self._draw_dots()
        elif look == "map":
            self.map.set_selected(*((None, None) if chosen is None else chosen))
            self.map.set_picked(self._picked)
        else:
            self.table.select_key(chosen)
            self.table.set_marked(self._picked)

    def _draw_dots(self) -> None:
        heads, across, up = self._heads, self._measure("across"), self._measure("up")
        if heads is None or across is None or up is None or 0 in heads.shape:
            return
        chosen = self._selected
        shown = scatter(heads, across, up, selected=chosen, picked=self._picked)
        self.plot.show_picture(shown)
        self.plot.set_selected(None if chosen is None else chosen[0] * heads.shape[1] + chosen[1])
        self._legend.show_keys(shown.legend)

    def _show_look(self) -> None:
        look = str(self.look.value())
        self._turn()
        self._across.setVisible(look == "dots")
        self._up.setVisible(look != "table")
        name = "Up" if look == "dots" else "Measure"
        self._up_name.setText(name)
        self.up.setAccessibleName(name)

    def _page(self) -> int:
        return [name for name, _title in LOOKS].index(str(self.look.value()))

    def _turn(self) -> None:
        """Turn to the picture that was chosen, or to why there is nothing in it."""
        heads, up, across = self._heads, self._measure("up"), self._measure("across")
        missing = ""
        if heads is not None and up is not None and across is not None and self._page() < _TABLE:
            drawn = (across, up) if self.look.value() == "dots" else (up,)
            missing = nothing_known(heads, *drawn)
        self._nothing.setText(missing)
        self.pictures.setCurrentIndex(_NOTHING if missing else self._page())
        self._hint.set_full_text("" if missing else _HINTS[str(self.look.value())])

    def _on_look(self, _look: object) -> None:
        self._show_look()
        self._draw()
        self.chosen.emit()

    def _on_measure(self, _index: int) -> None:
        for side, box in (("across", self.across), ("up", self.up)):
            if key := box.currentData():
                self._wanted[side] = str(key)
        self._draw()
        self.chosen.emit()

    def _on_point(self, at: int) -> None:
        if self._heads is not None:
            self.head_clicked.emit(self._heads.head_of(at))

    def _on_cell(self, layer: int, head: int) -> None:
        self.head_clicked.emit((layer, head))

    def _on_cell_activated(self, layer: int, head: int) -> None:
        self.head_activated.emit((layer, head))


def _named(box: QComboBox, name: str) -> tuple[QWidget, PlainLabel]:
    """Return a box beside its name, and the name."""
    box.setAccessibleName(name)
    # As wide as the titles of one's own measures; the list itself as wide as any.
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(_LETTERS)
    box.view().setMinimumWidth(_LIST)
    holder, said = QWidget(), PlainLabel(name)
    row_in(holder, said, box, spacing=4)
    return holder, said
