"""What is done with the prompt table from menus, buttons and other rooms of the window."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, QPersistentModelIndex
from PySide6.QtWidgets import QApplication

from desktop_app.pictures.words import plural
from desktop_app.support.errors import LensbenchError
from desktop_app.text.prompts import read_prompts, write_prompts
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.prompts.cell_edit import survives
from desktop_app.window.prompts.prompt_editor import PromptEditor
from desktop_app.window.prompts.prompt_menu import PromptMenus, chosen_text
from desktop_app.window.prompts.prompt_rows import find_row, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QMimeData

    from desktop_app.contract.spec import Intent
    from desktop_app.views.base import AnalysisView
    from desktop_app.window.frame.actions import ActionBook, ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.prompts.prompt_rows import TypedRow

_AS_TEXT = "Paste as text instead"
PROMPT_ENDINGS = frozenset({".csv", ".jsonl"})
_BUTTONS = (
    *("new_prompt", "copy_prompt", "remove_prompt"),
    *("make_prompts", "paste_prompts", "open_prompts", "save_prompts"),
)


class PromptDesk(QObject):
    """Connects the table with what is selected, and with files, clipboard and pictures."""

    def __init__(self, hall: Hall, panel: PromptPanel) -> None:
        super().__init__(hall)
        self._hall = hall
        self._panel = panel
        self._editor: PromptEditor | None = None
        panel.prompt_selected.connect(hall.selection.select_prompt)
        hall.selection.prompt_changed.connect(panel.select_prompt)
        panel.live.strip.token_clicked.connect(hall.selection.select_position)
        hall.selection.position_changed.connect(panel.live.strip.set_selected)
        panel.live.tokens_shown.connect(self._on_tokens_shown)
        panel.table.rows_removed.connect(self._on_rows_removed)
        panel.table.paste_wanted.connect(self.paste)
        panel.table.delegate.table_pasted.connect(self._on_table_pasted)
        hall.views.built.connect(self._on_view_built)

    def action_specs(self) -> list[ActionSpec]:
        """Return what can be done with prompts."""
        table, tip = self._panel.table, "One prompt a line, or columns from a spreadsheet or .csv"
        kinds = "Type in the column Label which kind of prompt each is"
        fill, leave = "Runs take all prompts", "Runs take none until some are ticked"
        return in_menu(
            "&Prompts",
            ("new_prompt", "New prompt", 10, table.add_row, "Ctrl+N", "add"),
            ("copy_prompt", "Duplicate prompt", 20, table.duplicate_rows, "Ctrl+D", "copy"),
            ("remove_prompt", "Remove prompt", 30, table.remove_rows, "Ctrl+Shift+Del", "remove"),
            ("edit_prompt", "Edit in a large field…", 35, self.edit_large, "Shift+F2", "note"),
            ("tick_prompt", "Tick or untick", 40, table.toggle_ticks, "Ctrl+T", "check", "", True),
            ("tick_all", "Tick all prompts", 41, partial(self._tick_all, True), "", "", fill),
            ("tick_none", "Untick all prompts", 42, partial(self._tick_all, False), "", "", leave),
            ("use_as_answer", "Use as answer", 45, partial(self.use, "answer"), "", "", "", True),
            ("use_as_wrong", "Use as wrong", 46, partial(self.use, "wrong")),
            ("append_to_prompt", "Append to the prompt", 47, partial(self.use, "append")),
            ("label_prompts", "Label prompts", 48, self.label, "", "", kinds, True),
            ("paste_prompts", "Paste prompts", 50, self.paste, "Ctrl+Shift+V", "table", tip, True),
            ("open_prompts", "Open prompts…", 60, self._ask_file, "", "folder"),
            ("save_prompts", "Save prompts…", 80, self.save_file, "", "save"),
        )

    def take(self, book: ActionBook) -> None:
        """Put the most used actions above the table, and into its menus."""
        self._panel.add_tools([book[key] for key in _BUTTONS])
        PromptMenus(self._panel.table, book)

    # Prompts from elsewhere.

    def paste(self) -> None:
        """Add what the clipboard holds: a table, a file, or one prompt a line."""
        # None where nothing was ever copied, which its types do not say.
        held = cast("QMimeData | None", QApplication.clipboard().mimeData())
        urls = [] if held is None else held.urls()
        paths = [Path(url.toLocalFile()) for url in urls]
        tables = [path for path in paths if path.suffix.lower() in PROMPT_ENDINGS]
        if tables:
            self.open_file(tables[0])
            return
        try:
            found = self._panel.table.paste_rows(QApplication.clipboard().text())
        except LensbenchError as error:
            self._hall.show_problem(str(error))
            return
        count = plural(len(found.rows), "prompt")
        if found.parted and found.lines:
            lines = partial(self._paste_lines, found.lines)
            offers = self._panel.undo.offer() | {"as_lines": ("One prompt a line instead", lines)}
            told = f"Pasted {count}, their columns parted by {found.parted}."
            self._hall.show(told, "info", offers)
        elif found.rows:
            self._hall.say(f"Pasted {count}.", "good")
        else:
            self._hall.say("The clipboard holds no text.", "info")

    def open_file(self, path: Path) -> None:
        """Offer the prompts of a file: in place of the table's, or below them."""
        try:
            rows = read_prompts(path)
        except LensbenchError as error:
            self._hall.show_problem(str(error))
            return
        answer = "replace"
        if any(not row.is_empty for row in self._panel.rows()):
            answer = dialogs.ask_prompts(self._hall.window, path.name, len(rows))
        if answer == "replace":
            self._panel.set_prompts(rows, f"opening {path.name}")
        elif answer == "append":
            made = [typed(row) for row in rows]
            self._panel.table.add_rows(made, f"appending {path.name}")
        if answer:
            self._hall.say(f"{plural(len(rows), 'prompt')} from {path.name}.", "good")

    def save_file(self) -> None:
        """Write the prompt table to a file, ticked or not."""
        window, kinds = self._hall.window, dialogs.PROMPT_FILTER
        path = dialogs.ask_save(window, "Save prompts", "prompts.csv", kinds)
        if path is not None:
            write = partial(write_prompts, path, self._panel.all_prompts()[0])
            self._hall.attempt(write, f"Saved {path.name}.")

    # What is done with single ones.

    def edit_large(self) -> None:
        """Open the current cell in a field of its own, with room for many lines."""
        table = self._panel.table
        table.end_edit()
        index = table.prompts.index(table.current_row(), table.current_column())
        if not index.isValid():
            return
        if survives(table.prompts.rows()[index.row()].cell(index.column())):
            if self._editor is not None:
                self._editor.accept()
            self._editor = PromptEditor(self._panel, index, self._hall.window)
            self._editor.finished.connect(self._on_editor_finished)
            self._editor.table_pasted.connect(self._paste_table)
            self._editor.show()
        else:
            table.setCurrentIndex(index)
            table.edit(index)

    def _on_table_pasted(self, pasted: str, text: str) -> None:
        index = self._panel.table.delegate.index
        self._paste_table(pasted, text, (index.row(), index.column()))

    def _paste_table(self, pasted: str, text: str, place: tuple[int, int]) -> None:
        """Add a table that was pasted into one cell as rows; it may be a text after all."""
        table = self._panel.table
        table.end_edit()
        table.setFocus()
        try:
            found = table.paste_rows(pasted)
        except LensbenchError as error:
            cell = QPersistentModelIndex(table.prompts.index(*place))
            as_text = {"as_text": (_AS_TEXT, partial(self._put_text, text, cell))}
            self._hall.show(str(error), "bad", as_text)
            return
        instead = partial(self._paste_text, text, place)
        offers = self._panel.undo.offer() | {"as_text": (_AS_TEXT, instead)}
        told = f"Pasted {plural(len(found.rows), 'prompt')} as rows of the table."
        self._hall.show(told, "info", offers)

    def _paste_text(self, text: str, place: tuple[int, int]) -> None:
        """Take the same table for a text after all, in the cell into which it was pasted."""
        self._panel.undo.step_back()
        self._put_text(text, QPersistentModelIndex(self._panel.table.prompts.index(*place)))

    def _put_text(self, text: str, cell: QPersistentModelIndex) -> None:
        self._hall.withdraw("as_text")
        table = self._panel.table
        here = table.prompts.index(cell.row(), cell.column())
        with self._panel.steps.step("pasting a text"):
            table.prompts.setData(here, text)
            table.select_row(here.row(), here.column())

    def _on_editor_finished(self) -> None:
        self._editor = None

    def use(self, role: str) -> None:
        """Make the selected text, or the current cell's, an answer, or append it to the prompt."""
        table = self._panel.table
        text, row = chosen_text(table), table.current_row()
        if not text or row < 0:
            self._hall.say("Select a text or a cell of the prompt table first.", "info")
            return
        table.end_edit()
        self._panel.use_text(role, text, row)

    def _tick_all(self, ticked: bool) -> None:
        table = self._panel.table
        table.set_ticked(range(len(table.prompts.rows())), ticked)

    def _paste_lines(self, lines: Sequence[TypedRow]) -> None:
        """Take the same text for one prompt a line."""
        self._hall.withdraw("as_lines")
        self._panel.undo.step_back()
        words = f"pasting {plural(len(lines), 'prompt')}"
        self._panel.table.add_rows(lines, words, below=self._panel.table.current_row())

    def _ask_file(self) -> None:
        path = dialogs.ask_open(self._hall.window, "Open prompts", dialogs.PROMPT_FILTER)
        if path is not None:
            self.open_file(path)

    def _on_tokens_shown(self) -> None:
        """Let go of a position that the prompt does not have any more."""
        length = self._panel.live.length()
        if length is not None:
            self._hall.selection.keep_before(length)

    def _on_rows_removed(self, count: int) -> None:
        self._hall.show(f"Removed {plural(count, 'prompt')}.", "info", self._panel.undo.offer())

    def _on_view_built(self, view: AnalysisView) -> None:
        view.intent_raised.connect(self._on_intent)

    def label(self) -> None:
        """Bring the labels into sight, to be typed."""
        self._hall.prompts_wanted.emit()
        self._panel.table.label_rows()

    def _on_intent(self, intent: Intent) -> None:
        """Use a next token that was chosen in a picture, or show where labels are typed."""
        if intent.name == "label_prompts":
            self.label()
        if intent.name != "use_token":
            return
        row = find_row(self._panel.rows(), intent.data["prompt"], intent.data["number"])
        if row is None:
            self._hall.say("That prompt is no longer in the table.", "warn")
            return
        self._panel.table.end_edit()
        self._panel.use_text(intent.data["use"], intent.data["text"], row)
