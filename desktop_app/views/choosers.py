"""Choosing a prompt of the result, or one place of each axis that a picture leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from desktop_app.pictures.words import prompt_title
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import FlowLayout, row_in
from desktop_app.widgets.basics.words import PlainLabel, plain_tip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.slicing import Axis
    from desktop_app.widgets.basics.selection import Selection

_WIDEST = 260


class PromptChooser(QWidget):
    """A list of the result's prompts with arrows on both sides; hidden for a single prompt."""

    def __init__(self, selection: Selection, *, compact: bool = False) -> None:
        super().__init__()
        self._selection = selection
        self._previous = icon_button("chevron-left", "Previous prompt")
        self._next = icon_button("chevron-right", "Next prompt")
        self.box = QComboBox()
        self.box.setAccessibleName("Prompt")
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setMinimumContentsLength(6 if compact else 8)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.setMaximumWidth(340)
        name = label("Prompt")
        name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        if compact:  # shown before it has its place, it would be a window of its own
            name.hide()
        row = row_in(self, name, self._previous, (self.box, 8), self._next, spacing=4)
        if not compact:
            row.addStretch(1)
        self.box.activated.connect(self._selection.select_prompt)
        self._previous.clicked.connect(self._on_previous)
        self._next.clicked.connect(self._on_next)
        self._selection.prompt_changed.connect(self._on_prompt_changed)

    def set_result(self, result: Result) -> None:
        """List the prompts of a result."""
        titles = [prompt_title(p, i) for i, p in enumerate(result.prompts)]
        if titles != [self.box.itemText(i) for i in range(self.box.count())]:
            self.box.clear()
            self.box.addItems(titles)
        self.setVisible(len(titles) > 1)
        self._on_prompt_changed(self._selection.prompt)

    def value(self) -> int:
        """Return the number of the prompt that is shown."""
        return self.box.currentIndex()

    def _on_prompt_changed(self, prompt: int) -> None:
        if prompt < self.box.count():
            self.box.setCurrentIndex(prompt)
        self.box.setToolTip(plain_tip(self.box.currentText()))
        # The table may have selected a prompt that this result lacks: then the shown one stays.
        self._previous.setEnabled(self.box.currentIndex() > 0)
        self._next.setEnabled(self.box.currentIndex() < self.box.count() - 1)

    def _on_previous(self) -> None:
        self._selection.select_prompt(self.box.currentIndex() - 1)

    def _on_next(self) -> None:
        self._selection.select_prompt(self.box.currentIndex() + 1)


class Choosers(QWidget):
    """A box for each axis, beside the widgets that always stand there.

    Signals:
        chosen: Name of the axis, and the number of the label that the user chose.
    """

    chosen = Signal(str, int)

    def __init__(self, *leading: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = FlowLayout(self, 8)
        self._boxes: dict[str, QComboBox] = {}
        self._holders: list[QWidget] = []
        self._axes: tuple[tuple[str, tuple[str, ...]], ...] = ()
        # By default a layout of a flowing height is given more than it needs.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        for widget in leading:
            self._row.addWidget(widget)

    def set_axes(self, axes: Sequence[Axis], start: Mapping[str, int]) -> None:
        """Offer these axes, each at its place in `start`, else at its first."""
        offered = tuple((axis.name, axis.labels) for axis in axes)
        if offered != self._axes:
            self._axes = offered
            for holder in self._holders:
                self._row.removeWidget(holder)
                holder.hide()
                holder.deleteLater()
            self._boxes, self._holders = {}, []
            for name, labels in offered:
                self._add(name, labels)
        for name, box in self._boxes.items():
            box.setCurrentIndex(min(max(start.get(name, 0), 0), box.count() - 1))

    def places(self) -> dict[str, int]:
        """Return the chosen number of each axis."""
        return {name: box.currentIndex() for name, box in self._boxes.items()}

    def box(self, name: str) -> QComboBox | None:
        """Return the box of an axis."""
        return self._boxes.get(name)

    def _add(self, name: str, labels: Sequence[str]) -> None:
        title = name.replace("_", " ").capitalize()
        holder, box = QWidget(), QComboBox()
        box.setObjectName(name)
        box.setAccessibleName(title)
        box.addItems(list(labels))
        box.setMaximumWidth(_WIDEST)
        box.activated.connect(self._on_activated)
        row_in(holder, PlainLabel(title), box, spacing=4)
        self._row.addWidget(holder)
        holder.show()
        self._boxes[name] = box
        self._holders.append(holder)

    def _on_activated(self, index: int) -> None:
        self.chosen.emit(self.sender().objectName(), index)
