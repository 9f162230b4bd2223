"""The right side of patching by hand: where the metric went, the new ranking, what was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from desktop_app.analyses.hand_patch.picture import best_token, predictions, short_words
from desktop_app.analyses.hand_patch.scale import MetricScale
from desktop_app.pictures.ranking import Column
from desktop_app.pictures.words import metric_name
from desktop_app.views.frame import gap_splitter, label, panel
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.hand_patch.history import HandHistory
    from desktop_app.contract.result import Result


_PUT_IN = (
    "layer · position of what is put into the corrupt run, or into the clean one where it says so"
)
_TRIED = (
    Column("put in", "mono", width="stretch", tooltip=_PUT_IN),
    Column("metric", "number", width=58),
    Column("top", "mono", align="center", width=44, tooltip="the most likely token"),
)


class HandSide(QWidget):
    """Metric and ranking above, history below.

    Signals:
        undo_clicked, redo_clicked: Go back, go forth again.
        tried_clicked: The index of something that was tried.
    """

    undo_clicked = Signal()
    redo_clicked = Signal()
    tried_clicked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "heading")
        self.scale = MetricScale()
        self.when = SegmentedControl([("top", "After"), ("base_top", "Before")])
        self.ranking = RankingList("Most likely next tokens")
        self.ranking.set_fitting(24, 40)
        self.ranking.setMinimumHeight(self.ranking.full_height(3))
        self.tried = RankingList("What was tried", _TRIED, sortable=True)
        self.undo = self._button("undo", "Take back (Backspace in the grids)")
        self.redo = self._button("redo", "Do again")
        self._result: Result | None = None
        parts = ((self._build_ranking(), 3, 340), (self._build_tried(), 2, 230))
        column_in(self, gap_splitter(Qt.Orientation.Vertical, *parts))
        self.setMinimumWidth(264)
        self.when.changed.connect(self._on_when_changed)
        self.undo.clicked.connect(self.undo_clicked)
        self.redo.clicked.connect(self.redo_clicked)
        self.tried.row_clicked.connect(self.tried_clicked)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "metric": self.scale.accessibleDescription(),
            "next": [row.tooltip for row in self.ranking.ranking.rows],
            "tried": self.tried.texts(),
            "undo": self.undo.isEnabled(),
        }

    def show_result(self, result: Result, history: HandHistory) -> None:
        """Show a result, and where it stands in what was tried."""
        self._result = result
        metric, data = metric_name(result), result.data
        self.title.setText(metric[0].upper() + metric[1:])
        values = [float(data[name]) for name in ("clean", "corrupt", "base", "patched")]
        self.scale.set_values(*values)
        self._on_when_changed()
        self.tried.set_rows(_row(tried) for tried in history.tried)
        for index, tried in enumerate(history.tried):
            if tried is history.current():
                self.tried.select_key(index)
        self.undo.setEnabled(history.can_undo())
        self.redo.setEnabled(history.can_redo())

    def _build_ranking(self) -> QWidget:
        frame, column = panel()
        line = QHBoxLayout()
        line.addWidget(label("Next token", "heading"), 1)
        line.addWidget(self.when)
        column.addWidget(self.title)
        column.addWidget(self.scale)
        column.addLayout(line)
        column.addWidget(self.ranking, 1)
        return frame

    def _build_tried(self) -> QWidget:
        frame, column = panel()
        line = QHBoxLayout()
        line.addWidget(label("Tried", "heading"), 1)
        line.addWidget(self.undo)
        line.addWidget(self.redo)
        column.addLayout(line)
        column.addWidget(self.tried, 1)
        return frame

    def _button(self, name: str, text: str) -> QToolButton:
        button = QToolButton()
        bind_icon(button, name)
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.setEnabled(False)
        return button

    def _on_when_changed(self, _when: object = None) -> None:
        if self._result is not None:
            self.ranking.set_ranking(predictions(self._result, self.when.value()))


def _row(result: Result) -> tuple[str, float, str]:
    """Return something that was tried as a row: what, the metric after it, the token on top."""
    return short_words(result), float(result.data["patched"]), best_token(result)
