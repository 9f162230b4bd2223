"""Circuits over the vocabulary: accuracies, how many tokens, and a part of the matrix."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from desktop_app.analyses.compose.picture import circuits
from desktop_app.pictures.ranking import Column
from desktop_app.pictures.words import number
from desktop_app.views.frame import gap_splitter, label, panel
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.compose.picture import CircuitPicture
    from desktop_app.contract.result import Result


_SHARE = partial(number, digits=4)
_COLUMNS = (
    Column("direction", width="stretch"),
    Column("top-1", "number", format=_SHARE, width=62),
    Column("top-5", "number", format=_SHARE, width=62),
)


class CircuitPanel(QWidget):
    """One circuit: its title, how many tokens, both directions, and a block of its matrix."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "heading")
        self.sentence = label("", "muted", wrap=True)
        self.table = RankingList("Accuracies of the circuit", _COLUMNS, sortable=True)
        self.table.setFixedHeight(self.table.full_height(2))
        self.map = Heatmap()
        frame, column = panel()
        for widget in (self.title, self.sentence, self.table):
            column.addWidget(widget)
        column.addWidget(self.map, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)

    def show_circuit(self, shown: CircuitPicture) -> None:
        """Show a circuit."""
        self.title.setText(shown.title)
        self.sentence.setText(shown.sentence)
        self.table.set_rows(shown.rows)
        self.map.setVisible(shown.block is not None)
        if shown.block is not None:
            self.map.show_maps(shown.block)


class CircuitPanels(QWidget):
    """The circuits of a result side by side, or how to ask for one.

    Signals:
        settings_wanted: Open the form, where the circuits are chosen.
    """

    settings_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown = 0
        self._empty = EmptyState(
            "circuit",
            "No circuit in this result",
            "Choose a pair in the composition map and follow it over the vocabulary, or name one "
            "in the settings.",
            "Open the settings",
        )
        self.panels = (CircuitPanel(), CircuitPanel())
        split = gap_splitter(Qt.Orientation.Horizontal)
        for shown in self.panels:
            split.addWidget(shown)
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(split)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(inside)
        self._empty.action_clicked.connect(self.settings_wanted)

    def shown(self) -> int:
        """Return how many circuits are on screen."""
        return self._shown

    def show_result(self, result: Result) -> None:
        """Show the circuits of a result."""
        found = circuits(result)
        self._pages.setCurrentIndex(1 if found else 0)
        for place, shown in enumerate(self.panels):
            shown.setVisible(place < len(found))
            if place < len(found):
                shown.show_circuit(found[place])
        self._shown = len(found)
