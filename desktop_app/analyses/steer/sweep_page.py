"""The page of a sweep: effect and fluency side by side, the same cell lit in both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.steer import sweep_picture as data_of
from desktop_app.analyses.steer.made import made_with
from desktop_app.analyses.steer.offer import Offer
from desktop_app.analyses.steer.page import SteerPage
from desktop_app.analyses.steer.spec import MAX_COEFS
from desktop_app.analyses.steer.swept_cell import cell_settings
from desktop_app.contract.grammar import SomeLayersText
from desktop_app.contract.params import Frozen, setting
from desktop_app.pictures.ranking import Ranking
from desktop_app.pictures.words import MINUS
from desktop_app.support.guard import override
from desktop_app.views.frame import label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.forms.params_form import ParamsForm
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.analyses.steer.sweep_picture import Sweep
    from desktop_app.contract.result import Result
    from desktop_app.pictures.matrix import Cell

_OFFER = (
    "One run tries every layer with every coefficient, and a random vector of equal length beside "
    "each: what changes, and what it costs in fluency."
)
_NO_VECTOR = (
    "A sweep varies the strength of the first intervention: give it a vector, two sets of texts or "
    "a factor under Interventions."
)
_BAD = "A setting needs attention: open the settings above."
_KEPT = "Kept from the sweep before this run. "
_CHOOSE = "Click a cell for what is said there, double-click to steer like that."
_COEFS, _NARROW = 250, 296
_COLUMN, _MOST_BESIDE, _AXES = 34, 1_400, 240  # of a column, of all maps, beside the cells
_LEAST_MAPS, _LEAST_BELOW, _MAP = 250, 210, 230


def read_coefs(text: str) -> tuple[float, ...]:
    """Return the numbers that a text lists.

    Raises:
        ValueError: One is no finite number, or there are none or too many.
    """
    pieces = [piece.strip() for piece in text.replace(MINUS, "-").split(",") if piece.strip()]
    found = []
    for piece in pieces:
        try:
            value = float(piece)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ValueError(f"“{piece[:20]}” is no number: write a list such as -4, 0, 4")
        found.append(value)
    if not found:
        raise ValueError("nothing is written: write a list such as -4, 0, 4")
    if len(found) > MAX_COEFS:
        raise ValueError(f"{len(found):,} are more than the {MAX_COEFS:,} that one sweep takes")
    return tuple(found)


def write_coefs(coefs: Sequence[float]) -> str:
    """Write coefficients as a form shows them."""
    return ", ".join(data_of.coef_words(coef) for coef in coefs)


CoefsText = Annotated[str, AfterValidator(lambda text: write_coefs(read_coefs(text)))]


class SweepForm(Frozen):
    """What is swept."""

    layers: SomeLayersText = setting(
        ":",
        "Layers",
        "Layers at which it is tried in turn: all layers, or some such as 0:30.",
        spelling="layers",
    )
    coefs: CoefsText = setting(
        "0",
        "Coefficients",
        "What the vector, or the activation, is multiplied by in turn: -4, 0, 4.",
        wide=True,
    )


class CellPane(QWidget):
    """What is said in one cell: a sentence, a button that steers there, a text per prompt."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._sentence = label("", "heading"), label("", "muted", wrap=True)
        self.steer = QPushButton("Steer here")
        self.steer.setToolTip("Run these prompts steered as in this cell (double-click in a map)")
        set_role(self.steer, "quiet")
        bind_icon(self.steer, "run")
        self.texts = RankingList("Continuations of the cell")
        top = row_in(None, (self._title, 1), self.steer)
        column_in(self, top, self._sentence, (self.texts, 1), spacing=6)
        self.show_nothing()

    def show_nothing(self, words: str = _CHOOSE) -> None:
        """Say how a cell is chosen."""
        self._title.setText("No cell chosen")
        self._sentence.setText(words)
        self.steer.setVisible(False)
        self.texts.setVisible(False)
        self.texts.set_ranking(Ranking())

    def show_cell(self, sweep: Sweep, cell: Cell, texts: Ranking | None) -> None:
        """Show a cell; without texts, those are not there yet."""
        self._title.setText(sweep.name(cell))
        self._sentence.setText(data_of.cell_sentence(sweep, cell))
        self.steer.setVisible(texts is not None)
        self.texts.setVisible(texts is not None)
        if texts is not None:
            self.texts.set_ranking(texts)

    def read(self) -> dict[str, Any]:
        """Return what is said."""
        return {
            "sweep_cell": self._title.text(),
            "sweep_sentence": self._sentence.text(),
            "sweep_texts": [] if self.texts.isHidden() else self.texts.texts(),
        }


