"""The composition view: all pairs of heads beside chance, the strongest ones, and circuits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.compose import picture as data_of
from desktop_app.pictures.ranking import Column
from desktop_app.pictures.words import number, part_name
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import PageStack, column_in, row_of
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.segmented import Pages, SegmentedControl
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.compose.picture import CircuitPicture, Pair, PairMap
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
        column_in(self, panel(self.title, self.sentence, self.table, (self.map, 1)))

    def show_circuit(self, shown: CircuitPicture) -> None:
        """Show a circuit."""
        self.title.setText(shown.title)
        self.sentence.setText(shown.sentence)
        self.table.set_rows(shown.rows)
        self.map.setVisible(shown.block is not None)
        if shown.block is not None:
            self.map.show_maps(shown.block)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        maps = () if self.map.isHidden() else self.map.maps()
        return {"title": self.title.text(), "sentence": self.sentence.text(), "maps": maps}


class CircuitPanels(QWidget):
    """The circuits of a result side by side, or how to ask for one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown = 0
        self.empty = EmptyState(
            "circuit",
            "No circuit in this result",
            "Choose a pair in the composition map and follow it over the vocabulary, or name one "
            "in the settings.",
            "Open the settings",
        )
        self.panels = (CircuitPanel(), CircuitPanel())
        split = Reflow(*((shown, 1, 1, 360) for shown in self.panels))
        self._pages = PageStack(self.empty, split)
        column_in(self, self._pages)

    def show_result(self, result: Result) -> None:
        """Show the circuits of a result."""
        found = data_of.circuits(result)
        self._pages.setCurrentIndex(1 if found else 0)
        for place, shown in enumerate(self.panels):
            shown.setVisible(place < len(found))
            if place < len(found):
                shown.show_circuit(found[place])
        self.shown = len(found)


_HINT = "Choose a pair for all its numbers."


