"""Taking a circuit from another result: the parts that cost most there, or a circuit as it is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.analyses.circuit.names import name_of
from desktop_app.contract.grammar import written_parts
from desktop_app.contract.registry import hook
from desktop_app.pictures.words import plural
from desktop_app.support.errors import MISFITS
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled, keep_off_edge, row_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.effects import PartEffects

EFFECTS, CIRCUIT = "part_effects", "circuit_parts"
"""What other analyses' pictures offer: what removing each part changes; the parts of a circuit."""
_NAMED = 8
_LEAST = 460


@dataclass(frozen=True)
class Source:
    """A result that a circuit can be taken from.

    Attributes:
        title: What the history calls it.
        model: What made it, as far as that is said.
        effects: What removing its parts changes; None of a circuit.
        parts: Its circuit, as settings write it.
    """

    title: str
    model: str
    effects: PartEffects | None = None
    parts: str = ""


def sources(lent: Sequence[tuple[str, Result]], fingerprint: str) -> list[Source]:
    """Return the results of a model that a circuit can be taken from, the newest first."""
    found = []
    for title, result in lent:
        if fingerprint and result.model.fingerprint != fingerprint:
            continue  # heads of different models have nothing in common but their numbers
        with suppress(*MISFITS):  # a file's result may hold anything
            if (tell := hook(result.analysis, "picture", EFFECTS)) is not None:
                effects = tell(result)
                if effects is not None and effects.values:
                    found.append(Source(title, result.model.label, effects))
            elif (tell := hook(result.analysis, "picture", CIRCUIT)) is not None:
                found.append(Source(title, result.model.label, parts=str(tell(result))))
    return found


class TakeDialog(QDialog):
    """Asks from which result, and from which effect on; nothing behind it is blocked.

    Signals:
        taken: The parts, as settings write them.
    """

    taken = Signal(str)

    def __init__(self, offered: Sequence[Source], parent: QWidget) -> None:
        super().__init__(parent)
        self._offered = list(offered)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Take the circuit from a result")
        self.source = QComboBox()
        self.source.setAccessibleName("Result")
        self.source.addItems([f"{one.title} · {one.model}" for one in offered])
        self.least = QDoubleSpinBox()
        self.least.setDecimals(3)
        self.least.setRange(0.0, 1e6)
        self.least.setSingleStep(0.05)
        self.least.setValue(0.1)
        self.least.setAccessibleName("Least harm")
        keep_off_edge(self.least)
        self._before, self._after = label("Removing it costs more than"), label("")
        self._said = label("", "small", wrap=True)
        self._line = QWidget()
        row_in(self._line, self._before, self.least, (self._after, 1), spacing=6)
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel)
        self._ok = buttons.button(choices.Ok)
        self._ok.setText("Keep these")
        buttons.accepted.connect(self._on_accepted)
        buttons.rejected.connect(self.reject)
        parts = (self.source, self._line, self._said, buttons)
        filled(QVBoxLayout(self), *parts, margins=(20, 18, 20, 16), spacing=12)
        self.setMinimumWidth(_LEAST)
        self.source.currentIndexChanged.connect(self._show)
        self.least.valueChanged.connect(self._show)
        self._show()

    def said(self) -> str:
        """Return which parts it would take, in words."""
        return self._said.text()

    def ok(self) -> QPushButton:
        """Return the button that takes them."""
        return self._ok

    def parts(self) -> str:
        """Return the parts as settings write them; empty: none."""
        place = self.source.currentIndex()
        if not 0 <= place < len(self._offered):
            return ""
        chosen = self._offered[place]
        if chosen.effects is None:
            return chosen.parts
        return written_parts(chosen.effects.below(self.least.value()))

    def _show(self, *_choice: Any) -> None:
        chosen = self._offered[self.source.currentIndex()] if self._offered else None
        effects = None if chosen is None else chosen.effects
        self._line.setVisible(effects is not None)
        if effects is None:
            count = len(list(filter(None, self.parts().split(","))))
            self._said.setText(f"A circuit of {plural(count, 'part')}.")
        else:
            self._after.setText(f"of {effects.metric}")
            found = effects.below(self.least.value())
            names = ", ".join(map(name_of, found[:_NAMED]))
            more = " …" if len(found) > _NAMED else ""
            about = " Estimates from gradients." if effects.estimated else ""
            told = f": {names}{more}" if found else " costs so much"
            self._said.setText(f"{len(found):,} of {len(effects.values):,} parts{told}.{about}")
        self._ok.setEnabled(bool(self.parts()))

    def _on_accepted(self) -> None:
        if self.parts():
            self.taken.emit(self.parts())
            self.accept()
