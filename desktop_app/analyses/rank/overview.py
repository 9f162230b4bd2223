"""The table over all prompts of a ranking, above the ranking of the one that is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QSplitter, QWidget

from desktop_app.analyses.rank import over_prompts
from desktop_app.pictures.noise import noise_sentence
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection

_ROWS = 3  # that are in sight in the least room
_MOST_OF_HEIGHT, _OF_WIDTH = 0.38, 0.4
# From this width on the table stands at the left of the selected prompt's ranking.
_WIDE = 1500


class Overview(QFrame):
    """One row per prompt and a sentence above them; away where there is a single prompt."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._selection = selection
        self._share = ElidedLabel("", "heading")
        self._noise = ElidedLabel("", "small")
        self.table = RankingList("Prompts and their answers", sortable=True)
        self.table.row_selected.connect(selection.select_prompt)
        self.table.row_activated.connect(selection.select_prompt)
        self.table.set_fitting(28, 44)
        self.table.setMinimumHeight(self.table.full_height(_ROWS))
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column_in(self, self._share, self._noise, (self.table, 1), spacing=6, margins=12)
        self.hide()

    def show_result(self, result: Result) -> None:
        """Show all prompts of a result."""
        many = over_prompts.has_many(result)
        self.setVisible(many)
        if not many:
            return
        noise = noise_sentence(result)
        self._share.set_full_text(over_prompts.share_sentence(result))
        self._noise.set_full_text(noise)
        self._noise.setVisible(bool(noise))
        self.table.set_ranking(over_prompts.table(result))

    def show_prompt(self, prompt: int) -> None:
        """Mark the row of the prompt that is selected."""
        if self.table.selected_key() != prompt:
            self.table.select_key(prompt)

    def full_height(self) -> int:
        """Return the height at which all rows are in sight."""
        return self.sizeHint().height() + self.table.full_height() - self.table.sizeHint().height()

    def read(self) -> dict[str, Any]:
        """Return what is shown, as far as it is in sight."""
        if self.isHidden():
            return {"prompts": [], "share": "", "noise": ""}
        return {
            "prompts": self.table.texts(),
            "share": self._share.full_text(),
            "noise": self._noise.full_text() if not self._noise.isHidden() else "",
        }


class Halves(QSplitter):
    """The table over all prompts, and the ranking of one: below it, in a wide window beside it.

    The table has the height of its rows, up to a part of the whole; what the user drags stays.
    """

    def __init__(self, overview: Overview, one: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(8)
        self.setStyleSheet("QSplitter::handle { background: transparent; }")
        self._overview = overview
        self._dragged: dict[Qt.Orientation, list[int]] = {}
        for share, part in enumerate((overview, one)):
            self.addWidget(part)
            self.setStretchFactor(self.count() - 1, share)
        self.splitterMoved.connect(self._on_moved)

    def share_room(self) -> None:
        """Give both parts their room."""
        beside = self.width() >= _WIDE
        way = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if self.orientation() != way:
            self.setOrientation(way)
        whole = self.width() if beside else self.height()
        first = int(_OF_WIDTH * whole)
        if not beside:
            first = min(self._overview.full_height(), int(_MOST_OF_HEIGHT * whole))
        self.setSizes(self._dragged.get(way, [first, whole - first - self.handleWidth()]))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self.share_room()
        super().resizeEvent(event)

    @Slot()
    def _on_moved(self, *_where: int) -> None:
        self._dragged[self.orientation()] = self.sizes()
