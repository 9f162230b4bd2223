"""A comparison with a choice of its two results, in a window of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.window.comparison.view import ComparisonView
from desktop_app.window.frame.parts import filled
from desktop_app.window.sessions.results_rows import kind, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.session.store import SessionRow


class ComparisonDialog(QDialog):
    """A comparison with a choice of its two results; nothing in it blocks.

    Signals:
        pair_chosen: Ids of the first and second result that are to be compared.
        export_requested: The picture is to be written.
        copy_requested: The picture is to be copied.
    """

    pair_chosen = Signal(int, int)
    export_requested = Signal()
    copy_requested = Signal()

    def __init__(self, rows: Sequence[SessionRow], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setWindowTitle(f"Comparison · {kind(rows[0])}")
        self.view = ComparisonView()
        self.first, self.second = QComboBox(), QComboBox()
        self._rows = tuple(rows)
        for name, box in (("First", self.first), ("Second", self.second)):
            box.setAccessibleName(f"{name} result")
            box.addItems([f"{row.id} · {words(row)[0]} · {words(row)[1]}" for row in rows])
            # As wide as its longest entry, it would push the scatter off the screen.
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(18)
            box.activated.connect(self._on_chosen)
        self.export_button = self._button("export", "Export picture…")
        self.copy_button = self._button("copy", "Copy picture")
        self.export_button.clicked.connect(self.export_requested)
        self.copy_button.clicked.connect(self.copy_requested)
        top = filled(
            QHBoxLayout(),
            *(QLabel("First"), (self.first, 1), QLabel("Second"), (self.second, 1)),
            *(self.export_button, self.copy_button),
            margins=(16, 12, 16, 0),
        )
        filled(QVBoxLayout(self), top, (self.view, 1))
        self.resize(1120, 760)

    def set_chosen(self, first: int, second: int) -> None:
        """Show which two results are compared, without a signal."""
        ids = [row.id for row in self._rows]
        self.first.setCurrentIndex(ids.index(first))
        self.second.setCurrentIndex(ids.index(second))

    def _button(self, icon: str, text: str) -> QToolButton:
        button = QToolButton()
        bind_icon(button, icon)
        button.setToolTip(text)
        button.setAccessibleName(text)
        return button

    def _on_chosen(self, _index: int) -> None:
        one, two = self.first.currentIndex(), self.second.currentIndex()
        self.pair_chosen.emit(self._rows[one].id, self._rows[two].id)
