"""What the scrolled, hand-painted widgets have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from desktop_app.support.guard import override

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent


class PaintedArea(QAbstractScrollArea):
    """A frameless scroll area that takes the keyboard and follows the pointer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def _offset(self) -> QPoint:
        """Return how far the contents are scrolled."""
        return QPoint(self.horizontalScrollBar().value(), self.verticalScrollBar().value())
