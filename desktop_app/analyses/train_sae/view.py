"""The view of a training: loss, active and dead features as it goes on, and the way to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QApplication

from desktop_app.analyses.train_sae import picture as data_of
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, RunButton, label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.icons import bind_icon, icon_button
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.result import Result

_GONE = "The autoencoder is not where it was written: “{}”. Train it again."
_CURVES = ("loss", "l0", "dead")


class TrainSaeView(AnalysisView):
    """Three curves over steps, drawn while it trains; above them how good it is."""

    EMPTY = (
        "Which features do activations consist of?",
        "Choose a layer and run: a small sparse autoencoder is trained on its activations, over a "
        "text of your own or the one that comes with Lensbench, and you see it learn.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._told = ElidedLabel("", "heading")
        self._details = label("", "muted", wrap=True)
        self._place = ElidedLabel("", "muted")
        self.copy = icon_button("copy", "Copy where it was written", words="Copy its folder")
        self.copy.clicked.connect(self._on_copy)
        self.open = RunButton("Open its features")
        self.open.setEnabled(False)
        self.open.setToolTip("When the training has ended")
        set_role(self.open, "primary")
        bind_icon(self.open, "run", "accent_text")
        self.open.clicked.connect(self._on_open)
        self.loss, self.l0, self.dead = Plot(), Plot(), Plot()
        self.loss.setAccessibleName("Loss over steps")
        self.l0.setAccessibleName("Active features per token over steps")
        self.dead.setAccessibleName("Share of dead features over steps")
        self._legend = Legend()
        active = ElidedLabel("Active features per token (L0)", "heading")
        small = Reflow(
            (panel(active, self._legend, (self.l0, 1)), 1, 320, 180),
            (panel(ElidedLabel("Dead features", "heading"), (self.dead, 1)), 1, 320, 180),
        )
        large = panel(ElidedLabel("Loss", "heading"), (self.loss, 1))
        self._plots = Reflow((large, 3, 420, 200), (small, 2, 420, 200), upright=True)
        top, foot = row_of((self._told, 1), self.open), row_of((self._place, 1), self.copy)
        column_in(content, top, self._details, foot, (self._plots, 1))
        self.copy.setVisible(False)
        self.open.setVisible(bool(serving("features_with")))  # where it has its place

    @override
    def picture_widget(self) -> QWidget:
        return self._plots

    # Drawing.

    @override
    def draw_result(self, result: Result) -> None:
        self._told.set_full_text(data_of.sentence(result))
        self._details.setText(data_of.details(result))
        place = data_of.place_of(result)
        self._place.set_full_text(f"Written to {place}", f"Written to …/{place.name}")
        self.copy.setVisible(True)
        self._draw(result.data)
        self.open.setEnabled(True)
        self.open.setToolTip("Read the features of this autoencoder on the prompts of the table")

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw the steps so far."""
        if not data.keys() >= set(_CURVES):
            return False
        steps = self.settings_of_run().get("steps")
        self._told.set_full_text(data_of.so_far(data, int(steps or 0)))
        self._details.setText("")
        self._place.set_full_text("")
        self.copy.setVisible(False)
        self._draw(data)
        self.open.setEnabled(False)
        self.open.setToolTip("When the training has ended")
        return True

    def _draw(self, data: Mapping[str, Any]) -> None:
        self.loss.show_picture(data_of.loss_curve(data))
        l0 = data_of.l0_curve(data)
        self.l0.show_picture(l0)
        self._legend.show_keys(l0.entries())
        self.dead.show_picture(data_of.dead_curve(data))

    @override
    def read_picture(self) -> dict[str, Any]:
        return {
            "told": self._told.full_text(),
            "details": self._details.text(),
            "written": self._place.full_text(),
            "loss": self.loss.picture(),
            "l0": self.l0.picture(),
            "legend": self._legend.texts(),
            "dead": self.dead.picture(),
            "can_open": self.open.isEnabled(),
        }

    # Answering.

    def _on_copy(self) -> None:
        if self.current_result is not None:
            QApplication.clipboard().setText(str(data_of.place_of(self.current_result)))
            self.message_requested.emit("Copied where the autoencoder was written")

    def _on_open(self) -> None:
        result = self.current_result
        if result is None:
            return
        folder = data_of.place_of(result)
        if not folder.is_dir():
            self.message_requested.emit(_GONE.format(folder.name))
            return
        self.intent_raised.emit(Intent("features_with", {"sae": str(folder)}))


VIEW = TrainSaeView
