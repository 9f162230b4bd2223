"""The chosen feature, above the pages: its number, what is known of it, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSpinBox, QWidget

from desktop_app.analyses.features.found import NONE
from desktop_app.analyses.features.picture import feature_sentence, short_sentence
from desktop_app.contract.registry import serving
from desktop_app.views.frame import ElidedLabel, RunButton, label
from desktop_app.widgets.basics.icons import bind_icon, icon_of
from desktop_app.widgets.basics.layouts import column_in, keep_off_edge, row_of
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from desktop_app.analyses.features.found import Found

_LOOK = "Look closer"
_LOOK_TIP = (
    "Run for this feature: its activation at every token, what it reads and writes, the text "
    "without each token, and the prompt without the feature"
)
_LOOKED = "This run was made for this feature: everything of it is here"


class FeatureBar(QWidget):
    """A number to type or step through, and the ways that lead on from it.

    Signals:
        feature_chosen: Another feature.
        look_wanted: A run for the chosen feature is asked for.
        steer_wanted: Steering along it is asked for.
    """

    feature_chosen = Signal(int)
    look_wanted = Signal()
    steer_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.number = QSpinBox()
        self.number.setAccessibleName("Feature that is shown")
        self.number.setToolTip("The feature that is shown: type a number, or step with the arrows")
        self.number.setKeyboardTracking(False)
        self.number.setFixedWidth(96)
        keep_off_edge(self.number)
        self._said = ElidedLabel("", "muted")
        self.look, self.steer = RunButton(_LOOK), RunButton("Steer along it")
        bind_icon(self.look, "search")
        self.steer.setToolTip(
            "Steer along this feature's decoder row, the direction that it writes"
        )
        served = serving("steer_with")
        if served:
            bind_icon(self.steer, icon_of(served[0]))
        else:
            self.steer.setVisible(False)
        name = label("Feature", "field")
        column_in(self, row_of(name, self.number, None, self.look, self.steer), self._said)
        self.number.valueChanged.connect(self._on_number)
        self.look.clicked.connect(self.look_wanted)
        self.steer.clicked.connect(self.steer_wanted)

    def draw(self, found: Found, feature: int, *, finished: bool) -> None:
        """Show a feature; −1: there is none to show."""
        self.number.blockSignals(True)
        self.number.setRange(0, max(found.count - 1, feature, 0))
        self.number.setValue(max(feature, 0))
        self.number.blockSignals(False)
        known = feature != NONE
        told = (feature_sentence(found, feature), short_sentence(found, feature))
        none = "one is chosen when the text has been read" if found.grows else "none is active"
        self._said.set_full_text(*(told if known else (none, "")))
        looked = feature == found.chosen
        self.look.setEnabled(known and finished and not looked)
        self.look.setToolTip(plain_tip(_LOOKED if looked and known else _LOOK_TIP))
        self.steer.setEnabled(known and finished)

    def said(self) -> str:
        """Return what is said of the feature."""
        return self._said.full_text()

    def _on_number(self, number: int) -> None:
        self.feature_chosen.emit(number)
