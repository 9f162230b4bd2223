"""What the autoencoder is, always in sight above the pages: a title and a value beside another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import FlowLayout, row_in
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.features.card_words import Line

_MOST = 24


class CardStrip(QWidget):
    """Titles with their values, which go on in a further line where one is too short."""

    def __init__(self) -> None:
        super().__init__()
        self._flow = FlowLayout(self, spacing=2)
        self._lines: tuple[Line, ...] = ()
        self._parts: list[QWidget] = []
        self.setAccessibleName("What the autoencoder is")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these; of very many the first."""
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        for part in self._parts:
            self._flow.removeWidget(part)
            part.hide()
            part.deleteLater()
        self._parts = []
        for title, value, meaning in self._lines[:_MOST]:
            part = QWidget(self)
            name, said = label(title, "small"), label(value, "chip")
            row_in(part, name, said, spacing=5, margins=(0, 0, 12, 0))
            part.setToolTip(plain_tip(meaning))
            self._flow.addWidget(part)
            part.setVisible(True)
            self._parts.append(part)
        self.setAccessibleDescription(", ".join(f"{title} {value}" for title, value, _ in lines))
        self.updateGeometry()

    def texts(self) -> list[str]:
        """Return what it says."""
        return [f"{title} {value}" for title, value, _meaning in self._lines]
