"""Pictures and tables that leave the window: as files, over the clipboard, from a view's menu."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, Slot
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
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
from desktop_app.session.mib_circuits import holds_circuit
from desktop_app.support.errors import LensbenchError
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_on_button
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.exports.pictures import MAX_SCALE, picture_of, pixels_of, save_picture
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QSize

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Explained
    from desktop_app.widgets.basics.selection import Selection
    from desktop_app.window.frame.actions import ActionBook, ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.sessions.results_panel import ResultsPanel
    from desktop_app.window.sessions.session_desk import SessionDesk

    Script = tuple[str, Result]

KINDS = ((".png", "PNG"), (".svg", "SVG"), (".pdf", "PDF"))
_WORDS = {
    ".svg": "Lines and text stay sharp at any size; texts can be edited.",
    ".pdf": "Lines and text stay sharp at any size; fonts are inside.",
}
_MENU = ("copy_picture", "copy_python", "save_picture", "copy_table", "export_data")
# Menus of tables copy their rows themselves.
_BESIDE_ROWS = ("copy_picture", "copy_python", "save_picture", "export_data")
_MOST_WHATS = 6
_SCRIPT = "The TransformerLens script that computes the shown result anew"
_NOTHING = "This analysis has no result to export yet."
# The ways out that the search knows by name, with the words under which they are looked for.
_WAYS = (
    (".py", "Save as Python script", "script code transformerlens py export"),
    (".ipynb", "Save as notebook", "jupyter notebook ipynb colab export"),
    (".csv", "Save data as CSV", "spreadsheet excel table csv export numbers"),
    (".npz", "Save data as NPZ", "numpy arrays npz export numbers"),
    (".json", "Save data as JSON", "json export numbers"),
    (".png", "Save picture as PNG", "png image bitmap export"),
    (".svg", "Save picture as SVG", "svg vector image export"),
    (".pdf", "Save picture as PDF", "pdf vector document export"),
)
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
        code = self._copy_current_python
        return [
            *in_menu(
                "&File",
                ("save_picture", "Save picture as…", 60, save, "Ctrl+Shift+E", "export", "", True),
                ("copy_picture", "Copy picture", 70, copy, "Ctrl+Shift+C", "copy"),
                ("copy_python", "Copy as Python", 75, code, "Ctrl+Shift+P", "copy", _SCRIPT),
                ("copy_table", "Copy table", 80, table, "Ctrl+Alt+C", "table"),
                ("export_data", "Export data…", 100, self._export_current, "Ctrl+E", "download"),
            ),
            *in_menu(
                "&View",
                ("picture_menu", "Menu of the picture", 70, self.open_menu, "Shift+F10 | Menu"),
            ),
            *in_menu(
                "&Help", ("what_is", "What is this number?", 5, self._explain_current, "Shift+F1")
            ),
        ]

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the actions that bring something out of the window."""
        return _MENU

    def ways_out(self) -> list[tuple[str, str, Callable[[], object]]]:
        """Return each way out of the window, other words for it, and what takes it."""
        return [(name, words, partial(self._save_as, end)) for end, name, words in _WAYS]

    def take(self, book: ActionBook) -> None:
        """Offer the exports wherever a view is right-clicked."""
        self._book = book

    def menu(self, what: str = "") -> QMenu:
        """Return what can be done with the shown picture, and asked of its numbers."""
        menu = QMenu(self._hall.window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._add_ways(menu, _MENU)
        self._add_whats(menu, what)
        return menu

    def open_menu(self) -> None:
        """Open the menu of whatever has the focus; where it has none, that of the picture."""
        if QApplication.activePopupWidget() is not None:
            return
        view, focus = self._hall.views.shown(), QApplication.focusWidget()
        widget = focus if focus is not None and focus.isVisible() else view
        place = widget.rect().center()
        event = QContextMenuEvent(
            QContextMenuEvent.Reason.Keyboard, place, widget.mapToGlobal(place)
        )
        QApplication.sendEvent(widget, event)
        if QApplication.activePopupWidget() is None and view.current_result is not None:
            self.menu().popup(view.mapToGlobal(view.rect().center()))

    def offer(
        self, widget: QWidget, name: str, title: str, scripts: Callable[[], Sequence[Script]]
    ) -> None:
        """Give a picture that is no view's a menu of its own; it knows which scripts there are."""
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

        def ask(place: QPoint) -> None:
            menu = QMenu(widget)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction("Copy picture", partial(self.copy_picture, widget))
            for words, result in scripts():
                menu.addAction(words, partial(self.copy_python, result))
            menu.addAction("Save picture as…", partial(self.export, widget, name, title))
            menu.popup(widget.mapToGlobal(place))

        widget.customContextMenuRequested.connect(ask)

    def copy_python(self, result: Result) -> None:
        """Put the script that computes a result anew on the clipboard."""

        def copy() -> None:
            from desktop_app.session import export_scripts  # noqa: PLC0415 - jinja2, when needed

            QGuiApplication.clipboard().setText(export_scripts.to_script(result))

        self._hall.attempt(copy, "Python script copied: plain TransformerLens, ready to run.")

    def export(self, widget: QWidget, name: str, title: str) -> None:
        """Ask for kind, scale and place, and write a widget's picture; `name` is proposed."""
        choice = ask_picture(self._hall.window, widget.size())
        if choice is not None:
            self._save_picture(widget, name, title, *choice)

    def _save_picture(
        self, widget: QWidget, name: str, title: str, ending: str, scale: float
    ) -> None:
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

    def export_data(self, result: Result, ending: str = ".json") -> None:
        """Ask for kind and place, and write a result's data."""
        name, kinds = (
            f"{result.analysis}{ending}",
            dialogs.result_filter(ending, circuit=holds_circuit(result)),
        )
        path = dialogs.ask_save(self._hall.window, "Export data", name, kinds)
        if path is not None:
            self._session.export(result, path)

    def _copy_current_python(self) -> None:
        result = self._hall.views.shown().current_result
        if result is None:
            self._hall.say(_NOTHING, "warn")
        else:
            self.copy_python(result)

    def _save_as(self, ending: str) -> None:
        """Write the shown picture, or the data of the shown result, as a file of that kind."""
        view = self._hall.views.shown()
        result, name = view.current_result, view.analysis.name
        if result is None:
            self._hall.say(_NOTHING, "warn")
        elif ending in dict(KINDS):
            title = view.analysis.title
            self._save_picture(view.figure_widget(), name, title, ending, _COPY_SCALE)
        else:
            self.export_data(result, ending)

    def _explain_current(self) -> None:
        """Take apart the number that the shown picture shows."""
        view = self._hall.views.shown()
        told = view.explain()
        if told is None:
            self._hall.say("There is no number to explain yet: run this analysis first.", "warn")
        else:
            shown = view.picture_widget()
            self._hall.explain(told, shown.mapToGlobal(QPoint(24, 24)))

    def _save(self) -> None:
        view = self._hall.views.shown()
        result = view.current_result
        number = self._session.number_of(result) if result is not None else None
        row = self._session.row(number) if number is not None else None
        title = view.analysis.title if row is None else row.title
        self.export(view.figure_widget(), view.analysis.name, title)

    def _copy_current(self) -> None:
        self.copy_picture(self._hall.views.shown().figure_widget())

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
            self._hall.say(_NOTHING, "warn")
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
        view.menu_opening.connect(self._on_menu_opening)
        view.explanation_wanted.connect(self._hall.explain)

    @Slot(QPoint)
    def _on_menu_requested(self, place: QPoint) -> None:
        view = self.sender()
        if isinstance(view, AnalysisView) and view.current_result is not None:
            self.menu().popup(view.mapToGlobal(place))

    @Slot(object, str)
    def _on_menu_opening(self, menu: QMenu, what: str) -> None:
        """Put the ways out, and what its numbers are, into the menu of a table or grid."""
        menu.addSeparator()
        self._add_ways(menu, _BESIDE_ROWS if isinstance(menu.parent(), RankingList) else _MENU)
        self._add_whats(menu, what)

    def _add_ways(self, menu: QMenu, keys: Sequence[str]) -> None:
        if self._book is not None:
            menu.addActions([self._book[key] for key in keys])

    def _add_whats(self, menu: QMenu, what: str) -> None:
        """Offer to take apart the numbers on screen, the one that was pointed at first."""
        view = self._hall.views.shown()
        named: dict[str, Explained] = {}
        for key in filter(None, (what, *view.whats())):
            told = view.explain(key)
            if told is not None and len(named) < _MOST_WHATS:
                named.setdefault(told.name, told)
        if not named:
            return
        menu.addSeparator()
        for name, told in named.items():
            ask = partial(self._explain_at, menu, told)
            menu.addAction(plain_on_button(f"What is “{name}”?"), ask)

    def _explain_at(self, menu: QMenu, told: Explained) -> None:
        self._hall.explain(told, menu.pos())


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
