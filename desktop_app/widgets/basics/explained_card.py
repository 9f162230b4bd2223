"""A card that takes a number apart: formula, the user's own values, what the sign says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from desktop_app.pictures.facts import Explained

_WIDTH = 400
_GAP = 6


class WhatButton(QToolButton):
    """A small question mark beside a number; a click, Space or F1 on it asks what that is.

    Signals:
        asked: Where the answer may stand, on the screen.
    """

    asked = Signal(QPoint)

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.setText("?")
        set_role(self, "what")
        self.setFixedSize(18, 18)
        self.set_name(name)
        self.clicked.connect(self._ask)

    def set_name(self, name: str) -> None:
        """Say which number it asks about."""
        self.setAccessibleName(f"What is {name}?" if name else "What is this?")
        self.setToolTip(plain_tip(f"{self.accessibleName()}  (F1)"))

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_F1:
            if event.type() == QEvent.Type.KeyPress:
                self._ask()
            event.accept()  # also before it would be a shortcut of the window
            return True
        return super().event(event)

    def _ask(self) -> None:
        self.asked.emit(self.mapToGlobal(QPoint(0, self.height())))


class ExplainedCard(QFrame):
    """Stands beside a number until Esc or a click elsewhere; its texts can be marked and copied.

    Signals:
        more_wanted: The help page that tells more, and the heading there.
    """

    more_wanted = Signal(str, str)

    def __init__(self, told: Explained, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.told = told
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(f"What is {told.name}")
        self.setAccessibleDescription(told.text())
        set_role(self, "card")
        self._more = QPushButton("More in the help")
        set_role(self._more, "quiet")
        self._more.setVisible(bool(told.page))
        self._more.clicked.connect(self._on_more_clicked)
        lines = [
            _line(told.name, "heading"),
            _line(told.formula, ""),
            *([_line(told.working, "mono")] if told.working else []),
            *([_line(told.sign, "muted")] if told.sign else []),
        ]
        foot = filled(QHBoxLayout(), self._more, None)
        filled(QVBoxLayout(self), *lines, foot, margins=(14, 10, 14, 10), spacing=7)
        self.setFixedWidth(_WIDTH)

    def open_at(self, place: QPoint) -> None:
        """Show it at a place of the screen, moved so that all of it is seen."""
        layout = self.layout()
        if layout is not None:  # as tall as its lines are when they are wrapped
            self.setFixedHeight(layout.heightForWidth(_WIDTH))
        parent = self.parentWidget()
        room = (parent.screen() if parent is not None else self.screen()).availableGeometry()
        left = min(place.x(), room.right() - self.width())
        below = place.y() + _GAP
        top = below if below + self.height() <= room.bottom() else place.y() - self.height() - _GAP
        self.move(max(room.left(), left), max(room.top(), top))
        self.show()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._more.setFocus(Qt.FocusReason.PopupFocusReason)

    def _on_more_clicked(self) -> None:
        told = self.told
        self.close()
        self.more_wanted.emit(told.page, told.heading)


def _line(text: str, role: str) -> QLabel:
    shown = PlainLabel(text)
    if role:
        set_role(shown, role)
    shown.setWordWrap(True)
    shown.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return shown
