"""Around a head's picture: which one is drawn, and the tokens that it joins."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QMenu, QToolButton, QWidget

from desktop_app.analyses.attention.pane import MODES
from desktop_app.analyses.attention.picture import ARRAYS, can_drop_first, numbers
from desktop_app.analyses.attention.weights import Taste, can_weigh
from desktop_app.pictures.stretch import KINDS, LOG
from desktop_app.pictures.words import part_name
from desktop_app.views.on_text import on_text_button
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import FlowLayout, row_in
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction

    from desktop_app.contract.result import Result


class AttentionControls(QWidget):
    """What is drawn of a head, how it is looked at, and what another run would add.

    Signals:
        view_changed: Another array, or another way to look at it, was chosen.
        mode_changed: The picture was chosen: matrix, text or arcs.
        compare_wanted: (layer, head) to stand beside the shown one; None: the view's choice.
        compare_ended: No head is to stand beside it.
        run_wanted: The setting that a new run should have, and its value.
        text_wanted: What the shown head does on ordinary text is to be shown.
    """

    view_changed = Signal()
    mode_changed = Signal(object)
    compare_wanted = Signal(object)
    compare_ended = Signal()
    run_wanted = Signal(str, bool)
    text_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result: Result | None = None
        self._arrays = SegmentedControl([(key, label) for key, label, _needs, _tip in ARRAYS])
        self._mode = SegmentedControl(MODES)
        self._mode.setAccessibleName("Picture of a head")
        self._scale = SegmentedControl([(kind, name) for kind, name, _tip in KINDS])
        self._scale.setAccessibleName("Colour scale")
        for kind, _name, tip in KINDS:
            self._scale.set_option_enabled(kind, True, tip)
        self._first = _toggle(
            "Without first",
            "Drop the first position's column, where many heads rest, and renormalise the rows",
        )
        self._weighted = _toggle(
            "Value-weighted",
            "Weigh each source by the norm of v·W_O (computed by one more run, then at once)",
        )
        self._compare, self._second = _compare_button(), _second_box()
        self._on_text, self._more = on_text_button(), _more_button()
        self._menu = QMenu(self._more)
        self._more.setMenu(self._menu)
        self._fill()
        self._connect()

    def _fill(self) -> None:
        toggles, beside = QWidget(), QWidget()
        row_in(toggles, self._first, self._weighted, spacing=12)
        toggles.setFixedHeight(28)
        row_in(beside, self._compare, self._second, spacing=4)
        row = FlowLayout(self, 8)
        parts = (self._mode, self._arrays, toggles, self._scale, beside, self._on_text, self._more)
        for widget in parts:
            row.addWidget(widget)

    def _connect(self) -> None:
        self._arrays.changed.connect(self._on_array_changed)
        self._mode.changed.connect(self.mode_changed)
        self._scale.changed.connect(self.view_changed)
        self._first.toggled.connect(self.view_changed)
        self._weighted.clicked.connect(self._on_weighted_clicked)
        self._compare.clicked.connect(self._on_compare_clicked)
        self._second.activated.connect(self._on_second_chosen)
        self._on_text.clicked.connect(self.text_wanted)
        self._menu.triggered.connect(self._on_triggered)

    def key(self) -> str:
        """Return the field of the result that is drawn."""
        return str(self._arrays.value())

    def mode(self) -> str:
        """Return which picture is drawn of it."""
        return str(self._mode.value())

    def scale(self) -> str:
        """Return how weights are laid along the colours."""
        return str(self._scale.value())

    def taste(self) -> Taste:
        """Return how weights are looked at."""
        return Taste(self._first.isChecked(), self._weighted.isChecked())

    def choices(self) -> dict[str, str]:
        """Return what is remembered between starts."""
        return {"mode": self.mode(), "scale": self.scale()}

    def take_choices(self, choices: Mapping[str, str]) -> None:
        """Choose what was remembered, as far as there is such a thing."""
        for control, name in ((self._mode, "mode"), (self._scale, "scale")):
            with suppress(ValueError):
                control.set_value(choices.get(name))

    def set_second(self, head: tuple[int, int] | None) -> None:
        """Say which head stands beside the shown one, without a signal."""
        self._compare.setChecked(head is not None)
        self._second.setVisible(head is not None)
        if head is not None:
            self._second.setCurrentIndex(self._second.findText(part_name(*head)))

    def set_result(self, result: Result, held: Result | None = None) -> None:
        """Offer what this result holds, or a small one of it, and what a new run would add."""
        if result is not self._result or not can_weigh(held or result, "pattern"):
            self._weighted.setChecked(bool(result.params.get("value_weighted")))
        if result is not self._result:
            self._list_heads(result)
        self._result = result
        self._offer(held or result)
        self._allow()

    def _list_heads(self, result: Result) -> None:
        layers, heads = numbers(result)
        self._second.clear()
        self._second.addItems([part_name(layer, head) for layer in layers for head in heads])

    def _offer(self, held: Result) -> None:
        self._menu.clear()
        self._arrays.setVisible(sum(key in held.data for key, *_words in ARRAYS) > 1)
        for key, name, needs, tip in ARRAYS:
            present = key in held.data
            self._arrays.set_option_shown(key, present)
            if not present and key == self.key():
                self._arrays.set_value("pattern")
            if present or not needs or key == "corrupt_pattern":
                continue
            action = self._menu.addAction(f"{name} …")
            action.setToolTip(plain_tip(tip))
            action.setData(needs)
            action.setEnabled(_possible(held, key))
        self._more.setVisible(not self._menu.isEmpty())

    def _allow(self) -> None:
        """Let be chosen what means something for the array that is drawn."""
        result, key = self._result, self.key()
        dropped = result is not None and bool(result.params.get("no_first"))
        if dropped:
            self._first.setChecked(True)
        self._first.setEnabled(not dropped and can_drop_first(key))
        self._weighted.setEnabled(key == "pattern")
        why = "Scores lie on either side of 0 and have no logarithm"
        tips = {kind: tip for kind, _name, tip in KINDS}
        scores = key == "scores"
        self._scale.set_option_enabled(LOG, not scores, why if scores else tips[LOG])

    def _on_array_changed(self, _value: object) -> None:
        self._allow()
        self.view_changed.emit()

    def _on_weighted_clicked(self, checked: bool) -> None:
        if self._result is not None and can_weigh(self._result, self.key()):
            self.view_changed.emit()
        else:
            self.run_wanted.emit("value_weighted", checked)

    def _on_compare_clicked(self, checked: bool) -> None:
        if checked:
            self.compare_wanted.emit(None)
        else:
            self.compare_ended.emit()

    def _on_second_chosen(self, _index: int) -> None:
        found = re.fullmatch(r"L(\d+)H(\d+)", self._second.currentText())
        if found is not None:
            self.compare_wanted.emit((int(found[1]), int(found[2])))

    def _on_triggered(self, action: QAction) -> None:
        self.run_wanted.emit(str(action.data()), True)


def _possible(result: Result, key: str) -> bool:
    if key == "difference":
        return all(p.corrupt_tokens is not None for p in result.prompts)
    if key == "mean":
        return len(result.prompts) > 1 and len({len(p.tokens) for p in result.prompts}) == 1
    return True


def _toggle(text: str, tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(plain_tip(tip))
    box.setAccessibleName(text)
    return box


def _compare_button() -> QToolButton:
    button = QToolButton()
    button.setText("Compare with")
    button.setCheckable(True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setToolTip("A second head beside this one (or Ctrl and click on a small picture)")
    button.setAccessibleName("Compare with another head")
    bind_icon(button, "compare")
    return button


def _second_box() -> QComboBox:
    box = QComboBox()
    box.setAccessibleName("Head that is compared")
    box.setToolTip("Type its name, such as L5H2, or choose it")
    box.setVisible(False)
    return box


def _more_button() -> QToolButton:
    button = QToolButton()
    button.setText("Add")
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setToolTip("Pictures that another run would add")
    button.setAccessibleName("Add pictures by another run")
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    bind_icon(button, "add")
    return button