class SweepPage(SteerPage):
    """Two maps, each beside its random control; a list of the cells, and what is said in one."""

    name = "sweep"
    title = "Sweep"

    def __init__(self) -> None:
        super().__init__()
        self._result: Result | None = None
        self._params: SteerParams | None = None
        self._sweep: Sweep | None = None
        self._cell: Cell | None = None
        self._offered: SweepForm | None = SweepForm()
        self.form = ParamsForm(SweepForm)
        self.form.editor("coefs").control.setFixedWidth(_COEFS)
        self.offer = Offer(_OFFER, "Run the sweep", self.form)
        self._headline = label("", "muted", wrap=True)
        self.effect, self.fluency = Heatmap(), Heatmap()
        self.effect.setAccessibleName("Effect per layer and coefficient")
        self.fluency.setAccessibleName("Loss per layer and coefficient")
        for maps in (self.effect, self.fluency):
            maps.setMinimumWidth(_NARROW)  # so that they stand side by side wherever they can
        self.cells = RankingList("Cells by effect", sortable=True)
        self.pane = CellPane()
        self._drawn = self._build_drawn()
        column_in(self, panel(self.offer), (self._drawn, 1), None)
        self._connect()
        self.forget()

    def _build_drawn(self) -> QWidget:
        self._maps = maps = Reflow((self.effect, 1, 430, _MAP), (self.fluency, 1, 430, _MAP))
        self.cells.setMinimumWidth(250)
        self.pane.setMinimumWidth(300)
        below = Reflow((panel(self.cells), 2, 360, 190), (panel(self.pane), 3, 520, 190))
        shown = QWidget()
        self._board = panel((maps, 1))
        parts = (self._board, 3, 330, _LEAST_MAPS), (below, 2, 230, _LEAST_BELOW)
        column_in(shown, self._headline, (Reflow(*parts, upright=True), 1), spacing=6)
        return shown

    def _connect(self) -> None:
        self.offer.wanted.connect(self._on_wanted)
        self.form.submitted.connect(self._on_wanted)
        for maps in (self.effect, self.fluency):
            maps.cell_clicked.connect(self._on_clicked)
            maps.cell_activated.connect(self._on_activated)
        self.effect.cell_hovered.connect(self._on_effect_hovered)
        self.fluency.cell_hovered.connect(self._on_fluency_hovered)
        self.cells.row_selected.connect(self._on_row)
        self.cells.row_activated.connect(self._on_row_activated)
        self.pane.steer.clicked.connect(self._on_steer)

    # What it is told.

    @override
    def take_params(self, params: SteerParams | None) -> None:
        self._params = params
        if params is None:
            self.offer.allow(_BAD)
            return
        told = params.model_dump()
        self.offer.allow("" if data_of.can_sweep(told) else _NO_VECTOR)
        is_swept = bool(params.sweep_layers or params.sweep_coefs)
        if is_swept:  # such as of a result that is shown
            layers, coefs = params.sweep_layers or ":", params.sweep_coefs
        elif self.form.try_value() != self._offered:
            return  # what was swept or written last stays
        else:
            layers, coefs = ":", ()
        tried = coefs or data_of.offered_coefs(told)
        wanted = SweepForm(layers=layers, coefs=write_coefs(tried))
        self._offered = None if is_swept else wanted
        if self.form.try_value() != wanted:
            self.form.set_value(wanted)

    @override
    def show_result(self, result: Result, prompt: int) -> None:
        sweep = data_of.sweep_of(result.data, result.params, result.prompts)
        if sweep is None and self._is_of(result):
            self._show_headline(_KEPT)  # such as when one of its cells has been run
            return
        self._result = result
        self._show(sweep)

    @override
    def show_so_far(self, data: Mapping[str, Any], prompt: int) -> None:
        if self._result is not None and not data_of.has_sweep(data):
            self._show_headline(_KEPT)
            return
        self._result = None
        params = {} if self._params is None else self._params.model_dump()
        self._show(data_of.sweep_of(data, params))

    @override
    def forget(self) -> None:
        self._result = None
        self._show(None)

    @override
    def figure(self) -> QWidget | None:
        return None if self._sweep is None else self._board

    @override
    def read(self) -> dict[str, Any]:
        there = self._sweep is not None
        return {
            "sweep": self._headline.text() if there else "",
            "sweep_maps": [*self.effect.maps(), *self.fluency.maps()] if there else [],
            "sweep_selected": (self.effect.selected(), self.fluency.selected()),
            "sweep_cells": self.cells.texts() if there else [],
            "sweep_offer": self.offer.read(),
            **self.pane.read(),
        }

    @override
    def run_changes(self) -> dict[str, object]:
        form = self.form.try_value()
        if form is None or not self.offer.button.isEnabled():
            return {}
        return {"sweep_layers": form.layers or ":", "sweep_coefs": read_coefs(form.coefs)}

    # Within.

    def _show(self, sweep: Sweep | None) -> None:
        self._sweep = sweep
        self._drawn.setVisible(sweep is not None)
        if sweep is None:
            self._cell = None
            self.pane.show_nothing()
            return
        if self._cell is not None and not sweep.holds(self._cell):
            self._cell = None
        self._show_headline()
        columns = len(sweep.coefs) * (2 if sweep.control is None else 4)
        self._maps.stand_beside_from(min(columns * _COLUMN + _AXES, _MOST_BESIDE))
        self.effect.show_maps(*data_of.effect_maps(sweep))
        self.fluency.show_maps(*data_of.fluency_maps(sweep))
        self.cells.set_ranking(data_of.cells_ranking(sweep))
        if self._cell is None and self._result is not None:
            self._cell = data_of.strongest(sweep)
        self._show_cell()

    def _is_of(self, result: Result) -> bool:
        """Return whether the sweep in sight is of the model and the prompts of a result."""
        own = self._result
        if own is None or self._sweep is None:
            return False
        texts = [record.text for record in own.prompts]
        same = own.model.fingerprint == result.model.fingerprint
        return same and texts == [record.text for record in result.prompts]

    def _show_headline(self, before: str = "") -> None:
        if self._sweep is not None:
            self._headline.setText(f"{before}{data_of.headline(self._sweep)}")

    def _show_cell(self) -> None:
        sweep, cell, result = self._sweep, self._cell, self._result
        row, column = (None, None) if cell is None else cell
        self.effect.set_selected(row, column)
        self.fluency.set_selected(row, column)
        self.cells.select_key(cell)
        if sweep is None or cell is None:
            self.pane.show_nothing()
            return
        texts = None if result is None else data_of.cell_texts(result, sweep, cell)
        self.pane.show_cell(sweep, cell, texts)

    def _on_clicked(self, row: int, column: int) -> None:
        self._cell = row, column
        self._show_cell()

    def _on_activated(self, row: int, column: int) -> None:
        self._on_clicked(row, column)
        self._on_steer()

    def _on_row(self, key: object) -> None:
        if isinstance(key, tuple):
            self._on_clicked(*key)

    def _on_row_activated(self, key: object) -> None:
        if isinstance(key, tuple):
            self._on_activated(*key)

    def _on_steer(self) -> None:
        """Run as the cell did: with the settings of the sweep, whatever the form says by now."""
        sweep, cell, result = self._sweep, self._cell, self._result
        if sweep is None or cell is None:
            return
        if result is None:
            self.message.emit("The sweep goes on: its cells can be steered when it has ended.")
            return
        changes = made_with(result.params)
        changes |= cell_settings(result.params, sweep, cell, result.data.get("acts") or ())
        self.turn_wanted.emit("texts")
        self.run_wanted.emit(changes)

    def _on_effect_hovered(self, row: int, column: int) -> None:
        _light(self.fluency, row, column)

    def _on_fluency_hovered(self, row: int, column: int) -> None:
        _light(self.effect, row, column)

    def _on_wanted(self) -> None:
        if changes := self.run_changes():
            self.run_wanted.emit(changes)


def _light(maps: Heatmap, row: int, column: int) -> None:
    """Outline the cell under the pointer of the other maps."""
    for pane in maps.panes[: len(maps.maps())]:
        pane.show_hover(None if row < 0 else (row, column))
