"""The context menus of the prompt table: of its cells, and of the editor that is open in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMenu

from desktop_app.window.prompts.cell_edit import LineEdit, TextEdit, selected
from desktop_app.window.prompts.prompt_model import TICK, visible
from desktop_app.window.prompts.prompt_rows import TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPoint

    from desktop_app.window.frame.actions import ActionBook
    from desktop_app.window.prompts.cell_edit import Editor
    from desktop_app.window.prompts.prompt_table import PromptTable

_USES = {
    "use_as_answer": ("answer", "Use {}as answer"),
    "use_as_wrong": ("wrong", "Use {}as wrong"),
    "append_to_prompt": ("append", "Append {}to the prompt"),
}
_SHOWN = 24


class PromptMenus(QObject):
    """Makes the menus out of the window's actions, so that their keys are seen there too."""

    def __init__(self, table: PromptTable, book: ActionBook) -> None:
        super().__init__(table)
        self._table = table
        self._book = book
        table.menu_wanted.connect(self._on_menu_wanted)
        table.delegate.menu_wanted.connect(self._on_editor_menu_wanted)

    def _on_menu_wanted(self, place: QPoint) -> None:
        menu = self._menu()
        menu.addAction(self._book["edit_prompt"])
        menu.addAction(self._book["tick_prompt"])
        self._add_uses(menu)
        self._add(menu, ("cut", "copy", "paste_prompts"))
        self._add(menu, ("new_prompt", "copy_prompt", "remove_prompt"))
        menu.popup(place)

    def _on_editor_menu_wanted(self, editor: Editor, place: QPoint) -> None:
        menu = self._menu()
        self._add_uses(menu)
        chosen = bool(selected(editor))
        menu.addSeparator()
        for text, slot, enabled in (
            ("Cut", editor.cut, chosen),
            ("Copy", editor.copy, chosen),
            ("Paste", editor.paste, True),
            ("Select all", editor.selectAll, True),
        ):
            menu.addAction(text, slot).setEnabled(enabled)
        menu.popup(place)

    def _menu(self) -> QMenu:
        menu = QMenu(self._table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _add(self, menu: QMenu, keys: Sequence[str]) -> None:
        menu.addSeparator()
        for key in keys:
            menu.addAction(self._book[key])

    def _add_uses(self, menu: QMenu) -> None:
        """Add what can be made of the selected text, or of the chosen cell's."""
        menu.addSeparator()
        text = chosen_text(self._table)
        said = f"“{visible(text[:_SHOWN])}{'…' if len(text) > _SHOWN else ''}” " if text else ""
        for key, (role, words) in _USES.items():
            made = menu.addAction(words.format(said).replace("&", "&&"), self._book[key].trigger)
            made.setEnabled(may_use(self._table, role))


def chosen_text(table: PromptTable) -> str:
    """Return the text that is selected in the open editor, else that of the current cell."""
    editor = table.delegate.editor
    if isinstance(editor, (TextEdit, LineEdit)) and selected(editor):
        return selected(editor)
    index = table.currentIndex()
    if not index.isValid() or index.column() == TICK:
        return ""
    return str(index.data(Qt.ItemDataRole.EditRole) or "")


def may_use(table: PromptTable, role: str) -> bool:
    """Return whether the chosen text makes sense there: a whole prompt is no answer."""
    editor = table.delegate.editor
    if editor is not None and selected(editor):
        return True
    column = table.currentIndex().column()
    if not chosen_text(table) or column >= TICK:
        return False
    name = TEXTS[column]
    return name in {"answer", "wrong"} and name != role
