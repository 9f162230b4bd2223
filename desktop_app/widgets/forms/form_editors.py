"""One control per kind of field of a form: switch, choice, number, text.

Each is chosen by the field's type; what it gives back is checked by the model, not here.
"""

from __future__ import annotations

import types
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal, SignalInstance, Slot
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from desktop_app.pictures.words import choice_label, choice_term, spelled
from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import keep_off_edge, row_in
from desktop_app.widgets.basics.segmented import SegmentedControl, Toggle
from desktop_app.widgets.basics.theme import repolish
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.forms.file_lines import READERS, FileLine
from desktop_app.widgets.forms.path_lines import PathLine
from desktop_app.widgets.forms.text_sources import TextSources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic.fields import FieldInfo

_LEAST, _MOST = -(2**31), 2**31 - 1
_NEW = "new_path"
_PATHS = frozenset({"path", _NEW})
"""How a setting says that it names a file to be read, or one to be written."""
PROMPT_FILES = frozenset({"prompt_file", "row_file"})
"""How a setting says that its texts are prompts, which may come from a table; or its rows."""
_SEGMENTS_MOST = 4
_SEGMENT_LETTERS = 28
_WIDE, _WIDEST = 260, 430
_NUMBER = 96  # pixels of a control for a number
# Qt's own limit would cut long lists off without a word; the model has limits of its own.
_LONGEST = 10_000_000


class Editor(QWidget):
    """A control in its line, the signal that it was touched, how its value is read and shown.

    Attributes:
        sources: Where its texts may come from, beside the control; None for what is only typed.

    Signals:
        changed: The user changed the value.
        submitted: Enter was pressed in a text.
        refused: (why) What was chosen for it cannot be taken.
    """

    changed = Signal()
    submitted = Signal()
    refused = Signal(str)

    def __init__(
        self,
        control: QWidget,
        touched: SignalInstance,
        value: Callable[[], object],
        set_value: Callable[[Any], None],
    ) -> None:
        super().__init__()
        self.control, self.value, self.set_value = control, value, set_value
        self.sources: TextSources | None = None
        row_in(self, control, None)
        self.setFixedHeight(28)
        self.setFocusProxy(control)
        touched.connect(self._on_changed)

    def set_invalid(self, invalid: bool) -> None:
        """Mark the control as holding something the model refuses."""
        if bool(self.control.property("invalid")) != invalid:
            self.control.setProperty("invalid", invalid)
            repolish(self.control)

    @Slot()
    def _on_changed(self, *_value: object) -> None:
        self.changed.emit()


class _FloatBox(QDoubleSpinBox):
    """A real number written with as few digits as it has."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(8)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)

    @override
    def textFromValue(self, value: float) -> str:
        return f"{value:.8g}"


class _WheelGuard(QObject):
    """Keeps the wheel from changing a control that does not have the focus."""

    def __init__(self, control: QWidget) -> None:
        super().__init__(control)
        control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        control.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        away = isinstance(watched, QWidget) and not watched.hasFocus()
        if away and event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def make_editor(field: FieldInfo) -> Editor:
    """Return the control that suits a field's type and bounds."""
    kind, optional = _without_none(field.annotation)
    origin = get_origin(kind)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    if origin is Literal:
        return _choice(get_args(kind), extra.get("labels"), optional=optional)
    if "between" in extra or extra.get("cli") in _PATHS:
        return _of_texts(extra, str(field.title or "file").lower())
    if origin in {tuple, list, set, frozenset} or kind in {tuple, list}:
        inner = get_args(kind)
        lines = not inner or inner[0] is str
        return _lines(sources=extra.get("cli") in PROMPT_FILES) if lines else _text(",")
    if optional:
        return _optional(extra)
    if kind is bool:
        toggle = Toggle()
        return Editor(
            toggle, toggle.clicked, toggle.isChecked, lambda v: toggle.setChecked(bool(v))
        )
    is_number, what = kind in {int, float}, str(field.title or "text").lower()
    return _number(field, whole=kind is int) if is_number else _free_text(extra, what)


