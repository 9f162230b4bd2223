"""A prompt and its corrupt twin whole, one below the other, where a table has no room for them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from desktop_app.views.frame import label, scrolled
from desktop_app.widgets.basics.layouts import column_in

_SHORT = 30  # up to so many letters the table itself has room
_HEIGHT = 62


class PairPane(QWidget):
    """Two texts that wrap, each behind its name; no height where the table has room for them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        self._labels = label("", "mono", wrap=True), label("", "mono", wrap=True)
        for row, (name, text) in enumerate(zip(("Prompt", "Twin"), self._labels, strict=True)):
            text.setAccessibleName(f"{name}, whole")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(label(name, "field"), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, row, 1, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(2, 1)
        area = scrolled(inside, "The chosen prompt and its twin")
        column_in(self, area)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)
        self.hide()

    def show_texts(self, prompt: str, twin: str) -> None:
        """Show two texts; short ones are in the table already."""
        for part, text in zip(self._labels, (prompt, twin), strict=True):
            part.setText(text)
        self.setVisible(max(len(prompt), len(twin)) > _SHORT)

    def texts(self) -> tuple[str, str]:
        """Return what is shown; empty texts where the table has room."""
        if self.isHidden():
            return "", ""
        return self._labels[0].text(), self._labels[1].text()
