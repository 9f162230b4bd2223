"""Which picture of a head is drawn: what the result holds at once, the rest by another run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from desktop_app.analyses.attention.picture import ARRAYS, can_drop_first, choices
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import FlowLayout
from desktop_app.widgets.basics.segmented import SegmentedControl

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

_NEEDS_TWIN = "Clean − corrupt (needs a corrupt twin for every prompt)"


class AttentionControls(QWidget):
    """Arrays to switch between, the first position's column, and what another run would add.

    Signals:
        view_changed: Another array, or the first position's column, was chosen.
        run_wanted: The setting that a new run should have, and its value.
    """

    view_changed = Signal()
    run_wanted = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._arrays = SegmentedControl([(key, label) for key, label, _needs, _tip in ARRAYS])
        self._first = _checkable(
            "Without first",
            "Drop the first position's column, where many "
            "heads rest, and renormalise the rows (at once)",
        )
        self._weighted = _checkable(
            "Value-weighted", "Weigh each source by the norm of v·W_O (runs again)"
        )
        self._more = QToolButton()
        self._more.setText("Add")
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.setToolTip("Pictures that another run would add")
        self._more.setAccessibleName("Add pictures by another run")
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self._more)
        self._more.setMenu(self._menu)
        bind_icon(self._more, "add")
        row = FlowLayout(self, 6)
        for widget in (self._arrays, self._first, self._weighted, self._more):
            row.addWidget(widget)
        self._arrays.changed.connect(self._on_array_changed)
        self._first.toggled.connect(self._on_first_toggled)
        self._weighted.clicked.connect(self._on_weighted_clicked)
        self._menu.triggered.connect(self._on_triggered)

    def key(self) -> str:
        """Return the field of the result that is drawn."""
        return str(self._arrays.value())

    def no_first(self) -> bool:
        """Return whether the first position's column is dropped."""
        return self._first.isChecked()

    def set_result(self, result: Result) -> None:
        """Offer what this result holds, and what a new run would add."""
        self._menu.clear()
        found = choices(result)
        self._arrays.setVisible(sum(choice.present for choice in found) > 1)
        for choice in found:
            self._arrays.set_option_shown(choice.key, choice.present)
            if not choice.present and choice.key == self.key():
                self._arrays.set_value("pattern")
            if choice.present or choice.key == "corrupt_pattern":
                continue
            action = QAction(f"{choice.label} …", self._menu)
            action.setToolTip(choice.tip)
            action.setData(choice.needs)
            action.setEnabled(_possible(result, choice.key))
            self._menu.addAction(action)
        self._more.setVisible(not self._menu.isEmpty())
        dropped = bool(result.params.get("no_first"))
        if dropped:
            self._first.setChecked(True)
        self._first.setEnabled(not dropped and can_drop_first(self.key()))
        self._weighted.setChecked(bool(result.params.get("value_weighted")))

    def _on_array_changed(self, _value: object) -> None:
        self._first.setEnabled(can_drop_first(self.key()))
        self.view_changed.emit()

    def _on_first_toggled(self, _checked: bool) -> None:
        self.view_changed.emit()

    def _on_weighted_clicked(self, checked: bool) -> None:
        self.run_wanted.emit("value_weighted", checked)

    def _on_triggered(self, action: QAction) -> None:
        self.run_wanted.emit(str(action.data()), True)


def _possible(result: Result, key: str) -> bool:
    if key == "difference":
        return all(p.corrupt_tokens is not None for p in result.prompts)
    if key == "mean":
        return len(result.prompts) > 1 and len({len(p.tokens) for p in result.prompts}) == 1
    return True


def _checkable(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setToolTip(tip)
    button.setAccessibleName(text)
    return button
