"""The worked example without a screen: the same window, drawn into pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QObject, QTimer

from desktop_app.contract.registry import ANALYSES, worked_order
from desktop_app.pictures.text_tables import as_text
from desktop_app.window.exports.pictures import let_draw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from desktop_app.window.main_window import MainWindow

SESSION_NAME = "worked_example.lens"
_PATIENCE_MS = 600_000


class HeadlessRun(QObject):
    """Waits for the worked example, prints it, and writes session and pictures.

    Attributes:
        problems: Sentences on what did not work.
    """

    def __init__(self, window: MainWindow, out: Path, write: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window = window
        self._out = out
        self._write = write
        self._loop = QEventLoop(self)
        self.problems: list[str] = []
        window.started.connect(self._loop.quit)
        window.hall.problem_told.connect(self.problems.append)
        window.conductor.run_failed.connect(self._on_run_failed)

    def perform(self) -> bool:
        """Do it all; return whether every tab was filled and everything written."""
        QTimer.singleShot(_PATIENCE_MS, self._loop.quit)
        self._window.start()
        if self._window.first_start.is_under_way():
            self._loop.exec()
        self._window.session.wait()
        for name in (name for name in self._window.views if name in worked_order()):
            view = self._window.views[name]
            result = view.current_result
            if result is None:
                self.problems.append(f"{view.analysis.title} has no result.")
                continue
            self._write(as_text(result) + "\n")
            self._draw(name)
        self._save()
        for problem in self.problems:
            self._write(f"! {problem}")
        return not self.problems

    def _draw(self, name: str) -> None:
        self._window.views.open(name)
        let_draw()
        path = self._out / f"{ANALYSES[name].title.lower()}.png"
        if not self._window.grab().save(str(path), "PNG"):
            self.problems.append(f"“{path}” could not be written.")

    def _save(self) -> None:
        self._window.files.keep_prompts()
        self._window.session.save_as(self._out / SESSION_NAME)
        self._window.session.wait()
        let_draw()

    def _on_run_failed(self, _name: str, failed: object) -> None:
        self.problems.append(str(getattr(failed, "message", failed)))
