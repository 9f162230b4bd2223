"""Two results of the history laid over each other, in a window of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
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
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.sessions.results_rows import ROW, kind, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.session.history import SessionRow
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.main_window import MainWindow


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
        top = QHBoxLayout()
        top.setContentsMargins(16, 12, 16, 0)
        for name, box in (("First", self.first), ("Second", self.second)):
            box.setAccessibleName(f"{name} result")
            box.addItems([f"{row.id} · {words(row)[0]} · {words(row)[1]}" for row in rows])
            # As wide as its longest entry, it would push the scatter off the screen.
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(18)
            box.activated.connect(self._on_chosen)
            top.addWidget(QLabel(name))
            top.addWidget(box, 1)
        self.export_button = self._button("export", "Export picture…")
        self.copy_button = self._button("copy", "Copy picture")
        self.export_button.clicked.connect(self.export_requested)
        self.copy_button.clicked.connect(self.copy_requested)
        top.addWidget(self.export_button)
        top.addWidget(self.copy_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self.view, 1)
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


class ComparisonDesk(QObject):
    """Opens comparisons of the results that are marked in the history."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._results = window.results
        self.dialog: ComparisonDialog | None = None
        self._results.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        # Stored arrays of a session that is closed can no longer be read.
        self._session.opened.connect(self.close)
        self._results.compare_requested.connect(self._on_compare_requested)

    def action_specs(self) -> list[ActionSpec]:
        """Return the comparison."""
        tip = "Mark two results of one analysis in the history"
        compare, keys = self.compare_marked, "Ctrl+Shift+D"
        return in_menu("&File", ("compare", "Compare results…", 90, compare, keys, "compare", tip))

    def compare_marked(self) -> None:
        """Compare the two marked results, or the marked one with the one of its kind before it."""
        marked: list[SessionRow] = [i.data(ROW) for i in self._results.list.selectedItems()]
        if not marked:
            self._window.say("Mark a result in the history first, or two with Ctrl+click.")
            return
        if len(marked) > 2 or len({row.analysis for row in marked}) > 1:
            self._window.say("Mark two results of one analysis to compare them.")
            return
        rows = [r for r in self._session.rows() if r.analysis == marked[0].analysis]
        pair = sorted(row.id for row in marked)
        if len(pair) == 1:
            others = [r.id for r in rows if r.id != pair[0]]
            if not others:
                self._window.say(
                    f"There is no other result of {kind(marked[0])} to compare it with."
                )
                return
            before = [n for n in others if n < pair[0]]
            pair = sorted((before[-1] if before else others[0], pair[0]))
        self._open(rows, pair[0], pair[1])

    def close(self) -> None:
        """Close the comparison."""
        if self.dialog is not None:
            self.dialog.close()

    def _open(self, rows: Sequence[SessionRow], first: int, second: int) -> None:
        self.close()
        dialog = ComparisonDialog(rows, self._window)
        self.dialog = dialog
        dialog.pair_chosen.connect(self._on_pair_chosen)
        dialog.export_requested.connect(self._on_export_requested)
        dialog.copy_requested.connect(self._on_copy_requested)
        dialog.finished.connect(self._on_finished)
        dialog.set_chosen(first, second)
        if self._show(first, second):
            dialog.show()
        else:
            dialog.close()

    def _show(self, first: int, second: int) -> bool:
        left, right = self._session.result(first), self._session.result(second)
        if left is None or right is None or self.dialog is None:
            return False
        titles = {row.id: f"{row.id} · {words(row)[0]}" for row in self._session.rows()}
        self.dialog.view.show_pair(left, right, (titles.get(first, ""), titles.get(second, "")))
        return True

    def _on_compare_requested(self, _number: int) -> None:
        self.compare_marked()

    def _on_pair_chosen(self, first: int, second: int) -> None:
        self._show(first, second)

    def _on_export_requested(self) -> None:
        if self.dialog is not None:
            widget = self.dialog.view.picture_widget()
            self._window.pictures.export(widget, "comparison", self.dialog.windowTitle())

    def _on_copy_requested(self) -> None:
        if self.dialog is not None:
            self._window.pictures.copy_picture(self.dialog.view.picture_widget())

    def _on_finished(self, _code: int) -> None:
        self.dialog = None
