"""The right side of the patching view: the ranking of cells above, one cell's details below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.analyses.patch.details import PatchDetails
from desktop_app.analyses.patch.part_list import PatchList
from desktop_app.views.frame import gap_splitter, label, panel
from desktop_app.widgets.basics.segmented import SegmentedControl

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

_ORDERS = (("either", "Either"), ("restored", "Enough"), ("broken", "Needed"))
_NARROW = 300


class PatchSide(QWidget):
    """Ranking and details, the room between them shared by the user."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = PatchList()
        self.details = PatchDetails()
        self.title = label("", "heading")
        self.order = SegmentedControl(list(_ORDERS))
        self.order.setToolTip("What the list is sorted by")
        upper, column = panel()
        column.addWidget(self.title)
        column.addWidget(self.order, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.list, 1)
        lower, below = panel()
        below.addWidget(self.details)
        split = gap_splitter(Qt.Orientation.Vertical)
        split.addWidget(upper)
        split.addWidget(lower)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        split.setSizes([330, 240])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split)
        self.setMinimumWidth(252)
        self._panels = (upper, lower)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give up margins before numbers where room is scarce."""
        super().resizeEvent(event)
        margin = 8 if self.width() < _NARROW else 12
        for frame in self._panels:
            if inner := frame.layout():
                inner.setContentsMargins(margin, margin, margin, margin)