def _of_texts(extra: Mapping[str, Any], what: str) -> Editor:
    """Return a control for several texts on one line, or for the name of a file."""
    if "between" in extra:
        return _several(str(extra["between"]), str(extra.get("placeholder", "none")))
    return _path(what, extra)


def _optional(extra: Mapping[str, Any]) -> Editor:
    """Return a control for a number or text that may be left empty, and what is taken then."""
    editor = _text(optional=True)
    if isinstance(editor.control, QLineEdit):
        editor.control.setPlaceholderText(str(extra.get("placeholder", "none")))
        if extra.get("narrow"):
            editor.control.setFixedWidth(_NUMBER)
    return editor


def _free_text(extra: Mapping[str, Any], what: str) -> Editor:
    if extra.get("cli") in READERS:
        return _file_text(what, extra)
    editor = _text(spelling=str(extra.get("spelling", "")))
    if isinstance(editor.control, QLineEdit):
        editor.control.setPlaceholderText(str(extra.get("placeholder", "")))
        if extra.get("wide"):
            editor.control.setFixedWidth(_WIDEST)
            editor.set_value = partial(_show_from_start, editor.control, editor.set_value)
    return editor


def _show_from_start(line: QLineEdit, show: Callable[[Any], None], value: object) -> None:
    """Show a long text from its beginning."""
    show(value)
    line.setCursorPosition(0)


def _choice(choices: Sequence[object], named: Any, *, optional: bool) -> Editor:
    """Return a control for one of a few short words, or of many; some a field names itself."""
    values = [*([None] if optional else []), *choices]
    own = named if isinstance(named, dict) else {}
    labels = [str(own.get(value) or choice_label(value)) for value in values]
    if len(values) <= _SEGMENTS_MOST and sum(map(len, labels)) <= _SEGMENT_LETTERS:
        segments = SegmentedControl(list(zip(values, labels, strict=True)))
        for value in values:
            segments.set_option_enabled(value, True, "" if value in own else choice_term(value))
        return Editor(segments, segments.changed, segments.value, segments.set_value)
    combo = QComboBox()
    for row, label in enumerate(labels):
        combo.addItem(label)
        combo.setItemData(row, plain_tip(choice_term(values[row])), Qt.ItemDataRole.ToolTipRole)
    combo.setMinimumWidth(132)
    _WheelGuard(combo)
    return Editor(
        combo,
        combo.activated,
        lambda: values[combo.currentIndex()],
        lambda value: combo.setCurrentIndex(values.index(value)),
    )


def _number(field: FieldInfo, *, whole: bool) -> Editor:
    """Return a control for a whole or a real number within the bounds of its field."""
    spin: QSpinBox | _FloatBox = QSpinBox() if whole else _FloatBox()
    low, high = _bounds(field)
    least, most = _LEAST if low is None else low, _MOST if high is None else high
    if isinstance(spin, QSpinBox):
        spin.setRange(int(max(least, _LEAST)), int(min(most, _MOST)))
    else:
        spin.setRange(float(least), float(most))
    extra = field.json_schema_extra
    if least == 0 and isinstance(extra, dict):
        # A word that is written instead of 0.
        spin.setSpecialValueText(str(extra.get("zero", "")))
    spelled = extra.get("spelled") if isinstance(extra, dict) else None
    if low is not None and isinstance(spelled, dict):
        spin.setSpecialValueText(str(spelled.get(f"{low:g}", "")))
    spin.setFixedWidth(_NUMBER)
    keep_off_edge(spin)
    _WheelGuard(spin)

    def show(value: Any) -> None:
        with QSignalBlocker(spin):
            spin.setValue(min(max(value, spin.minimum()), spin.maximum()))  # a file may say any

    editor = Editor(spin, spin.valueChanged, spin.value, show)
    spin.lineEdit().returnPressed.connect(editor.submitted)
    return editor


