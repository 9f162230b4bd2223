"""The prompts panel: the table, token strips that follow the typing, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.pictures.words import plural
from desktop_app.views.frame import ElidedLabel, label, scrolled
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.segmented import SegmentedControl, Toggle
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel
from desktop_app.window.frame.parts import tool_button
from desktop_app.window.prompts.live_tokens import LiveTokens
from desktop_app.window.prompts.prompt_model import visible
from desktop_app.window.prompts.prompt_rows import (
    TypedRow,
    find_row,
    first_problem,
    fixed,
    marked,
    marks_of,
    problem,
    to_prompts,
    typed,
    usable_places,
    with_answer,
)
from desktop_app.window.prompts.prompt_steps import TableState, TableSteps
from desktop_app.window.prompts.prompt_table import PromptTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from PySide6.QtGui import QAction

    from desktop_app.contract.params import PromptRow
    from desktop_app.window.frame.undo import UndoDesk

DEBOUNCE_MS = 150
_NAMED = 24


class PromptPanel(QWidget):
    """All that the analyses are asked about.

    Attributes:
        undo: Takes back what was done to the table, among other things.
        steps: What can be taken back of it.

    Signals:
        prompts_changed: 150 ms after the last keystroke, when prompts or shared settings changed.
        prompt_selected: The selected prompt's number among those that can be run.
    """

    prompts_changed = Signal()
    prompt_selected = Signal(int)

    def __init__(self, undo: UndoDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.undo = undo
        self.steps = TableSteps(undo.stack, self._state, self._show_state)
        self.table = PromptTable(self.steps)
        self.live = LiveTokens(self.table.prompts.numbers)
        self.bos = SegmentedControl([("auto", "Auto"), ("yes", "Yes"), ("no", "No")])
        self.chat = Toggle()
        self.problem_label = PlainLabel()
        self._count = ElidedLabel("", "small")  # a label's own width would push the picture
        self._count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._tools = QHBoxLayout()
        self._debounce = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._shared = ("auto", False)
        self._made: tuple[int, list[PromptRow], list[int]] = (-1, [], [])
        self._build()
        self._debounce.timeout.connect(self.prompts_changed)
        self.table.prompts.edited.connect(self._on_edited)
        self.table.row_selected.connect(self._on_row_selected)
        self.bos.changed.connect(self._on_settings_changed)
        self.chat.toggled.connect(self._on_settings_changed)
        undo.stepping.connect(self.table.end_edit)
        self.table.prompts.set_rows([TypedRow()])

    def add_tools(self, actions: Iterable[QAction]) -> None:
        """Put actions as buttons above the table."""
        for place, action in enumerate(actions):
            self._tools.insertWidget(place, tool_button(action))

    def rows(self) -> list[TypedRow]:
        """Return the table as typed."""
        return self.table.prompts.rows()

    def set_prompts(self, prompts: Iterable[PromptRow], step: str = "") -> None:
        """Fill the table; as a step of that name it can be undone."""
        self.set_rows((typed(prompt) for prompt in prompts), step)

    def set_rows(self, rows: Iterable[TypedRow], step: str = "") -> None:
        """Fill the table with rows as typed, whether or not they can be run."""
        filled = list(rows) or [TypedRow()]
        self.table.end_edit()
        if step:
            with self.steps.step(step):
                self.table.prompts.set_rows(filled)
        else:
            self.table.prompts.set_rows(filled)

    def prompts(self) -> tuple[list[PromptRow], list[int]]:
        """Return the ticked prompts that can be run, and the table row of each."""
        revision = self.table.prompts.revision
        if self._made[0] != revision:  # several rooms ask after each change; slow for thousands
            self._made = (revision, *to_prompts(self.rows()))
        _, prompts, places = self._made
        return list(prompts), list(places)

    def all_prompts(self) -> tuple[list[PromptRow], list[int]]:
        """Return the prompts that could be run, ticked or not, and the table row of each."""
        return to_prompts(self.rows(), ticked_only=False)

    def kept(self) -> tuple[list[PromptRow], dict[str, Any]]:
        """Return what a session keeps: the prompts, and the settings with each prompt's marks."""
        prompts, places = self.all_prompts()
        rows = self.rows()
        marks = marks_of([rows[place] for place in places])
        return prompts, {**self.shared_settings(), **({"marks": marks} if marks else {})}

    def set_kept(
        self, prompts: Iterable[PromptRow], marks: object, shared: tuple[str, bool]
    ) -> None:
        """Fill the table and the shared settings with what a session kept."""
        self.table.end_edit()
        with self.steps.step("opening a session's prompts"):
            self.table.prompts.set_rows(marked([typed(p) for p in prompts], marks))
            self.set_shared_settings(shared[0], chat=shared[1])

    def check(self) -> str | None:
        """Return why the table cannot be run, and go to the row, or None."""
        found = first_problem(self.rows())
        if found is None:
            return None
        row, sentence = found
        self.table.select_row(row)
        self._show_problem()
        alone = len(self.rows()) == 1 or problem(self.rows()[row]) is None
        return sentence if alone else f"{self.table.prompts.called(row).capitalize()}: {sentence}"

    def shared_settings(self) -> dict[str, Any]:
        """Return the settings that all analyses share."""
        return {"bos": self.bos.value(), "chat": self.chat.isChecked()}

    def set_shared_settings(self, bos: str, *, chat: bool) -> None:
        """Set them; no step to undo."""
        self._shared = (bos, chat)
        self.bos.set_value(bos)
        self.chat.setChecked(chat)

    def offer_chat(self, offered: bool) -> None:
        """Let the chat template be chosen where the model has one."""
        self.chat.setEnabled(offered)
        if not offered:
            self._shared = (self._shared[0], False)
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
        with self.steps.step(f"fixing {self.table.prompts.called(row)}"):
            self.table.prompts.replace_row(row, fixed(self.rows()[row], fix))
            self.table.select_row(row)
        return True

    def use_text(self, role: str, text: str, row: int) -> None:
        """Make a text the answer, the wrong one or the twin of a row, or `append` it."""
        words = {"answer": "using “{}” as answer", "wrong": "using “{}” as wrong"}
        words["corrupt"] = "using “{}” as corrupt twin"
        said = words.get(role, "appending “{}”").format(visible(text[:_NAMED]))
        with self.steps.step(said):
            self.table.prompts.replace_row(row, with_answer(self.rows()[row], role, text))
            self.table.select_row(row, self.table.current_column())

    def _state(self) -> TableState:
        place = (self.table.current_row(), self.table.current_column())
        return TableState(tuple(self.rows()), *self._shared, place)

    def _show_state(self, state: TableState) -> None:
        """Show the table as it was, or as it is to be again."""
        self.table.prompts.become(state.rows)
        chat = state.chat and self.chat.isEnabled()
        self.set_shared_settings(state.bos, chat=chat)
        self.table.select_row(*state.place)
        self._debounce.start()

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
        filled(self._tools, (self._count, 1), spacing=0)
        choices = (label("BOS"), self.bos, None, label("Chat"), self.chat)
        options = filled(QHBoxLayout(), *choices, spacing=8)
        scroll = scrolled(self.live)
        scroll.setMinimumHeight(72)
        parts = (self._tools, (self.table, 4), self.problem_label, options, (scroll, 4))
        filled(QVBoxLayout(self), *parts, margins=(10, 6, 10, 8), spacing=8)
        self.table.setMinimumHeight(96)

    def _on_edited(self) -> None:
        # Rows above may have gone, or become usable: the current row's number is another one then,
        # and Qt, which moves the current row before it takes rows out, does not tell.
        self._on_row_selected(self.table.current_row())
        self._debounce.start()

    def _on_settings_changed(self) -> None:
        now = (str(self.bos.value()), self.chat.isChecked())
        if now != self._shared:
            what = "BOS" if now[0] != self._shared[0] else "the chat template"
            self.steps.settle()
            before, self._shared = self._state(), now
            self.steps.add(f"changing {what}", before)
        self._debounce.start()

    def _on_row_selected(self, row: int) -> None:
        places = usable_places(self.rows())
        self._show_count(len(places))
        self._show_problem()
        self.live.show_row(row)
        if row in places:
            self.prompt_selected.emit(places.index(row))

    def _show_count(self, usable: int) -> None:
        filled = [place for place, row in enumerate(self.rows()) if not row.is_empty]
        here = self.table.current_row()
        words = "No prompts" if not filled else plural(len(filled), "prompt")
        short = f"{len(filled):,}"
        if here in filled and len(filled) > 1:
            words = f"{filled.index(here) + 1:,} of {words}"
            short = f"{filled.index(here) + 1:,}/{len(filled):,}"
        rows = self.rows()
        ticked = sum(rows[place].ticked for place in filled)
        if ticked < len(filled):  # what a run takes tells more than where one stands
            words = f"{ticked:,} of {len(filled):,} ticked"
            short = f"✓ {ticked:,}/{len(filled):,}"
        unusable = ticked - usable
        told = f"{words}, {unusable:,} unusable" if unusable else words
        self._count.set_full_text(told, f"{short}, {unusable:,} bad" if unusable else short)

    def _show_problem(self) -> None:
        row = self.table.current_row()
        rows = self.rows()
        sentence = problem(rows[row]) if 0 <= row < len(rows) else None
        self.problem_label.setText(sentence or "")
        self.problem_label.setVisible(sentence is not None)
