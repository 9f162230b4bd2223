"""A field for any strength that settings take, written with as few digits as it has."""

from __future__ import annotations

import math
import re

from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox

from desktop_app.contract.steering import MAX_STRENGTH
from desktop_app.pictures.words import MINUS
from desktop_app.support.guard import override

_DIGITS = 9
_DECIMALS = 60  # more than any strength needs: nothing is rounded to fewer
_BEGUN = re.compile(rf"[-+{MINUS}]?\d*\.?\d*(e[-+{MINUS}]?\d*)?", re.IGNORECASE)


class StrengthBox(QDoubleSpinBox):
    """A number of any size: 0.0004 and 2e+10 are shown as what they are, and can be typed."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(_DECIMALS)
        self.setRange(-MAX_STRENGTH, MAX_STRENGTH)
        self.setKeyboardTracking(False)

    @override
    def textFromValue(self, value: float) -> str:
        return f"{value:.{_DIGITS}g}"

    @override
    def valueFromText(self, text: str) -> float:
        # What was not typed keeps the digits that are not shown.
        shown = text == self.textFromValue(self.value())
        return self.value() if shown else _read(text)

    @override
    def validate(self, text: str, place: int) -> tuple[QValidator.State, str, int]:
        value = _read(text)
        state = QValidator.State.Acceptable
        if math.isnan(value) or abs(value) > MAX_STRENGTH:
            state = QValidator.State.Intermediate
            if not _BEGUN.fullmatch(text.strip()):
                state = QValidator.State.Invalid
        return state, text, place


def _read(text: str) -> float:
    try:
        return float(text.replace(MINUS, "-"))
    except ValueError:
        return math.nan
