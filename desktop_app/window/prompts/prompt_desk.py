"""What is done with the prompt table from menus, buttons and other rooms of the window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.pictures.words import plural
from desktop_app.support.errors import LensbenchError
from desktop_app.text.prompts import read_prompts, write_prompts
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.window.frame.actions import ActionBook, ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel

_BUTTONS = (
    *("new_prompt", "copy_prompt", "remove_prompt"),
    *("paste_prompts", "open_prompts", "save_prompts"),
)


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
