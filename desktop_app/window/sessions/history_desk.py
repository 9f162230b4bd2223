"""What is done with the results of the history, and what becomes of their session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication

from desktop_app.contract.params import Params
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.sessions.result_dialog import ResultDialog

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.main_window import MainWindow


class HistoryDesk(QObject):
    """Shows, changes and deletes results, and tells of the session that holds them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        session, results = window.session, window.results
        session.rows_changed.connect(results.set_rows)
        session.row_added.connect(results.select)
        session.opened.connect(self._on_opened)
        session.failed.connect(window.notices.show_problem)
        session.saved.connect(self._on_saved)
        session.write_failed.connect(self._on_write_failed)
        session.deleted.connect(self._on_deleted)
        session.restored.connect(self._on_restored)
        session.added_elsewhere.connect(self._on_added_elsewhere)
        results.result_chosen.connect(self._on_result_chosen)
        results.reuse_requested.connect(self._on_reuse_requested)
        results.export_requested.connect(self._on_export_requested)
        results.details_requested.connect(self._on_details_requested)
        results.delete_requested.connect(self._on_delete_requested)
        results.star_requested.connect(session.set_star)
        results.renamed.connect(session.rename)
        window.runs.result_kept.connect(self._on_result_kept)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.applicationStateChanged.connect(self._on_state_changed)

    def action_specs(self) -> list[ActionSpec]:
        """Return what can be done with results."""
        return in_menu(
            "&File", ("undo_delete", "Undo deleting a result", 50, self.undo_delete, "", "undo")
        )

    def undo_delete(self) -> None:
        """Bring back the result that was deleted last."""
        if not self._window.session.undo_delete():
            self._window.say("No result was deleted in this session.", "info")

    # The history.

    def _on_result_kept(self, result: Result, is_worked: bool) -> None:
        self._window.session.add(result, counts=not is_worked)

    def _on_result_chosen(self, number: int) -> None:
        result = self._window.session.result(number)
        if result is not None:
            self._window.showing.show(result)
            self._window.open_tab(result.analysis)

    def _on_reuse_requested(self, number: int) -> None:
        result = self._window.session.result(number)
        rows = result.params.get("prompts") if result is not None else None
        if rows:
            self._window.prompts.set_prompts(Params.model_validate({"prompts": rows}).prompts)

    def _on_export_requested(self, number: int) -> None:
        result = self._window.session.result(number)
        if result is not None:
            self._window.pictures.export_data(result)

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
        undo = {"undo_delete": ("Undo", self.undo_delete)}
        self._window.notices.show(f"Deleted “{title}”.", "info", undo)

    def _on_restored(self) -> None:
        self._window.notices.withdraw("undo_delete")

    # The session as a whole.

    def _on_opened(self) -> None:
        window, desk = self._window, self._window.session
        self._on_restored()  # what was deleted from another session cannot be brought back here
        window.inspector.forget()
        window.inspector.set_notes(desk.notes())
        window.showing.clear()
        rows, settings = desk.prompts()
        if rows:
            window.prompts.set_prompts(rows)
            window.prompts.set_shared_settings(
                str(settings.get("bos", "auto")), chat=bool(settings.get("chat", False))
            )
        self._name_window()
        notice = desk.session.notice or desk.session.missing()
        if notice:
            window.notices.show(notice, "warn")
        newest = {row.analysis: row.id for row in desk.rows()}
        for number in newest.values():
            result = desk.result(number)
            if result is not None:
                window.showing.show(result)

    def _on_saved(self) -> None:
        self._name_window()

    def _on_write_failed(self, problem: str) -> None:
        self._window.notices.show(
            problem,
            "bad",
            {
                "save_as": ("Save as…", self._save_elsewhere),
                "retry_writing": ("Try again", self._retry),
            },
        )

    def _save_elsewhere(self) -> None:
        if self._window.files.save_session_as():
            self._window.banner.dismiss()

    def _retry(self) -> None:
        self._window.banner.dismiss()
        self._window.session.retry()

    def _on_added_elsewhere(self, count: int) -> None:
        what = "1 result was" if count == 1 else f"{count} results were"
        self._window.say(f"{what} added by another program", "info")

    def _on_state_changed(self, state: Qt.ApplicationState) -> None:
        """Coming back to the window: others may have used the file meanwhile."""
        if state == Qt.ApplicationState.ApplicationActive and self._window.isVisible():
            self._window.session.look_again()

    def _name_window(self) -> None:
        session = self._window.session
        temporary = session.session.is_temporary
        self._window.setWindowTitle("Lensbench" if temporary else f"{session.name} – Lensbench")
