"""The start: which model, and on a first one the worked example in every tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import worked_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.requests import ModelRow
    from desktop_app.window.runs.conductor import Conductor, Task


PACK = "smollm2"
TOY = "toy"


def choose_model(rows: Sequence[ModelRow]) -> str:
    """Return the model of a first start: the pack where it is installed, else the bundled toy."""
    installed = {row.name for row in rows if row.installed}
    return PACK if PACK in installed else TOY


def worked_example(model: str) -> tuple[PromptRow, ...]:
    """Return the prompt table of a first start.

    The pack splits digits from spaces, so that its prompt must end in the space that the answer
    would otherwise begin with; the toy has whole tokens such as “ 5”.
    """
    if model == TOY:
        return (PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=(" 5",), wrong=(" 4",)),)
    return (PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer=("5",), wrong=("4",)),)


class FirstStart(QObject):
    """Lists the models, takes one, and runs the worked example's analyses one after another.

    Signals:
        model_chosen: Name of the model to load.
        finished: Every analysis of the worked example has ended, or none can be run.
    """

    model_chosen = Signal(str)
    finished = Signal()

    def __init__(self, conductor: Conductor, run: Callable[[str], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._conductor = conductor
        self._run = run
        self._waiting_for_models = False
        self._waiting_for_model = False
        self._left: set[str] = set()
        self._names: tuple[str, ...] = ()
        conductor.models_listed.connect(self._on_models_listed)
        conductor.model_ready.connect(self._on_model_ready)
        conductor.model_failed.connect(self._on_given_up)
        conductor.model_stopped.connect(self._on_given_up)
        conductor.result_arrived.connect(self._on_result_arrived)
        conductor.run_failed.connect(self._on_run_ended)
        conductor.run_stopped.connect(self._on_run_ended)
        conductor.question_failed.connect(self._on_question_failed)

    def begin(self, *, with_example: bool = True) -> None:
        """Ask which models there are; run the worked example once the model is open, or do not."""
        self._names = worked_order() if with_example else ()
        self._waiting_for_models = self._waiting_for_model = True
        self._conductor.list_models()

    def is_under_way(self) -> bool:
        """Return whether the worked example is still coming."""
        return self._waiting_for_models or self._waiting_for_model or bool(self._left)

    def _on_models_listed(self, rows: Sequence[ModelRow]) -> None:
        if self._waiting_for_models:
            self._waiting_for_models = False
            self.model_chosen.emit(choose_model(rows))

    def _on_model_ready(self) -> None:
        if not self._waiting_for_model or self._waiting_for_models:
            return
        self._waiting_for_model = False
        self._left = set(self._names)
        self._left -= {name for name in self._names if not self._run(name)}
        if not self._left:
            self.finished.emit()

    def _on_result_arrived(self, _result: object, task: Task) -> None:
        self._on_run_ended(task.name)

    def _on_run_ended(self, name: str) -> None:
        if name in self._left:
            self._left.discard(name)
            if not self._left:
                self.finished.emit()

    def _on_question_failed(self, kind: str) -> None:
        if kind == "list" and self._waiting_for_models:
            self._waiting_for_models = False
            self.model_chosen.emit(choose_model(()))

    def _on_given_up(self) -> None:
        if self._waiting_for_model and not self._waiting_for_models:
            self._waiting_for_model = False
            self.finished.emit()
