"""A form made from a pydantic model: one control per field, with its title, help and bounds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import FlowLayout, column_in, row_in
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip
from desktop_app.widgets.forms.form_editors import Editor, make_editor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo
    from PySide6.QtGui import QFontMetrics, QResizeEvent

# How much of a view its open form may take, and what a row of fields needs in any case.
_SHARE = 0.58
_LEAST = 90
_SIDE, _MARGIN, _GAP = 12, 10, 4
GROUPS = "_groups"
"""What the setting of the prompts' groups has behind the name of that of the prompts."""


class _FieldBox(QWidget):
    """A title above its control, and beneath it what is wrong with the value."""

    def __init__(self, name: str, field: FieldInfo) -> None:
        super().__init__()
        self.help = field.description or ""
        self.editor: Editor = make_editor(field)
        title = field.title or name.replace("_", " ").capitalize()
        label = PlainLabel(title)
        set_role(label, "field")
        self._error = PlainLabel()
        self._error.setWordWrap(True)
        self._error.setMaximumWidth(max(240, self.editor.sizeHint().width()))
        set_role(self._error, "bad")
        self._error.setVisible(False)
        self.setToolTip(plain_tip(self.help))
        self.editor.control.setAccessibleName(title)
        self.editor.control.setAccessibleDescription(self.help)
        self.editor.refused.connect(self.set_error)
        label.setBuddy(self.editor.control)
        column_in(self, label, self.editor, self._error, None, spacing=4)

    @Slot(str)
    def set_error(self, message: str) -> None:
        """Say what is wrong with the value; an empty text says that nothing is."""
        self._error.setText(message)
        self._error.setVisible(bool(message))
        self.editor.set_invalid(bool(message))
        self.editor.control.setAccessibleDescription(message or self.help)

    def error(self) -> str:
        """Return what is wrong with the value, or an empty text."""
        return self._error.text()


class _HelpLine(PlainLabel):
    """The help of a field on so many lines; what has no room is left out by whole words."""

    def __init__(self, lines: int = 1) -> None:
        super().__init__()
        self._whole = ""
        self._lines = lines
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        if lines > 1:
            self.setWordWrap(True)
            self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            # The same with and without a help: what stands beneath does not move.
            self.ensurePolished()
            self.setFixedHeight(lines * self.fontMetrics().lineSpacing())

    def tell(self, text: str) -> None:
        """Say something else."""
        self._whole = text
        self._fit()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics, words, text = self.fontMetrics(), self._whole.split(), self._whole
        while words and not self._has_room(metrics, text):
            words.pop()
            text = " ".join(words) + " …"
        self.setText(text)
        self.setToolTip(plain_tip(self._whole if text != self._whole else ""))

    def _has_room(self, metrics: QFontMetrics, text: str) -> bool:
        if self._lines == 1:
            return metrics.horizontalAdvance(text) <= self.width()
        room = QRect(0, 0, self.width(), 0)
        taken = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, text)
        return taken.height() <= self._lines * metrics.lineSpacing()


