"""Pages of which one is in sight, chosen by their names above them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.widgets.basics.segmented import SegmentedControl


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
        self._stack = QStackedWidget()
        for _name, _title, page in pages:
            self._stack.addWidget(page)
        self.beside = QHBoxLayout()
        self.beside.setSpacing(10)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.choice, 0, Qt.AlignmentFlag.AlignLeft)
        line.addLayout(self.beside, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(line)
        column.addWidget(self._stack, 1)
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
