"""Pages of a picture of which one is in sight: those turned away ask for no room."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

from desktop_app.support.guard import override


class TurnedPage(QWidget):
    """A page under a choice above the picture."""

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0) if self.isHidden() else super().minimumSizeHint()

    @override
    def hasHeightForWidth(self) -> bool:
        return super().hasHeightForWidth() and not self.isHidden()

    @override
    def heightForWidth(self, width: int) -> int:
        """Return the least height: a page that is turned away needs none, and lists can scroll."""
        layout = self.layout()
        if layout is None or self.isHidden() or not layout.hasHeightForWidth():
            return -1
        return layout.totalMinimumHeightForWidth(width)
