"""Editing a cell of the prompt table: over as many lines as it needs, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QKeySequence, QTextCursor, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip
from desktop_app.window.prompts.pasting import is_prompt_table
from desktop_app.window.prompts.widths import line_count

if TYPE_CHECKING:
    from PySide6.QtCore import QAbstractItemModel, QMimeData, QObject
    from PySide6.QtGui import QContextMenuEvent, QResizeEvent

    from desktop_app.window.prompts.prompt_model import PromptModel

Index = QModelIndex | QPersistentModelIndex
_TABS = frozenset({Qt.Key.Key_Tab, Qt.Key.Key_Backtab})
_RETURN = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})
_LEAST_WIDTH, _MARGIN = 220, 12
_MOST_SHOWN = 24
_LINES = "Enter ends the edit, Shift+Enter breaks the line, Ctrl+Tab is a tab; Shift+F2 gives room"


class TextEdit(QPlainTextEdit):
    """Plain text with its spaces, tabs and line ends drawn.

    Signals:
        done: Enter was pressed, or another key that ends the edit.
        given_up: Escape was pressed.
        left: Tab (True) or Shift+Tab (False) goes on to another cell.
        menu_wanted: Where the context menu is to be.
        table_pasted: (a table of prompts that is not put in here, the whole text if it were).
    """

    done = Signal()
    given_up = Signal()
    left = Signal(bool)
    menu_wanted = Signal(object)
    table_pasted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None, *, enter_ends: bool = True) -> None:
        super().__init__(parent)
        self._enter_ends = enter_ends
        option = self.document().defaultTextOption()
        option.setFlags(
            QTextOption.Flag.ShowTabsAndSpaces | QTextOption.Flag.ShowLineAndParagraphSeparators
        )
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document().setDefaultTextOption(option)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        set_role(self, "cell")
        self._caption = PlainLabel("", self)
        set_role(self._caption, "small")
        self._caption.hide()

    def caption_height(self) -> int:
        """Return how much higher it is with its caption."""
        return self._caption.sizeHint().height() + 2

    def show_caption(self, words: str) -> None:
        """Say above the text which one it is, where it covers others; no words take that away."""
        self._caption.setText(words)
        self._caption.setVisible(bool(words))
        self.setViewportMargins(0, self.caption_height() if words else 0, 0, 0)
        self._place_caption()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_caption()

    def _place_caption(self) -> None:
        inset = self.frameWidth() + int(self.document().documentMargin())
        size = self.width() - 2 * inset, self._caption.sizeHint().height()
        self._caption.setGeometry(inset, self.frameWidth() + 1, *size)

    def text(self) -> str:
        """Return the text to the letter; Qt's own plain text has no hard spaces."""
        return self.document().toRawText().replace("\u2029", "\n")

    def set_text(self, text: str) -> None:
        """Show a text, and go to its end."""
        self.setPlainText(text)
        self.moveCursor(QTextCursor.MoveOperation.End)

    @override
    def insertFromMimeData(self, source: QMimeData) -> None:
        pasted = source.text()
        if is_prompt_table(pasted):
            here = self.textCursor()
            ends = here.selectionStart(), here.selectionEnd()
            self.table_pasted.emit(pasted, _put_in(self.text(), ends, pasted))
        else:
            super().insertFromMimeData(source)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = Qt.Key(event.key()), event.modifiers()
        if key in _RETURN and self._ends(held):
            self.done.emit()
        elif key in _RETURN:
            self.insertPlainText("\n")
        elif key == Qt.Key.Key_Tab and held & Qt.KeyboardModifier.ControlModifier:
            self.insertPlainText("\t")
        elif key in _TABS and self._enter_ends:
            self.left.emit(key == Qt.Key.Key_Tab)
        elif key == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)

    def _ends(self, held: Qt.KeyboardModifier) -> bool:
        shift, control = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
        return not held & shift if self._enter_ends else bool(held & control)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())


class LineEdit(QLineEdit):
    """One line, for texts with characters that an editor of several lines would change.

    Signals:
        menu_wanted: Where the context menu is to be.
        table_pasted: As of `TextEdit`.
    """

    menu_wanted = Signal(object)
    table_pasted = Signal(str, str)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        pasted = QApplication.clipboard().text()
        if event.matches(QKeySequence.StandardKey.Paste) and is_prompt_table(pasted):
            start = self.selectionStart() if self.hasSelectedText() else self.cursorPosition()
            ends = start, start + self.selectionLength()
            self.table_pasted.emit(pasted, _put_in(self.text(), ends, pasted))
        else:
            super().keyPressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())


Editor = TextEdit | LineEdit


def survives(text: str) -> bool:
    """Return whether an editor of several lines gives a text back to the letter."""
    return not any(char in text for char in "\r\x00\u2028\u2029\ufdd0\ufdd1\ufffc")


def _put_in(text: str, ends: tuple[int, int], part: str) -> str:
    """Return a text with a part of it, as Qt counts characters, replaced by another one."""
    units, new = (t.encode("utf-16-le", "surrogatepass") for t in (text, part))
    joined = units[: 2 * ends[0]] + new + units[2 * ends[1] :]
    return joined.decode("utf-16-le", "surrogatepass")


def selected(editor: Editor) -> str:
    """Return the text that is selected in an editor, to the letter."""
    if isinstance(editor, LineEdit):
        return editor.selectedText()
    return editor.textCursor().selectedText().replace("\u2029", "\n")


