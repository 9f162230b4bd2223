"""A large field for one text of the prompt table; the table and its tokens follow the typing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.pictures.words import plural
from desktop_app.support.guard import override
from desktop_app.views.frame import label
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.basics.layouts import filled
from desktop_app.window.prompts.cell_edit import TextEdit

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex

    from desktop_app.window.prompts.prompt_panel import PromptPanel

_SIZE = (720, 460)
_KEYS = "Enter breaks the line, Tab is a tab · Ctrl+Enter keeps it, Esc gives it up"


class PromptEditor(QDialog):
    """Edits one cell; it does not block the window.

    Signals:
        table_pasted: (a table that was pasted here, the text if it were in it, row and column).
    """

    table_pasted = Signal(str, str, object)

    def __init__(self, panel: PromptPanel, index: QModelIndex, parent: QWidget) -> None:
        super().__init__(parent)
        self._panel = panel
        self._table = panel.table
        self._index = QPersistentModelIndex(index)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self._table.prompts.cell_called(index.row(), index.column()))
        self.field = TextEdit(enter_ends=False)
        self.field.setFont(mono_font(13))
        self.field.setAccessibleName(self.windowTitle())
        self.field.setAccessibleDescription(_KEYS)
        self.field.set_text(self._text())
        self._facts = label("", "small")
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        below = filled(QHBoxLayout(), self._facts, None, label(_KEYS, "small"))
        filled(
            QVBoxLayout(self),
            *((self.field, 1), below, buttons),
            margins=(14, 12, 14, 12),
            spacing=10,
        )
        self.resize(*_SIZE)
        self.field.textChanged.connect(self._on_text_changed)
        self.field.done.connect(self.accept)
        self.field.given_up.connect(self.reject)
        self.field.table_pasted.connect(self._on_table_pasted)
        panel.live.tokens_shown.connect(self._show_facts)
        self._table.prompts.edited.connect(self._on_edited)
        self._show_facts()

    @override
    def accept(self) -> None:
        self._panel.steps.settle()
        super().accept()

    @override
    def reject(self) -> None:
        self._panel.steps.give_up_typing()
        super().reject()

    def _text(self) -> str:
        return str(self._index.data(Qt.ItemDataRole.EditRole) or "")

    def _on_text_changed(self) -> None:
        if self._index.isValid():
            here = self._table.prompts.index(self._index.row(), self._index.column())
            self._table.type_into(here, self.field.text())
            self._show_facts()

    def _on_table_pasted(self, pasted: str, text: str) -> None:
        place = self._index.row(), self._index.column()
        self.accept()
        self.table_pasted.emit(pasted, text, place)

    def _on_edited(self) -> None:
        """Follow what is done to the cell elsewhere; without its row there is nothing to edit."""
        if not self._index.isValid():
            super().reject()
        elif self.field.text() != self._text():
            self.field.blockSignals(True)
            self.field.set_text(self._text())
            self.field.blockSignals(False)

    def _show_facts(self) -> None:
        text = self.field.text()
        said = [plural(len(text.split()), "word"), plural(len(text), "character")]
        tokens = self._panel.live.length()
        if tokens is not None and self._index.column() == 0:
            said.append(plural(tokens, "token"))
        self._facts.setText(" · ".join(said))
