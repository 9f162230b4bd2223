"""A switch for yes and no."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from desktop_app.widgets.basics.theme import theme_hub

_WIDTH, _HEIGHT = 32, 18


class Toggle(QAbstractButton):
    """A checkable switch with an optional text at its right."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return the size that suits the contents."""
        words = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(_WIDTH + 4 + (words + 8 if words else 0), 28)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the widget."""
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self.isEnabled() else 0.5)
        track = QRectF(2, (self.height() - _HEIGHT) / 2, _WIDTH, _HEIGHT)
        painter.setPen(QPen(theme.color("text" if self.hasFocus() else "border_strong"), 1))
        if self.isChecked():
            edge = "text" if self.hasFocus() else "accent"
            painter.setPen(QPen(theme.color(edge), 1))
        painter.setBrush(theme.color("accent" if self.isChecked() else "pressed"))
        painter.drawRoundedRect(track.adjusted(0.5, 0.5, -0.5, -0.5), 8.5, 8.5)
        knob = QRectF(track.left() + 3, track.top() + 3, 12, 12)
        if self.isChecked():
            knob.moveRight(track.right() - 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent_text" if self.isChecked() else "text_muted"))
        painter.drawEllipse(knob)
        if self.text():
            painter.setPen(theme.color("text"))
            rest = self.rect().adjusted(_WIDTH + 10, 0, 0, 0)
            painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, self.text())
