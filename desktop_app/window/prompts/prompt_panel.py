"""The prompts panel: the table, token strips that follow the typing, and what is wrong."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.pictures.words import plural
from desktop_app.support.errors import LensbenchError
from desktop_app.text.prompts import read_prompts, write_prompts
from desktop_app.views.frame import ElidedLabel, by_code, label, scrolled, severity
from desktop_app.widgets.basics.chip import ChipRow, ChipSpec
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.segmented import SegmentedControl, Toggle
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel
from desktop_app.widgets.tokens.token_paint import TokenCell
from desktop_app.widgets.tokens.token_strip import MOST_TOKENS, TokenStrip
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.frame.parts import tool_button
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
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from PySide6.QtGui import QAction

    from desktop_app.contract.params import PromptRow
    from desktop_app.contract.result import Notice, PromptRecord, Result, TokenList
    from desktop_app.window.frame.actions import ActionBook, ActionSpec
    from desktop_app.window.frame.hall import Hall

_WAITING = "Tokens appear here as you type."
DEBOUNCE_MS = 150
_BUTTONS = (
    *("new_prompt", "copy_prompt", "remove_prompt"),
    *("paste_prompts", "open_prompts", "save_prompts"),
)


class LiveTokens(QWidget):
    """Strips and chips of one prompt of the table.

    Signals:
        fix_requested: A Notice whose repair should be applied.
        tokens_shown: The tokens of the table changed (a Result or None).
    """

    fix_requested = Signal(object)
    tokens_shown = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.strip, self.corrupt_strip = TokenStrip(), TokenStrip()
        self.chips = ChipRow()
        self._title = label("Tokens", "heading")
        self._facts = label("", "small")
        self._corrupt_title = label("Corrupt twin", "heading")
        self._corrupt_facts = label("", "small")
        self._message = label(_WAITING, wrap=True)
        self._result: Result | None = None
        self._places: list[int] = []
        self._row = 0
        self._notices: dict[str, list[Notice]] = {}
        self._build()
        self.chips.fix_clicked.connect(self._on_fix_clicked)
        self._show()

    def show_tokens(self, result: Result, places: Sequence[int]) -> None:
        """Take over the tokens of prompts that stand in these rows of the table."""
        self._take(result, places, _WAITING)

    def show_row(self, row: int) -> None:
        """Show the tokens of another row of the table."""
        if row != self._row:
            self._row = row
            self._show()

    def show_waiting(self) -> None:
        """Say that the strip is older than what is typed, until the compute thread is free."""
        self._facts.setText("waits for the running job")

    def show_message(self, message: str) -> None:
        """Say why there are no tokens."""
        self._take(None, (), message)

    def _take(self, result: Result | None, places: Sequence[int], message: str) -> None:
        self._result, self._places = result, list(places)
        self._message.setText(message)
        self._show()
        self.tokens_shown.emit(result)

    def _build(self) -> None:
        self.strip.setAccessibleName("Tokens of the prompt")
        self.corrupt_strip.setAccessibleName("Tokens of the corrupt twin")
        above = filled(QHBoxLayout(), self._title, None, self._facts)
        between = filled(QHBoxLayout(), self._corrupt_title, None, self._corrupt_facts)
        parts = (above, self._message, self.strip, self.chips, between, self.corrupt_strip, None)
        filled(QVBoxLayout(self), *parts, spacing=6)

    def _show(self) -> None:
        result, number = self._result, self._number()
        self._message.setVisible(number is None)
        self.strip.setVisible(number is not None)
        if result is None or number is None:
            self._facts.setText("")
            self._show_corrupt(None)
            self._show_chips(())
            return
        record = result.prompts[number]
        special = result.data["special"][number] if "special" in result.data else ()
        self.strip.set_tokens(_cells(record.tokens, special))
        self.strip.set_read_position(record.read_position)
        count, cut = plural(len(record.tokens), "token"), len(record.tokens) > MOST_TOKENS
        shown = f", the first {MOST_TOKENS:,} shown" if cut else ""
        self._facts.setText(f"{count}{shown} · read at {record.read_position}")
        self._show_corrupt(record, special)
        self._show_chips([n for n in result.warnings if n.prompt in {None, number}])

    def _number(self) -> int | None:
        """Return which prompt of the result stands in the row that is shown."""
        number = self._places.index(self._row) if self._row in self._places else None
        if self._result is None or number is None or number >= len(self._result.prompts):
            return None
        return number

    def length(self) -> int | None:
        """Return how many tokens the row that is shown has, None where that is not known."""
        number = self._number()
        if self._result is None or number is None:
            return None
        return len(self._result.prompts[number].tokens)

    def _show_corrupt(self, record: PromptRecord | None, special: Sequence[bool] = ()) -> None:
        tokens = record.corrupt_tokens if record is not None else None
        for widget in (self._corrupt_title, self._corrupt_facts, self.corrupt_strip):
            widget.setVisible(tokens is not None)
        if record is None or tokens is None:
            return
        leading = [s for s in special if s]  # the same special tokens stand before the twin
        self.corrupt_strip.set_tokens(_cells(tokens, leading))
        clean = len(record.tokens)
        same = "same length" if len(tokens) == clean else f"the prompt has {clean}"
        self._corrupt_facts.setText(f"{plural(len(tokens), 'token')} · {same}")

    def _show_chips(self, notices: Sequence[Notice]) -> None:
        self._notices = by_code(tuple(notices))
        chips = [
            ChipSpec(
                code=code,
                text=code.replace("_", " "),
                severity=severity(code),
                tooltip="\n".join(dict.fromkeys(n.message for n in group)),
                fix_label="Fix" if any(n.fix is not None for n in group) else "",
            )
            for code, group in self._notices.items()
        ]
        self.chips.set_chips(chips)
        self.chips.setVisible(bool(chips))

    def _on_fix_clicked(self, code: str) -> None:
        for notice in self._notices.get(code, ()):
            if notice.fix is not None:
                self.fix_requested.emit(notice)
                return

    def result(self) -> Result | None:
        """Return the tokens on screen."""
        return self._result


def _cells(tokens: TokenList, special: Sequence[bool]) -> list[TokenCell]:
    most = min(len(tokens), MOST_TOKENS)  # a strip shows no more
    marks = [*map(bool, special[:most]), *([False] * most)][:most]
    columns = (column[:most] for column in (tokens.ids, tokens.pieces, tokens.texts))
    return [TokenCell(*part) for part in zip(*columns, marks, strict=True)]


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
        self._count = ElidedLabel("", "small")  # a label's own width would push the picture
        self._count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
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
        filled(self._tools, (self._count, 1), spacing=2)
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
        told = f"{words}, {unusable:,} unusable" if unusable else words
        self._count.set_full_text(told)

    def _show_problem(self) -> None:
        row = self.table.current_row()
        rows = self.rows()
        sentence = problem(rows[row]) if 0 <= row < len(rows) else None
        self.problem_label.setText(sentence or "")
        self.problem_label.setVisible(sentence is not None)


class PromptDesk(QObject):
    """Connects the table with what is selected, and keeps what it takes away."""

    def __init__(self, hall: Hall, panel: PromptPanel) -> None:
        super().__init__(hall)
        self._hall = hall
        self._panel = panel
        panel.prompt_selected.connect(hall.selection.select_prompt)
        hall.selection.prompt_changed.connect(panel.select_prompt)
        panel.live.strip.token_clicked.connect(hall.selection.select_position)
        hall.selection.position_changed.connect(panel.live.strip.set_selected)
        panel.live.tokens_shown.connect(self._on_tokens_shown)
        panel.table.rows_removed.connect(self._on_rows_removed)
        for restored in (panel.table.rows_restored, panel.table.prompts.modelReset):
            restored.connect(partial(hall.withdraw, "undo_remove"))

    def action_specs(self) -> list[ActionSpec]:
        """Return what can be done with prompts."""
        table, tip = self._panel.table, "One prompt a line, or columns from a spreadsheet"
        return in_menu(
            "&Prompts",
            ("new_prompt", "New prompt", 10, table.add_row, "Ctrl+N", "add"),
            ("copy_prompt", "Duplicate prompt", 20, table.duplicate_rows, "Ctrl+D", "copy"),
            ("remove_prompt", "Remove prompt", 30, table.remove_rows, "Ctrl+Shift+Del", "remove"),
            ("undo_remove", "Undo removing prompts", 40, self.undo_remove, "Ctrl+Shift+Z", "undo"),
            ("paste_prompts", "Paste prompts", 50, table.paste_rows, "Ctrl+Shift+V", "table", tip),
            ("open_prompts", "Open prompts…", 60, self._ask_file, "", "folder", "", True),
            ("save_prompts", "Save prompts…", 80, self.save_file, "", "save"),
        )

    def take(self, book: ActionBook) -> None:
        """Put the most used actions above the table."""
        self._panel.add_tools([book[key] for key in _BUTTONS])

    def undo_remove(self) -> None:
        """Put back the prompts that were removed last."""
        if not self._panel.table.undo_remove():
            self._hall.say("No prompt was removed from this table.", "info")

    def open_file(self, path: Path) -> None:
        """Replace the prompt table by a file's."""
        try:
            rows = read_prompts(path)
        except LensbenchError as error:
            self._hall.show_problem(str(error))
            return
        self._panel.set_prompts(rows)
        self._hall.say(f"{len(rows):,} prompts from {path.name}.", "good")

    def _ask_file(self) -> None:
        path = dialogs.ask_open(self._hall.window, "Open prompts", dialogs.PROMPT_FILTER)
        if path is not None:
            self.open_file(path)

    def save_file(self) -> None:
        """Write the prompt table to a file."""
        window, kinds = self._hall.window, dialogs.PROMPT_FILTER
        path = dialogs.ask_save(window, "Save prompts", "prompts.csv", kinds)
        if path is not None:
            write = partial(write_prompts, path, self._panel.prompts()[0])
            self._hall.attempt(write, f"Saved {path.name}.")

    def _on_tokens_shown(self) -> None:
        """Let go of a position that the prompt does not have any more."""
        length = self._panel.live.length()
        if length is not None:
            self._hall.selection.keep_before(length)

    def _on_rows_removed(self, count: int) -> None:
        undo = {"undo_remove": ("Undo", self.undo_remove)}
        self._hall.show(f"Removed {plural(count, 'prompt')}.", "info", undo)
