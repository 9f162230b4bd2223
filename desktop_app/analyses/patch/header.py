"""What stands above a patching picture: the gate, the metric of both runs, what is exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.analyses.patch.picture import SHARES, directions
from desktop_app.analyses.patch.words import ends_sentence, exchange_sentence, gate_sentence
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.messages import Banner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.estimate_badge import EstimateBadge


class PatchHeader(QWidget):
    """A banner where the model does not do the task, and two lines of words.

    Args:
        badge: Stands beside the maps, and says whether they are estimates.
    """

    def __init__(self, badge: EstimateBadge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.gate = Banner()
        self.ends = ElidedLabel("", "heading")
        self.badge = badge
        self.exchange = ElidedLabel("", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.gate, self.ends, self.exchange):
            column.addWidget(widget)
        self.gate.dismiss()
        self._estimate_came = False

    def show_result(self, result: Result, prompt: int | None) -> None:
        """Say what a result is about, on a prompt or on the mean of all."""
        self._estimate_came = False
        self.ends.set_full_text(ends_sentence(result, prompt))
        self.exchange.set_full_text(exchange_sentence(result.params, directions(result.data)))
        self.badge.show_data(result.data)
        gate = gate_sentence(result)
        if gate:
            self.gate.show_message(gate, "warn", dismissible=False)
        else:
            self.gate.dismiss()

    def show_partial(self, data: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        """Say that a picture is filling in, and whether with estimates."""
        self.gate.dismiss()
        estimated = bool(data.get("estimated"))
        self._estimate_came = self._estimate_came or estimated
        self.badge.show_data(data, filling=self._estimate_came and not estimated)
        words = (
            "Estimated from gradients: exact values follow"
            if self._estimate_came
            else "Sweeping: cells fill in as they are done"
        )
        self.ends.set_full_text(words)
        there = tuple(name for name in SHARES if name in data)
        self.exchange.set_full_text(exchange_sentence(params, there))
