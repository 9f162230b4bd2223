"""Choosing one place of each axis that a picture leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from desktop_app.widgets.basics.flow_layout import FlowLayout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.pictures.slicing import Axis

_WIDEST = 260


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
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        box.setObjectName(name)
        box.setAccessibleName(title)
        box.addItems(list(labels))
        box.setMaximumWidth(_WIDEST)
        box.activated.connect(self._on_activated)
        row.addWidget(QLabel(title))
        row.addWidget(box)
        self._row.addWidget(holder)
        holder.show()
        self._boxes[name] = box
        self._holders.append(holder)

    def _on_activated(self, index: int) -> None:
        self.chosen.emit(self.sender().objectName(), index)
