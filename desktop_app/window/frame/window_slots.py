"""What the window's actions do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication

from desktop_app.contract.registry import worked_order
from desktop_app.widgets.basics.theme import ThemeChoice, apply_theme
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.help_panel import START
from desktop_app.window.frame.parts import app_version
from desktop_app.window.prompts.examples import worked_example

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.views.base import AnalysisView
    from desktop_app.window.frame.main_window import MainWindow
    from desktop_app.window.prompts.prompt_rows import TypedRow

_LOG_HEIGHT = 190


class WindowSlots(QObject):
    """One method per action, without arguments."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._replaced: list[TypedRow] = []

    # Session and files.

    def new_session(self) -> None:
        """Begin an empty session."""
        if self._window.files.may_leave():
            self._window.session.start_new()

    def open_session(self) -> None:
        """Ask for a session file."""
        self._window.files.open_session()

    def save_session(self) -> None:
        """Save the session."""
        self._window.files.save_session()

    def save_session_as(self) -> None:
        """Save the session under another name."""
        self._window.files.save_session_as()

    def undo_delete(self) -> None:
        """Bring back the result that was deleted last."""
        if not self._window.session.undo_delete():
            self._window.say("No result was deleted in this session.", "info")

    def undo_remove(self) -> None:
        """Put back the prompts that were removed last."""
        if not self._window.prompts.table.undo_remove():
            self._window.say("No prompt was removed from this table.", "info")

    def load_example(self) -> None:
        """Put the worked example of the open model into the table, and run it."""
        window = self._window
        model = window.conductor.model
        old = window.prompts.rows()
        window.prompts.set_prompts(worked_example(model.spec.model if model else ""))
        window.prompts.flush()
        if window.prompts.rows() != old and not all(row.is_empty for row in old):
            self._replaced = old
            window.banner.show_message(
                "The worked example has taken the place of your prompts.",
                "info",
                [("undo_example", "Undo")],
            )
        if model is not None:
            for name in worked_order():
                window.runs.run(name, window.views[name].analysis.params())

    def undo_example(self) -> None:
        """Put back the prompts that the worked example has replaced."""
        self._window.banner.dismiss()
        self._window.prompts.set_rows(self._replaced)

    def open_prompts(self) -> None:
        """Ask for a prompt table."""
        self._window.files.open_prompts()

    def save_prompts(self) -> None:
        """Write the prompt table."""
        self._window.files.save_prompts()

    def save_picture(self) -> None:
        """Write the picture of the current tab."""
        view = self._view()
        name = view.analysis.name
        self._window.pictures.export(view.picture_widget(), name, view.analysis.title)

    def copy_picture(self) -> None:
        """Put the picture of the current tab on the clipboard."""
        self._window.pictures.copy_picture(self._view().picture_widget())

    def copy_table(self) -> None:
        """Put the numbers of the current tab on the clipboard."""
        self._window.pictures.copy_table(self._view().current_result, self._window.selection)

    def compare(self) -> None:
        """Compare the results that are marked in the history."""
        self._window.comparisons.compare_marked()

    def export_data(self) -> None:
        """Write the data of the current tab."""
        result: Result | None = self._view().current_result
        if result is None:
            self._window.say("This tab has no result to export yet.", "warn")
        else:
            self._window.files.save_result(result)

    # Model and runs.

    def choose_model(self) -> None:
        """Open the model dialog."""
        self._window.models.open_dialog()

    def stop_loading(self) -> None:
        """Stop loading a model."""
        self._window.conductor.stop_kind("load")

    def run_current(self) -> None:
        """Run the analysis of the current tab."""
        self._window.prompts.flush()
        self._view().request_run()

    def run_all(self) -> None:
        """Run every analysis of the prompts; what makes its own sequences takes far longer."""
        self._window.prompts.flush()
        for view in self._window.views.values():
            if view.analysis.params().reads_prompts():
                view.request_run()

    def stop(self) -> None:
        """Cancel what runs or waits."""
        self._window.conductor.stop()

    # What is shown.

    def open_tab_1(self) -> None:
        """Show the first tab."""
        self._open_tab(0)

    def open_tab_2(self) -> None:
        """Show the second tab."""
        self._open_tab(1)

    def open_tab_3(self) -> None:
        """Show the third tab."""
        self._open_tab(2)

    def open_tab_4(self) -> None:
        """Show the fourth tab."""
        self._open_tab(3)

    def open_tab_5(self) -> None:
        """Show the fifth tab."""
        self._open_tab(4)

    def open_tab_6(self) -> None:
        """Show the sixth tab."""
        self._open_tab(5)

    def open_tab_7(self) -> None:
        """Show the seventh tab."""
        self._open_tab(6)

    def open_tab_8(self) -> None:
        """Show the eighth tab."""
        self._open_tab(7)

    def open_tab_9(self) -> None:
        """Show the ninth tab."""
        self._open_tab(8)

    def search(self) -> None:
        """Open the search over all actions."""
        self._window.top_bar.search.open()

    def theme_system(self) -> None:
        """Follow the desktop's light or dark setting."""
        self._set_theme("system")

    def theme_light(self) -> None:
        """Switch to the light theme."""
        self._set_theme("light")

    def theme_dark(self) -> None:
        """Switch to the dark theme."""
        self._set_theme("dark")

    def reset_layout(self) -> None:
        """Put all docks back to where they were at the first start."""
        self._window.place_docks()

    def help_here(self) -> None:
        """Show the help page of the current tab."""
        self._window.show_help(self._view().analysis.name)

    def help_start(self) -> None:
        """Show the first help page."""
        self._window.show_help(START)

    def show_log(self) -> None:
        """Show the log."""
        log = self._window.docks["log"]
        if not log.isVisible():
            log.show()
            self._window.resizeDocks([log], [_LOG_HEIGHT], Qt.Orientation.Vertical)
        log.raise_()

    def about(self) -> None:
        """Say what this program is."""
        dialogs.show_about(self._window, app_version())

    def _view(self) -> AnalysisView:
        return self._window.views[self._window.current_tab()]

    def _open_tab(self, place: int) -> None:
        self._window.open_tab(list(self._window.views)[place])

    def _set_theme(self, choice: ThemeChoice) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, choice)
        self._window.remember_theme(choice)