class ParamsForm(QWidget):
    """Controls for the fields of a model, wrapping like words.

    Fields flagged `advanced` (in `json_schema_extra`) fold away under “More options”; those flagged
    `hidden` are not shown and keep the value that was set. The help of the field under the pointer
    or with the focus is written beneath.

    Attributes:
        model_class: The model whose fields it has.

    Signals:
        changed: The user changed a field, to a valid value or not.
        submitted: Enter was pressed in a field.
        texts_wanted: (name of a field, its source): it is to be filled from elsewhere.
    """

    changed = Signal()
    submitted = Signal()
    texts_wanted = Signal(str, str)

    def __init__(
        self, model_class: type[BaseModel], parent: QWidget | None = None, *, help_lines: int = 1
    ) -> None:
        super().__init__(parent)
        self.model_class = self._class = model_class
        self._base: dict[str, Any] = {}
        self._boxes: dict[str, _FieldBox] = {}
        self._flow, self._more_flow = FlowLayout(None, 16), FlowLayout(None, 16)
        self._more_room = QWidget()
        self._more_room.setLayout(self._more_flow)
        self._more = QToolButton()
        self._more.setCheckable(True)
        self._help, self._problem = _HelpLine(help_lines), PlainLabel()
        self._build()
        self._add_fields()
        self.set_value(model_class.model_construct())
        self.setAccessibleName("Settings")

    def _build(self) -> None:
        self._more.setText("More options")
        self._more.setAccessibleName("More options")
        bind_icon(self._more, "chevron-down", "text_muted")
        set_role(self._more, "fold")
        self._more.setToolButtonStyle(self._more.toolButtonStyle().ToolButtonTextBesideIcon)
        self._more.toggled.connect(self._on_more_toggled)
        set_role(self._help, "small")
        set_role(self._problem, "bad")
        self._problem.setWordWrap(True)
        self._problem.setVisible(False)
        foot = row_in(None, self._more, (self._help, 1), spacing=12)
        column_in(self, self._flow, self._more_room, foot, self._problem, spacing=12)

    def _add_fields(self) -> None:
        folded = 0
        for name, field in self._class.model_fields.items():
            extra = _extra(field)
            if extra.get("hidden"):
                continue
            box = _FieldBox(name, field)
            self._boxes[name] = box
            advanced = bool(extra.get("advanced"))
            (self._more_flow if advanced else self._flow).addWidget(box)
            folded += advanced
            # Some controls give the focus to a part of theirs.
            for part in (box, *box.findChildren(QWidget)):
                part.installEventFilter(self)
            box.editor.changed.connect(self._on_changed)
            box.editor.submitted.connect(self.submitted)
            if box.editor.sources is not None:
                box.editor.sources.name(name)
                box.editor.sources.asked.connect(self.texts_wanted)
                box.editor.changed.connect(partial(self._forget_groups, name + GROUPS))
        self._more.setVisible(folded > 0)
        self._more_room.setVisible(False)

    def value(self) -> Any:
        """Return the model that the form describes, an instance of the form's class.

        Raises:
            ValidationError: The model refuses a field; the form then says which and why.
        """
        data = dict(self._base)
        data.update({name: box.editor.value() for name, box in self._boxes.items()})
        try:
            model = self._class.model_validate(data)
        except ValidationError as error:
            self._mark(error)
            raise
        self._mark(None)
        return model

    def try_value(self) -> Any:
        """Return the model, or None after saying beside the fields what is wrong."""
        try:
            return self.value()
        except ValidationError:
            return None

    def set_value(self, model: BaseModel) -> None:
        """Show a model's values, without a signal; hidden fields are kept for `value`."""
        self._base = {name: getattr(model, name) for name in model.model_fields_set}
        for name, box in self._boxes.items():
            if hasattr(model, name):  # a required field has no value before it is set
                box.editor.set_value(getattr(model, name))
        self._mark(None)

    def fill(self, field: str, texts: Sequence[str]) -> None:
        """Fill a field with texts, as the user does; one that is not shown keeps them."""
        if field in self._boxes:
            self._boxes[field].editor.set_value(tuple(texts))
        else:
            self._base[field] = tuple(texts)
        self._on_changed()

    def _forget_groups(self, field: str) -> None:
        """Texts that are typed are of no group that others had."""
        self._base.pop(field, None)

    def borrowing(self) -> tuple[str, ...]:
        """Return the fields whose texts may come from elsewhere."""
        return tuple(n for n, box in self._boxes.items() if box.editor.sources is not None)

    def offer_family(self, title: str, tip: str = "") -> None:
        """Offer the reference set of a family to these fields; no title: there is none."""
        for name in self.borrowing():
            sources = self._boxes[name].editor.sources
            if sources is not None:
                sources.set_family(title, tip)

    def set_folded(self, folded: bool) -> None:
        """Fold the advanced fields away, or show them."""
        self._more.setChecked(not folded)

    def editor(self, field: str) -> Editor:
        """Return a field's control."""
        return self._boxes[field].editor

    def error(self, field: str) -> str:
        """Return what is wrong with a field, or an empty text."""
        return self._boxes[field].error()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.Enter, QEvent.Type.FocusIn}:
            box = _box_of(watched)
            if box is not None:
                self._help.tell(box.help)
        elif event.type() == QEvent.Type.Leave and isinstance(watched, _FieldBox):
            # The pointer is gone; the field with the focus still has something to say.
            box = _box_of(QApplication.focusWidget())
            self._help.tell(box.help if box is not None and self.isAncestorOf(box) else "")
        return super().eventFilter(watched, event)

    def _mark(self, error: ValidationError | None) -> None:
        """Write each complaint beside its field, those about none of them beneath the form."""
        told: dict[str, str] = {}
        other: list[str] = []
        names = {field.alias: name for name, field in self._class.model_fields.items()}
        for entry in error.errors() if error is not None else ():
            name = str(entry["loc"][0]) if entry["loc"] else ""
            name = names.get(name, name)
            message = entry["msg"].removeprefix("Value error, ")
            if name in self._boxes:
                told.setdefault(name, message)
            else:
                other.append(message)
        for name, box in self._boxes.items():
            box.set_error(told.get(name, ""))
        self._problem.setText("\n".join(other))
        self._problem.setVisible(bool(other))
        if any(self._boxes[name].parent() is self._more_room for name in told):
            self._more.setChecked(True)

    @Slot()
    def _on_changed(self) -> None:
        self.try_value()
        self.changed.emit()

    @Slot(bool)
    def _on_more_toggled(self, checked: bool) -> None:
        self._more_room.setVisible(checked)
        self._more.setText("Fewer options" if checked else "More options")
        bind_icon(self._more, "chevron-up" if checked else "chevron-down", "text_muted")
        self.updateGeometry()


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _box_of(part: QObject | None) -> _FieldBox | None:
    """Return the field that a widget is a part of."""
    while part is not None and not isinstance(part, _FieldBox):
        part = part.parent()
    return part


