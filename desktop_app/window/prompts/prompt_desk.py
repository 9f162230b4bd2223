"""What is done with the prompt table: files, the worked example, and what can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.contract.registry import ANALYSES, worked_order
from desktop_app.pictures.words import plural
from desktop_app.support.errors import LensbenchError
from desktop_app.text.prompts import read_prompts, write_prompts
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.prompts.examples import worked_example

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.contract.requests import ModelReady
    from desktop_app.window.frame.actions import ActionBook, ActionSpec
    from desktop_app.window.frame.main_window import MainWindow
    from desktop_app.window.prompts.prompt_rows import TypedRow

_BUTTONS = (
    "new_prompt",
    "copy_prompt",
    "remove_prompt",
    "paste_prompts",
    "open_prompts",
    "save_prompts",
)


class PromptDesk(QObject):
    """Connects the table with what is selected, and keeps what it takes away."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._panel = panel = window.prompts
        self._replaced: list[TypedRow] = []
        selection = window.selection
        panel.prompt_selected.connect(selection.select_prompt)
        selection.prompt_changed.connect(panel.select_prompt)
        panel.live.token_clicked.connect(selection.select_position)
        selection.position_changed.connect(panel.live.set_selected)
        panel.table.rows_removed.connect(self._on_rows_removed)
        panel.table.rows_restored.connect(self._on_rows_restored)
        panel.table.prompts.modelReset.connect(self._on_rows_restored)
        window.conductor.model_ready.connect(self._on_model_ready)

    def action_specs(self) -> list[ActionSpec]:
        """Return what can be done with prompts."""
        table, tip = self._panel.table, "One prompt a line, or columns from a spreadsheet"
        load, told = self.load_example, "The prompt of the first start, run in the first four tabs"
        return in_menu(
            "&Prompts",
            ("new_prompt", "New prompt", 10, table.add_row, "Ctrl+N", "add"),
            ("copy_prompt", "Duplicate prompt", 20, table.duplicate_rows, "Ctrl+D", "copy"),
            ("remove_prompt", "Remove prompt", 30, table.remove_rows, "Ctrl+Shift+Del", "remove"),
            ("undo_remove", "Undo removing prompts", 40, self.undo_remove, "Ctrl+Shift+Z", "undo"),
            ("paste_prompts", "Paste prompts", 50, table.paste_rows, "Ctrl+Shift+V", "table", tip),
            ("open_prompts", "Open prompts…", 60, self._ask_file, "", "folder", "", True),
            ("load_example", "Load the worked example", 70, load, "", "reset", told),
            ("save_prompts", "Save prompts…", 80, self.save_file, "", "save"),
        )

    def add_buttons(self, book: ActionBook) -> None:
        """Put the most used actions above the table."""
        self._panel.add_tools([book[key] for key in _BUTTONS])

    def undo_remove(self) -> None:
        """Put back the prompts that were removed last."""
        if not self._panel.table.undo_remove():
            self._window.say("No prompt was removed from this table.", "info")

    def open_file(self, path: Path) -> None:
        """Replace the prompt table by a file's."""
        try:
            rows = read_prompts(path)
        except LensbenchError as error:
            self._window.notices.show_problem(str(error))
            return
        self._panel.set_prompts(rows)
        self._window.say(f"{len(rows):,} prompts from {path.name}.", "good")

    def _ask_file(self) -> None:
        path = dialogs.ask_open(self._window, "Open prompts", dialogs.PROMPT_FILTER)
        if path is not None:
            self.open_file(path)

    def save_file(self) -> None:
        """Write the prompt table to a file."""
        path = dialogs.ask_save(self._window, "Save prompts", "prompts.csv", dialogs.PROMPT_FILTER)
        if path is None:
            return
        try:
            write_prompts(path, self._panel.prompts()[0])
        except LensbenchError as error:
            self._window.notices.show_problem(str(error))
        else:
            self._window.say(f"Saved {path.name}.", "good")

    def load_example(self) -> None:
        """Put the worked example of the open model into the table, and run it."""
        window, panel = self._window, self._panel
        model, old = window.conductor.model, panel.rows()
        panel.set_prompts(worked_example(model.spec.model if model else ""))
        panel.flush()
        if panel.rows() != old and not all(row.is_empty for row in old):
            self._replaced = old
            window.notices.show(
                "The worked example has taken the place of your prompts.",
                "info",
                {"undo_example": ("Undo", self._undo_example)},
            )
        if model is not None:
            for name in worked_order():
                window.runs.run(name, ANALYSES[name].params())

    def _undo_example(self) -> None:
        self._window.banner.dismiss()
        self._panel.set_rows(self._replaced)

    def _on_rows_removed(self, count: int) -> None:
        self._window.notices.show(
            f"Removed {plural(count, 'prompt')}.",
            "info",
            {"undo_remove": ("Undo", self.undo_remove)},
        )

    def _on_rows_restored(self) -> None:
        self._window.notices.withdraw("undo_remove")

    def _on_model_ready(self, ready: ModelReady) -> None:
        chat = self._panel.chat
        chat.setEnabled(ready.chat_template)
        if not ready.chat_template:
            chat.setChecked(False)
