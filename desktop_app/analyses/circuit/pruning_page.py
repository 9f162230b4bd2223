"""The page of a pruning: its curve, its log, and the way on where it was stopped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.circuit import plots, tables
from desktop_app.analyses.circuit.keeping import part_of
from desktop_app.analyses.circuit.pages import Offer
from desktop_app.analyses.circuit.picture import threshold
from desktop_app.pictures.words import percent, plural
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result

_LEAST_PLOT = 130
_PRUNE = (
    "Pruning drops parts for good, from the last layer to the first and back, as long as little "
    "is lost."
)


class PruningPage(QWidget):
    """The curve of a pruning over its steps, the log, and the way on where it was stopped.

    Signals:
        wanted: `prune`, `prune_mlps` or `go_on`.
        part_chosen: The part of a step.
    """

    wanted = Signal(str)
    part_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot, self.legend = Plot(), Legend()
        self.plot.setAccessibleName("What the circuit keeps, over the steps")
        self.plot.setMinimumHeight(_LEAST_PLOT)
        self.log = RankingList("Log of the pruning")
        self._words = label("", "small", wrap=True)
        self.go_on = QPushButton("Go on")
        self.go_on.setToolTip("Go on with the pruning from the step at which it was stopped")
        bind_icon(self.go_on, "play")
        self._offer = Offer(_PRUNE, "Prune heads at 20 %", "run")
        self.with_mlps = QPushButton("Prune heads and MLPs at 20 %")
        set_role(self.with_mlps, "quiet")
        self._names: list[str] = []
        line = row_in(None, (self._words, 1), (self.go_on, 0, Qt.AlignmentFlag.AlignTop))
        left = (self.with_mlps, 0, Qt.AlignmentFlag.AlignLeft)
        shown = (self.plot, 2), self.legend, (self.log, 3)
        column_in(self, line, *shown, self._offer, left, None, spacing=6)
        self._offer.wanted.connect(self._on_prune)
        self.with_mlps.clicked.connect(self._on_prune_mlps)
        self.go_on.clicked.connect(self._on_go_on)
        self.log.row_selected.connect(self._on_step)
        self.plot.point_clicked.connect(self._on_step)

    def show_result(self, result: Result) -> None:
        """Show the steps of a result, or offer to prune."""
        self._show(result.data, threshold(result), running=False)
        steps = plots.steps(result.data)
        stopped = bool(result.partial) and result.params.get("prune") is not None
        self.go_on.setVisible(stopped)
        if steps or stopped:
            end = "stopped: go on whenever you like" if stopped else "until a pass changed nothing"
            if not stopped and result.params.get("passes") in {"backward", "forward"}:
                end = f"one pass, {result.params['passes']}"
            self._words.setText(f"{plural(steps, 'step')}, {end}.")

    def show_so_far(self, data: Mapping[str, Any], limit: float) -> None:
        """Show the steps of a pruning that goes on."""
        self._show(data, limit, running=True)
        self.go_on.setVisible(False)
        self._words.setText(
            f"Step {plots.steps(data):,}: {plural(len(data.get('kept', ())), 'part')} left, "
            f"{percent(float(data.get('percent_of_means', math.nan)))} kept. "
            "Stop keeps what there is."
        )

    def _show(self, data: Mapping[str, Any], limit: float, *, running: bool) -> None:
        there = plots.steps(data) > 0 or running
        drawn: tuple[QWidget, ...] = (self.plot, self.legend, self.log)
        offered: tuple[QWidget, ...] = (self._offer, self.with_mlps)
        for widget in (*drawn, *offered):
            widget.setVisible(there == (widget in drawn))
        self._words.setVisible(there)
        self._names = [str(name) for name in data.get("trail_part", ())]
        if there:
            curve = plots.trail_curve(data, limit)
            self.plot.show_picture(curve)
            self.legend.show_keys(curve.entries())
            self.log.set_ranking(tables.log(data, newest_first=True))

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        there = not self.plot.isHidden()
        picture = self.plot.picture() if there else None
        return {
            "curve": [] if picture is None else picture.points()[1].tolist(),
            "marks": [] if picture is None else [mark.text for mark in picture.marks],
            "log": self.log.texts() if there else [],
            "steps": self._words.text() if there else "",
            "go_on": not self.go_on.isHidden(),
        }

    def _on_step(self, step: int) -> None:
        if 0 <= step < len(self._names):
            self.log.select_key(step)
            self.plot.set_selected(step)
            self.part_chosen.emit(part_of(self._names[step]))

    def _on_prune(self) -> None:
        self.wanted.emit("prune")

    def _on_prune_mlps(self) -> None:
        self.wanted.emit("prune_mlps")

    def _on_go_on(self) -> None:
        self.wanted.emit("go_on")