class ComposeView(AnalysisView):
    """Later heads by earlier heads at the left, the strongest pairs at the right; or circuits."""

    picks = True
    EMPTY = (
        "Which head reads which?",
        "Run it to compare all pairs of heads with chance; only weights are read.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._shown: PairMap | None = None
        self._pair: Pair | None = None
        self._kind = SegmentedControl(
            [("K", "K (keys)"), ("Q", "Q (queries)"), ("V", "V (values)")]
        )
        self._kind.setToolTip("K-, Q- or V-composition: which input of the later head is fed")
        self._chance = ElidedLabel("", "small")
        self._map = Heatmap()
        self._circuits = CircuitPanels()
        top = row_of(self._kind, None)
        shown = panel(top, self._chance, (self._map, 1))
        split = Reflow((shown, 3, 580, 340), (self._build_side(), 2, 420, 260))
        self.pages = Pages(
            ("pairs", "Composition", split), ("circuits", "Circuits", self._circuits)
        )
        column_in(content, (self.pages, 1))
        self._connect_picture()

    def _build_side(self) -> QWidget:
        self._scope = SegmentedControl([("all", "All pairs"), ("head", "Selected head")])
        self._scope.setToolTip("List all pairs, or those that the selected head takes part in")
        self._table = RankingList("Strongest pairs", sortable=True)
        self._table.set_empty_text("No pair has the selected head; click one in the map.")
        self._sentence = label(_HINT, "muted", wrap=True)
        self._circuit_button = QPushButton("Full circuit")
        self._circuit_button.setToolTip("Follow this pair over the vocabulary: run with it")
        bind_icon(self._circuit_button, "circuit")
        self._copy_button = QPushButton("Copying")
        self._copy_button.setToolTip("Does the later head write the token it reads? Run with it")
        bind_icon(self._copy_button, "copy")
        buttons = row_of(self._circuit_button, self._copy_button, None)
        frame = panel(row_of(self._scope, None), (self._table, 1), self._sentence, buttons)
        # Narrower, the scores would be cut.
        frame.setMinimumWidth(322)
        return frame

    def _connect_picture(self) -> None:
        self._kind.changed.connect(self._on_kind_changed)
        self._scope.changed.connect(self._list_pairs)
        self._map.cell_clicked.connect(self._on_cell_clicked)
        self._map.cell_activated.connect(self._on_cell_activated)
        self._map.let_pick()
        self._map.cells_picked.connect(self._on_cells_picked)
        self._table.rows_picked.connect(self._on_rows_picked)
        self.selection.picked_changed.connect(self._on_picked)
        self._table.row_selected.connect(self._choose)
        self._circuit_button.clicked.connect(self._on_circuit_clicked)
        self._copy_button.clicked.connect(self._on_copy_clicked)
        self._circuits.empty.action_clicked.connect(self._on_settings_wanted)
        self.selection.head_changed.connect(self._on_head_changed)

    # Drawing.

    @override
    def draw_new(self, result: Result) -> None:
        self._pair = None
        self.draw_result(result)
        self.pages.turn_to("circuits" if self._circuits.shown else "pairs")

    @override
    def draw_result(self, result: Result) -> None:
        self._circuits.show_result(result)
        held = data_of.kinds(result)
        for kind in "KQV":
            self._kind.set_option_enabled(kind, kind in held, "" if kind in held else "Not run")
        if self._kind.value() not in held:
            self._kind.set_value(held[0])
        self._draw_kind(result)

    def _draw_kind(self, result: Result) -> None:
        kind = str(self._kind.value())
        shown = self._shown = data_of.pair_map(result, kind)
        self._chance.set_full_text(f"Without colour: chance, {data_of.baseline_text(shown)}")
        self._map.show_maps(shown.matrix(result, kind))
        self._list_pairs()
        self._show_pair(result)
        self._on_picked()

    def _list_pairs(self, _scope: object = None) -> None:
        if self._shown is None:
            return
        layer, head = self.selection.layer, self.selection.head
        only = None
        if self._scope.value() == "head":
            only = (-1 if layer is None else layer, -1 if head is None else head)
        self._table.set_ranking(data_of.top_pairs(self._shown, only))
        self._on_picked()

    def _show_pair(self, result: Result) -> None:
        pair = self._pair
        cell = None if self._shown is None else data_of.cell_of(self._shown, pair)
        self._map.set_selected(*(cell if cell is not None else (None, None)))
        if pair is not None:
            self._table.select_key(pair)
        self._sentence.setText(_HINT if pair is None else data_of.pair_sentence(result, pair))
        for button in (self._circuit_button, self._copy_button):
            button.setVisible(pair is not None)
        if pair is not None:
            self._copy_button.setText(f"Copying of {part_name(*pair[1])}")

    @override
    def picture_widget(self) -> QWidget:
        """Return what an export draws: the map, or the circuits."""
        return self._circuits if self.pages.page() == "circuits" else self._map

    @override
    def read_picture(self) -> dict[str, Any]:
        panels = self._circuits.panels[: self._circuits.shown]
        return {
            "page": self.pages.page(),
            "kind": self._kind.value(),
            "chance": self._chance.full_text(),
            "maps": self._map.maps(),
            "selected": self._map.selected(),
            "told": self._sentence.text(),
            "pairs": self._table.texts(),
            "chosen": self._table.selected_key(),
            "circuits": [panel.read() for panel in panels],
        }

    # Answering.

    def _choose(self, pair: Pair | None) -> None:
        if self._result is None or pair is None:
            return
        self._pair = pair
        self._show_pair(self._result)
        head = (self.selection.layer, self.selection.head)
        if head not in pair:
            self.selection.select_head(*pair[1])

    def _on_kind_changed(self, _kind: object) -> None:
        if self._result is not None:
            self._draw_kind(self._result)

    def _on_head_changed(self, _head: object) -> None:
        if self._result is not None and self._scope.value() == "head":
            self._list_pairs()

    def _on_cell_clicked(self, row: int, column: int) -> None:
        if self._shown is not None:
            self._choose(data_of.pair_at(self._shown, row, column))

    def _on_cell_activated(self, row: int, column: int) -> None:
        pair = None if self._shown is None else data_of.pair_at(self._shown, row, column)
        if pair is not None:
            self.open_attention(*pair[1])

    def _on_picked(self, _picked: object = None) -> None:
        """Mark the pairs of two picked heads."""
        shown, picked = self._shown, set(self.selection.picked)
        if shown is None:
            return
        rows = [i for i, head in enumerate(shown.later) if head in picked]
        columns = [j for j, head in enumerate(shown.earlier) if head in picked]
        cells = [(i, j) for i in rows for j in columns]
        self._map.set_picked(cell for cell in cells if data_of.pair_at(shown, *cell) is not None)
        rows_of = [row.key for row in self._table.ranking.rows]
        self._table.set_marked([pair for pair in rows_of if picked.issuperset(pair)])

    def _on_cells_picked(self, cells: tuple[tuple[int, int], ...]) -> None:
        """Pick both heads of every pair."""
        if self._shown is not None:
            pairs = (data_of.pair_at(self._shown, *cell) for cell in cells)
            self.selection.toggle_picked(head for pair in pairs if pair for head in pair)

    def _on_rows_picked(self, chosen: tuple[Pair, ...], let_go: tuple[Pair, ...]) -> None:
        kept = {head for pair in chosen for head in pair}
        gone = {head for pair in let_go for head in pair}
        self.selection.pick_rows(kept, gone - kept)

    def _on_circuit_clicked(self) -> None:
        if self._pair is not None:
            self.run_with(full_circuit=",".join(data_of.dotted(head) for head in self._pair))

    def _on_copy_clicked(self) -> None:
        if self._pair is not None:
            self.run_with(ov=data_of.dotted(self._pair[1]))

    def _on_settings_wanted(self) -> None:
        self._settings.set_open(True)


VIEW = ComposeView
