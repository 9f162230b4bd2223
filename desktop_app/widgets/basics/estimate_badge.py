"""The mark of values that are gradient estimates, and how well such an estimate did."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from desktop_app.widgets.basics.messages import Badge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

# From here on two rankings are said to agree.
_AGREE = 0.8
_ESTIMATE_TIP = (
    "Gradient estimates: exact only where the metric is linear in the activation. Believe the "
    "order more than the numbers."
)
_GOING_TIP = "Estimates from gradients stand here until the exact values replace them."
_AGREEMENT_TIP = (
    "Spearman's rank correlation over all cells between the gradient estimate that came first and "
    "the exact values that are shown."
)


class EstimateBadge(Badge):
    """Shown only where there is something to say: `estimate`, or the agreement of both."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", "warn", "", parent)
        self.setVisible(False)

    def show_data(self, data: Mapping[str, Any], *, filling: bool = False) -> None:
        """Say what a result or its first part is.

        Args:
            data: Its fields; `estimated` and `preview_agreement` may be missing.
            filling: Whether exact values are replacing an estimate right now.
        """
        if data.get("estimated") or filling:
            tip = _GOING_TIP if filling else _ESTIMATE_TIP
            self.set_badge("estimate", "warn", tip)
            self.setVisible(True)
            return
        rho = agreement(data)
        if rho is not None:
            self.set_badge(
                agreement_sentence(rho), "good" if rho >= _AGREE else "info", _AGREEMENT_TIP
            )
        self.setVisible(rho is not None)


def agreement(data: Mapping[str, Any]) -> float | None:
    """Return the rank correlation of estimate and exact values, or None where there is none."""
    value = data.get("preview_agreement")
    if value is None or not math.isfinite(float(value)):
        return None
    return float(value)


def agreement_sentence(rho: float) -> str:
    """Say how well the estimate ranked the cells."""
    words = "estimate and exact agree" if rho >= _AGREE else "estimate against exact"
    return f"{words}: ρ = {rho:.2f}".replace("-", "−")
