"""Beside the board: the list of its edges, and the circuit that is tried by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from desktop_app.support.guard import override
from desktop_app.views.certainty import CertaintyChoice
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel, scrolled
from desktop_app.widgets.basics.icons import bind_icon, icon_button
from desktop_app.widgets.basics.layouts import FlowLayout, column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Hashable

    from PySide6.QtCore import QObject

    from desktop_app.pictures.ranking import Ranking

# Below this the rows of the list need the room of the choice of certainty.
_ROOMY = 400
_LEAST = 300
_NAME = 120
_TOGGLES = {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}


class CircuitPanel(QWidget):
    """The circuit as it stands: what it does, ways back, a test against chance, a name for it.

    Signals:
        undo_asked, redo_asked, reset_asked: Go through what was tried.
        test_asked: Score it again beside random circuits of as many edges.
        save_asked: Keep it under a name.
    """

    undo_asked = Signal()
    redo_asked = Signal()
    reset_asked = Signal()
    test_asked = Signal()
    save_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = label("Hypothesis", "heading")
        self._sentence = label("", "muted", wrap=True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._undo = icon_button("undo", "Undo the last change of the circuit (Ctrl+Z)")
        self._redo = icon_button("redo", "Redo it")
        self._reset = icon_button("reset", "Back to the circuit that it began with")
        self._test = QPushButton("Test")
        self._test.setAccessibleName("Test against chance")
        self._test.setToolTip("Score it beside random circuits of as many edges")
        set_role(self._test, "quiet")
        self._name = QLineEdit()
        self._name.setPlaceholderText("Name this hypothesis")
        self._name.setAccessibleName("Name of the hypothesis")
        self._name.setMaxLength(_NAME)
        self._save = QPushButton("Save")
        self._save.setToolTip("Keep it in the history under this name, with a star")
        bind_icon(self._save, "star")
        top = row_of((self._title, 1), self._test, self._undo, self._redo, self._reset, spacing=2)
        below = row_of((self._name, 1), self._save)
        room = scrolled(self._sentence, "What the circuit does")
        column_in(self, top, (room, 1), below, spacing=6)
        self._undo.clicked.connect(self.undo_asked)
        self._redo.clicked.connect(self.redo_asked)
        self._reset.clicked.connect(self.reset_asked)
        self._test.clicked.connect(self.test_asked)
        self._save.clicked.connect(self._on_save)
        self._name.returnPressed.connect(self._on_save)
        self._name.textChanged.connect(self._on_named)
        self._scored = False

    def show_state(self, sentence: str, *, ways: tuple[bool, bool, bool], scored: bool) -> None:
        """Say what the circuit does, which ways there are (back, forth, to the start), and more."""
        self._sentence.setText(sentence)
        for button, there in zip((self._undo, self._redo, self._reset), ways, strict=True):
            button.setEnabled(there)
        self._scored = scored
        self._test.setEnabled(scored)
        self._name.setEnabled(scored)
        self._on_named()

    def begin_anew(self) -> None:
        """Another circuit begins: it has no name."""
        self._name.clear()

    def read(self) -> dict[str, Any]:
        """Return what is said and what can be done."""
        return {
            "circuit": self._sentence.text(),
            "undo": self._undo.isEnabled(),
            "redo": self._redo.isEnabled(),
            "reset": self._reset.isEnabled(),
            "scored": self._scored,
        }

    def _on_named(self, _text: str = "") -> None:
        self._save.setEnabled(self._scored and bool(self._name.text().strip()))

    def _on_save(self) -> None:
        name = self._name.text().strip()
        if name and self._save.isEnabled():
            self.save_asked.emit(name)


class EdgeSide(QWidget):
    """The list above, the circuit below; which edges are listed is chosen.

    Signals:
        filter_changed: Other edges are to be listed.
        toggled: The keys of edges that are to be taken out or put back.
    """

    filter_changed = Signal()
    toggled = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.filter = SegmentedControl([("all", "Board"), ("node", "Selected node")])
        self.filter.setToolTip("List the edges on the board, or all of the selected node")
        self.list = RankingList("Edges by effect")
        self.list.set_empty_text("No edge to list. Select a node, or run the analysis.")
        self.note = ElidedLabel("", "small")
        self._toggle = QPushButton("Take out")
        self._toggle.setToolTip(
            "Take the selected edges out of the circuit, or put them back (Del)"
        )
        set_role(self._toggle, "quiet")
        bind_icon(self._toggle, "remove")
        self.circuit = CircuitPanel()
        choices = QWidget()
        row = FlowLayout(choices, 6)
        row.addWidget(self.filter)
        row.addWidget(self._toggle)
        self.certainty = CertaintyChoice()
        row.addWidget(self.certainty)
        upper = panel(choices, (self.list, 1), self.note)
        lower = panel(self.circuit)
        split = gap_splitter(Qt.Orientation.Vertical, (upper, 3, 220), (lower, 1, 150))
        column_in(self, split)
        self.setMinimumWidth(_LEAST)
        self.list.installEventFilter(self)
        self._toggle.clicked.connect(self._on_toggle)
        self.filter.changed.connect(self._on_filter)
        self.list.row_selected.connect(self._on_row)
        self.list.rows_picked.connect(self._on_picked)
        self._outside: frozenset[Hashable] = frozenset()
        self._several: tuple[int, ...] = ()
        self._is_told = False

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.certainty.give_room(event.size().height() >= _ROOMY)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if pressed and event.key() in _TOGGLES and not event.modifiers():  # type: ignore[attr-defined]
            self._on_toggle()
            return True
        return super().eventFilter(watched, event)

    def show_edges(self, ranking: Ranking, outside: frozenset[Hashable], note: str) -> None:
        """List edges; those outside the circuit are marked."""
        self._outside = outside
        self.list.set_ranking(ranking)
        self.note.set_full_text(note)
        self._on_selected()

    def read(self) -> dict[str, Any]:
        """Return what is listed."""
        return {
            "list": self.list.texts(),
            "keys": [row.key for row in self.list.ranking.rows],
            "note": self.note.full_text(),
            "toggle": self._toggle.text(),
            "certainty": self.certainty.read_out(),
            **self.circuit.read(),
        }

    def selected(self) -> list[int]:
        """Return the edges that are selected in the list."""
        chosen = self.list.selected_key()
        if chosen is None:
            return []
        return list(self._several) if chosen in self._several else [chosen]

    def _on_picked(self, chosen: tuple[int, ...], _let_go: tuple[int, ...]) -> None:
        # The row that is selected last follows at once.
        self._several, self._is_told = (chosen if len(chosen) > 1 else ()), True

    def _on_row(self, _key: object) -> None:
        if not self._is_told:
            self._several = ()
        self._is_told = False
        self._on_selected()

    def show_toggle(self) -> None:
        """Say what the button does with the selected edge."""
        self._on_selected()

    def _on_selected(self) -> None:
        chosen = self.list.selected_key()
        self._toggle.setEnabled(chosen is not None)
        is_out = chosen in self._outside
        self._toggle.setText("Put back" if is_out else "Take out")
        bind_icon(self._toggle, "add" if is_out else "remove")

    def _on_toggle(self) -> None:
        if chosen := self.selected():
            self.toggled.emit(chosen)

    def _on_filter(self, _value: object) -> None:
        self.filter_changed.emit()
