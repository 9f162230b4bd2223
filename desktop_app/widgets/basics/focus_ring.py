"""The ring around what has the keyboard, for all that a style sheet gives no edge of its own.

It lies over the window rather than in what it surrounds, so that no exported picture shows it.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenu,
    QMenuBar,
    QPushButton,
    QToolButton,
    QWidget,
)
from shiboken6 import isValid

from desktop_app.support.guard import override
from desktop_app.widgets.basics.theme import theme_hub

# These show by their own edge or ground that they have the keyboard.
_OWN = (QPushButton, QToolButton, QLineEdit, QAbstractSpinBox, QComboBox, QMenu, QMenuBar)
_MOVED = {QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.ParentChange}
_GONE = {QEvent.Type.Hide, QEvent.Type.Close}
_WIDTH = 2.0


class _Ring(QWidget):
    """The ring itself, over everything in its window and for no pointer."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme_hub().current.color("accent"), _WIDTH))
        inside = self.rect().toRectF().adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(inside, 4, 4)


class FocusRing(QObject):
    """Follows the keyboard through all windows of the program.

    A pointer that clicks needs no ring; the first key in what was clicked brings it.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._ring: _Ring | None = None
        self._target: QWidget | None = None
        self._watched: list[QWidget] = []
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus_changed)

    def target(self) -> QWidget | None:
        """Return what the ring is around; None where there is none in sight."""
        ring = self._ring
        shown = ring is not None and isValid(ring) and not ring.isHidden()
        return self._target if shown else None

    @Slot("QWidget*", "QWidget*")
    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        self._leave()
        if new is None or isinstance(new, _OWN):
            return
        self._target = new
        above: QWidget | None = new
        while above is not None:
            above.installEventFilter(self)
            self._watched.append(above)
            above = None if above.isWindow() else above.parentWidget()
        if QApplication.mouseButtons() == Qt.MouseButton.NoButton:
            self._show()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in _MOVED:
            if self.target() is not None:
                self._show()
        elif kind in _GONE:
            self._hide()
        elif kind == QEvent.Type.KeyPress and watched is self._target:
            self._show()
        return False

    def _show(self) -> None:
        """Lay the ring around the target, as far as that is in sight."""
        target = self._target
        if target is None or not isValid(target) or not target.isVisible():
            self._hide()
            return
        window = target.window()
        ring = self._ring
        if ring is None or not isValid(ring) or ring.parentWidget() is not window:
            self._hide()
            ring = self._ring = _Ring(window)
        ring.setGeometry(_seen(target, window))
        ring.setVisible(not ring.geometry().isEmpty())
        ring.raise_()

    def _hide(self) -> None:
        if self._ring is not None and isValid(self._ring):
            self._ring.hide()

    def _leave(self) -> None:
        """Let go of what had the keyboard."""
        for widget in self._watched:
            if isValid(widget):
                widget.removeEventFilter(self)
        self._watched, self._target = [], None
        self._hide()


def _seen(widget: QWidget, window: QWidget) -> QRect:
    """Return the part of a widget that its surroundings let through, in its window."""
    seen = QRect(widget.mapTo(window, widget.rect().topLeft()), widget.size())
    above = widget
    while above is not window and (around := above.parentWidget()) is not None:
        above = around
        seen &= QRect(above.mapTo(window, above.rect().topLeft()), above.size())
    return seen
