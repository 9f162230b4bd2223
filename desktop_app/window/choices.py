"""How pictures were looked at the last time: which of its pictures a view shows, on which scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from desktop_app.views.base import AnalysisView

if TYPE_CHECKING:
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.settings import Memory


class Choices(QObject):
    """Gives each view what it wanted remembered, and takes down what changes."""

    def __init__(self, hall: Hall, memory: Memory) -> None:
        super().__init__(hall)
        self._memory = memory
        hall.views.built.connect(self._on_built)

    def _on_built(self, view: AnalysisView) -> None:
        view.take_choices(self._memory.settings.choices.get(view.analysis.name, {}))
        view.choices_changed.connect(self._on_changed)

    @Slot(object)
    def _on_changed(self, choices: dict[str, str]) -> None:
        view = self.sender()
        if isinstance(view, AnalysisView):
            kept = {**self._memory.settings.choices, view.analysis.name: dict(choices)}
            self._memory.change(choices=kept)
