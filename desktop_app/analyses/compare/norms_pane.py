"""What taking the norms away did: the steps, and the curve over eps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from desktop_app.analyses.compare import norms_picture as data_of
from desktop_app.views.frame import label, panel
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_LEAST_PLOT = 180


class NormsPane(QWidget):
    """A sentence, the steps as rows, and the curve where eps was varied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._told = label("", "muted", wrap=True)
        self._steps = RankingList("Norms taken away step by step")
        self._plot = Plot()
        self._plot.setAccessibleName("Distance from plain x·w + b over eps")
        self._plot.setMinimumHeight(_LEAST_PLOT)
        self._key = label("Blue: weights rescaled by √eps. Red: eps alone.", "small")
        self._curve = panel(self._key, (self._plot, 1), spacing=4)
        column_in(self, panel(self._told, self._steps), (self._curve, 1))

    def show_result(self, result: Result) -> None:
        """Show what the steps of a result did."""
        self._told.setText(data_of.steps_sentence(result))
        self._steps.set_ranking(data_of.steps_table(result))
        self._steps.setFixedHeight(self._steps.full_height())
        curve = data_of.has_curve(result)
        self._curve.setVisible(curve)
        if curve:
            self._plot.show_picture(data_of.eps_curves(result))

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "told": self._told.text(),
            "steps": self._steps.texts(),
            "curve": None if self._curve.isHidden() else self._plot.picture(),
        }
