"""One control per kind of field of a form: switch, choice, number, text.

Each is chosen by the field's type; what it gives back is checked by the model, not here.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QCompleter,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from desktop_app.pictures.words import choice_label, choice_term
from desktop_app.widgets.basics.segmented import SegmentedControl, Toggle
from desktop_app.widgets.basics.theme import repolish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo

_LEAST, _MOST = -(2**31), 2**31 - 1
_SEGMENTS_MOST = 4
_SEGMENT_LETTERS = 28


class Editor(QWidget):
    """Base of the controls.

    Signals:
        changed: The user changed the value.
        submitted: Enter was pressed in a text.
    """

    changed = Signal()
    submitted = Signal()

    def __init__(self, control: QWidget) -> None:
        super().__init__()
        self.control = control
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(control)
        row.addStretch(1)
        self.setFixedHeight(28)
        self.setFocusProxy(control)

    def value(self) -> object:
        """Return what the model is asked to take."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        raise NotImplementedError

    def set_invalid(self, invalid: bool) -> None:
        """Mark the control as holding something the model refuses."""
        if bool(self.control.property("invalid")) != invalid:
            self.control.setProperty("invalid", invalid)
            repolish(self.control)

    @Slot()
    def _on_changed(self, *_value: object) -> None:
        self.changed.emit()


class ToggleEditor(Editor):
    """Yes or no."""

    def __init__(self) -> None:
        self._toggle = Toggle()
        super().__init__(self._toggle)
        self._toggle.clicked.connect(self._on_changed)

    def value(self) -> object:
        """Return whether it is on."""
        return self._toggle.isChecked()

    def set_value(self, value: Any) -> None:
        """Turn it on or off."""
        self._toggle.setChecked(bool(value))


class SegmentEditor(Editor):
    """One of a few short words."""

    def __init__(self, options: Sequence[tuple[object, str]]) -> None:
        self._segments = SegmentedControl(options)
        super().__init__(self._segments)
        for value, _label in options:
            self._segments.set_option_tip(value, choice_term(value))
        self._segments.changed.connect(self._on_changed)

    def value(self) -> object:
        """Return the chosen value."""
        return self._segments.value()

    def set_value(self, value: Any) -> None:
        """Choose a value."""
        self._segments.set_value(value)


class ComboEditor(Editor):
    """One of many words."""

    def __init__(self, options: Sequence[tuple[object, str]]) -> None:
        self._combo = QComboBox()
        self._values = [value for value, _label in options]
        for row, (value, label) in enumerate(options):
            self._combo.addItem(label)
            self._combo.setItemData(row, choice_term(value), Qt.ItemDataRole.ToolTipRole)
        self._combo.setMinimumWidth(132)
        super().__init__(self._combo)
        self._combo.activated.connect(self._on_changed)
        self._combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._guard = _WheelGuard(self._combo)

    def value(self) -> object:
        """Return the chosen value."""
        return self._values[self._combo.currentIndex()]

    def set_value(self, value: Any) -> None:
        """Choose a value."""
        self._combo.setCurrentIndex(self._values.index(value))


class NumberEditor(Editor):
    """A whole or a real number within bounds; `zero` is written instead of a least value of 0."""

    def __init__(
        self, *, whole: bool, bounds: tuple[float | None, float | None], zero: str = ""
    ) -> None:
        low, high = bounds
        self._spin: QSpinBox | _FloatBox = QSpinBox() if whole else _FloatBox()
        least = _LEAST if low is None else low
        most = _MOST if high is None else high
        if isinstance(self._spin, QSpinBox):
            self._spin.setRange(int(max(least, _LEAST)), int(min(most, _MOST)))
        else:
            self._spin.setRange(float(least), float(most))
        if least == 0:
            self._spin.setSpecialValueText(zero)
        self._spin.setFixedWidth(96)
        super().__init__(self._spin)
        self._spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._guard = _WheelGuard(self._spin)
        self._spin.valueChanged.connect(self._on_changed)
        self._spin.lineEdit().returnPressed.connect(self.submitted)

    def value(self) -> object:
        """Return the number."""
        return self._spin.value()

    def set_value(self, value: Any) -> None:
        """Show a number."""
        self._spin.blockSignals(True)
        self._spin.setValue(value)
        self._spin.blockSignals(False)


