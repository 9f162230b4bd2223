"""The right side of an ablation: the ranking of parts above, one part's details below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.analyses.ablate.details import PartDetails
from desktop_app.analyses.ablate.part_list import PartList
from desktop_app.views.frame import gap_splitter, label, panel


class PartSide(QWidget):
    """Ranking and details, the room between them shared by the user."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = PartList()
        self.details = PartDetails()
        self.title = label("", "heading")
        self.drop = label("", "small")
        self.drop.setToolTip("Mean over all parts of min(0, percent kept − 100)")
        upper, column = panel()
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.drop)
        column.addLayout(top)
        column.addWidget(self.list, 1)
        lower, below = panel()
        below.addWidget(self.details)
        split = gap_splitter(Qt.Orientation.Vertical)
        split.addWidget(upper)
        split.addWidget(lower)
        split.setSizes([300, 300])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split)
        self.setMinimumWidth(316)
