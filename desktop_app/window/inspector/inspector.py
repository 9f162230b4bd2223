"""The inspector: what is known of the selected head and token, and the session's notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.registry import ANALYSES
from desktop_app.pictures.words import part_name
from desktop_app.widgets.basics.theme import set_role
from desktop_app.window.frame.parts import heading, muted_label, wrapped
from desktop_app.window.inspector.inspector_data import (
    Fact,
    ablation_facts,
    attention_facts,
    detector_facts,
    head_pattern,
    patch_facts,
    token_facts,
)
from desktop_app.window.inspector.small_pattern import SmallPattern
from desktop_app.window.runs.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.params import PromptRow
    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection

_LONGEST_SMALL_PATTERN = 48
_NOTES_DELAY_MS = 800
# Results that speak of heads; those of the second kind hold for a prompt with its answers only.
_OF_HEADS = ("ablate", "patch", "attention", "detect")
_OF_ANSWERS = frozenset({"ablate", "patch"})
_VALUE_HEIGHT = 19  # room for accents above capitals, as in “Ġ”


class Inspector(QWidget):
    """Listens to the selection and to the results on screen.

    Signals:
        notes_changed: The notes' text, a moment after the last keystroke.
    """

    notes_changed = Signal(str)

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = selection
        self._results: dict[str, Result] = {}
        self._asked: dict[str, Asked] = {}
        self._tokens: Result | None = None
        self._table: Sequence[PromptRow] = ()
        self._head_title = heading("Head")
        self._head_facts = _Facts()
        self._head_hint = wrapped("Choose a head in any picture to see what is known of it.")
        self.pattern = SmallPattern()
        self.open_button = QPushButton("Open attention")
        self._token_title = heading("Token")
        self._token_facts = _Facts()
        self._token_hint = wrapped("Choose a token in any strip.")
        self.notes = QPlainTextEdit()
        self._notes_timer = QTimer(self)
        self._notes_timer.setSingleShot(True)
        self._notes_timer.setInterval(_NOTES_DELAY_MS)
        self._build()
        self._connect()
        self.refresh()

    def show_result(self, result: Result) -> None:
        """Take a result into account; the newest of each analysis counts."""
        self._results[result.analysis] = result
        self._asked[result.analysis] = Asked.of(result)
        self.refresh()

    def show_tokens(self, result: Result | None) -> None:
        """Take the tokens of the prompt table into account."""
        self._tokens = result
        self._refresh_token()

    def show_table(self, rows: Sequence[PromptRow]) -> None:
        """Take over the prompts of the table; results that are not of them do not count."""
        self._table = tuple(rows)
        self.refresh()

    def forget(self) -> None:
        """Let go of all results."""
        self._results.clear()
        self._asked.clear()
        self._tokens = None
        self.refresh()

    def set_notes(self, notes: str) -> None:
        """Show the notes of the session."""
        self.notes.blockSignals(True)
        self.notes.setPlainText(notes)
        self.notes.blockSignals(False)

    def flush_notes(self) -> None:
        """Do not wait for the next keystroke any longer."""
        if self._notes_timer.isActive():
            self._notes_timer.stop()
            self._on_notes_timeout()

    def refresh(self) -> None:
        """Show everything anew."""
        self._refresh_head()
        self._refresh_token()

    def _build(self) -> None:
        self.pattern.setAccessibleName("Small attention pattern of the selected head")
        set_role(self.open_button, "quiet")
        self.open_button.setToolTip("Show this head large in the attention tab")
        self.notes.setPlaceholderText("Notes, kept with the session")
        self.notes.setAccessibleName("Notes")
        self.notes.setTabChangesFocus(True)
        self.notes.setMinimumHeight(64)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        for widget in (self._head_title, self._head_hint, self._head_facts, self.pattern):
            column.addWidget(widget)
        column.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(8)
        for widget in (self._token_title, self._token_hint, self._token_facts):
            column.addWidget(widget)
        column.addSpacing(8)
        column.addWidget(heading("Notes"))
        column.addWidget(self.notes, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.setMinimumWidth(220)

    def _connect(self) -> None:
        self._selection.head_changed.connect(self._on_head_changed)
        self._selection.position_changed.connect(self._on_position_changed)
        self._selection.prompt_changed.connect(self._on_prompt_changed)
        self._selection.pair_changed.connect(self.pattern.set_selected)
        self.pattern.pair_selected.connect(self._selection.select_pair)
        self.open_button.clicked.connect(self._on_open_clicked)
        self.notes.textChanged.connect(self._notes_timer.start)
        self._notes_timer.timeout.connect(self._on_notes_timeout)

    def _refresh_head(self) -> None:
        layer, head = self._selection.layer, self._selection.head
        self._head_hint.setVisible(layer is None)
        self.open_button.setVisible(head is not None)
        if layer is None:
            self._head_title.setText("Head")
            self._head_facts.set_facts(())
            self.pattern.hide()
            return
        self._head_title.setText(part_name(layer, head) if head is not None else f"Layer {layer}")
        self._head_facts.set_facts(self._facts_of_head(layer, head))
        drawn = None
        if head is not None:
            attention, place = self._here("attention")
            drawn = head_pattern(attention, layer, head, place, _LONGEST_SMALL_PATTERN)
        self.pattern.setVisible(drawn is not None)
        if drawn is not None:
            self.pattern.show_pattern(*drawn)
            self.pattern.set_selected(self._selection.pair)

    def _facts_of_head(self, layer: int, head: int | None) -> list[Fact]:
        ablation, place = self._here("ablate")
        facts = ablation_facts(ablation, layer, head, place)
        patching, place = self._here("patch")
        facts += patch_facts(patching, layer, head, place, self._selection.position)
        if head is not None:
            attention, place = self._here("attention")
            facts += attention_facts(attention, layer, head, place)
            facts += detector_facts(self._here("detect")[0], layer, head)
        others = [n for n in _OF_HEADS if n in self._results and self._here(n)[0] is None]
        if others:
            titles = ", ".join(ANALYSES[name].title for name in others)
            return [*facts, Fact(f"{titles}: made for other prompts. Run again.", "")]
        return facts or [Fact("Run Ablation, Attention or Heads to fill this.", "")]

    def _here(self, name: str) -> tuple[Result | None, int]:
        """Return an analysis' result and where it speaks of the table's selected prompt.

        Without a result where it does not speak of that prompt.
        """
        result, number = self._results.get(name), self._selection.prompt
        asked = self._asked.get(name)
        if result is None or asked is None or asked.rows is None or not self._table:
            return result, number
        if name == "detect":
            return (result if asked.is_of_table(self._table) else None), number
        if number >= len(self._table):
            return None, number
        place = asked.place_of(self._table[number], number, whole=name in _OF_ANSWERS)
        return (None, number) if place is None else (result, place)

    def _refresh_token(self) -> None:
        position = self._selection.position
        self._token_hint.setVisible(position is None)
        facts: list[Fact] = []
        if position is not None:
            tokens = self._tokens, self._selection.prompt
            facts = token_facts(tokens, self._here("rank"), position)
        self._token_facts.set_facts(facts)

    def _on_head_changed(self) -> None:
        self._refresh_head()

    def _on_position_changed(self) -> None:
        self.refresh()  # patching has a value per position

    def _on_prompt_changed(self) -> None:
        self.refresh()

    def _on_open_clicked(self) -> None:
        if self._selection.layer is not None and self._selection.head is not None:
            self._selection.open_attention(self._selection.layer, self._selection.head)

    def _on_notes_timeout(self) -> None:
        self.notes_changed.emit(self.notes.toPlainText())


class _Facts(QWidget):
    """Lines of names and values."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)

    def set_facts(self, facts: Sequence[Fact]) -> None:
        """Show these lines in place of the old ones."""
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for row, fact in enumerate(facts):
            name = wrapped(fact.name, "muted")
            self._grid.addWidget(name, row, 0, 1, 1 if fact.value else 2)
            if fact.value:
                value = muted_label(fact.value, "mono")
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                value.setToolTip(fact.tip)
                value.setMinimumHeight(_VALUE_HEIGHT)
                self._grid.addWidget(value, row, 1)
            name.setToolTip(fact.tip)
        self.setVisible(bool(facts))
