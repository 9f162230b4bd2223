"""Asks for a feature of a sparse autoencoder: its folder, and its number there."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import filled, keep_off_edge, row_in

_HELP = (
    "A folder in the layout of SAELens: cfg.json and safetensors. Its decoder row of that number "
    "is the vector."
)
_WIDE = 460


class FeatureDialog(QDialog):
    """A folder and a number; nothing behind it is blocked.

    Signals:
        chosen: `FOLDER:12`, as settings write it.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Steer along a feature")
        self.folder, self.number = QLineEdit(), QSpinBox()
        self.folder.setAccessibleName("Folder of the sparse autoencoder")
        self.folder.setPlaceholderText("folder of the sparse autoencoder")
        self.number.setRange(0, 2**31 - 1)
        self.number.setAccessibleName("Number of the feature")
        self.number.setFixedWidth(110)
        keep_off_edge(self.number)
        browse = icon_button("folder", "Choose the folder…")
        self._said = label("", "bad", wrap=True)
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel)
        self.ok = buttons.button(choices.Ok)
        self.ok.setText("Use this feature")
        line = row_in(None, (self.folder, 1), browse, spacing=6)
        number = row_in(None, label("Feature", "field"), self.number, None, spacing=8)
        parts = (label(_HELP, "muted", wrap=True), line, number, self._said, buttons)
        filled(QVBoxLayout(self), *parts, margins=(20, 18, 20, 16), spacing=12)
        self.setMinimumWidth(_WIDE)
        browse.clicked.connect(self._on_browse)
        self.folder.textChanged.connect(self._show)
        buttons.accepted.connect(self._on_accepted)
        buttons.rejected.connect(self.reject)
        self._show()

    def said(self) -> str:
        """Return what is wrong with the folder, or an empty text."""
        return self._said.text()

    def _trouble(self) -> str:
        folder = Path(self.folder.text())
        if not self.folder.text():
            return ""
        try:
            there = folder.is_dir()
            configured = (folder / "cfg.json").is_file()
        except (OSError, ValueError):
            there = configured = False
        if not there:
            return "There is no such folder."
        return "" if configured else "This folder has no cfg.json: choose that of the autoencoder."

    def _show(self, *_text: object) -> None:
        wrong = self._trouble()
        self._said.setText(wrong)
        self.ok.setEnabled(bool(self.folder.text()) and not wrong)

    def _on_browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of the sparse autoencoder")
        if name:
            self.folder.setText(name)

    def _on_accepted(self) -> None:
        if self.ok.isEnabled():
            self.chosen.emit(f"{self.folder.text()}:{self.number.value()}")
            self.accept()
