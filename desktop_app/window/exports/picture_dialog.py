"""How a picture is to be exported: its kind and, for pixels, how many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_app.views.frame import label
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.window.exports.pictures import MAX_SCALE, pixels_of

if TYPE_CHECKING:
    from PySide6.QtCore import QSize

KINDS = ((".png", "PNG"), (".svg", "SVG"), (".pdf", "PDF"))
_WORDS = {
    ".svg": "Lines and text stay sharp at any size; texts can be edited.",
    ".pdf": "Lines and text stay sharp at any size; fonts are inside.",
}


class PictureDialog(QDialog):
    """Asks for the kind of picture and its scale.

    Attributes:
        kind: The chosen ending.
        scale: Pixels per point of a PNG.
    """

    def __init__(self, size: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self.setWindowTitle("Export picture")
        self.kind = SegmentedControl(list(KINDS))
        self.kind.setAccessibleName("Kind of picture")
        self.scale = SegmentedControl([(n, f"{n}×") for n in range(1, MAX_SCALE + 1)])
        self.scale.setAccessibleName("Scale")
        self.scale.set_value(2)
        self.facts = label("", "small")
        self.save_button = QPushButton("Save…")
        self.cancel_button = QPushButton("Cancel")
        set_role(self.save_button, "primary")
        self.save_button.setDefault(True)
        self._build()
        self.kind.changed.connect(self._on_changed)
        self.scale.changed.connect(self._on_changed)
        self.save_button.clicked.connect(self.accept)
        self.cancel_button.clicked.connect(self.reject)
        self._on_changed()

    def choice(self) -> tuple[str, float]:
        """Return the ending and the scale."""
        return str(self.kind.value()), float(self.scale.value())

    def _build(self) -> None:
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addWidget(label("Export picture", "heading"))
        form = QFormLayout()
        form.setSpacing(10)
        form.addRow("Kind", self.kind)
        form.addRow("Scale", self.scale)
        column.addLayout(form)
        column.addWidget(self.facts)
        column.addLayout(buttons)
        self.setMinimumWidth(380)

    def _on_changed(self, _value: object = None) -> None:
        ending, scale = self.choice()
        self.scale.setEnabled(ending == ".png")
        pixels = pixels_of(self._size, scale)
        size = f"{pixels.width():,} × {pixels.height():,} pixels"
        self.facts.setText(_WORDS.get(ending, size))
