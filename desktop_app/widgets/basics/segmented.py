"""Small controls: a choice whose options are all in sight, the pages it turns, a switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import PageStack, column_in, row_in
from desktop_app.widgets.basics.theme import set_role, theme_hub
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 32, 18


class SegmentedControl(QFrame):
    """Options in a row, one of them chosen; arrow keys move the choice.

    Signals:
        changed: The user chose another value; `set_value` emits nothing.
    """

    changed = Signal(object)

    def __init__(self, options: Sequence[tuple[object, str]]) -> None:
        super().__init__()
        self._values = [value for value, _label in options]
        self._group = QButtonGroup(self)
        set_role(self, "segments")
        self.setFixedHeight(28)
        row = row_in(self, spacing=2, margins=2)
        for index, (_value, label) in enumerate(options):
            button = QPushButton(label)
            button.setCheckable(True)
            button.setAccessibleName(label)
            set_role(button, "segment")
            self._group.addButton(button, index)
            row.addWidget(button)
        self._check(0)
        self._group.buttonToggled.connect(self._on_toggled)

    def value(self) -> Any:
        """Return the chosen value, or None where there are no options."""
        index = self._group.checkedId()
        return self._values[index] if index >= 0 else None

    def set_value(self, value: object) -> None:
        """Choose a value without a signal.

        Raises:
            ValueError: It is none of the options.
        """
        if value not in self._values:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, self._values))}.")
        self._check(self._values.index(value))

    def set_option_enabled(self, value: object, enabled: bool, tooltip: str = "") -> None:
        """Allow or forbid one option, and say why, or more of it."""
        button = self._group.button(self._values.index(value))
        button.setEnabled(enabled)
        button.setToolTip(plain_tip(tooltip))

    def set_option_label(self, value: object, label: str) -> None:
        """Write something else on one option."""
        button = self._group.button(self._values.index(value))
        button.setText(label)
        button.setAccessibleName(label)

    def set_option_shown(self, value: object, shown: bool) -> None:
        """Show or hide one option."""
        self._group.button(self._values.index(value)).setVisible(shown)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _check(self, index: int) -> None:
        button = self._group.button(index)
        if isinstance(button, QAbstractButton):
            self._group.blockSignals(True)
            button.setChecked(True)
            self._group.blockSignals(False)
            self.setFocusProxy(button)

    @Slot(QAbstractButton, bool)
    def _on_toggled(self, button: QAbstractButton, checked: bool) -> None:
        if checked:
            self.setFocusProxy(button)
            button.setFocus(Qt.FocusReason.OtherFocusReason)
            self.changed.emit(self.value())


class Pages(QWidget):
    """A few pages under a choice between them; `beside` is the room right of the choice.

    Signals:
        changed: The name of the page that the user turned to.
    """

    changed = Signal(str)

    def __init__(self, *pages: tuple[str, str, QWidget]) -> None:
        """Take name, title and widget of each page; the first is in sight."""
        super().__init__()
        self._names = [name for name, _title, _page in pages]
        self.choice = SegmentedControl([(name, title) for name, title, _page in pages])
        self._stack = PageStack(*(page for _name, _title, page in pages))
        self.beside = row_in(None, spacing=10)
        line = row_in(None, (self.choice, 0, Qt.AlignmentFlag.AlignLeft), spacing=10)
        line.addLayout(self.beside, 1)
        column_in(self, line, (self._stack, 1))
        self.choice.changed.connect(self._on_changed)

    def page(self) -> str:
        """Return the name of the page in sight."""
        return self._names[self._stack.currentIndex()]

    def turn_to(self, name: str) -> None:
        """Turn to a page without a signal."""
        self.choice.set_value(name)
        self._stack.setCurrentIndex(self._names.index(name))

    @Slot(object)
    def _on_changed(self, name: str) -> None:
        self.turn_to(name)
        self.changed.emit(name)


class Toggle(QAbstractButton):
    """A checkable switch with an optional text at its right."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        words = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(_WIDTH + 4 + (words + 8 if words else 0), 28)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self.isEnabled() else 0.5)
        track = QRectF(2, (self.height() - _HEIGHT) / 2, _WIDTH, _HEIGHT)
        edge = "text" if self.hasFocus() else "accent" if self.isChecked() else "border_strong"
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
