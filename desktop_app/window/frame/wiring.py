"""Who hears whom in the main window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.pictures.words import plural
from desktop_app.window.sessions.session_wiring import SessionWiring

if TYPE_CHECKING:
    from desktop_app.contract.requests import ModelReady
    from desktop_app.contract.result import Result
    from desktop_app.jobs.events import JobFailed, JobProgress
    from desktop_app.window.frame.main_window import MainWindow

_ENDINGS = {
    "finished": ("{title} finished", "good"),
    "failed": ("{title} failed", "bad"),
    "stopped": ("{title} stopped", "warn"),
}


class Wiring(QObject):
    """Connects the parts, and holds the few slots that belong to none of them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._report = ""
        self._ending: tuple[str, str] | None = None
        self._connect_jobs()
        self._connect_selection()
        self._session = SessionWiring(window)
        self._connect_messages()
        self._on_busy_changed(busy=False)

    def offer_report(self, report: str) -> None:
        """Offer a crash report for copying."""
        self._report = report
        self._window.banner.show_message(
            "Lensbench ended unexpectedly last time. The report can be copied.",
            "warn",
            [("copy_report", "Copy report")],
        )

    def _connect_jobs(self) -> None:
        window, conductor, bar = self._window, self._window.conductor, self._window.job_bar
        conductor.job_began.connect(self._on_job_began)
        conductor.job_moved.connect(self._on_job_moved)
        conductor.job_ended.connect(self._on_job_ended)
        conductor.busy_changed.connect(self._on_busy_changed)
        conductor.waiting_changed.connect(bar.set_waiting)
        bar.cancel_clicked.connect(conductor.stop_running)
        window.meter.measured.connect(bar.set_memory)
        window.models.model_changed.connect(self._on_model_changed)
        window.top_bar.model_clicked.connect(window.slots.choose_model)
        window.first_start.model_chosen.connect(window.begin_worked_example)
        window.first_start.run_wanted.connect(self._on_run_wanted)
        window.first_start.finished.connect(window.started)

    def _connect_selection(self) -> None:
        window, selection = self._window, self._window.selection
        window.prompts.prompts_changed.connect(self._on_prompts_changed)
        window.prompts.prompt_selected.connect(selection.select_prompt)
        selection.prompt_changed.connect(window.prompts.select_prompt)
        window.prompts.table.rows_removed.connect(self._on_rows_removed)
        window.prompts.table.rows_restored.connect(self._on_rows_restored)
        window.prompts.table.prompts.modelReset.connect(self._on_rows_restored)
        window.prompts.live.token_clicked.connect(selection.select_position)
        selection.position_changed.connect(window.prompts.live.set_selected)

    def _connect_messages(self) -> None:
        window = self._window
        for view in window.views.values():
            view.message_requested.connect(window.say)
            view.help_requested.connect(window.show_help)
            view.intent_raised.connect(window.answer)
        window.inspector.intent_raised.connect(window.answer)
        window.runs.result_shown.connect(self._on_result_shown)
        window.runs.tokens_shown.connect(window.inspector.show_tokens)
        window.runs.message_arrived.connect(window.say)
        window.runs.bug_found.connect(self._on_bug_found)
        window.models.problem_arrived.connect(window.show_problem)
        window.files.problem_arrived.connect(window.show_problem)
        window.files.message_arrived.connect(self._on_message_arrived)
        window.pictures.problem_arrived.connect(window.show_problem)
        window.pictures.message_arrived.connect(self._on_message_arrived)
        window.comparisons.message_arrived.connect(window.say)
        window.files.model_dropped.connect(window.models.open_path)
        window.banner.action_clicked.connect(self._on_banner_action)
        window.log.warnings_counted.connect(self._on_warnings_counted)
        window.closer.waiting_began.connect(self._on_waiting_began)
        window.closer.may_close.connect(window.close_when_idle)

    # Jobs.

    def _on_job_began(self, title: str) -> None:
        self._window.job_bar.show_job(title)
        if self._ending is not None:
            # The next job has followed at once: how the last one ended is still worth a word.
            self._window.say(*self._ending)
            self._ending = None

    def _on_job_moved(self, event: JobProgress) -> None:
        self._window.job_bar.set_progress(event.fraction, event.note, event.seconds_left)

    def _on_job_ended(self, title: str, outcome: str) -> None:
        words, severity = _ENDINGS[outcome]
        ending = words.format(title=title), severity
        self._window.job_bar.finish(*ending)
        goes_on = self._window.conductor.has_more()
        self._ending = ending if goes_on and outcome != "finished" else None

    def _on_busy_changed(self, busy: bool) -> None:
        self._window.actions_by_name["stop"].setEnabled(busy)
        self._window.actions_by_name["stop_loading"].setEnabled(self._window.conductor.is_loading())

    def _on_model_changed(self, ready: ModelReady) -> None:
        window = self._window
        window.say(f"{ready.info.name} is ready", "good")
        window.prompts.chat.setEnabled(ready.chat_template)
        if not ready.chat_template:
            window.prompts.chat.setChecked(False)
        if not window.first_start.is_under_way():
            window.started.emit()

    def _on_run_wanted(self, name: str) -> None:
        params = ANALYSES[name].params()
        if not self._window.runs.run(name, params, is_worked=True):
            self._window.first_start.skip(name)

    def _on_waiting_began(self) -> None:
        self._window.job_bar.show_job("Finishing the current step, then closing")

    def _on_result_shown(self, result: Result) -> None:
        self._window.inspector.show_result(result)
        best = hook(result.analysis, "picture", "best_head")
        if self._window.selection.layer is None and best is not None:
            # One head for all views, before the first click: the one that matters most.
            self._window.selection.select_head(*(best(result) or (None, None)))

    # Prompts.

    def _on_prompts_changed(self) -> None:
        self._window.inspector.show_table(self._window.prompts.prompts()[0])

    def _on_rows_removed(self, count: int) -> None:
        self._window.banner.show_message(
            f"Removed {plural(count, 'prompt')}.", "info", [("undo_remove", "Undo")]
        )

    def _on_rows_restored(self) -> None:
        if self._window.banner.offers("undo_remove"):
            self._window.banner.dismiss()

    # Messages.

    def _on_message_arrived(self, message: str) -> None:
        self._window.say(message, "good")

    def _on_bug_found(self, failed: JobFailed) -> None:
        self._report = failed.details
        self._window.banner.show_message(
            failed.message, "bad", [("copy_report", "Copy details"), ("log", "Open log")]
        )

    def _on_banner_action(self, code: str) -> None:
        if code == "copy_report":
            QApplication.clipboard().setText(self._report)
            self._window.say("Copied.", "good")
        elif code == "log":
            self._window.slots.show_log()
        elif code == "undo_remove":
            self._window.slots.undo_remove()
        elif code == "undo_example":
            self._window.slots.undo_example()

    def _on_warnings_counted(self, count: int) -> None:
        self._window.docks["log"].setWindowTitle(f"Log ({count})" if count else "Log")
