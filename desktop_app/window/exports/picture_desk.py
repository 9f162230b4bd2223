"""Pictures and tables that leave the window: as files, over the clipboard, from a view's menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QMenu, QWidget

from desktop_app.pictures.words import plural
from desktop_app.session.export_table import table_of, to_tsv
from desktop_app.support.errors import LensbenchError
from desktop_app.views.base import AnalysisView
from desktop_app.window.exports.picture_dialog import PictureDialog
from desktop_app.window.exports.pictures import picture_of, save_picture
from desktop_app.window.frame import dialogs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from PySide6.QtCore import QSize

    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection
    from desktop_app.window.frame.actions import ActionBook

MENU = ("save_picture", "copy_picture", "copy_table", "export_data")
# The clipboard's pictures are for screens and slides.
_COPY_SCALE = 2.0


class PictureDesk(QObject):
    """Exports and copies what views show.

    Signals:
        problem_arrived: A sentence.
        message_arrived: What was done.
    """

    problem_arrived = Signal(str)
    message_arrived = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._book: ActionBook | None = None

    def offer_menu(self, views: Iterable[AnalysisView], book: ActionBook) -> None:
        """Let a right click anywhere in a view offer the exports."""
        self._book = book
        for view in views:
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            view.customContextMenuRequested.connect(self._on_menu_requested)

    def menu(self) -> QMenu:
        """Return what can be done with a view's picture and numbers."""
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self._book is not None:
            menu.addActions([self._book[key] for key in MENU])
        return menu

    def export(self, widget: QWidget, name: str, title: str) -> None:
        """Ask for kind, scale and place, and write a widget's picture.

        Args:
            widget: What is drawn.
            name: The file name that is proposed, without ending.
            title: What the file says of itself.
        """
        choice = ask_picture(self._window, widget.size())
        if choice is None:
            return
        ending, scale = choice
        path = dialogs.ask_save(
            self._window, "Export picture", name + ending, dialogs.picture_filter(ending)
        )
        if path is not None:
            self.write(widget, path, scale=scale, title=title)

    def write(self, widget: QWidget, path: Path, *, scale: float, title: str) -> None:
        """Write a widget's picture; tell how it went."""
        try:
            save_picture(widget, path, scale=scale, title=title)
        except LensbenchError as error:
            self.problem_arrived.emit(str(error))
        else:
            self.message_arrived.emit(f"Saved {path.name}.")

    def copy_picture(self, widget: QWidget) -> None:
        """Put a widget's picture on the clipboard."""
        try:
            QGuiApplication.clipboard().setImage(picture_of(widget, _COPY_SCALE))
        except LensbenchError as error:
            self.problem_arrived.emit(str(error))
        else:
            self.message_arrived.emit("Picture copied.")

    def copy_table(self, result: Result | None, selection: Selection) -> None:
        """Put a result's table on the clipboard, for a spreadsheet."""
        if result is None:
            self.problem_arrived.emit("This tab has no result to copy yet.")
            return
        try:
            table = table_of(result, selected_prompt(result, selection), head_of(result, selection))
        except LensbenchError as error:
            self.problem_arrived.emit(str(error))
            return
        QGuiApplication.clipboard().setText(to_tsv(table))
        self.message_arrived.emit(f"Table of {plural(len(table[1]), 'row')} copied.")

    @Slot(QPoint)
    def _on_menu_requested(self, place: QPoint) -> None:
        view = self.sender()
        if isinstance(view, AnalysisView) and view.current_result is not None:
            self.menu().popup(view.mapToGlobal(place))


def ask_picture(parent: QWidget, size: QSize) -> tuple[str, float] | None:
    """Return ending and scale, or None."""
    dialog = PictureDialog(size, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    choice = dialog.choice()
    dialog.deleteLater()
    return choice if accepted else None


def selected_prompt(result: Result, selection: Selection) -> int:
    """Return the selected prompt, the first where the result has fewer."""
    return selection.prompt if selection.prompt < len(result.prompts) else 0


def head_of(result: Result, selection: Selection) -> tuple[int, int] | None:
    """Return where the selected head stands in a result's arrays, None where it is not there."""
    layers, heads = result.data.get("layers"), result.data.get("head_indices")
    if layers is None or heads is None or selection.layer is None or selection.head is None:
        return None
    rows = [int(n) for n in layers]
    columns = [int(n) for n in heads]
    if selection.layer not in rows or selection.head not in columns:
        return None
    return rows.index(selection.layer), columns.index(selection.head)
