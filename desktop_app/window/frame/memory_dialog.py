"""The question how much memory a sweep may take."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop_app.views.frame import label
from desktop_app.window.frame.parts import filled

_EXPLANATION = (
    "A sweep computes many variants of a prompt in one pass, as many at a time as memory allows. "
    "Automatic takes a share of what is free beside the model. A smaller limit makes sweeps slower "
    "and changes no number; set one where other programs need the memory."
)
_STEP_MB = 100


class MemoryDialog(QDialog):
    """Asks for a limit in megabytes; 0, the lowest value, reads Automatic."""

    def __init__(self, megabytes: int, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Memory for sweeps")
        self.box = QSpinBox()
        self.box.setRange(0, most)
        self.box.setSingleStep(_STEP_MB)
        self.box.setGroupSeparatorShown(True)
        self.box.setSuffix(" MB")
        self.box.setSpecialValueText("Automatic")
        self.box.setValue(megabytes)
        self.box.setMinimumWidth(140)
        self.box.setAccessibleName("Most memory that a sweep takes, in megabytes")
        line = filled(QHBoxLayout(), QLabel("A sweep may take"), self.box, None)
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel | choices.RestoreDefaults)
        automatic = buttons.button(choices.RestoreDefaults)
        automatic.setText("Automatic")
        automatic.clicked.connect(self._on_automatic)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        parts = (label(_EXPLANATION, wrap=True), line, buttons)
        filled(QVBoxLayout(self), *parts, margins=(20, 18, 20, 16), spacing=14)
        self.setMinimumWidth(440)

    def megabytes(self) -> int:
        """Return the limit, 0 for automatic."""
        return self.box.value()

    def _on_automatic(self) -> None:
        self.box.setValue(0)
