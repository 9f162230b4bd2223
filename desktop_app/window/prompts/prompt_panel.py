"""The prompts panel: the table, token strips that follow the typing, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.pictures.words import plural
from desktop_app.views.frame import label, scrolled
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.segmented import SegmentedControl, Toggle
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel
from desktop_app.window.frame.parts import tool_button
from desktop_app.window.prompts.live_tokens import LiveTokens
from desktop_app.window.prompts.prompt_rows import (
    TypedRow,
    find_row,
    first_problem,
    fixed,
    problem,
    to_prompts,
    typed,
)
from desktop_app.window.prompts.prompt_table import PromptTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from PySide6.QtGui import QAction

    from desktop_app.contract.params import PromptRow

DEBOUNCE_MS = 150


class PromptPanel(QWidget):
    """All that the analyses are asked about.

    Signals:
        prompts_changed: 150 ms after the last keystroke, when prompts or shared settings changed.
        prompt_selected: The selected prompt's number among those that can be run.
    """

    prompts_changed = Signal()
    prompt_selected = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = PromptTable()
        self.live = LiveTokens()
        self.bos = SegmentedControl([("auto", "Auto"), ("yes", "Yes"), ("no", "No")])
        self.chat = Toggle()
        self.problem_label = PlainLabel()
        self._count = label("", "small")
        self._tools = QHBoxLayout()
        self._debounce = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._build()
        self._debounce.timeout.connect(self.prompts_changed)
        self.table.prompts.edited.connect(self._on_edited)
        self.table.row_selected.connect(self._on_row_selected)
        self.bos.changed.connect(self._on_settings_changed)
        self.chat.toggled.connect(self._on_settings_changed)
        self.table.prompts.set_rows([TypedRow()])

    def add_tools(self, actions: Iterable[QAction]) -> None:
        """Put actions as buttons above the table."""
        for place, action in enumerate(actions):
            self._tools.insertWidget(place, tool_button(action))

    def rows(self) -> list[TypedRow]:
        """Return the table as typed."""
        return self.table.prompts.rows()

    def set_prompts(self, prompts: Iterable[PromptRow]) -> None:
        """Fill the table."""
        self.set_rows(typed(prompt) for prompt in prompts)

    def set_rows(self, rows: Iterable[TypedRow]) -> None:
        """Fill the table with rows as typed, whether or not they can be run."""
        self.table.prompts.set_rows(list(rows) or [TypedRow()])

    def prompts(self) -> tuple[list[PromptRow], list[int]]:
        """Return the prompts that can be run, and the table row of each."""
        return to_prompts(self.rows())

    def check(self) -> str | None:
        """Return why the table cannot be run, and go to the row, or None."""
        found = first_problem(self.rows())
        if found is None:
            return None
        row, sentence = found
        self.table.select_row(row)
        self._show_problem()
        return sentence if len(self.rows()) == 1 else f"Prompt {row + 1}: {sentence}"

    def shared_settings(self) -> dict[str, Any]:
        """Return the settings that all analyses share."""
        return {"bos": self.bos.value(), "chat": self.chat.isChecked()}

    def set_shared_settings(self, bos: str, *, chat: bool) -> None:
        """Set them."""
        self.bos.set_value(bos)
        self.chat.setChecked(chat)

    def offer_chat(self, offered: bool) -> None:
        """Let the chat template be chosen where the model has one."""
        self.chat.setEnabled(offered)
        if not offered:
            self.chat.setChecked(False)

    def select_prompt(self, number: int) -> None:
        """Select the prompt of that number among those that can be run."""
        places = self.prompts()[1]
        if number < len(places) and places[number] != self.table.current_row():
            self.table.select_row(places[number], max(0, self.table.currentIndex().column()))

    def apply_fix(self, fix: Mapping[str, Any], prompt: str | None) -> bool:
        """Apply a repair to the row that holds the text `prompt`; return whether there is one."""
        index = fix.get("index")
        row = find_row(self.rows(), prompt, index if isinstance(index, int) else 0)
        if row is None:
            return False
        self.table.prompts.replace_row(row, fixed(self.rows()[row], fix))
        self.table.select_row(row)
        return True

    def flush(self) -> None:
        """Do not wait for the next keystroke any longer."""
        if self._debounce.isActive():
            self._debounce.stop()
            self.prompts_changed.emit()

    def _build(self) -> None:
        set_role(self.problem_label, "problem")
        self.problem_label.setWordWrap(True)
        self.problem_label.hide()
        self.bos.setAccessibleName("Beginning-of-sequence token")
        self.bos.setToolTip("Whether a BOS token goes first; auto does what the tokenizer does")
        self.chat.setAccessibleName("Chat template")
        self.chat.setToolTip("Treat each prompt as a user message under the chat template")
        filled(self._tools, None, self._count, spacing=2)
        choices = (label("BOS"), self.bos, None, label("Chat"), self.chat)
        options = filled(QHBoxLayout(), *choices, spacing=8)
        scroll = scrolled(self.live)
        scroll.setMinimumHeight(120)
        parts = (self._tools, (self.table, 4), self.problem_label, options, (scroll, 4))
        filled(QVBoxLayout(self), *parts, margins=(10, 6, 10, 8), spacing=8)
        self.table.setMinimumHeight(96)

    def _on_edited(self) -> None:
        # Rows above may have gone, or become usable: the current row's number is another one then,
        # and Qt, which moves the current row before it takes rows out, does not tell.
        self._on_row_selected(self.table.current_row())
        self._debounce.start()

    def _on_settings_changed(self) -> None:
        self._debounce.start()

    def _on_row_selected(self, row: int) -> None:
        places = self.prompts()[1]
        self._show_count(len(places))
        self._show_problem()
        self.live.show_row(row)
        if row in places:
            self.prompt_selected.emit(places.index(row))

    def _show_count(self, usable: int) -> None:
        filled = [place for place, row in enumerate(self.rows()) if not row.is_empty]
        here = self.table.current_row()
        words = "No prompts" if not filled else plural(len(filled), "prompt")
        if here in filled and len(filled) > 1:
            words = f"{filled.index(here) + 1:,} of {words}"
        unusable = len(filled) - usable
        self._count.setText(f"{words}, {unusable:,} unusable" if unusable else words)

    def _show_problem(self) -> None:
        row = self.table.current_row()
        rows = self.rows()
        sentence = problem(rows[row]) if 0 <= row < len(rows) else None
        self.problem_label.setText(sentence or "")
        self.problem_label.setVisible(sentence is not None)
