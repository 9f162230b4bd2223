"""The pages beside the board: circuits by size, estimates against exact effects, whole nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.edges.curves import (
    curves_of,
    curves_sentence,
    misses,
    ranking_title,
    rankings,
    scatter_of,
)
from desktop_app.analyses.edges.picture import agreement_sentence
from desktop_app.pictures.ranking import Column, ranked
from desktop_app.pictures.words import number
from desktop_app.views.frame import label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from desktop_app.analyses.edges.known import Known
    from desktop_app.pictures.ranking import Ranking

_AREAS = (
    Column("ranking", "name", "Ranked by", width="stretch"),
    Column(
        "cmd",
        "number",
        "CMD",
        number,
        width=62,
        tooltip="Area of |1 − faithfulness|: less is better",
    ),
    Column(
        "cpr", "number", "CPR", number, width=62, tooltip="Area of faithfulness: more is better"
    ),
)


class CurvesPane(QWidget):
    """Who won, the curves on a log axis, and both areas of each ranking."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = label("", "heading", wrap=True)
        self.plot = Plot()
        self.plot.setAccessibleName("Faithfulness by the share of edges")
        self._legend = Legend()
        self._table = RankingList("Areas of the curves", _AREAS, sortable=True)
        drawn = panel(self._sentence, self._legend, (self.plot, 1))
        self._areas = panel(label("Areas", "heading"), (self._table, 1))
        column_in(self, (Reflow((drawn, 3, 620, 320), (self._areas, 1, 250, 180)), 1))

    def show_data(self, data: Mapping[str, Any]) -> bool:
        """Show the curves of a result; return whether it has any."""
        shown = curves_of(data)
        if shown is None:
            return False
        self._sentence.setText(curves_sentence(data))
        self.plot.show_picture(shown)
        self._legend.show_keys(shown.entries())
        rows = [
            (ranking_title(name) if name else "the ranking", cmd, cpr)
            for name, _line, cpr, cmd in rankings(data)
        ]
        self._table.set_ranking(ranked(_AREAS, rows))
        return True

    def read(self) -> dict[str, Any]:
        """Return what is said."""
        return {"sentence": self._sentence.text(), "rows": self._table.texts()}


class AgreementPane(QWidget):
    """Each edge's estimate against its exact effect.

    Signals:
        edge_chosen: The number of an edge whose dot was clicked.
    """

    edge_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = label("", "heading", wrap=True)
        self._told = label("", "muted", wrap=True)
        self.plot = Plot()
        self.plot.setAccessibleName("Estimates against exact effects")
        self._edges: np.ndarray | None = None
        self._misses = RankingList("Edges whose estimates err most")
        beside = panel(label("Where the estimate errs most", "heading"), (self._misses, 1))
        beside.setMinimumWidth(286)
        drawn = panel(self._sentence, (self.plot, 1), self._told)
        split = Reflow((drawn, 3, 560, 320), (beside, 2, 320, 220))
        column_in(self, (split, 1))
        self._misses.row_activated.connect(self.edge_chosen)
        self.plot.point_clicked.connect(self._on_clicked)

    def show_known(self, known: Known, method: str, prompt: int | None) -> bool:
        """Show what both are known of; return whether there is anything."""
        found = scatter_of(known, prompt)
        if found is None:
            return False
        shown, self._edges = found
        self._sentence.setText(agreement_sentence(known.data, method) or "Estimate and exact")
        self.plot.show_picture(shown)
        self._misses.set_ranking(misses(known, prompt))
        drawn, both = len(self._edges), int((known.exact & known.estimated).sum())
        count = f"{both:,} edges" if drawn == both else f"{drawn:,} of {both:,} edges drawn"
        self._told.setText(
            f"{count}; on the line both are the same. Point at a dot for its edge, click to choose "
            "it on the board."
        )
        return True

    def read(self) -> dict[str, Any]:
        """Return what is said, and which edges are drawn."""
        edges = [] if self._edges is None else self._edges.tolist()
        told = {"sentence": self._sentence.text(), "edges": edges, "told": self._told.text()}
        return {**told, "misses": self._misses.texts()}

    def _on_clicked(self, place: int) -> None:
        if self._edges is not None and 0 <= place < len(self._edges):
            self.edge_chosen.emit(int(self._edges[place]))


class NodesPane(QWidget):
    """What exchanging whole nodes does.

    Signals:
        node_chosen: The name of a node whose row was chosen.
    """

    node_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = RankingList("Nodes by effect", sortable=True)
        column_in(self, (panel((self.list, 1)), 1))
        self.list.row_activated.connect(self._on_row)

    def show_ranking(self, ranking: Ranking) -> bool:
        """List the nodes; return whether there are any."""
        self.list.set_ranking(ranking)
        return bool(ranking.rows)

    def _on_row(self, key: object) -> None:
        self.node_chosen.emit(str(key))
