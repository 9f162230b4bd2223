"""The parts of a sweep's picture: what stands above it, and the ranking with details beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.contract.registry import serving
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel
from desktop_app.views.on_text import ON_TEXT, on_text_button
from desktop_app.widgets.basics.explained_card import WhatButton
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.messages import Banner, EstimateBadge
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QLayout

    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.sweep import Details, SweepPicture

_ESTIMATED = "Estimated from gradients: exact values follow"
_NARROW = 300
_HOW = "Point at a cell for its numbers; click to keep them here."
_PICKING = " Shift+click picks several heads."
# So wide that list and details fit side by side.
_FLAT = 540
# The share of the details, and what a few sentences need at most.
_TOLD, _WORDS = 0.46, 240


class SweepHeader(QWidget):
    """A banner where the model does not do the task, two lines of words, the estimate's badge."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.gate = Banner()
        self.base = ElidedLabel("", "heading")
        self.what = ElidedLabel("", "muted")
        # Here rather than over the maps, which need the height.
        self.badge = EstimateBadge()
        self._estimate_came = False
        line = row_of((self.base, 1), self.badge)
        column_in(self, self.gate, line, self.what, spacing=4)

    def show_picture(self, shown: SweepPicture) -> None:
        """Say what a picture is about."""
        self.base.set_full_text(shown.base)
        self.what.set_full_text(shown.what)
        if shown.gate:
            self.gate.show_message(shown.gate, "warn", dismissible=False)
        else:
            self.gate.dismiss()

    def show_data(self, data: Mapping[str, Any], *, partial: bool) -> None:
        """Mark an estimate, until exact values stand in all of its cells."""
        estimated = bool(data.get("estimated"))
        self._estimate_came = partial and (self._estimate_came or estimated)
        self.badge.show_data(data, filling=self._estimate_came and not estimated)
        if self._estimate_came:
            self.base.set_full_text(_ESTIMATED)

    def read_out(self) -> dict[str, str]:
        """Return what is said."""
        return {
            "base": self.base.full_text(),
            "what": self.what.full_text(),
            "gate": "" if self.gate.isHidden() else self.gate.text(),
            "badge": "" if self.badge.isHidden() else self.badge.text(),
        }


class CellDetails(QWidget):
    """What one cell does: a sentence, and a table with one row per prompt.

    Signals:
        attention_clicked: Show where this head looks.
        text_clicked: Show what this head does on ordinary text.
        prompt_clicked: The number of a prompt whose row was clicked.
    """

    attention_clicked = Signal()
    text_clicked = Signal()
    prompt_clicked = Signal(object)

    def __init__(self, noun: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cell: Cell | None = None
        self._noun = noun
        self._title = label("", "heading")
        self._sentence = label("", "muted", wrap=True)
        self._button = QPushButton("Attention")
        self._button.setToolTip("Show where this head looks (double-click in the picture)")
        set_role(self._button, "quiet")
        bind_icon(self._button, "eye")
        self._on_text = on_text_button()
        self._table = RankingList("Effect per prompt")
        self.what = WhatButton("this number")
        top = row_of((self._title, 1), self._button, self._on_text, self.what, spacing=4)
        column_in(self, top, self._sentence, (self._table, 1), (None, 0), spacing=6)
        self._button.clicked.connect(self.attention_clicked)
        self._on_text.clicked.connect(self.text_clicked)
        self._table.row_clicked.connect(self.prompt_clicked)
        self.show_nothing()

    def show_nothing(self, *, picks: bool = False) -> None:
        """Say how a cell is chosen, and several where they can be picked."""
        self.cell = None
        self._title.setText(f"No {self._noun} selected")
        self._sentence.setText(_HOW + (_PICKING if picks else ""))
        self._button.setVisible(False)
        self._on_text.setVisible(False)
        self.what.setVisible(False)
        self._table.setVisible(False)

    def show_cell(self, cell: Cell, details: Details, prompt: int, *, opens: bool) -> None:
        """Show a cell, its table where there are rows; a head opens its attention."""
        self.cell = cell
        self._title.setText(details.title)
        self._sentence.setText(details.sentence)
        self._button.setVisible(opens)
        self._on_text.setVisible(opens and bool(serving(ON_TEXT)))
        self.what.setVisible(True)
        self._table.setVisible(bool(details.prompts.rows))
        if details.prompts.rows:
            self._table.set_ranking(details.prompts)
            self._table.select_key(prompt)

    def read_out(self) -> dict[str, Any]:
        """Return what is said of the cell."""
        return {
            "cell": self.cell,
            "title": self._title.text(),
            "sentence": self._sentence.text(),
            "rows": [] if self._table.isHidden() else self._table.texts(),
            "opens": not self._button.isHidden(),
        }


class SweepSide(QWidget):
    """Ranking and details, the room between them shared by the user."""

    def __init__(
        self,
        noun: str,
        orders: Sequence[tuple[str, str]],
        least: int,
        *,
        details_grow: bool,
    ) -> None:
        super().__init__()
        self.list = RankingList(f"{noun.capitalize()}s by effect")
        self.list.set_empty_text("The ranking follows with the exact values.")
        self.details = CellDetails(noun)
        self.title = label("", "heading")
        self.note = label("", "small")
        self.order = SegmentedControl(orders or [("", "Order")])
        self.order.setToolTip("What the list is sorted by")
        if not orders:  # shown before it has its place, it would be a window of its own
            self.order.hide()
        top = row_of((self.title, 1), self.note)
        order = (self.order, 0, Qt.AlignmentFlag.AlignLeft)
        self._panels = panel(top, order, (self.list, 1)), panel(self.details)
        self._grows, self._moved = details_grow, False
        parts = zip(self._panels, (1, 1), (300, 300), strict=True)
        self._split = gap_splitter(Qt.Orientation.Vertical, *parts)
        self._split.splitterMoved.connect(self._on_splitter_moved)
        column_in(self, self._split)
        self.setMinimumWidth(least)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Below a map there is more width than height: then list and details share it.
        flat = self.width() > max(_FLAT, self.height())
        self._split.setOrientation(Qt.Orientation.Horizontal if flat else Qt.Orientation.Vertical)
        if not self._moved:
            room = self.width() if flat else self.height()
            told = int(room * _TOLD) if self._grows or flat else min(_WORDS, int(room * _TOLD))
            self._split.setSizes([room - told, told])
        # Margins are given up before numbers where room is scarce.
        margin = 8 if self.width() < _NARROW else 12
        for frame in self._panels:
            cast("QLayout", frame.layout()).setContentsMargins(margin, margin, margin, margin)

    def _on_splitter_moved(self, _position: int, _index: int) -> None:
        self._moved = True
