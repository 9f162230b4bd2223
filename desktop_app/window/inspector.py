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

from desktop_app.views.words import part_name
from desktop_app.widgets.theme import set_role
from desktop_app.window.inspector_data import (
    Fact,
    ablation_facts,
    attention_facts,
    detector_facts,
    head_pattern,
    patch_facts,
    token_facts,
)
from desktop_app.window.parts import heading, muted_label, wrapped
from desktop_app.window.small_pattern import SmallPattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.result import Result
    from desktop_app.widgets.selection import Selection

_LONGEST_SMALL_PATTERN = 48
_NOTES_DELAY_MS = 800
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
        self._tokens: Result | None = None
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
        self.refresh()

    def show_tokens(self, result: Result | None) -> None:
        """Take the tokens of the prompt table into account."""
        self._tokens = result
        self._refresh_token()

    def forget(self) -> None:
        """Let go of all results."""
        self._results.clear()
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
        layer, head, prompt = self._selection.layer, self._selection.head, self._selection.prompt
        ablation, attention = self._results.get("ablate"), self._results.get("attention")
        self._head_hint.setVisible(layer is None)
        self.open_button.setVisible(head is not None)
        if layer is None:
            self._head_title.setText("Head")
            self._head_facts.set_facts(())
            self.pattern.hide()
            return
        self._head_title.setText(part_name(layer, head) if head is not None else f"Layer {layer}")
        facts = ablation_facts(ablation, layer, head, prompt)
        facts += patch_facts(
            self._results.get("patch"), layer, head, prompt, self._selection.position
        )
        if head is not None:
            facts += attention_facts(attention, layer, head, prompt)
            facts += detector_facts(self._results.get("detect"), layer, head)
        if not facts:
            facts = [Fact("Run Ablation, Attention or Heads to fill this.", "")]
        self._head_facts.set_facts(facts)
        drawn = None
        if head is not None:
            drawn = head_pattern(attention, layer, head, prompt, _LONGEST_SMALL_PATTERN)
        self.pattern.setVisible(drawn is not None)
        if drawn is not None:
            self.pattern.show_pattern(*drawn)
            self.pattern.set_selected(self._selection.pair)

    def _refresh_token(self) -> None:
        position = self._selection.position
        self._token_hint.setVisible(position is None)
        facts: list[Fact] = []
        if position is not None:
            facts = token_facts(
                self._tokens, self._results.get("rank"), self._selection.prompt, position
            )
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
