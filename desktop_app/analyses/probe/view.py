"""The probe's view: accuracy over layers, the map of positions, what it takes for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.probe import charts
from desktop_app.analyses.probe import picture as data_of
from desktop_app.analyses.probe.places import block_of
from desktop_app.analyses.probe.probed import Probed
from desktop_app.analyses.probe.vector import keep_direction
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.shown import SoFar
from desktop_app.support.errors import BadInputError
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.icons import bind_icon, icon_of
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.probe.probed import Cell
    from desktop_app.contract.result import Result

_TALL, _LOW, _SIDE = 200, 150, 320
_STEER_TIP = "Write this direction to a file, open steering with it, and read each new token along"
_NO_WAY = "This probe has no direction: the prompts are alike there"
_LATER = "When the run has ended"


class ProbeView(AnalysisView):
    """Accuracy over rows, and over positions where each has probes; beside it one probe."""

    EMPTY = (
        "Where can a label be read off?",
        "Give each prompt one of two labels or more: type them in the prompt table's column Label, "
        "or paste or open prompts with a column “label”. For each layer a line is then fitted to "
        "most of the prompts and measured on the others.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._probed: Probed | None = None
        self._cell: Cell | None = None
        self._chosen_since = False  # whether one was chosen since the result came
        self._headline = ElidedLabel("", "heading")
        self._said = ElidedLabel("", "muted")
        self._made = ElidedLabel("", "small")
        left, right = self._build_curves(), self._build_side()
        right.setMinimumWidth(_SIDE)
        split = Reflow((left, 3, 620, 380), (right, 2, 400, 420))
        column_in(content, self._headline, self._said, self._made, (split, 1))
        self._connect_picture()
        ways = QPushButton("Label prompts…")
        ways.setToolTip("Show the column Label of the prompt table, and type there")
        ways.clicked.connect(self._on_label)
        self._empty.add_way(ways)

    def _build_curves(self) -> QWidget:
        self.which = SegmentedControl(
            [(charts.HELD_OUT, "Held out"), (charts.SHUFFLED, "Shuffled labels")]
        )
        self.which.setToolTip("Whose accuracy the map shows: the probes', or that of shuffled ones")
        self.map = Heatmap()
        self.map.setAccessibleName("Accuracy, layer by position")
        self.map.setMinimumHeight(_TALL)
        self._title = ElidedLabel("", "heading")
        self._legend = Legend()
        self.plot = Plot()
        self.plot.setAccessibleName("Accuracy over layers")
        self.plot.setMinimumHeight(_LOW)
        self._map_panel = panel(row_of(self.which, None), (self.map, 1))
        curves = panel(self._title, self._legend, (self.plot, 1), spacing=4)
        return Reflow((self._map_panel, 3, 300, _TALL), (curves, 2, 240, _LOW), upright=True)

    def _build_side(self) -> QWidget:
        self._chosen = ElidedLabel("", "heading")
        self.confusion = Heatmap()
        self.confusion.setAccessibleName("Confusion: labels, and what the probe says")
        self.confusion.setMinimumHeight(_LOW)
        self.prompts = RankingList("Held-out prompts, the wrong ones first")
        self._way = label("", "small", wrap=True)
        self.steer = QPushButton("Steer along it")
        served = serving("steer_with")
        if served:
            bind_icon(self.steer, icon_of(served[0]))
        else:
            self.steer.hide()
        below = row_of((self._way, 1), self.steer)
        return panel(self._chosen, (self.confusion, 2), (self.prompts, 3), below)

    def _connect_picture(self) -> None:
        self.which.changed.connect(self._on_which_changed)
        self.plot.point_clicked.connect(self._on_row_clicked)
        self.map.cell_clicked.connect(self._on_cell_clicked)
        self.prompts.row_selected.connect(self._on_prompt_selected)
        self.steer.clicked.connect(self._on_steer)
        self.selection.head_changed.connect(self._on_layer_selected)
        self.selection.position_changed.connect(self._on_position_selected)

    # Drawing.

    @override
    def draw_new(self, result: Result) -> None:
        """Begin with the best, of which the headline speaks, whatever is selected elsewhere."""
        self._chosen_since = False
        self.draw_result(result)

    @override
    def draw_result(self, result: Result) -> None:
        self._probed = Probed.of(result)
        if not self._chosen_since:
            self._cell = self._probed.best
        self._draw()

    @override
    def clear(self) -> None:
        self._probed = self._cell = None
        super().clear()

    @override
    def draw_prompt(self, result: Result) -> None:
        self.prompts.select_key(self.prompt_of(result))

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw the probes that are fitted already, and follow the best of them."""
        if not {"accuracy", "accuracy_control_each", "labels", "predicted"} <= data.keys():
            return False
        self._probed = Probed(SoFar(data), self.settings_of_run())
        self._cell = self._probed.best
        self._draw()
        return True

    def _draw(self) -> None:
        probed = self._probed
        if probed is None:
            return
        self._headline.set_full_text(data_of.headline(probed))
        self._said.set_full_text(data_of.sentence(probed))
        self._made.set_full_text(data_of.made_sentence(probed))
        self._map_panel.setVisible(probed.each_position)
        if probed.each_position:
            self.map.show_maps(charts.accuracy_map(probed, str(self.which.value())))
        self._draw_cell()

    def _draw_cell(self) -> None:
        """Draw what is of the chosen probe: the curve through it, and the parts beside."""
        probed = self._probed
        if probed is None:
            return
        cell = self._cell if self._cell is not None and self._inside(self._cell) else probed.best
        self._cell = cell
        row, position = cell
        where = f" at position {position}" if probed.each_position else ""
        self._title.set_full_text(f"Accuracy over layers{where}")
        curves = charts.curves(probed, position)
        self._legend.show_keys(curves.entries())
        self.plot.show_picture(curves)
        self.plot.set_selected(row)
        if probed.each_position:
            self.map.set_selected(row, position)
        self._chosen.set_full_text(data_of.cell_sentence(probed, cell))
        self.confusion.show_maps(charts.confusion(probed, cell))
        self.prompts.set_ranking(charts.prompts(probed, cell))
        if self.current_result is not None and probed.shown is self.current_result:
            self.prompts.select_key(self.prompt_of(self.current_result))
        self._draw_way(probed, cell)

    def _draw_way(self, probed: Probed, cell: Cell) -> None:
        words = data_of.direction_words(probed, cell)
        finished = probed.shown is self.current_result
        self._way.setText(words or _NO_WAY)
        self.steer.setEnabled(bool(words) and finished)
        tip = _STEER_TIP if words and finished else _LATER if words else _NO_WAY
        self.steer.setToolTip(plain_tip(tip))

    def _inside(self, cell: Cell) -> bool:
        probed = self._probed
        return probed is not None and cell[0] < probed.rows and cell[1] < probed.positions

    @override
    def read_picture(self) -> dict[str, Any]:
        maps = self.map.maps() if self._probed is not None and self._probed.each_position else ()
        return {
            "headline": self._headline.full_text(),
            "said": self._said.full_text(),
            "made": self._made.full_text(),
            "cell": self._cell,
            "chosen": self._chosen.full_text(),
            "title": self._title.full_text(),
            "curves": self.plot.picture(),
            "legend": self._legend.texts(),
            "row": self.plot.selected(),
            "maps": maps,
            "which": self.which.value(),
            "confusion": self.confusion.maps(),
            "prompts": self.prompts.texts(),
            "direction": self._way.text(),
            "can_steer": self.steer.isEnabled(),
        }

    # Answering.

    def _on_which_changed(self, _which: object) -> None:
        self._draw()

    def _on_row_clicked(self, row: int) -> None:
        position = 0 if self._cell is None else self._cell[1]
        self._choose((row, position))

    def _on_cell_clicked(self, row: int, position: int) -> None:
        self._choose((row, position))
        self.selection.select_position(position)

    def _choose(self, cell: Cell) -> None:
        """Show a probe, and select its block; what enters block 0 belongs to none."""
        self._follow(cell)
        block = block_of(cell[0])
        if block is not None and self.selection.layer != block:
            self.selection.select_head(block, None)

    def _on_prompt_selected(self, number: int | None) -> None:
        result = self.current_result
        if number is not None and result is not None and number < len(result.prompts):
            self.selection.select_prompt(number)

    def _on_layer_selected(self, _head: object) -> None:
        probed, layer = self._probed, self.selection.layer
        if probed is not None and layer is not None and layer + 1 < probed.rows:
            self._follow((layer + 1, (self._cell or probed.best)[1]))

    def _on_position_selected(self, position: int | None) -> None:
        probed = self._probed
        if probed is None or position is None or not probed.each_position:
            return
        if 0 <= position < probed.positions:
            self._follow(((self._cell or probed.best)[0], position))

    def _follow(self, cell: Cell) -> None:
        self._chosen_since = True
        if cell != self._cell:
            self._cell = cell
            self._draw_cell()

    def _on_label(self) -> None:
        self.intent_raised.emit(Intent("label_prompts", {}))

    def _on_steer(self) -> None:
        """Write the direction of the chosen probe, and ask for steering along it."""
        result, cell, probed = self.current_result, self._cell, self._probed
        if result is None or cell is None or probed is None or probed.shown is not result:
            return
        try:
            file = keep_direction(probed, result.model, cell)
        except BadInputError as error:
            self.message_requested.emit(str(error))
            return
        told = {"file": str(file), "read": True, "coef": data_of.coefficient(probed, cell)}
        self.intent_raised.emit(Intent("steer_with", told))


VIEW = ProbeView
