"""The strength slider: moved, it asks for a run once the hand rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from desktop_app.analyses.steer.strength import reach_of
from desktop_app.analyses.steer.strength_box import StrengthBox
from desktop_app.support.guard import override
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import keep_off_edge, row_in
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QWheelEvent

    from desktop_app.analyses.steer.strength import Strength

_STEPS = 200
_REST_MS = 350


class _Slider(QSlider):
    """A slider that a page which scrolls does not move by accident."""

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class StrengthRow(QWidget):
    """A slider about 0, and the exact number beside it.

    Signals:
        chosen: The strength at which the hand has come to rest.
    """

    chosen = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._reach = 0.0
        self._title = label("Strength", "field")
        self._slider, self._box = _Slider(Qt.Orientation.Horizontal), StrengthBox()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._slider.setRange(-_STEPS, _STEPS)
        self._slider.setPageStep(_STEPS // 10)
        self._slider.setTickInterval(_STEPS)
        self._slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self._slider.setMinimumWidth(120)
        self._box.setFixedWidth(110)
        for part in (self._slider, self._box):
            part.setAccessibleName(self._title.text())
        keep_off_edge(self._box)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        middle = Qt.AlignmentFlag.AlignVCenter
        row_in(self, (self._title, 0, middle), (self._slider, 1, middle), self._box, spacing=10)
        self._slider.valueChanged.connect(self._on_slid)
        self._box.valueChanged.connect(self._on_typed)
        self._rest.timeout.connect(self._on_rest)

    def show_strength(self, strength: Strength | None) -> None:
        """Show a strength, or nothing where there is none; a hand on the slider is not disturbed.

        A strength that waits for the hand to rest is let go where there is none any more.
        """
        self.setVisible(strength is not None)
        if strength is None:
            self._rest.stop()
            return
        self._title.setText(strength.title)
        for part in (self._slider, self._box):
            part.setAccessibleName(strength.title)
            part.setToolTip(plain_tip(strength.tip))
        if not self._rest.isActive() and not self._slider.isSliderDown():
            self._reach = reach_of(strength.value, self._reach)
            self._put(strength.value)

    def value(self) -> float:
        """Return the number in the box."""
        return self._box.value()

    def reach(self) -> float:
        """Return how far the slider goes."""
        return self._reach

    def is_resting(self) -> bool:
        """Return whether no movement waits to be asked for."""
        return not self._rest.isActive()

    def _put(self, value: float) -> None:
        for part in (self._slider, self._box):
            part.blockSignals(True)
        self._box.setSingleStep(self._reach / 20)
        self._box.setValue(value)
        self._slider.setValue(round(value / self._reach * _STEPS))
        for part in (self._slider, self._box):
            part.blockSignals(False)

    def _on_slid(self, place: int) -> None:
        self._box.blockSignals(True)
        self._box.setValue(float(f"{place / _STEPS * self._reach:.6g}"))
        self._box.blockSignals(False)
        self._rest.start()

    def _on_typed(self, value: float) -> None:
        self._reach = reach_of(value, self._reach)
        self._put(value)
        self._rest.start()

    def _on_rest(self) -> None:
        self.chosen.emit(self._box.value())
