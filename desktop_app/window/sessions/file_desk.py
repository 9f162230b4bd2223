"""Files of all kinds: sessions, prompt tables, exports, and what is dropped onto the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.support.errors import LensbenchError
from desktop_app.text.prompts import read_prompts, write_prompts
from desktop_app.window.frame import dialogs

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.result import Result
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.sessions.session_desk import SessionDesk

SESSION_ENDING = ".lens"
AUTOSAVE_MS = 1_000
PROMPT_ENDINGS = frozenset({".csv", ".jsonl"})


class FileDesk(QObject):
    """Opens and writes; what goes wrong is told in one sentence.

    Signals:
        problem_arrived: A sentence.
        message_arrived: What was done.
        model_dropped: A folder or `.gguf` file that is to be opened as a model.
    """

    problem_arrived = Signal(str)
    message_arrived = Signal(str)
    model_dropped = Signal(str)

    def __init__(self, session: SessionDesk, prompts: PromptPanel, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._session = session
        self._prompts = prompts
        session.saved.connect(self._on_saved)
        self._autosave = QTimer(self)
        self._autosave.setSingleShot(True)
        self._autosave.setInterval(AUTOSAVE_MS)
        self._autosave.timeout.connect(self.keep_prompts)
        prompts.prompts_changed.connect(self._autosave.start)

    def open_any(self, path: Path) -> None:
        """Open a session, prompt table, model folder or model file by what it is."""
        ending = path.suffix.lower()
        if ending == SESSION_ENDING:
            self.open_session(path)
        elif ending in PROMPT_ENDINGS:
            self.open_prompts(path)
        elif path.is_dir() or ending == ".gguf":
            self.model_dropped.emit(str(path))
        else:
            self.problem_arrived.emit(
                f"“{path.name}” is none of .lens, .csv, .jsonl, .gguf or a model's folder."
            )

    def open_session(self, path: Path | None = None) -> None:
        """Open a session file."""
        chosen = path or dialogs.ask_open(self._window, "Open session", dialogs.SESSION_FILTER)
        if chosen is not None and self.may_leave():
            self._session.open(chosen)

    def save_session(self) -> None:
        """Save the session; one that lives in a file is written through already."""
        if self._session.session.is_temporary or self._session.has_unsaved:
            self.save_session_as()
            return
        self.keep_prompts()
        self.message_arrived.emit(f"Everything is in {self._session.session.path.name}.")

    def save_session_as(self) -> bool:
        """Save the session to a file of its own; return whether one was chosen."""
        path = dialogs.ask_save(
            self._window, "Save session", "session.lens", dialogs.SESSION_FILTER
        )
        if path is None:
            return False
        self.keep_prompts()
        self._session.save_as(path)
        return True

    def may_leave(self) -> bool:
        """Return whether the session may be closed; asks where results would be lost."""
        if not self._session.has_unsaved:
            return True
        answer = dialogs.ask_save_before_closing(self._window)
        if answer == "save":
            if not self.save_session_as():
                return False
            self._session.wait()
            return not self._session.has_unsaved  # where saving failed, the sentence says why
        return answer != "cancel"

    def flush(self) -> None:
        """Do not wait any longer before the prompt table is written into the session."""
        self._prompts.flush()  # what was typed a moment ago would be written after the closing
        if self._autosave.isActive():
            self.keep_prompts()

    def keep_prompts(self) -> None:
        """Write the prompt table into the session; it does so by itself after every change."""
        self._autosave.stop()
        rows = self._prompts.prompts()[0]
        self._session.set_prompts(rows, self._prompts.shared_settings())

    def open_prompts(self, path: Path | None = None) -> None:
        """Replace the prompt table by a file's."""
        chosen = path or dialogs.ask_open(self._window, "Open prompts", dialogs.PROMPT_FILTER)
        if chosen is None:
            return
        try:
            rows = read_prompts(chosen)
        except LensbenchError as error:
            self.problem_arrived.emit(str(error))
            return
        self._prompts.set_prompts(rows)
        self.message_arrived.emit(f"{len(rows):,} prompts from {chosen.name}.")

    def save_prompts(self) -> None:
        """Write the prompt table to a file."""
        path = dialogs.ask_save(self._window, "Save prompts", "prompts.csv", dialogs.PROMPT_FILTER)
        if path is not None:
            rows = self._prompts.prompts()[0]
            self._try(lambda: write_prompts(path, rows), path)

    def save_result(self, result: Result) -> None:
        """Write a result's data."""
        path = dialogs.ask_save(
            self._window, "Export data", f"{result.analysis}.json", dialogs.RESULT_FILTER
        )
        if path is not None:
            self._session.export(result, path)

    def _try(self, work: Callable[[], None], path: Path) -> None:
        try:
            work()
        except LensbenchError as error:
            self.problem_arrived.emit(str(error))
        else:
            self.message_arrived.emit(f"Saved {path.name}.")

    def _on_saved(self, path: str) -> None:
        self.message_arrived.emit(f"Saved {Path(path).name}.")
