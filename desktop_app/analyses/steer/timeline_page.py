"""The page of the timeline: where an intervention acts, and where what it touched lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.page import SteerPage
from desktop_app.analyses.steer.picture import not_read_again
from desktop_app.analyses.steer.said import continuations, has_effect
from desktop_app.analyses.steer.timeline_grid import TimelineGrid, paint_code
from desktop_app.analyses.steer.timeline_picture import CODE_WORDS, Timeline, story, timeline_of
from desktop_app.analyses.steer.words import UNREAD
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.layouts import FlowLayout, column_in
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import colour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QPaintEvent

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import Result

_NOTHING = "Nothing is changed: steps and positions stand here once there is an intervention."
_SIGN = 22
_LEAST_FIGURE = 420


class CodeSign(QWidget):
    """One entry of the legend: a cell as the grid paints it, and its words."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self._code = code
        self.setAccessibleName(CODE_WORDS[code])
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        self.ensurePolished()
        return QSize(_SIGN + 8 + self._words_width(), 20)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_code(painter, QRect(0, 2, _SIGN, 16), self._code)
        painter.setFont(ui_font(12))
        painter.setPen(colour("text_muted"))
        room = self.rect().adjusted(_SIGN + 6, 0, 0, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, CODE_WORDS[self._code])

    def _words_width(self) -> int:
        return QFontMetrics(ui_font(12)).horizontalAdvance(CODE_WORDS[self._code]) + 2


class TimelineFigure(QWidget):
    """All steps and positions under what their signs mean; it is drawn without being shown."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self._signs = {code: CodeSign(code) for code in CODE_WORDS}
        self.grid = TimelineGrid()
        self.grid.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.grid.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        legend = QWidget()
        flow = FlowLayout(legend, 14)
        for sign in self._signs.values():
            flow.addWidget(sign)
        self._column = column_in(self, legend, self.grid, spacing=8)

    def show_timeline(self, timeline: Timeline) -> None:
        """Hold all of one, and be as large as it is."""
        for code, sign in self._signs.items():
            sign.setVisible(code in timeline.present)
        self.grid.show_timeline(timeline)
        self.grid.setFixedSize(self.grid.whole())
        self._column.invalidate()
        wide = max(_LEAST_FIGURE, self.grid.width())
        self.resize(wide, self._column.totalHeightForWidth(wide))


class TimelinePage(SteerPage):
    """The grid with its legend, and what it shows in words."""

    name = "timeline"
    title = "Timeline"

    def __init__(self) -> None:
        super().__init__()
        self._timeline: Timeline | None = None
        self._figure: TimelineFigure | None = None
        self._grid, self._cell = TimelineGrid(), ElidedLabel("", "muted")
        self._story = label("", "", wrap=True)
        self._exact = label("", "muted", wrap=True)
        self._cache = SegmentedControl([("yes", "With cache"), ("no", "Without")])
        self._cache.setToolTip(
            "Whether keys and values of earlier positions are kept between steps; another choice "
            "runs again"
        )
        self._signs = {code: CodeSign(code) for code in CODE_WORDS}
        legend = QWidget()
        flow = FlowLayout(legend, 14)
        for sign in self._signs.values():
            flow.addWidget(sign)
        left = panel(legend, (self._grid, 1), self._cell)
        words = panel((self._cache, 0, Qt.AlignmentFlag.AlignLeft), self._story, self._exact, None)
        split = Reflow((left, 3, 640, 260), (words, 2, 320, 200))
        column_in(self, (split, 1))
        self._grid.cell_chosen.connect(self._on_chosen)
        self._cache.changed.connect(self._on_cache)
        self.forget()

    @override
    def take_params(self, params: SteerParams | None) -> None:
        if params is not None:
            self._cache.set_value(params.cache)

    @override
    def show_result(self, result: Result, prompt: int) -> None:
        params = made_params(result.params)
        self._show(timeline_of(result, prompt))
        if self._timeline is not None:
            differs = has_effect(continuations(result, prompt))
            told = [f"{UNREAD[:1].upper()}{UNREAD[1:]}."]
            if params is not None:
                done = result.data.get("acts") or ()
                told = story(self._timeline, params, result.model.n_layers, differs, done)
            self._story.setText("\n\n".join(told))
        self._exact.setText(_recomputed(result, prompt))

    @override
    def forget(self) -> None:
        self._show(None)

    @override
    def figure(self) -> QWidget | None:
        if self._timeline is None:
            return None
        if self._figure is None:
            self._figure = TimelineFigure(self)
        self._figure.show_timeline(self._timeline)
        return self._figure

    @override
    def read(self) -> dict[str, Any]:
        timeline = self._timeline
        return {
            "timeline": None if timeline is None else timeline.codes.tolist(),
            "timeline_labels": () if timeline is None else timeline.labels,
            "timeline_shapes": () if timeline is None else timeline.shapes,
            "timeline_legend": [
                CODE_WORDS[code] for code, sign in self._signs.items() if not sign.isHidden()
            ],
            "timeline_words": self._story.text(),
            "timeline_exact": self._exact.text(),
            "timeline_cell": self._cell.full_text(),
            "cache": self._cache.value(),
        }

    def _show(self, timeline: Timeline | None) -> None:
        self._timeline = timeline
        self._grid.show_timeline(timeline)
        present = () if timeline is None else timeline.present
        for code, sign in self._signs.items():
            sign.setVisible(code in present)
        self._story.setText("" if timeline is not None else _NOTHING)
        self._exact.setText("")
        self._show_cell()

    def _show_cell(self) -> None:
        chosen, timeline = self._grid.chosen(), self._timeline
        words = ""
        if timeline is not None:
            words = "Choose a cell to read what it means."
            if chosen is not None:
                words = timeline.words(*chosen).replace("\n", " · ")
        self._cell.set_full_text(words)

    def _on_chosen(self, _step: int, _position: int) -> None:
        self._show_cell()

    def _on_cache(self, value: object) -> None:
        self.run_wanted.emit({"cache": value, "begin": ()})


def _recomputed(result: Result, prompt: int) -> str:
    """Say how the steps compare with one full pass."""
    told: Mapping[str, Any] | None = None
    rows = result.data.get("recompute")
    if rows is not None and prompt < len(rows):
        told = rows[prompt]
    if not told:
        return ""
    if told.get("same_tokens") is None:
        why = not_read_again(result, prompt)
        return f"The whole text was not read again in one full pass: {why}."
    same = "the same tokens" if told["same_tokens"] else "other tokens"
    largest = told.get("max_logit_difference")
    by = "" if largest is None else f", logits within {_small(float(largest))}"
    return f"The whole text in one full pass, changed at the very same positions, says {same}{by}."


def _small(value: float) -> str:
    return number(value, 3) if value >= 0.001 or value == 0 else f"{value:.0e}".replace("-", "−")
