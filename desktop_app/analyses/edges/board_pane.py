"""The board with what chooses what is drawn on it: how many edges, a search, whose values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QWidget

from desktop_app.analyses.edges.drawing import USUAL
from desktop_app.views.choosers import PromptChooser
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import FlowLayout, column_in
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.graph.board import GraphBoard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.widgets.basics.selection import Selection

_STEPS = (30, 100, USUAL, 1_000, 3_000, 5_000)
_WIDEST = 240
_HOW = "Point at an edge for its number; a click keeps it, Delete takes it out of the circuit."
_SEARCH = "Find a node"


class BoardPane(QWidget):
    """Choices, the board, and a line that says what is under the pointer.

    Signals:
        amount_changed: How many edges are to be drawn at most.
        scope_changed: Mean or this prompt was chosen.
        overlay_chosen: The key of a published circuit; empty for none.
        searched: What was typed and confirmed.
    """

    amount_changed = Signal(int)
    scope_changed = Signal()
    overlay_chosen = Signal(str)
    searched = Signal(str)

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board = GraphBoard()
        self.scope = SegmentedControl([("mean", "Mean"), ("prompt", "This prompt")])
        self.chooser = PromptChooser(selection, compact=True)
        self._amount = QComboBox()
        for step in _STEPS:
            self._amount.addItem(f"{step:,} edges", step)
        self._amount.setAccessibleName("Edges on the board")
        self._amount.setToolTip(
            "How many are drawn at most: the strongest, of the circuit where there is one"
        )
        self._amount.setCurrentIndex(_STEPS.index(USUAL))
        self._more = icon_button("add", "More: draw the next strongest edges too", words="More")
        self._overlay = QComboBox()
        self._overlay.setAccessibleName("Published circuit laid over")
        self._overlay.setToolTip("Lay a published circuit of a model of this shape over the board")
        self._overlay.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._overlay.setMaximumWidth(_WIDEST)
        self._search = QLineEdit()
        self._search.setPlaceholderText(_SEARCH)
        self._search.setAccessibleName("Find a node")
        self._search.setToolTip("L5H3, 5.3, m4, embed, logits: Enter brings it into the middle")
        self._search.setClearButtonEnabled(True)
        self._search.setFixedWidth(124)
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self._search.setCompleter(completer)
        self._fit = icon_button("reset", "Show all (0)", words="Show all of the board")
        self._told = ElidedLabel(_HOW, "muted")
        choices = QWidget()
        row = FlowLayout(choices, 8)
        for widget in (self._search, self._amount, self._more, self._fit, self.scope):
            row.addWidget(widget)
        row.addWidget(self._overlay)
        frame = panel(choices, self.chooser, (self.board, 1), self._told, spacing=6)
        column_in(self, (frame, 1))
        self.show_overlays(())
        self._connect(completer)

    def _connect(self, completer: QCompleter) -> None:
        self._amount.activated.connect(self._on_amount)
        self._more.clicked.connect(self._on_more)
        self._fit.clicked.connect(self.board.zooming.fit)
        self.scope.changed.connect(self._on_scope)
        self._overlay.activated.connect(self._on_overlay)
        self._search.returnPressed.connect(self._on_search)
        completer.activated.connect(self._on_search)
        self.board.told.connect(self._on_told)

    # What is shown.

    @property
    def amount(self) -> int:
        """How many edges are drawn at most."""
        return int(self._amount.currentData())

    @property
    def search(self) -> str:
        """What stands in the search box."""
        return self._search.text()

    def show_count(self, drawn: int, there: int) -> None:
        """Offer more where not all are drawn."""
        more = drawn < there and self._amount.currentIndex() < self._amount.count() - 1
        self._more.setEnabled(more)

    def show_names(self, names: Sequence[str]) -> None:
        """Take what the search completes to."""
        if self._names.stringList() != list(names):
            self._names.setStringList(list(names))

    def show_prompts(self, several: bool) -> None:
        """Offer the mean and each prompt where there are several."""
        self.scope.setVisible(several)
        self.chooser.setVisible(several and self.scope.value() == "prompt")

    def show_overlays(self, offered: Sequence[tuple[str, str, str]]) -> None:
        """Offer published circuits, by key, title and source; hidden where there are none."""
        held = [str(self._overlay.itemData(i)) for i in range(1, self._overlay.count())]
        if held != [key for key, _title, _tip in offered] or not self._overlay.count():
            self._overlay.clear()
            self._overlay.addItem("No published circuit", "")
            for key, title, tip in offered:
                self._overlay.addItem(title, key)
                place = self._overlay.count() - 1
                self._overlay.setItemData(place, plain_tip(tip), Qt.ItemDataRole.ToolTipRole)
        self._overlay.setVisible(bool(offered))

    @property
    def overlay(self) -> str:
        """The key of the circuit that is laid over; empty where none is."""
        return str(self._overlay.currentData() or "")

    def read(self) -> dict[str, Any]:
        """Return what is said, and what is drawn."""
        return {
            "told": self._told.full_text(),
            "amount": self.amount,
            "more": self._more.isEnabled(),
            "overlay": "" if self._overlay.isHidden() else self.overlay,
            "board": self.board.read_out(),
        }

    def tell(self, words: str) -> None:
        """Say something in the line beneath the board."""
        self._told.set_full_text(words or _HOW)

    # Answering.

    def _on_told(self, words: str) -> None:
        self.tell(words)

    def _on_amount(self, _index: int) -> None:
        self.amount_changed.emit(self.amount)

    def _on_more(self) -> None:
        self._amount.setCurrentIndex(self._amount.currentIndex() + 1)
        self.amount_changed.emit(self.amount)

    def _on_scope(self, _value: object) -> None:
        self.scope_changed.emit()

    def _on_overlay(self, _index: int) -> None:
        self.overlay_chosen.emit(self.overlay)

    def _on_search(self, _text: object = None) -> None:
        self.searched.emit(self._search.text())
