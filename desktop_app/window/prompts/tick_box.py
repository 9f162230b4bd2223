"""The box above the ticks of the prompt table: all, none, or some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QWidget

from desktop_app.support.guard import override

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIDE = 18


class TickBox(QCheckBox):
    """Shows whether all, some or none are ticked; a click asks for all, or for none."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTristate(True)
        self.setAccessibleName("Tick all prompts")
        self.setToolTip("Runs take the ticked prompts: tick all or none")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def stand_in(self, left: int, width: int, height: int) -> None:
        """Stand in the middle of a part of the heading."""
        side = min(_SIDE, width)
        self.setGeometry(left + (width - side) // 2 + 1, (height - side) // 2, side, side)

    def show_ticks(self, ticked: Sequence[bool]) -> None:
        """Show of how many that holds."""
        some, every = any(ticked), all(ticked)
        states = Qt.CheckState
        state = states.Checked if every else states.PartiallyChecked if some else states.Unchecked
        self.setCheckState(state)

    @override
    def nextCheckState(self) -> None:
        """Leave the state alone: it follows from the rows."""
