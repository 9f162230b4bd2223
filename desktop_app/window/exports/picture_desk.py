"""Pictures and tables that leave the window: as files, over the clipboard, from a view's menu."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.pictures.words import plural
from desktop_app.session.export_table import table_of, to_tsv
from desktop_app.support.errors import LensbenchError
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.window.exports.pictures import MAX_SCALE, picture_of, pixels_of, save_picture
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu

if TYPE_CHECKING:
    from PySide6.QtCore import QSize

    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection
    from desktop_app.window.frame.actions import ActionBook, ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.sessions.results_panel import ResultsPanel
    from desktop_app.window.sessions.session_desk import SessionDesk

KINDS = ((".png", "PNG"), (".svg", "SVG"), (".pdf", "PDF"))
_WORDS = {
    ".svg": "Lines and text stay sharp at any size; texts can be edited.",
    ".pdf": "Lines and text stay sharp at any size; fonts are inside.",
}
_MENU = ("save_picture", "copy_picture", "copy_table", "export_data")
# The clipboard's pictures are for screens and slides.
_COPY_SCALE = 2.0


class PictureDialog(QDialog):
    """Asks for the kind of picture and, for a PNG, its pixels per point."""

    def __init__(self, size: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self.setWindowTitle("Export picture")
        self.kind = SegmentedControl(list(KINDS))
        self.kind.setAccessibleName("Kind of picture")
        self.scale = SegmentedControl([(n, f"{n}×") for n in range(1, MAX_SCALE + 1)])
        self.scale.setAccessibleName("Scale")
        self.scale.set_value(2)
        self.facts = label("", "small")
        self.save_button, self.cancel_button = QPushButton("Save…"), QPushButton("Cancel")
        set_role(self.save_button, "primary")
        self.save_button.setDefault(True)
        buttons = filled(QHBoxLayout(), None, self.cancel_button, self.save_button)
        form = QFormLayout()
        form.setSpacing(10)
        form.addRow("Kind", self.kind)
        form.addRow("Scale", self.scale)
        parts = (label("Export picture", "heading"), form, self.facts, buttons)
        filled(QVBoxLayout(self), *parts, margins=(20, 16, 20, 16), spacing=12)
        self.setMinimumWidth(380)
        self.kind.changed.connect(self._on_changed)
        self.scale.changed.connect(self._on_changed)
        self.save_button.clicked.connect(self.accept)
        self.cancel_button.clicked.connect(self.reject)
        self._on_changed()

    def choice(self) -> tuple[str, float]:
        """Return the ending and the scale."""
        return str(self.kind.value()), float(self.scale.value())

    def _on_changed(self, _value: object = None) -> None:
        ending, scale = self.choice()
        self.scale.setEnabled(ending == ".png")
        pixels = pixels_of(self._size, scale)
        size = f"{pixels.width():,} × {pixels.height():,} pixels"
        self.facts.setText(_WORDS.get(ending, size))


class PictureDesk(QObject):
    """Exports and copies what views show."""

    def __init__(self, hall: Hall, session: SessionDesk, results: ResultsPanel) -> None:
        super().__init__(hall)
        self._hall = hall
        self._session = session
        self._book: ActionBook | None = None
        hall.views.built.connect(self._on_view_built)
        results.asked.connect(self._on_asked)

    def action_specs(self) -> list[ActionSpec]:
        """Return the ways out of the window."""
        save, copy, table = self._save, self._copy_current, self._copy_current_table
        return in_menu(
            "&File",
            ("save_picture", "Export picture…", 60, save, "Ctrl+Shift+E", "export", "", True),
            ("copy_picture", "Copy picture", 70, copy, "Ctrl+Shift+C", "copy"),
            ("copy_table", "Copy table", 80, table, "Ctrl+Alt+C", "table"),
            ("export_data", "Export data…", 100, self._export_current, "Ctrl+E", "download"),
        )

    def take(self, book: ActionBook) -> None:
        """Offer the exports wherever a view is right-clicked."""
        self._book = book

    def menu(self) -> QMenu:
        """Return what can be done with a view's picture and numbers."""
        menu = QMenu(self._hall.window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self._book[key] for key in _MENU] if self._book is not None else [])
        return menu

    def export(self, widget: QWidget, name: str, title: str) -> None:
        """Ask for kind, scale and place, and write a widget's picture; `name` is proposed."""
        choice = ask_picture(self._hall.window, widget.size())
        if choice is None:
            return
        ending, scale = choice
        window, kinds = self._hall.window, dialogs.picture_filter(ending)
        path = dialogs.ask_save(window, "Export picture", name + ending, kinds)
        if path is not None:
            write = partial(save_picture, widget, path, scale=scale, title=title)
            self._hall.attempt(write, f"Saved {path.name}.")

    def copy_picture(self, widget: QWidget) -> None:
        """Put a widget's picture on the clipboard."""

        def copy() -> None:
            QGuiApplication.clipboard().setImage(picture_of(widget, _COPY_SCALE))

        self._hall.attempt(copy, "Picture copied.")

    def export_data(self, result: Result) -> None:
        """Ask for kind and place, and write a result's data."""
        name = f"{result.analysis}.json"
        path = dialogs.ask_save(self._hall.window, "Export data", name, dialogs.RESULT_FILTER)
        if path is not None:
            self._session.export(result, path)

    def _save(self) -> None:
        view = self._hall.views.shown()
        result = view.current_result
        number = self._session.number_of(result) if result is not None else None
        row = self._session.row(number) if number is not None else None
        title = view.analysis.title if row is None else row.title
        self.export(view.picture_widget(), view.analysis.name, title)

    def _copy_current(self) -> None:
        self.copy_picture(self._hall.views.shown().picture_widget())

    def _copy_current_table(self) -> None:
        """Put the result's table on the clipboard, for a spreadsheet."""
        view, selection = self._hall.views.shown(), self._hall.selection
        result = view.current_result
        if result is None:
            self._hall.show_problem("This analysis has no result to copy yet.")
            return
        try:
            table = table_of(result, view.prompt_of(result), head_of(result, selection))
        except LensbenchError as error:
            self._hall.show_problem(str(error))
            return
        QGuiApplication.clipboard().setText(to_tsv(table))
        self._hall.say(f"Table of {plural(len(table[1]), 'row')} copied.", "good")

    def _export_current(self) -> None:
        result = self._hall.views.shown().current_result
        if result is None:
            self._hall.say("This analysis has no result to export yet.", "warn")
        else:
            self.export_data(result)

    def _on_asked(self, code: str, number: int) -> None:
        result = self._session.result(number) if code == "export" else None
        if result is not None:
            self.export_data(result)

    def _on_view_built(self, view: AnalysisView) -> None:
        """Let a right click anywhere in a view offer the exports."""
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._on_menu_requested)

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


def head_of(result: Result, selection: Selection) -> tuple[int, int] | None:
    """Return where the selected head stands in a result's arrays, None where it is not there."""
    layers, heads = result.data.get("layers"), result.data.get("head_indices")
    if layers is None or heads is None or selection.layer is None or selection.head is None:
        return None
    rows, columns = list(map(int, layers)), list(map(int, heads))
    if selection.layer not in rows or selection.head not in columns:
        return None
    return rows.index(selection.layer), columns.index(selection.head)
