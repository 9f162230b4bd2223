"""Closing the window: what runs is cancelled, what is finished is written, nothing hangs."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.window.frame import dialogs

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.jobs.runner import JobRunner
    from desktop_app.window.sessions.session_desk import SessionDesk

PATIENCE_MS = 10_000
_SHUTDOWN_MS = 5_000
_log = logging.getLogger(__name__)


class Closer(QObject):
    """Decides whether the window may close now.

    Signals:
        waiting_began: A step is still being computed; the window closes when it ends.
        may_close: The wait is over.
    """

    waiting_began = Signal()
    may_close = Signal()

    def __init__(self, runner: JobRunner, session: SessionDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._runner = runner
        self._session = session
        self.is_waiting = False
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._patience.timeout.connect(self._on_patience_over)
        runner.became_idle.connect(self._on_became_idle)

    def is_ready(self) -> bool:
        """Cancel what runs; return whether the window can close at once."""
        if not self._runner.is_busy():
            return True
        self._runner.cancel_all()
        if not self.is_waiting:
            self.is_waiting = True
            self._patience.start()
            self.waiting_began.emit()
        return False

    def finish(self) -> None:
        """End the compute thread and close the session's file."""
        self._patience.stop()
        if not self._runner.shutdown(_SHUTDOWN_MS):
            _log.error("The compute thread did not end in time.")
        self._session.close()

    def _on_became_idle(self) -> None:
        if self.is_waiting:
            self.is_waiting = False
            self._patience.stop()
            self.may_close.emit()

    def _on_patience_over(self) -> None:
        if not self.is_waiting:
            return
        if dialogs.ask_quit_hard(self._window):
            _log.error("Left while a step was still being computed.")
            self._session.close()
            os._exit(1)
        if self.is_waiting:
            self._patience.start()
