"""A choice between a few options that are all in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from desktop_app.widgets.basics.theme import set_role

if TYPE_CHECKING:
    from collections.abc import Sequence


class SegmentedControl(QFrame):
    """Options in a row, one of them chosen; arrow keys move the choice.

    Signals:
        changed: The user chose another value; `set_value` emits nothing.
    """

    changed = Signal(object)

    def __init__(
        self, options: Sequence[tuple[object, str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._values = [value for value, _label in options]
        self._group = QButtonGroup(self)
        set_role(self, "segments")
        self.setFixedHeight(28)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
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
        """Allow or forbid one option, and say why."""
        button = self._group.button(self._values.index(value))
        button.setEnabled(enabled)
        button.setToolTip(tooltip)

    def set_option_shown(self, value: object, shown: bool) -> None:
        """Show or hide one option."""
        self._group.button(self._values.index(value)).setVisible(shown)

    def set_option_tip(self, value: object, tooltip: str) -> None:
        """Say more of one option."""
        self._group.button(self._values.index(value)).setToolTip(tooltip)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which nothing is cut."""
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
