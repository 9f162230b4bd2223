"""How much of large patterns is kept: the question, and what a run would keep, said beforehand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support.sizes import human_bytes
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled, keep_off_edge
from desktop_app.widgets.basics.words import PlainLabel
from desktop_app.window.frame.actions import ActionSpec, in_menu
from desktop_app.window.settings import MOST_SWEEP_MB, USUAL_STORED_MB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.requests import ModelReady
    from desktop_app.contract.result import ModelInfo, Result
    from desktop_app.views.base import AnalysisView
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.runs.conductor import Conductor
    from desktop_app.window.settings import Memory

_EXPLANATION = (
    "Attention patterns grow with the square of the prompt: 2,000 tokens of a model of 1,024 heads "
    "take 17 GB. Up to this size a result keeps them; beyond it, it keeps small pictures and "
    "entropies of all heads, and a head is computed when it is looked at."
)
_STEP_MB = 500


class StorageDialog(QDialog):
    """Asks how much of patterns a result may keep, in megabytes."""

    def __init__(self, megabytes: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Size of stored patterns")
        self.box = QSpinBox()
        self.box.setRange(1, MOST_SWEEP_MB)
        self.box.setSingleStep(_STEP_MB)
        self.box.setGroupSeparatorShown(True)
        self.box.setSuffix(" MB")
        self.box.setValue(megabytes)
        self.box.setMinimumWidth(140)
        keep_off_edge(self.box)
        self.box.setAccessibleName("Most that a result keeps of patterns, in megabytes")
        line = filled(QHBoxLayout(), PlainLabel("A result may keep"), self.box, None)
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel | choices.RestoreDefaults)
        buttons.button(choices.RestoreDefaults).clicked.connect(
            partial(self.box.setValue, USUAL_STORED_MB)
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        parts = (label(_EXPLANATION, wrap=True), line, buttons)
        filled(QVBoxLayout(self), *parts, margins=(20, 18, 20, 16), spacing=14)
        self.setMinimumWidth(440)


def ask_stored(parent: QWidget, megabytes: int) -> int | None:
    """Return how much a result may keep in megabytes; None: cancelled."""
    dialog = StorageDialog(megabytes, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    return dialog.box.value() if accepted else None


class StorageDesk(QObject):
    """Keeps the limit, and tells each view whose results can be large what a run would keep."""

    def __init__(
        self, hall: Hall, memory: Memory, conductor: Conductor, prompts: PromptPanel
    ) -> None:
        super().__init__(hall)
        self._hall = hall
        self._prompts = prompts
        self._memory = memory
        self._conductor = conductor
        self._model: ModelInfo | None = None
        self._lengths: tuple[int, ...] = ()
        conductor.stored_bytes = self._limit()
        conductor.model_ready.connect(self._on_model_ready)
        conductor.live_arrived.connect(self._on_live_arrived)
        hall.views.built.connect(self._on_view_built)

    def action_specs(self) -> list[ActionSpec]:
        """Return what can be done about it."""
        return in_menu("&Model", ("stored_patterns", "Size of stored patterns…", 22, self.choose))

    def choose(self) -> None:
        """Ask how much a result may keep."""
        chosen = ask_stored(self._hall.window, self._memory.settings.stored_mb)
        if chosen is not None:
            self._memory.change(stored_mb=chosen)
            self._conductor.stored_bytes = self._limit()
            self._tell_all()

    def _limit(self) -> int:
        return self._memory.settings.stored_mb * 1_000_000

    def _tell_all(self) -> None:
        for view in self._hall.views.standing():
            self._tell(view)

    def _tell(self, view: AnalysisView) -> None:
        stores, params = view.analysis.stores, view.try_params()
        if stores is None:
            return
        words = ""
        if params is not None and self._model is not None and self._lengths:
            wanted = stores(params, self._model, self._lengths)
            words = storage_words(wanted, self._limit(), view.analysis.stored)
        view.say_storage(words)

    def _on_view_built(self, view: AnalysisView) -> None:
        view.settings_changed.connect(self._tell_all)
        self._tell(view)

    def _on_model_ready(self, ready: ModelReady) -> None:
        self._model, self._lengths = ready.info, ()
        self._tell_all()

    def _on_live_arrived(self, result: Result, places: Sequence[int]) -> None:
        asked = set(self._prompts.prompts()[1])
        records = zip(result.prompts, places, strict=False)
        self._lengths = tuple(len(record.tokens) for record, place in records if place in asked)
        self._tell_all()


def storage_words(wanted: int, limit: int, stored: str = "patterns") -> str:
    """Say what a run would keep, and what becomes of more than may be kept."""
    if not wanted:
        return ""
    if wanted <= limit:
        return f"keeps {human_bytes(wanted)} of {stored}"
    if stored != "patterns":
        return f"{stored} take {human_bytes(wanted)}, and at most {human_bytes(limit)} are kept"
    return (
        f"patterns take {human_bytes(wanted)} of at most {human_bytes(limit)}: heads are computed "
        "when looked at"
    )
