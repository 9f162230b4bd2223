"""What a result does not keep is computed when it is looked at, and never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.contract.result import same_model
from desktop_app.views.base import AnalysisView

if TYPE_CHECKING:
    from desktop_app.contract.params import Params
    from desktop_app.contract.result import Result
    from desktop_app.jobs.events import JobFailed
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.runs.conductor import Conductor


class LookDesk(QObject):
    """Sends what views want to look at to the compute thread, and the answer back."""

    def __init__(self, hall: Hall, conductor: Conductor) -> None:
        super().__init__(hall)
        self._views = hall.views
        self._conductor = conductor
        hall.views.built.connect(self._on_view_built)
        conductor.look_arrived.connect(self._on_look_arrived)
        conductor.look_failed.connect(self._on_look_failed)

    def _on_view_built(self, view: AnalysisView) -> None:
        view.look_requested.connect(self._on_look_requested)

    def _on_look_requested(self, params: Params, result: Result) -> None:
        view, ready = self.sender(), self._conductor.model
        if not isinstance(view, AnalysisView):
            return
        made = result.model
        if ready is not None and same_model(ready.info, made):
            self._conductor.look(view.analysis.name, params)
        else:
            view.show_look_problem(
                f"This head is not stored: open {made.label} ({made.dtype}) to compute it."
            )

    def _on_look_arrived(self, name: str, result: Result) -> None:
        view = self._views.there(name)
        if view is not None:
            view.show_looked(result)

    def _on_look_failed(self, name: str, failed: JobFailed) -> None:
        view = self._views.there(name)
        if view is not None:
            view.show_look_problem(failed.message)
