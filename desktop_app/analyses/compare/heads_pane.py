"""The heads of both models: a dot for each, and the most harmful ones in two lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.compare import heads_picture as data_of
from desktop_app.analyses.compare.words import whose
from desktop_app.contract.spec import Intent
from desktop_app.pictures.ranking import Ranking
from desktop_app.views.frame import ElidedLabel, gap_splitter, panel
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection

_LEAST_PLOT = 180


class HeadsPane(QWidget):
    """A scatter above two lists; what is chosen in one is marked in the others.

    Signals:
        intent_raised: An `Intent`: a head was double-clicked.
    """

    intent_raised = Signal(object)

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = selection
        self._result: Result | None = None
        self._plot = Plot()
        self._plot.setAccessibleName("Effects of zeroing each head in both models")
        self._plot.setMinimumHeight(_LEAST_PLOT)
        self._titles = (ElidedLabel("", "field"), ElidedLabel("", "field"))
        self._lists = (
            RankingList("Most harmful heads of the first model"),
            RankingList("Most harmful heads of the second model"),
        )
        self._dots = panel(self._plot)
        sides = [
            panel(title, (ranked, 1), margins=10, spacing=4)
            for title, ranked in zip(self._titles, self._lists, strict=True)
        ]
        for side in sides:
            side.setMinimumHeight(150)
        lists = gap_splitter(Qt.Orientation.Horizontal, (sides[0], 1, 280), (sides[1], 1, 280))
        split = gap_splitter(Qt.Orientation.Vertical, (self._dots, 3, 300), (lists, 2, 240))
        column_in(self, split)
        self._plot.point_clicked.connect(self._on_dot_clicked)
        for ranked in self._lists:
            ranked.set_empty_text("No effect of this model's heads is a number.")
            ranked.row_selected.connect(self._on_head_chosen)
            ranked.row_activated.connect(self._on_head_activated)
        selection.head_changed.connect(self._on_selection_changed)

    def show_result(self, result: Result | None) -> None:
        """Show the ranking of a result, or none."""
        self._result = result
        if result is None:
            for ranked in self._lists:
                ranked.set_ranking(Ranking())
            return
        dots = data_of.scatter(result)
        self._dots.setVisible(dots is not None)
        if dots is not None:
            self._plot.show_picture(dots)
        names = (data_of.FIRST, data_of.SECOND)
        for title, ranked, name, of in zip(
            self._titles, self._lists, names, whose(result), strict=True
        ):
            title.set_full_text(f"{of}: most harmful first")
            ranked.set_ranking(data_of.top_list(result, name))
        self._mark()

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        if self._result is None:
            return {}
        return {
            "dots": None if self._dots.isHidden() else self._plot.picture(),
            "titles": [title.full_text() for title in self._titles],
            "lists": [ranked.texts() for ranked in self._lists],
            "chosen": [ranked.selected_key() for ranked in self._lists],
            "dot": self._plot.selected(),
        }

    def _mark(self) -> None:
        """Mark the selected head where it stands."""
        if self._result is None:
            return
        layer, head = self._selection.layer, self._selection.head
        for ranked in self._lists:
            ranked.select_key((layer, head))
        if not self._dots.isHidden():
            self._plot.set_selected(data_of.dot_of(self._result, layer, head))

    def _on_dot_clicked(self, index: int) -> None:
        if self._result is not None:
            self._selection.select_head(*data_of.head_at(self._result, index))

    def _on_head_chosen(self, key: object) -> None:
        if isinstance(key, tuple):
            self._selection.select_head(*key)

    def _on_head_activated(self, key: object) -> None:
        if isinstance(key, tuple):
            self._selection.select_head(*key)
            data = {"layer": key[0], "head": key[1]}
            self.intent_raised.emit(Intent("open_attention", data))

    def _on_selection_changed(self, _head: object) -> None:
        self._mark()
