"""What the job bar says of the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

if TYPE_CHECKING:
    from desktop_app.jobs.events import JobProgress
    from desktop_app.widgets.basics.job_bar import JobBar
    from desktop_app.window.runs.conductor import Conductor

_ENDINGS = {
    "finished": ("{title} finished", "good"),
    "failed": ("{title} failed", "bad"),
    "stopped": ("{title} stopped", "warn"),
}


class JobWords(QObject):
    """Tells of the job whose turn it is, and how the last one ended."""

    def __init__(self, conductor: Conductor, bar: JobBar) -> None:
        super().__init__(bar)
        self._conductor = conductor
        self._bar = bar
        self._ending: tuple[str, str] | None = None
        conductor.job_began.connect(self._on_job_began)
        conductor.job_moved.connect(self._on_job_moved)
        conductor.job_ended.connect(self._on_job_ended)
        conductor.waiting_changed.connect(bar.set_waiting)
        bar.cancel_clicked.connect(conductor.stop_running)

    def _on_job_began(self, title: str) -> None:
        self._bar.show_job(title)
        if self._ending is not None:
            # The next job has followed at once: how the last one ended is still worth a word.
            self._bar.say(*self._ending)
            self._ending = None

    def _on_job_moved(self, event: JobProgress) -> None:
        self._bar.set_progress(event.fraction, event.note, event.seconds_left)

    def _on_job_ended(self, title: str, outcome: str) -> None:
        words, severity = _ENDINGS[outcome]
        ending = words.format(title=title), severity
        self._bar.finish(*ending)
        self._ending = ending if self._conductor.has_more() and outcome != "finished" else None