def _least_height(part: QWidget, width: int) -> int:
    """Return the height below which a part of a view is cut."""
    least = part.minimumHeight() or max(0, part.minimumSizeHint().height())
    return max(least, part.heightForWidth(width)) if part.hasHeightForWidth() else least


class FormScroll(QFrame):
    """A form as high as it needs to be, up to a share of the view; beyond that it scrolls."""

    def __init__(self, form: ParamsForm) -> None:
        super().__init__()
        set_role(self, "card")
        self._form = form
        self._view: QWidget | None = None
        self._wanted = _LEAST
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields take the keyboard
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(form)
        self._scroll.viewport().setAutoFillBackground(False)
        form.setAutoFillBackground(False)
        column_in(self, self._scroll, margins=(_SIDE, _MARGIN, _GAP, _MARGIN))
        form.installEventFilter(self)

    def watch(self, view: QWidget) -> None:
        """Take the share from this widget's height."""
        self._view = view
        view.installEventFilter(self)
        self.fit()

    def show_part(self, part: QWidget) -> None:
        """Scroll to a part of the form."""
        self._scroll.ensureWidgetVisible(part)

    def fit(self) -> None:
        """Take the height that the form needs, or the share of the view."""
        # As wide as with a scroll bar, or the bar would come and go with the width it takes.
        bar = self._scroll.verticalScrollBar().sizeHint().width()
        width = max(self._room() - _SIDE - _GAP - 2 - bar, 1)
        needed = self._form.heightForWidth(width) + 2 * _MARGIN + 2
        most = needed if self._view is None else self._most(self._view)
        wanted = min(needed, max(most, _LEAST))
        if wanted != self._wanted or self.maximumHeight() != wanted:
            self._wanted = wanted
            self.setFixedHeight(wanted)
            self.updateGeometry()
            if (layout := self.layout()) is not None:
                layout.update()  # within a resize it would keep the height of before

    def _most(self, view: QWidget) -> int:
        """Return the share of a view, or what all else in it leaves where that is less."""
        share, layout, holder = int(_SHARE * view.height()), view.layout(), self.parentWidget()
        if layout is None or holder is None or not self.isVisible():
            return share
        margins = layout.contentsMargins()
        width = view.width() - margins.left() - margins.right()
        beside = [
            _least_height(part, width) + layout.spacing()
            for part in view.children()
            if isinstance(part, QWidget)
            and part is not holder
            and part.isVisible()
            and layout.indexOf(part) >= 0
        ]
        left = view.height() - margins.top() - margins.bottom() - sum(beside)
        return min(share, left - self.y())

    def _room(self) -> int:
        """Return how wide this is, or will be once it is laid out."""
        holder = self.parentWidget()
        return self.width() if self.isVisible() or holder is None else holder.width()

    @override
    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._wanted)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        asked = event.type() == QEvent.Type.LayoutRequest  # such as by a line that has come
        if asked or (watched is self._view and event.type() == QEvent.Type.Resize):
            self.fit()
        return super().eventFilter(watched, event)
