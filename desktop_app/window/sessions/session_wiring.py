"""Who hears whom about the session and its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication

from desktop_app.contract.registry import ANALYSES
from desktop_app.window.frame import dialogs
from desktop_app.window.sessions.result_dialog import ResultDialog

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.window.frame.main_window import MainWindow

_IN_MEMORY = [("save_as", "Save as…"), ("retry_writing", "Try again")]


class SessionWiring(QObject):
    """Connects the session, the history and the parts that show their results."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        session = window.session
        session.rows_changed.connect(window.results.set_rows)
        session.row_added.connect(window.results.select)
        session.opened.connect(self._on_opened)
        session.failed.connect(window.show_problem)
        session.saved.connect(self._on_saved)
        session.write_failed.connect(self._on_write_failed)
        session.deleted.connect(self._on_deleted)
        session.restored.connect(self._on_restored)
        session.added_elsewhere.connect(self._on_added_elsewhere)
        self._connect_history()
        window.inspector.notes_changed.connect(session.set_notes)
        window.runs.result_kept.connect(self._on_result_kept)
        window.banner.action_clicked.connect(self._on_banner_action)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.applicationStateChanged.connect(self._on_state_changed)

    def _connect_history(self) -> None:
        results, session = self._window.results, self._window.session
        results.result_chosen.connect(self._on_result_chosen)
        results.reuse_requested.connect(self._on_reuse_requested)
        results.export_requested.connect(self._on_export_requested)
        results.details_requested.connect(self._on_details_requested)
        results.delete_requested.connect(self._on_delete_requested)
        results.star_requested.connect(session.set_star)
        results.renamed.connect(session.rename)

    # The history.

    def _on_result_kept(self, result: Result, is_worked: bool) -> None:
        self._window.session.add(result, counts=not is_worked)

    def _on_result_chosen(self, number: int) -> None:
        result = self._window.session.result(number)
        if result is not None:
            self._window.runs.show(result)
            if result.analysis in self._window.views:
                self._window.open_tab(result.analysis)

    def _on_reuse_requested(self, number: int) -> None:
        result = self._window.session.result(number)
        if result is None:
            return
        rows = result.params.get("prompts") or ()
        kind = ANALYSES[result.analysis].params
        if rows:
            self._window.prompts.set_prompts(kind.model_validate({"prompts": rows}).prompts)

    def _on_export_requested(self, number: int) -> None:
        result = self._window.session.result(number)
        if result is not None:
            self._window.files.save_result(result)

    def _on_details_requested(self, number: int) -> None:
        session = self._window.session
        row = session.row(number)
        if row is None:
            return
        dialog = ResultDialog(row, session.result(number), self._window)
        dialog.renamed.connect(session.rename)
        dialog.star_requested.connect(session.set_star)
        dialog.noted.connect(session.annotate)
        dialog.show()

    def _on_delete_requested(self, number: int) -> None:
        row = self._window.session.row(number)
        if row is not None and dialogs.ask_delete(self._window, row.title):
            self._window.session.delete(number)

    def _on_deleted(self, title: str) -> None:
        self._window.banner.show_message(f"Deleted “{title}”.", "info", [("undo_delete", "Undo")])

    def _on_restored(self) -> None:
        if self._window.banner.offers("undo_delete"):
            self._window.banner.dismiss()

    # The session as a whole.

    def _on_opened(self) -> None:
        window, desk = self._window, self._window.session
        self._on_restored()  # what was deleted from another session cannot be brought back here
        window.inspector.forget()
        window.inspector.set_notes(desk.notes())
        for view in window.views.values():
            view.clear()
        rows, settings = desk.prompts()
        if rows:
            window.prompts.set_prompts(rows)
            window.prompts.set_shared_settings(
                str(settings.get("bos", "auto")), chat=bool(settings.get("chat", False))
            )
        self._name_window()
        notice = desk.session.notice or desk.session.missing()
        if notice:
            window.banner.show_message(notice, "warn")
        newest = {row.analysis: row.id for row in desk.rows()}
        for number in newest.values():
            result = desk.result(number)
            if result is not None:
                window.runs.show(result)

    def _on_saved(self) -> None:
        self._name_window()

    def _on_write_failed(self, problem: str) -> None:
        self._window.banner.show_message(problem, "bad", _IN_MEMORY)

    def _on_added_elsewhere(self, count: int) -> None:
        what = "1 result was" if count == 1 else f"{count} results were"
        self._window.say(f"{what} added by another program", "info")

    def _on_banner_action(self, code: str) -> None:
        window = self._window
        if code == "save_as":
            if window.files.save_session_as():
                window.banner.dismiss()
        elif code == "retry_writing":
            window.banner.dismiss()
            window.session.retry()
        elif code == "undo_delete":
            window.session.undo_delete()

    def _on_state_changed(self, state: Qt.ApplicationState) -> None:
        """Coming back to the window: others may have used the file meanwhile."""
        if state == Qt.ApplicationState.ApplicationActive and self._window.isVisible():
            self._window.session.look_again()

    def _name_window(self) -> None:
        session = self._window.session
        temporary = session.session.is_temporary
        self._window.setWindowTitle("Lensbench" if temporary else f"{session.name} – Lensbench")