class TextEditor(Editor):
    """A text, a list with a sign between its entries, or nothing.

    Args:
        separator: What stands between the entries of a list; empty for a plain text.
        optional: Whether an empty text means None.
    """

    def __init__(self, *, separator: str = "", optional: bool = False) -> None:
        self._line = QLineEdit()
        self._separator = separator
        self._optional = optional
        self._line.setFixedWidth(200 if separator == "|" else 152)
        if separator:
            self._line.setPlaceholderText(f"none; put {separator} between several")
        elif optional:
            self._line.setPlaceholderText("none")
        super().__init__(self._line)
        self._line.textEdited.connect(self._on_changed)
        self._line.returnPressed.connect(self.submitted)

    def value(self) -> object:
        """Return the text, the entries of the list, or None."""
        text = self._line.text()
        if self._separator == "|":
            return tuple(part for part in text.split("|") if part)
        if self._separator:
            return tuple(part.strip() for part in text.split(self._separator) if part.strip())
        return None if self._optional and not text else text

    def set_value(self, value: Any) -> None:
        """Show a text, a list or nothing."""
        if self._separator and value is not None:
            joint = "|" if self._separator == "|" else f"{self._separator} "
            self._line.setText(joint.join(str(part) for part in value))
        else:
            self._line.setText("" if value is None else str(value))

    def set_choices(self, choices: Sequence[str]) -> None:
        """Offer completions while typing."""
        completer = QCompleter(list(choices), self._line)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.activated.connect(self._on_changed)
        self._line.setCompleter(completer)


class _FloatBox(QDoubleSpinBox):
    """A real number written with as few digits as it has."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(8)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:
        """Return the number as text."""
        return f"{value:.8g}"


class _WheelGuard(QObject):
    """Keeps the wheel from changing a control that does not have the focus."""

    def __init__(self, control: QWidget) -> None:
        super().__init__(control)
        control.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Answer events of a watched widget."""
        away = isinstance(watched, QWidget) and not watched.hasFocus()
        if away and event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def make_editor(field: FieldInfo) -> Editor:
    """Return the control that suits a field's type and bounds."""
    kind, optional = _without_none(field.annotation)
    origin = get_origin(kind)
    if origin is Literal:
        return _choice(get_args(kind), optional)
    if origin in {tuple, list, set, frozenset} or kind in {tuple, list}:
        inner = get_args(kind)
        return TextEditor(separator="|" if not inner or inner[0] is str else ",")
    if optional:
        return TextEditor(optional=True)
    if kind is bool:
        return ToggleEditor()
    if kind in {int, float}:
        extra = field.json_schema_extra
        zero = str(extra.get("zero", "")) if isinstance(extra, dict) else ""
        return NumberEditor(whole=kind is int, bounds=_bounds(field), zero=zero)
    return TextEditor()


def _choice(values: Sequence[object], optional: bool) -> Editor:
    options = [
        (value, choice_label(value)) for value in ([None] if optional else []) + list(values)
    ]
    letters = sum(len(label) for _value, label in options)
    few = len(options) <= _SEGMENTS_MOST and letters <= _SEGMENT_LETTERS
    return SegmentEditor(options) if few else ComboEditor(options)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Return a type without its None, and whether None was allowed."""
    if hasattr(annotation, "__metadata__"):  # Annotated inside a union
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in {Union, types.UnionType}:
        rest = [part for part in get_args(annotation) if part is not type(None)]
        inner, _optional = _without_none(rest[0]) if len(rest) == 1 else (str, False)
        return inner, len(rest) < len(get_args(annotation))
    return annotation, False


def _bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """Return the least and the largest value that a field's constraints allow."""
    low: float | None = None
    high: float | None = None
    step = 1 if field.annotation is int else 0
    for rule in field.metadata:
        for name, shift in (("ge", 0), ("gt", step)):
            if getattr(rule, name, None) is not None:
                low = getattr(rule, name) + shift
        for name, shift in (("le", 0), ("lt", -step)):
            if getattr(rule, name, None) is not None:
                high = getattr(rule, name) + shift
    return low, high
