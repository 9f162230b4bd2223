"""The line at the bottom: what is being computed, how far it is, how to stop it, and the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QProgressBar, QPushButton, QSizePolicy, QWidget

from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import Sign
from desktop_app.widgets.basics.layouts import row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

_STEPS = 1000
_SAID_MS = 4_000


class JobBar(QWidget):
    """Title, progress, time left and Cancel while a job runs; its outcome afterwards.

    Signals:
        cancel_clicked: The user wants the running job to stop.
    """

    cancel_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full_note = ""
        self._said = ""
        self._mark, self._title, self._note = Sign(14), PlainLabel("Ready"), PlainLabel()
        self._mark.setVisible(False)
        self._percent, self._waiting, self._memory = PlainLabel(), PlainLabel(), PlainLabel()
        for part in (self._note, self._percent, self._waiting, self._memory):
            set_role(part, "small")
        self._waiting.setVisible(False)
        self._silence = QTimer(self)
        self._silence.setSingleShot(True)
        self._silence.setInterval(_SAID_MS)
        self._silence.timeout.connect(self._on_said)
        self._note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _STEPS)
        self._bar.setFixedWidth(160)
        self._bar.setAccessibleName("Progress")
        self._cancel = QPushButton("Cancel")
        self._cancel.setToolTip("Stop this job at its next step; Ctrl+. stops those that wait too")
        self._cancel.setAccessibleName("Cancel the running job")
        set_role(self._cancel, "quiet")
        middle = Qt.AlignmentFlag.AlignVCenter
        row_in(
            self,
            *((part, 0, middle) for part in (self._mark, self._title, self._bar, self._percent)),
            (self._note, 1),
            self._waiting,
            self._cancel,
            self._memory,
            margins=(12, 2, 12, 2),
        )
        self.setFixedHeight(36)
        self.setAccessibleName("Running job")
        self._cancel.clicked.connect(self._on_cancel)
        self._show_running(running=False)

    def show_job(self, title: str) -> None:
        """Begin to show a job, with no progress yet."""
        self._title.setText(title)
        self._mark.setVisible(False)
        self._cancel.setEnabled(True)
        self._cancel.setText("Cancel")
        self._show_running(running=True)
        self.set_progress(None)

    def set_progress(
        self, fraction: float | None, note: str = "", seconds_left: float | None = None
    ) -> None:
        """Show how far the job is, 0..1, and how long it still takes; None is not known."""
        known = fraction is not None
        self._bar.setRange(0, _STEPS if known else 0)
        if fraction is not None:
            share = min(max(fraction, 0.0), 1.0)
            self._bar.setValue(round(share * _STEPS))
            self._percent.setText(f"{share * 100:.0f} %")
        self._percent.setVisible(known)
        left = "" if seconds_left is None else f"{duration(seconds_left)} left"
        self._set_note(" · ".join(part for part in (note, left) if part))

    def finish(self, text: str, severity: str = "good") -> None:
        """Show how the job ended, until the next one."""
        self._mark.set_severity(severity)
        self._mark.setVisible(True)
        self._title.setText(text)
        self._on_said()
        self._set_note("")
        self._show_running(running=False)

    def say(self, text: str, severity: str = "info") -> None:
        """Say something; a job that is shown stays, and the words give way to its note again."""
        if not self.is_running():
            self.finish(text, severity)
            return
        self._said = clipped(text)
        self._silence.start()
        self._elide()

    def set_waiting(self, count: int) -> None:
        """Show how many jobs wait for the running one."""
        self._waiting.setText(f"{count} waiting")
        self._waiting.setVisible(count > 0)

    def set_memory(self, text: str) -> None:
        """Show the memory in use, at the right."""
        self._memory.setText(text)

    def title(self) -> str:
        """Return the job's title, or how the last one ended."""
        return self._title.text()

    def note(self) -> str:
        """Return what the job says it is doing, with the time left; or what was just said."""
        return self._said or self._full_note

    def is_running(self) -> bool:
        """Return whether a job is shown."""
        return not self._cancel.isHidden()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _set_note(self, text: str) -> None:
        self._full_note = text
        self._elide()

    def _elide(self) -> None:
        metrics = QFontMetrics(self._note.font())
        width = max(self._note.width(), 40)
        text = self._said or self._full_note
        self._note.setToolTip(plain_tip(text))
        self._note.setText(metrics.elidedText(text, Qt.TextElideMode.ElideRight, width))

    def _show_running(self, *, running: bool) -> None:
        for part in (self._bar, self._cancel):
            part.setVisible(running)
        if not running:
            self._percent.setVisible(False)

    @Slot()
    def _on_said(self) -> None:
        self._silence.stop()
        self._said = ""
        self._elide()

    @Slot()
    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._cancel.setText("Stopping…")
        self.cancel_clicked.emit()


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it: `0.7 s`, `12 s`, `3 min 20 s`, `1 h 5 min`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
