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
        line = QHBoxLayout()
        line.addWidget(QLabel("A sweep may take"))
        line.addWidget(self.box)
        line.addStretch(1)
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel | choices.RestoreDefaults)
        automatic = buttons.button(choices.RestoreDefaults)
        automatic.setText("Automatic")
        automatic.clicked.connect(self._on_automatic)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addWidget(label(_EXPLANATION, wrap=True))
        column.addLayout(line)
        column.addWidget(buttons)
        self.setMinimumWidth(440)

    def megabytes(self) -> int:
        """Return the limit, 0 for automatic."""
        return self.box.value()

    def _on_automatic(self) -> None:
        self.box.setValue(0)
