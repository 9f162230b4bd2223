"""The right side of patching by hand: where the metric went, the new ranking, what was tried."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from desktop_app.analyses.hand_patch.picture import best_token, predictions, short_words
from desktop_app.pictures.ranking import Column
from desktop_app.pictures.words import metric_name, number
from desktop_app.support.guard import override
from desktop_app.views.frame import gap_splitter, label, panel
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.analyses.hand_patch.picture import HandHistory
    from desktop_app.contract.result import Result


_MARGIN = 30.0
_LINE = 24.0
# So wide that ranking and history fit side by side, in pixels.
_FLAT = 540


class MetricScale(QWidget):
    """Both runs as ticks, the changed run as a dot with the way it came."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clean = self._corrupt = self._base = self._patched = math.nan
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Metric between the corrupt and the clean run")

    def set_values(self, clean: float, corrupt: float, base: float, patched: float) -> None:
        """Show the metric of both runs, and of the changed one before and after."""
        self._clean, self._corrupt, self._base, self._patched = clean, corrupt, base, patched
        ends = "" if math.isnan(corrupt) else f"corrupt {number(corrupt)}, "
        self.setAccessibleDescription(
            f"{ends}clean {number(clean)}; {number(base)} → {number(patched)}"
        )
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(240, 62)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(180, 62)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        # Where there is no corrupt run, the way is measured from 0.
        alone = math.isnan(self._corrupt)
        other = 0.0 if alone else self._corrupt
        values = (self._clean, other, self._base, self._patched)
        if not all(math.isfinite(v) for v in values):
            return
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # The corrupt run stands at the left, whichever is the larger.
        sign = 1.0 if self._clean >= other else -1.0
        low, high = min(sign * v for v in values), max(sign * v for v in values)
        span = (high - low) or 1.0
        room = self.width() - 2 * _MARGIN
        xs = {v: _MARGIN + room * (sign * v - low) / span for v in values}
        painter.setPen(QPen(theme.color("border_strong"), 2))
        painter.drawLine(QPointF(min(xs.values()), _LINE), QPointF(max(xs.values()), _LINE))
        start, end = xs[self._base], xs[self._patched]
        painter.setPen(QPen(theme.color("accent"), 4))
        painter.drawLine(QPointF(start, _LINE), QPointF(end, _LINE))
        for name, value in (("" if alone else "corrupt", other), ("clean", self._clean)):
            painter.setPen(QPen(theme.color("text_muted"), 2))
            painter.drawLine(QPointF(xs[value], _LINE - 6), QPointF(xs[value], _LINE + 6))
            painter.setFont(ui_font(11))
            self._write(painter, xs[value], 32, name)
            painter.setFont(mono_font(11))
            self._write(painter, xs[value], 45, number(value, 2))
        painter.setPen(QPen(theme.color("panel"), 1.5))
        painter.setBrush(theme.color("accent"))
        painter.drawEllipse(QPointF(end, _LINE), 6, 6)
        painter.setPen(theme.color("text"))
        painter.setFont(mono_font(12))
        self._write(painter, end, 0, number(self._patched, 2))

    def _write(self, painter: QPainter, x: float, y: float, text: str) -> None:
        box = QRectF(min(max(x - 50, -20), self.width() - 80), y, 100, 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


_PUT_IN = (
    "layer · position of what is put into the corrupt run, or into the clean one where it says so"
)
_TRIED = (
    Column("put in", "mono", width="stretch", tooltip=_PUT_IN),
    Column("metric", "number", width=58),
    Column("top", "mono", align="center", width=44, tooltip="the most likely token"),
)


class HandSide(QWidget):
    """Metric and ranking above, history below."""

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
        when = row_of((label("Next token", "heading"), 1), self.when)
        upper = panel(self.title, self.scale, when, (self.ranking, 1))
        tried = row_of((label("Tried", "heading"), 1), self.undo, self.redo)
        parts = ((upper, 3, 340), (panel(tried, (self.tried, 1)), 2, 230))
        self._split = gap_splitter(Qt.Orientation.Vertical, *parts)
        column_in(self, self._split)
        self.setMinimumWidth(264)
        self.when.changed.connect(self._on_when_changed)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Below the grids there is more width than height.
        flat = self.width() > max(_FLAT, self.height())
        self._split.setOrientation(Qt.Orientation.Horizontal if flat else Qt.Orientation.Vertical)

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
        self.tried.set_rows(
            (short_words(tried), float(tried.data["patched"]), best_token(tried))
            for tried in history.tried
        )
        for index, tried in enumerate(history.tried):
            if tried is history.current():
                self.tried.select_key(index)
        self.undo.setEnabled(history.can_go(-1))
        self.redo.setEnabled(history.can_go(1))

    def _button(self, name: str, text: str) -> QToolButton:
        button = QToolButton()
        bind_icon(button, name)
        button.setToolTip(plain_tip(text))
        button.setAccessibleName(text)
        button.setEnabled(False)
        return button

    def _on_when_changed(self, _when: object = None) -> None:
        if self._result is not None:
            self.ranking.set_ranking(predictions(self._result, self.when.value()))