def _text(separator: str = "", *, optional: bool = False, spelling: str = "") -> Editor:
    """Return a control for a text, or for a list of numbers with a sign between its entries.

    Heads and layers are spelled as the window says them; the model reads both spellings.
    """
    line = QLineEdit()
    line.setMaxLength(_LONGEST)
    line.setFixedWidth(200 if separator else 152)
    if separator:
        line.setPlaceholderText(f"none; put {separator} between several")
    elif optional:
        line.setPlaceholderText("none")

    def read() -> object:
        text = line.text()
        if not separator:
            return None if optional and not text else text
        return tuple(part for part in map(str.strip, text.split(separator)) if part)

    def show(value: Any) -> None:
        if separator and value is not None:
            line.setText(f"{separator} ".join(map(str, value)))
        else:
            line.setText("" if value is None else spelled(str(value), spelling))

    editor = Editor(line, line.textEdited, read, show)
    line.returnPressed.connect(editor.submitted)
    return editor


def _several(sign: str, placeholder: str) -> Editor:
    """Return a control for texts to the letter on one line, with a sign between them."""
    line = QLineEdit()
    line.setMaxLength(_LONGEST)
    line.setMinimumWidth(_WIDE)
    line.setPlaceholderText(placeholder)

    def read() -> tuple[str, ...]:
        return tuple(part for part in line.text().split(sign) if part)

    def show(value: Any) -> None:
        line.setText(sign.join(map(str, value or ())))

    editor = Editor(line, line.textEdited, read, show)
    line.returnPressed.connect(editor.submitted)
    return editor


def _path(what: str, extra: Mapping[str, Any]) -> Editor:
    """Return a control for the name of a file or a folder, and a button that chooses one."""
    line = PathLine(what, str(extra.get("metavar", "")), new=extra["cli"] == _NEW)
    line.setMinimumWidth(_WIDE)
    line.setPlaceholderText(str(extra.get("placeholder", "none")))
    editor = Editor(line, line.edited, line.text, line.setText)
    row = editor.layout()
    if isinstance(row, QHBoxLayout):
        row.insertWidget(1, line.button)
    line.returnPressed.connect(editor.submitted)
    return editor


def _file_text(what: str, extra: Mapping[str, Any]) -> Editor:
    """Return a control for a text, and a button that takes it from a file."""
    line = FileLine(what, str(extra["cli"]))
    line.setMinimumWidth(_WIDE)
    line.setPlaceholderText(str(extra.get("placeholder", "none")))
    editor = Editor(line, line.edited, line.text, lambda value: line.setText(str(value)))
    editor.set_value = partial(_show_from_start, line, editor.set_value)
    choose = icon_button("folder", f"Take the {what} of a file…")
    choose.clicked.connect(line.ask)
    row = editor.layout()
    if isinstance(row, QHBoxLayout):
        row.insertWidget(1, choose)
    line.returnPressed.connect(editor.submitted)
    line.refused.connect(editor.refused)
    return editor


class _LinesEdit(QPlainTextEdit):
    """Texts one below the other; Tab goes on to the next control.

    Signals:
        edited: The user changed them.
    """

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, ...] = ()
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setPlaceholderText("none; one a line")
        self.setFixedSize(260, 66)
        self.textChanged.connect(self.edited)

    def entries(self) -> tuple[str, ...]:
        """Return the texts to the letter; untouched, also those that hold a line break."""
        if not self.document().isModified():
            return self._shown
        return tuple(line for line in self.toPlainText().split("\n") if line)

    def set_entries(self, entries: Any) -> None:
        """Show texts, without a signal."""
        self._shown = tuple(map(str, entries or ()))
        with QSignalBlocker(self):
            self.setPlainText("\n".join(entry.replace("\n", "↵") for entry in self._shown))
        self.document().setModified(False)


def _lines(*, sources: bool = False) -> Editor:
    """Return a control for texts, such as prompts, which keep the spaces around them."""
    edit = _LinesEdit()
    editor = Editor(edit, edit.edited, edit.entries, edit.set_entries)
    editor.setFixedHeight(edit.height())
    row = editor.layout()
    if sources and isinstance(row, QHBoxLayout):
        editor.sources = TextSources(edit)
        row.insertWidget(1, editor.sources)
    return editor


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
