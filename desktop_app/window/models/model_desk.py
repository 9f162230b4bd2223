"""Which model is open: the dialog, loading, and what the top bar says about it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.contract.requests import ModelSpec
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import ActionSpec, in_menu
from desktop_app.window.models.model_dialog import ModelDialog
from desktop_app.window.settings import MAX_RECENT, MOST_SWEEP_MB

if TYPE_CHECKING:
    from desktop_app.contract.requests import ModelReady
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.frame.top_bar import TopBar
    from desktop_app.window.runs.conductor import Conductor
    from desktop_app.window.settings import Memory


class ModelDesk(QObject):
    """Opens the dialog, forwards its wishes, and keeps the top bar true."""

    def __init__(self, hall: Hall, memory: Memory, conductor: Conductor, bar: TopBar) -> None:
        super().__init__(hall)
        self._hall = hall
        self._memory = memory
        self._conductor = conductor
        self._bar = bar
        self.dialog: ModelDialog | None = None
        bar.model_button.clicked.connect(self.open_dialog)
        conductor.budget_bytes = memory.settings.sweep_mb * 1_000_000 or None
        conductor.model_loading.connect(self._on_model_loading)
        conductor.model_ready.connect(self._on_model_ready)
        conductor.model_failed.connect(self._on_model_failed)
        conductor.model_stopped.connect(self._show_open_model)
        conductor.pack_fetched.connect(self._on_pack_fetched)
        conductor.question_failed.connect(self._on_question_failed)

    def action_specs(self) -> list[ActionSpec]:
        """Return what can be done about the model."""
        stop, loading = partial(self._conductor.stop_kind, "load"), self._conductor.loading_changed
        return [
            *in_menu(
                "&Model",
                ("choose_model", "Choose model…", 10, self.open_dialog, "Ctrl+M"),
                ("sweep_memory", "Memory for sweeps…", 20, self.choose_sweep_memory),
            ),
            ActionSpec(
                "stop_loading", "Stop loading", "&Model", 30, stop, icon="cancel", follows=loading
            ),
        ]

    def choose_sweep_memory(self) -> None:
        """Ask how much memory sweeps may take."""
        now = self._memory.settings.sweep_mb
        chosen = dialogs.ask_sweep_memory(self._hall.window, now, MOST_SWEEP_MB)
        if chosen is not None:
            self._memory.change(sweep_mb=chosen)
            self._conductor.budget_bytes = chosen * 1_000_000 or None

    def open_dialog(self) -> ModelDialog:
        """Show the dialog, made anew with what is known now."""
        heard = self._conductor
        if self.dialog is None:
            self.dialog = dialog = ModelDialog(self._memory.settings, self._hall.window)
            dialog.browsed.connect(self._on_browsed)
            dialog.load_requested.connect(self._on_load_requested)
            dialog.estimate_requested.connect(heard.estimate)
            dialog.fetch_requested.connect(heard.fetch)
            dialog.cancel_requested.connect(self._on_cancel_requested)
            heard.model_ready.connect(dialog.show_done)
            heard.model_stopped.connect(dialog.show_stopped)
            heard.models_listed.connect(dialog.show_models)
            heard.memory_estimated.connect(dialog.show_estimate)
            heard.job_moved.connect(dialog.show_progress)
        if heard.is_loading():
            self.dialog.show_working("Loading …")
        self.dialog.show()
        self.dialog.raise_()
        heard.list_models(self._memory.settings.recent_models, suggested=True)
        return self.dialog

    def close(self) -> None:
        """Close the dialog: it would outlive the window."""
        if self.dialog is not None:
            self.dialog.close()

    def open_path(self, path: str) -> None:
        """Show the dialog with a folder or file that was dropped or picked."""
        self.open_dialog().name.setText(path)

    def load(self, name: str) -> None:
        """Load a model by name with the device, numbers and form chosen last.

        Norms are taken from the model that they were taken from, and from no other unasked.
        """
        chosen = self._memory.settings
        is_same = name == chosen.model
        self._conductor.load(
            ModelSpec(
                name,
                chosen.device,
                chosen.dtype,
                weights=chosen.weights,
                layernorm=chosen.layernorm if is_same else "keep",
                offline=True,
            )
        )

    def _on_load_requested(self, spec: ModelSpec) -> None:
        self._memory.change(
            device=spec.device,
            dtype=spec.dtype,
            weights=spec.weights,
            offline=spec.offline,
        )
        self._conductor.load(spec)

    def _on_cancel_requested(self) -> None:
        for kind in ("load", "fetch"):
            self._conductor.stop_kind(kind)

    def _on_model_loading(self, name: str) -> None:
        self._hall.over("model")
        self._bar.show_loading(name)
        if self.dialog is not None:
            self.dialog.show_working(f"Loading {name} …")

    def _on_browsed(self, folder: str) -> None:
        self._memory.change(model_folder=folder)

    def _on_model_ready(self, ready: ModelReady) -> None:
        name = ready.spec.model
        # Together: whose norms were taken is known of a model that is there, not of one asked for.
        self._memory.change(model=name, layernorm=ready.spec.layernorm)
        if Path(name).is_absolute():
            others = (path for path in self._memory.settings.recent_models if path != name)
            self._memory.change(recent_models=(name, *others)[:MAX_RECENT])
        self._bar.show_model(ready)
        self._hall.say(f"{ready.info.label} is ready", "good")

    def _on_model_failed(self, message: str) -> None:
        self._show_open_model()
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.show_problem(message)
            return
        if self.dialog is not None:
            self.dialog.show_idle()
        self._hall.show_problem(message, about="model")

    def _on_pack_fetched(self, name: str) -> None:
        if self.dialog is not None:
            self._conductor.load(self.dialog.spec())
        else:
            self.load(name)

    def _on_question_failed(self, kind: str, message: str) -> None:
        if self.dialog is None or not self.dialog.isVisible():
            return
        if kind == "estimate":
            self.dialog.show_no_estimate(message)
        else:
            self.dialog.show_problem(message)

    def _show_open_model(self) -> None:
        if self._conductor.model is not None:
            self._bar.show_model(self._conductor.model)
        else:
            self._bar.show_no_model()
