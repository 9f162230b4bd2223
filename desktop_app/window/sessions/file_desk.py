"""Session files: opened, saved, closed, found unsaved at a start; and what is dropped."""

from __future__ import annotations

import functools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.session import unsaved
from desktop_app.widgets.basics.messages import Banner
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.prompts.prompt_desk import PROMPT_ENDINGS
from desktop_app.window.sessions.entries import moment

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.jobs.runner import JobRunner
    from desktop_app.session.unsaved import Leftover
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_desk import PromptDesk
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.sessions.session_desk import SessionDesk

SESSION_ENDING = ".lens"
AUTOSAVE_MS = 1_000
PATIENCE_MS = 10_000
_SHUTDOWN_MS = 5_000
_log = logging.getLogger(__name__)
_RESTORE, _DISCARD = "restore_unsaved", "discard_unsaved"


class FileDesk(QObject):
    """Opens and saves sessions, and opens whatever is dropped by what it is.

    Signals:
        model_dropped: A folder or `.gguf` file that is to be opened as a model.
    """

    model_dropped = Signal(str)

    def __init__(
        self, hall: Hall, session: SessionDesk, panel: PromptPanel, prompts: PromptDesk
    ) -> None:
        super().__init__(hall)
        self._hall = hall
        self._session = session
        self._panel = panel
        self._prompts = prompts
        session.saved.connect(self._on_saved)
        self._autosave = QTimer(self, singleShot=True, interval=AUTOSAVE_MS)
        self._autosave.timeout.connect(self.keep_prompts)
        panel.prompts_changed.connect(self._autosave.start)

    def action_specs(self) -> list[ActionSpec]:
        """Return what can be done with a session."""
        return in_menu(
            "&File",
            ("new_session", "New session", 10, self.new_session, "Ctrl+Shift+N", "add"),
            ("open_session", "Open session…", 20, self.ask_session, "Ctrl+O", "open"),
            ("save_session", "Save session", 30, self.save_session, "Ctrl+S", "save"),
            ("save_session_as", "Save session as…", 40, self.save_session_as, "Ctrl+Shift+S"),
        )

    def open_any(self, path: Path) -> None:
        """Open a session, prompt table, model folder or model file by what it is."""
        ending = path.suffix.lower()
        if ending == SESSION_ENDING:
            self.open_session(path)
        elif ending in PROMPT_ENDINGS:
            self._prompts.open_file(path)
        elif path.is_dir() or ending == ".gguf":
            self.model_dropped.emit(str(path))
        else:
            self._hall.show_problem(
                f"“{path.name}” is none of .lens, .csv, .jsonl, .gguf or a model's folder."
            )

    def new_session(self) -> None:
        """Begin an empty session."""
        if self.may_leave():
            self._session.start_new()

    def open_session(self, path: Path) -> None:
        """Open a session file."""
        if self.may_leave():
            self._session.open(path)

    def save_session(self) -> None:
        """Save the session; one that lives in a file is written through already."""
        if self._session.session.is_temporary or self._session.has_unsaved:
            self.save_session_as()
            return
        self.keep_prompts()
        self._hall.say(f"Everything is in {self._session.session.path.name}.", "good")

    def save_session_as(self) -> bool:
        """Save the session to a file of its own; return whether one was chosen."""
        window, kinds = self._hall.window, dialogs.SESSION_FILTER
        path = dialogs.ask_save(window, "Save session", "session.lens", kinds)
        if path is None:
            return False
        self.keep_prompts()
        self._session.save_as(path)
        return True

    def may_leave(self) -> bool:
        """Return whether the session may be closed; asks where results would be lost."""
        if not self._session.has_unsaved:
            return True
        answer = dialogs.ask_save_before_closing(self._hall.window)
        if answer == "save":
            if not self.save_session_as():
                return False
            self._session.wait()
            return not self._session.has_unsaved  # where saving failed, the sentence says why
        return answer != "cancel"

    def flush(self) -> None:
        """Do not wait any longer before the prompt table is written into the session."""
        self._panel.flush()  # what was typed a moment ago would be written after the closing
        if self._autosave.isActive():
            self.keep_prompts()

    def keep_prompts(self) -> None:
        """Write the prompt table into the session; it does so by itself after every change."""
        self._autosave.stop()
        self._session.set_prompts(*self._panel.kept())

    def ask_session(self) -> None:
        """Ask for a session file, and open it."""
        path = dialogs.ask_open(self._hall.window, "Open session", dialogs.SESSION_FILTER)
        if path is not None:
            self.open_session(path)

    def _on_saved(self, path: str) -> None:
        self._hall.say(f"Saved {Path(path).name}.", "good")


class Closer(QObject):
    """Decides whether the window may close now; one that waits for a step closes when it ends."""

    def __init__(self, runner: JobRunner, session: SessionDesk, hall: Hall) -> None:
        super().__init__(hall)
        self._hall = hall
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
            self._hall.job_bar.show_job("Finishing the current step, then closing")
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
            QTimer.singleShot(0, self._hall.window.close)  # once the event loop is free again

    def _on_patience_over(self) -> None:
        if not self.is_waiting:
            return
        if dialogs.ask_quit_hard(self._hall.window):
            _log.error("Left while a step was still being computed.")
            self._session.close()
            os._exit(1)
        if self.is_waiting:
            self._patience.start()


class Recovery(QObject):
    """Offers unsaved sessions one after another, newest first, in a banner of its own.

    Dismissed, the offer comes again at the next start.

    Signals:
        settled: There is no unsaved work, or none any more.
    """

    settled = Signal()

    def __init__(self, session: SessionDesk, files: FileDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self.banner = Banner()
        self.banner.hide()
        self._session = session
        self._files = files
        self._left: tuple[Leftover, ...] = ()
        self.banner.action_clicked.connect(self._on_action)

    def look(self) -> None:
        """Look for unsaved work, off the window's thread."""
        self._session.run(lambda: functools.partial(self._offer, unsaved.leftovers()))

    def _offer(self, left: tuple[Leftover, ...]) -> None:
        self._left = left
        if not left:
            self.banner.dismiss()
            self.settled.emit()
            return
        newest = left[0]
        what = "1 result was" if newest.results == 1 else f"{newest.results} results were"
        more = f" {len(left) - 1} more such sessions wait." if len(left) > 1 else ""
        self.banner.show_message(
            f"{what} not saved when Lensbench ended unexpectedly (the newest of "
            f"{moment(newest.newest)}).{more}",
            "warn",
            [(_RESTORE, "Restore"), (_DISCARD, "Discard")],
        )

    def _on_action(self, code: str) -> None:
        if not self._left:
            return
        path, rest = self._left[0].path, self._left[1:]
        if code == _RESTORE:
            if not self._files.may_leave() or not self._session.restore(path):
                return
        else:
            self._session.run(functools.partial(unsaved.discard, path))
        self._offer(rest)