class CellDelegate(QStyledItemDelegate):
    """Opens an editor over a cell, and hands every keystroke on: the tokens follow the typing.

    Attributes:
        editor: The one that is open, or None.
        replaces: Whether what is typed replaces the text of the editor that opens next.

    Signals:
        typed: (index, text) after a keystroke.
        ended: The editor is closed.
        given_up: What was typed is to be forgotten.
        menu_wanted: (editor, place on the screen).
        table_pasted: (a table that was pasted into the editor, the cell's text if it were there).
    """

    typed = Signal(object, str)
    ended = Signal()
    given_up = Signal()
    menu_wanted = Signal(object, object)
    table_pasted = Signal(str, str)

    def __init__(self, table: QTableView, prompts: PromptModel) -> None:
        super().__init__(table)
        self._table, self._prompts = table, prompts
        self.editor: Editor | None = None
        self.replaces = False
        self.index = QPersistentModelIndex()

    @override
    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, index: Index) -> QWidget:
        text = str(index.data(Qt.ItemDataRole.EditRole))
        editor: Editor
        if survives(text):
            editor = TextEdit(parent)
            editor.textChanged.connect(self._on_text_changed)
            editor.done.connect(self._on_done)
            editor.given_up.connect(self._on_given_up)
            editor.left.connect(self._on_left)
        else:
            editor = LineEdit(parent)
            editor.setFrame(False)
            set_role(editor, "cell")
            editor.textEdited.connect(self._on_text_changed)
        editor.setFont(self._prompts.font())
        editor.setStyleSheet(f"font-size: {self._prompts.font().pixelSize()}px;")
        editor.setToolTip(plain_tip(_LINES))
        editor.setAccessibleName(self._prompts.cell_called(index.row(), index.column()))
        editor.setAccessibleDescription(_LINES)
        editor.menu_wanted.connect(self._on_menu_wanted)
        editor.table_pasted.connect(self.table_pasted)
        self.editor, self.index = editor, QPersistentModelIndex(index)
        return editor

    @override
    def setEditorData(self, editor: QWidget, index: Index) -> None:
        # Fill the editor once; later changes come from the editor itself.
        text = str(index.data(Qt.ItemDataRole.EditRole))
        if isinstance(editor, TextEdit) and editor.text() != text:
            editor.blockSignals(True)
            editor.set_text(text)
            if self.replaces:
                editor.selectAll()
            editor.blockSignals(False)
        elif isinstance(editor, LineEdit) and editor.text() != text:
            editor.setText(text)

    @override
    def setModelData(self, editor: QWidget, _model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, (TextEdit, LineEdit)):
            text = editor.text()
            if text != index.data(Qt.ItemDataRole.EditRole):
                self.typed.emit(self._prompts.index(index.row(), index.column()), text)

    @override
    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        if isinstance(editor, TextEdit):
            self._lay_out(editor, option.rect, str(index.data(Qt.ItemDataRole.EditRole)))
        else:
            editor.setGeometry(option.rect)

    @override
    def destroyEditor(self, editor: QWidget, index: Index) -> None:
        if editor is self.editor:
            self.editor = None
            self.ended.emit()
        super().destroyEditor(editor, index)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # By itself Qt keeps at Escape what was typed; the editor knows its keys.
        if isinstance(watched, TextEdit) and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                return super().eventFilter(watched, event)
            if event.key() in {Qt.Key.Key_Escape, *_RETURN, *_TABS}:
                return False
        return super().eventFilter(watched, event)

    def close(self) -> None:
        """End the edit that is under way, keeping what was typed."""
        if self.editor is not None:
            self.closeEditor.emit(self.editor, QAbstractItemDelegate.EndEditHint.NoHint)

    def _lay_out(self, editor: TextEdit, cell: QRect, text: str) -> None:
        """Let an editor stand in its cell, or over others under a caption that says which it is."""
        place = self._room(cell, text, editor.caption_height())
        editor.show_caption("" if place == cell else editor.accessibleName())
        editor.setGeometry(place)

    def _room(self, cell: QRect, text: str, caption: int) -> QRect:
        """Return where an editor stands: the cell, or over others where its text needs more."""
        inside = self._table.viewport().rect()
        metrics = QFontMetrics(self._prompts.font())
        letter, line = max(1, metrics.horizontalAdvance("m")), metrics.lineSpacing()
        wanted = max(len(part) for part in text.split("\n")) * letter + 2 * _MARGIN
        if wanted <= cell.width() and "\n" not in text:
            return cell
        width = min(inside.width(), max(cell.width(), min(wanted, inside.width()), _LEAST_WIDTH))
        letters = max(1, (width - 2 * _MARGIN) // letter)
        lines = sum(line_count(part, letters) for part in text.split("\n"))
        height = max(cell.height(), (min(lines, _MOST_SHOWN) + 1) * line + _MARGIN + caption)
        height = min(height, inside.height())
        left = max(0, min(cell.left(), inside.width() - width))
        top = max(0, min(cell.top(), inside.height() - height))
        return QRect(left, top, width, height)

    def _on_text_changed(self) -> None:
        editor = self.editor
        if editor is not None:
            self.commitData.emit(editor)
            if isinstance(editor, TextEdit):
                here = self._prompts.index(self.index.row(), self.index.column())
                cell = self._table.visualRect(here)
                self._lay_out(editor, cell, editor.text())
                editor.ensureCursorVisible()

    def _on_done(self) -> None:
        if self.editor is not None:
            self.closeEditor.emit(self.editor, QAbstractItemDelegate.EndEditHint.NoHint)

    def _on_left(self, forward: bool) -> None:
        hints = QAbstractItemDelegate.EndEditHint
        if self.editor is not None:
            self.closeEditor.emit(
                self.editor, hints.EditNextItem if forward else hints.EditPreviousItem
            )

    def _on_given_up(self) -> None:
        self.given_up.emit()
        self._on_done()

    def _on_menu_wanted(self, place: object) -> None:
        self.menu_wanted.emit(self.editor, place)
