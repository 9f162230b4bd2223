"""What is known of prompts before an hour is spent on them: whether the model does them at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop_app.contract.registry import serving
from desktop_app.pictures.gate import NOTHING, judge
from desktop_app.pictures.words import plural
from desktop_app.views.base import AnalysisView
from desktop_app.widgets.basics.chip import ChipSpec
from desktop_app.window.runs.showing import asked_rows
from desktop_app.window.runs.tasks_known import Shared, TaskBook, gate_of, shared_of, task_of

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import IntentName
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.runs.conductor import Conductor
    from desktop_app.window.runs.showing import Showing

NOT_DONE = "none_done"
_RANKING: IntentName = "next_tokens"
_ASKED_OTHERWISE = frozenset({"loss", "kl"})  # metrics that no answer decides


class GateDesk(QObject):
    """Learns from every ranking what the model does, and says so where long runs begin.

    Attributes:
        kept: Which prompts the model does by the rule that keeps prompts of a family.

    Signals:
        learned: Something is known now that was not.
    """

    learned = Signal()

    def __init__(
        self, hall: Hall, prompts: PromptPanel, conductor: Conductor, showing: Showing
    ) -> None:
        super().__init__(hall)
        self._views = hall.views
        self._prompts = prompts
        self._conductor = conductor
        self._showing = showing
        self.kept, self._tasks = TaskBook(), TaskBook()
        self._now: tuple[ChipSpec, ...] = ()
        showing.result_shown.connect(self._on_result)
        conductor.gate_arrived.connect(self._on_result)
        conductor.model_ready.connect(self._tell_all)
        prompts.prompts_changed.connect(self._tell_all)
        showing.source_changed.connect(self._tell_all)
        self._views.built.connect(self._on_view_built)

    def shared(self) -> Shared | None:
        """Return what verdicts hang on now; None where no model is open."""
        ready, chosen = self._conductor.model, self._prompts.shared_settings()
        return None if ready is None else Shared(ready.info, chosen["bos"], chosen["chat"])

    def _on_result(self, result: Result) -> None:
        rows = asked_rows(result)
        is_ranking = result.analysis in serving(_RANKING)
        read_last = result.params.get("position", -1) == -1 and not result.partial
        shared, is_news = shared_of(result), False
        if is_ranking and read_last:
            is_news = self.kept.learn(shared, rows, judge(result).done)
        done = task_of(result) if is_ranking and read_last else gate_of(result, rows)
        self._tasks.learn(shared, rows, done)
        if is_news:
            self.learned.emit()
        self._tell_all()

    def _tell_all(self, _what: object = None) -> None:
        self._now = self._chips()
        for view in self._views.standing():
            self._tell(view)

    def _chips(self) -> tuple[ChipSpec, ...]:
        """Return what is to be said of the table's prompts: that the model does none of them."""
        shared, rows = self.shared(), self._prompts.prompts()[0]
        asked = [row for row in rows if row.answer]
        if shared is None or not asked:
            return ()
        known = self._tasks.verdicts(shared, asked)
        if any(verdict is not False for verdict in known):
            return ()
        of = f"all {plural(len(asked), 'prompt')}" if len(asked) > 1 else "the prompt"
        tip = (
            f"{shared.model.label}: of {of} the answer is not on top, or not above the wrong one. "
            "What parts do for it says little, and percentages are withheld. A run is not held "
            "back; better take prompts that the model does (Make prompts…), or another model."
        )
        words = NOTHING.rstrip(".")
        return (ChipSpec(NOT_DONE, words, "warn", tip, "Ranking", "Show the ranking"),)

    def _tell(self, view: AnalysisView) -> None:
        analysis = view.analysis
        if not analysis.needs_answers:
            return
        params = view.try_params()
        otherwise = getattr(params, "metric", "") in _ASKED_OTHERWISE
        view.say_beforehand(() if otherwise or self._is_said(view) else self._now)

    def _is_said(self, view: AnalysisView) -> bool:
        """Return whether the picture of these very prompts says it already."""
        result = view.current_result
        if result is None or view.running_params() is not None:
            return False
        now = self._showing.difference(view.analysis.name)
        told = any(notice.code == "task_not_done" for notice in result.warnings)
        return told and not now.model and not now.prompts

    def _on_view_built(self, view: AnalysisView) -> None:
        view.settings_changed.connect(self._on_settings_changed)
        view.chip_fix_wanted.connect(self._on_chip_fix)
        self._tell(view)

    def _on_settings_changed(self) -> None:
        view = self.sender()
        if isinstance(view, AnalysisView):
            self._tell(view)

    def _on_chip_fix(self, code: str) -> None:
        """Show the ranking, of these prompts."""
        for name in serving(_RANKING)[:1] if code == NOT_DONE else ():
            self._views.open(name)
            if self._showing.result_of(name) is None or self._showing.difference(name).codes():
                self._views[name].request_run()
