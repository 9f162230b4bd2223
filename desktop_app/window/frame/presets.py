"""Questions with a name: one click runs the whole chain, and a readable summary ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.analyses.detect.spec import DetectParams
from desktop_app.analyses.detect.view import DetectView

if TYPE_CHECKING:
    from desktop_app.window.frame.main_window import MainWindow

INDUCTION = DetectParams(card="auto", keep_patterns=True)
SUCCESSOR = DetectParams(embedding="layer0")


class Presets(QObject):
    """Runs the head detectors with the settings that answer a question."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    def find_induction_circuit(self) -> None:
        """Score all heads, find the pair that makes the induction circuit, and prove it."""
        self._run(INDUCTION, "induction")

    def find_successor_heads(self) -> None:
        """Score all heads on ordered families, and say what was found."""
        self._run(SUCCESSOR, "successor")

    def _run(self, params: DetectParams, score: str) -> None:
        view = self._window.views["detect"]
        self._window.open_tab("detect")
        view.set_params(params)
        if isinstance(view, DetectView):
            view.sum_up_next(score)
        self._window.runs.run("detect", params)
