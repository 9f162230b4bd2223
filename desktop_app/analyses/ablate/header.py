"""What stands above an ablation picture: the gate, the metric untouched, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.analyses.ablate.words import base_sentence, gate_sentence, kept_sentence
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.estimate_badge import EstimateBadge
from desktop_app.widgets.basics.messages import Banner

if TYPE_CHECKING:
    from desktop_app.contract.result import Result


class AblateHeader(QWidget):
    """A banner where the model does not do the task, and two lines of words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.gate = Banner()
        self.base = ElidedLabel("", "heading")
        self.kept = ElidedLabel("", "muted")
        # Here rather than over the map, which needs the height.
        self.badge = EstimateBadge()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        line = QHBoxLayout()
        line.addWidget(self.base, 1)
        line.addWidget(self.badge)
        column.addWidget(self.gate)
        column.addLayout(line)
        column.addWidget(self.kept)

    def show_result(self, result: Result) -> None:
        """Say what a result is about."""
        self.base.set_full_text(base_sentence(result))
        self.kept.set_full_text(kept_sentence(result))
        gate = gate_sentence(result)
        if gate:
            self.gate.show_message(gate, "warn", dismissible=False)
        else:
            self.gate.dismiss()

    def show_sweeping(self) -> None:
        """Say that a picture is filling in."""
        self.gate.dismiss()
        self.base.set_full_text("Sweeping: layers fill in as they are done")
        self.kept.set_full_text("")
