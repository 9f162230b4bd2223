"""What the scrolled, hand-painted widgets have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from desktop_app.widgets.basics.theme import theme_hub

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent


class PaintedArea(QAbstractScrollArea):
    """A frameless scroll area that takes the keyboard, follows the pointer and the theme."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Keep the release of a press that was answered here."""
        event.accept()

    def _offset(self) -> QPoint:
        """Return how far the contents are scrolled."""
        return QPoint(self.horizontalScrollBar().value(), self.verticalScrollBar().value())

    @Slot(object)
    def _on_theme_changed(self, _theme: object) -> None:
        # Not for overriding: PySide keeps an overridden slot connected after the widget is gone.
        self._take_theme()

    def _take_theme(self) -> None:
        """Draw anew in the theme that is in force now."""
        self.viewport().update()
