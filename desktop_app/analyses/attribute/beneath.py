"""What is computed on demand: a head's parts by source position, and the neurons that add most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QWidget

from desktop_app.analyses.attribute import sources as data_of
from desktop_app.analyses.attribute.split import cell_name
from desktop_app.pictures.words import seconds
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import PageStack, column_in, row_of
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.matrix import Cell

LISTED = 50
_LINES = 3
_NO_HEAD = "Select a head to see its sources"
_ONLY_HEADS = "MLPs have no sources: select a head"


def cost_words(result: Result) -> str:
    """Say what one more run takes, by what this one took."""
    return f"one more run: this one took {seconds(result.timing.seconds)}"


def _asked(result: Result) -> str:
    told = cost_words(result)
    return f"{told[0].upper()}{told[1:]}."


class SourcePanel(QWidget):
    """The prompt's tokens, coloured by what the selected head adds from each.

    Signals:
        wanted: The heads are to be split over their sources.
        token_clicked: A position was chosen.
    """

    wanted = Signal()
    token_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._said = ElidedLabel("", "heading"), ElidedLabel("", "small")
        self._button = QPushButton("Split by source")
        self.strip = token_strip("What the head adds from each token")
        self.strip.set_most_lines(_LINES)
        top = row_of((self._title, 1), self._button)
        line = QFrame()
        set_role(line, "separator")
        column_in(self, line, top, self.strip, self._said, spacing=6)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._button.clicked.connect(self.wanted)
        self.strip.token_clicked.connect(self.token_clicked)

    def forbid(self, reason: str) -> None:
        """Offer no run, and say why."""
        self._button.setEnabled(False)
        self._button.setToolTip(plain_tip(reason))

    def show_head(self, result: Result, cell: Cell | None, prompt: int) -> None:
        """Show the sources of a head on a prompt, or how they are come by."""
        known = data_of.has_sources(result)
        heads = int(result.data["head"].shape[1])
        is_head = cell is not None and cell[1] < heads
        self._button.setVisible(not known)
        if self._button.isEnabled():
            self._button.setToolTip(plain_tip(f"For all heads at once: {cost_words(result)}"))
        shown = known and is_head
        self.strip.setVisible(shown)
        self._said.setVisible(shown or not known)
        if cell is None or not is_head:
            self._title.set_full_text(_NO_HEAD if cell is None else _ONLY_HEADS)
            self._said.set_full_text("" if known else _asked(result))
            return
        several = f" of prompt {prompt + 1}" if len(result.prompts) > 1 else ""
        name = cell_name(cell, heads)
        whole = f"What {name} adds from each token{several}"
        self._title.set_full_text(whole, f"{name} by token")
        if not known:
            self._said.set_full_text(_asked(result))
            return
        self.strip.set_tokens(cells(result.prompts[prompt].tokens))
        self.strip.set_read_position(int(result.data["read_position"][prompt]))
        values = data_of.source_values(result, cell, prompt)
        self.strip.set_values(values, value_name=f"adds from here, {name}")
        told = data_of.source_sentence(result, cell, prompt)
        self._said.set_full_text(told, told.partition(":")[0])

    def read(self) -> dict[str, Any]:
        """Return what is said and drawn."""
        return {
            "title": self._title.full_text(),
            "said": "" if self._said.isHidden() else self._said.full_text(),
            "offered": not self._button.isHidden(),
            "texts": () if self.strip.isHidden() else self.strip.texts(),
        }


class NeuronPage(QWidget):
    """The neurons of largest contributions, or the button that lists them.

    Signals:
        wanted: They are to be listed.
        layer_chosen: The layer of the neuron that was clicked.
    """

    wanted = Signal()
    layer_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._said = ElidedLabel("", "small")
        self.list = RankingList("Neurons by what they add")
        self.list.set_fitting(22, 34)
        self._empty = EmptyState("attribute", "Which neurons write it?", "", "")
        table = QWidget()
        column_in(table, self._said, (self.list, 1), spacing=4)
        self._pages = PageStack(self._empty, table)
        column_in(self, self._pages)
        self._can_run = True
        self._empty.action_clicked.connect(self.wanted)
        self.list.row_selected.connect(self._on_row_selected)

    def forbid(self) -> None:
        """Offer no run."""
        self._can_run = False

    def show_result(self, result: Result, prompt: int) -> None:
        """Show the neurons of a prompt, or how they are come by."""
        known = data_of.has_neurons(result)
        self._pages.setCurrentIndex(int(known))
        if known:
            self._said.set_full_text(data_of.neuron_sentence(result, prompt))
            self.list.set_ranking(data_of.neurons(result, prompt))
            return
        told = f"List the {LISTED} MLP neurons that add or take away most: {cost_words(result)}."
        button = f"List {LISTED} neurons" if self._can_run else ""
        self._empty.set_content("attribute", "Which neurons write it?", told, button)

    def read(self) -> dict[str, Any]:
        """Return what is said and listed."""
        known = self._pages.currentIndex() == 1
        return {
            "said": self._said.full_text() if known else self._empty.accessibleDescription(),
            "rows": self.list.texts() if known else [],
        }

    def _on_row_selected(self, key: tuple[int, int]) -> None:
        self.layer_chosen.emit(key[0])
