"""The right side of the lens: the ranking of a cell, and the layers as curves or as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.lens import picture as data_of
from desktop_app.analyses.lens.reading import SCORES
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel
from desktop_app.widgets.basics.explained_card import WhatButton
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import FlowLayout, PageStack, column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.analyses.lens.reading import Reading, Which

# So wide that ranking and layers fit side by side, in pixels.
_FLAT = 540
_TABLE = "table"
_TITLES = {"answer_rank": "Rank", "answer_logprob": "Log-prob", "logit_diff": "Difference"}


class LensSide(QWidget):
    """A cell's ranking above, the layers of its position below.

    Signals:
        row_chosen: A layer was chosen in the curves or in the table.
        ranking_asked: The ranking at this position is asked for.
        menu_asked: The place of the screen where the cell's menu is to open.
    """

    row_chosen = Signal(int)
    ranking_asked = Signal()
    menu_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._sentence = label("", "heading"), label("", "muted", wrap=True)
        self.cell = RankingList("Likeliest tokens of this cell")
        self.cell.set_fitting(22, 36)
        self.cell.setMinimumHeight(self.cell.full_height(3))
        self.cell.set_empty_text("Nothing is read here.")
        self.what = WhatButton("these numbers")
        self.ranking = QPushButton("Ranking at this position")
        self.ranking.setToolTip("Open the model's own ranking, read at this position (Enter)")
        set_role(self.ranking, "quiet")
        self.more = icon_button("more", "What else can be done from here")
        self._told = ElidedLabel("", "small")
        self.quantity = SegmentedControl(
            [*((name, _TITLES[name]) for name in SCORES), (_TABLE, "Table")]
        )
        self.quantity.setToolTip("What is followed over the layers at this position")
        self.scope = SegmentedControl([("prompt", "This prompt"), ("mean", "Mean")])
        self.scope.setToolTip("Of several prompts of one length: mean ± standard error")
        self.plot = Plot()
        self.plot.setAccessibleName("The answer over the layers")
        self.legend = Legend()
        self.table = RankingList("Layer by layer")
        drawn = QWidget()
        column_in(drawn, (self.plot, 1), self.legend, spacing=4)
        self._pages = PageStack(drawn, self.table)
        self._reading: Reading | None = None
        self._place: tuple[Which, int, int] = ("", 0, 0)
        self._build()
        self._connect()

    def _build(self) -> None:
        top = row_of((self._title, 1), self.what)
        below = row_of(self.ranking, None, self.more)
        upper = panel(top, self._sentence, (self.cell, 1), below, spacing=6)
        choices = QWidget()
        flow = FlowLayout(choices, 6)
        for control in (self.quantity, self.scope):
            flow.addWidget(control)
        lower = panel(choices, self._told, (self._pages, 1), spacing=6)
        self._split = gap_splitter(Qt.Orientation.Vertical, (upper, 1, 300), (lower, 1, 300))
        column_in(self, self._split)
        self.setMinimumWidth(300)

    def _connect(self) -> None:
        self.quantity.changed.connect(self._on_choice)
        self.scope.changed.connect(self._on_choice)
        self.ranking.clicked.connect(self.ranking_asked)
        self.more.clicked.connect(self._on_more)
        self.plot.point_clicked.connect(self.row_chosen)
        self.table.row_clicked.connect(self._on_row)
        self.table.row_selected.connect(self._on_row)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Below the grids there is more width than height.
        flat = self.width() > max(_FLAT, self.height())
        self._split.setOrientation(Qt.Orientation.Horizontal if flat else Qt.Orientation.Vertical)

    def offer(self, reading: Reading, why: dict[str, str]) -> None:
        """Offer what can be followed of a prompt; `why` says of each what is missing."""
        for name in SCORES:
            self.quantity.set_option_enabled(name, name not in why, why.get(name, ""))
        if self.quantity.value() in why:
            self.quantity.set_value(_TABLE)
        several = data_of.has_means(reading, "")
        self.scope.setVisible(several)
        if not several:
            self.scope.set_value("prompt")

    def show_cell(self, reading: Reading, which: Which, row: int, position: int) -> None:
        """Show a cell, and the layers of its position."""
        self._reading, self._place = reading, (which, row, position)
        self._title.setText(data_of.cell_title(reading, which, row, position))
        self._sentence.setText(data_of.cell_sentence(reading, which, row, position))
        other = data_of.beside(reading, which)
        self.cell.set_ranking(data_of.cell_ranking(reading, which, row, position, other))
        self._draw_layers()

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        table = self.quantity.value() == _TABLE
        drawn = self.plot.picture()
        lines = () if table or drawn is None else getattr(drawn, "lines", ())
        return {
            "cell": self._title.text(),
            "sentence": self._sentence.text(),
            "ranking": self.cell.texts(),
            "layers": self.table.texts() if table else [],
            "lines": {line.name: line.values for line in lines},
            "layer": self.table.selected_key() if table else self.plot.selected(),
            "legend_of_lines": [] if table else self.legend.texts(),
            "quantity": self.quantity.value(),
            "scope": "" if self.scope.isHidden() else self.scope.value(),
        }

    def _draw_layers(self) -> None:
        """Draw the layers of the cell's position."""
        if self._reading is None:
            return
        which, row, position = self._place
        chosen, mean = self.quantity.value(), self.scope.value() == "mean"
        self.scope.setEnabled(chosen != _TABLE)
        self._told.set_full_text(data_of.layers_sentence(self._reading, which, position))
        self._pages.setCurrentIndex(int(chosen == _TABLE))
        if chosen == _TABLE:
            self.table.set_ranking(data_of.layers_table(self._reading, which, position))
            self.table.select_key(row)
            return
        mean = mean and data_of.has_means(self._reading, which)
        drawn = data_of.curves(self._reading, which, position, chosen, mean=mean)
        self.plot.show_picture(drawn)
        self.legend.show_keys(drawn.entries())
        self.plot.set_selected(row)

    def _on_choice(self, _value: object) -> None:
        self._draw_layers()

    def _on_row(self, key: object) -> None:
        if isinstance(key, int) and key != self._place[1]:
            self.row_chosen.emit(key)

    def _on_more(self) -> None:
        self.menu_asked.emit(self.more.mapToGlobal(self.more.rect().bottomLeft()))
