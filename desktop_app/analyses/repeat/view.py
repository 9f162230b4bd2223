"""The repeats' view: what the second time gains, where, and which layers carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QSpinBox,
    QWidget,
)

from desktop_app.analyses.repeat import picture as data_of
from desktop_app.pictures.shown import SoFar
from desktop_app.support.guard import override
from desktop_app.views.base import AnalysisView
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in, keep_off_edge, row_of
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QResizeEvent

    from desktop_app.contract.result import Result
    from desktop_app.pictures.shown import Shown

_HEADS = ("", "first half", "second half", "bound", "first half", "second half")
_HINT = "Blue: mean over sequences, shaded ± standard deviation."
# Below these the picture scrolls rather than shrinks.
_PLOT_LEAST, _LOWER_LEAST = 200, 330


class Numbers(QWidget):
    """Both halves of the result and the author's, in two small tables beside each other.

    In a narrow room the author's stands below, its rows named again.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(3)
        self._model = label("this model", "field")
        author = label("GPT-2 small, the author's value", "field")
        author.setToolTip("As published, with 50 tokens twice over; not computed here")
        heads = [label(text, "small") for text in _HEADS]
        self._cells = [
            [label("", "mono" if column in {1, 2, 4, 5} else "muted") for column in range(6)]
            for _row in range(2)
        ]
        self._again = [label("", "muted") for _row in range(2)]
        # What stands where: beside the model's own, and below them.
        self._own = [(self._model, 0, 1, 3), *((heads[n], 1, n, 1) for n in range(1, 4))]
        self._theirs = [(author, 0, 4, 2), *((heads[n], 1, n, 1) for n in (4, 5))]
        for row, cells in enumerate(self._cells):
            self._own += [(cells[n], row + 2, n, 1) for n in range(4)]
            self._theirs += [(cells[n], row + 2, n, 1) for n in (4, 5)]
        self._below = False
        for part in self._own:
            self._put(*part)
        self._place_author()
        grid.setColumnStretch(6, 1)

    def show_numbers(self, result: Shown, model: str) -> None:
        """Show the numbers of a result, or of a run whose halves are known."""
        self._model.setText(model)
        for cells, values in zip(self._cells, data_of.table_rows(result), strict=True):
            for cell, value in zip(cells, values, strict=True):
                cell.setText(value)
        for cell, values in zip(self._again, data_of.table_rows(result), strict=True):
            cell.setText(values[0])
        self._choose()

    def texts(self) -> list[list[str]]:
        """Return what the cells say."""
        return [[cell.text() for cell in cells] for cells in self._cells]

    @override
    def minimumSizeHint(self) -> QSize:
        least = super().minimumSizeHint()
        return least if self._below else QSize(self._width(self._own), least.height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._choose()
        super().resizeEvent(event)

    def _choose(self) -> None:
        """Put the author's numbers beside the model's, or below them where it is narrow."""
        gap = self._grid.horizontalSpacing()
        beside = self._width(self._own) + gap + self._width(self._theirs)
        if (self.width() < beside) != self._below:
            self._below = not self._below
            self._place_author()
            self.updateGeometry()

    def _width(self, parts: Sequence[tuple[QWidget, int, int, int]]) -> int:
        """Return how wide the columns of one of the tables are together."""
        widest: dict[int, int] = {}
        for widget, _row, column, span in parts:
            if span == 1:
                widest[column] = max(widest.get(column, 0), widget.sizeHint().width())
        wide = max(widget.sizeHint().width() for widget, _r, _c, span in parts if span > 1)
        gaps = self._grid.horizontalSpacing() * (len(widest) - 1)
        return max(sum(widest.values()) + gaps, wide + widest.get(0, 0))

    def _place_author(self) -> None:
        down, left = (4, 3) if self._below else (0, 0)
        for widget, row, column, span in self._theirs:
            wide = 3 if self._below and span > 1 else span
            self._put(widget, row + down, column - left, wide)
        for row, cell in enumerate(self._again):
            self._put(cell, row + 2 + down, 0, 1)
            cell.setVisible(self._below)

    def _put(self, widget: QWidget, row: int, column: int, span: int) -> None:
        side = Qt.AlignmentFlag.AlignRight if column in {1, 2, 4, 5} else Qt.AlignmentFlag.AlignLeft
        side = Qt.AlignmentFlag.AlignLeft if span > 1 else side
        self._grid.removeWidget(widget)
        self._grid.addWidget(widget, row, column, 1, span, side | Qt.AlignmentFlag.AlignVCenter)


class RepeatView(AnalysisView):
    """Numbers above, the curve below them, and the replacement maps at the bottom."""

    EMPTY = (
        "Does the model learn within a sequence?",
        "Run random tokens twice over and see how much better the second time is.",
    )

    @override
    def build_content(self, content: QWidget) -> None:
        self._so_far = SoFar({})
        self._shown: Shown | None = None
        self._gain, self._made = label("", "heading"), ElidedLabel("", "muted")
        self._numbers = Numbers()
        self._plot = Plot()
        self._plot.setAccessibleName("Log-probability per position")
        self._plot.setMinimumHeight(_PLOT_LEAST)
        self._hint = ElidedLabel(_HINT, "small")
        self._sequence = QSpinBox()
        self._sequence.setAccessibleName("Sequence")
        self._sequence.setToolTip("Its line is drawn beside the mean, and its tokens are told")
        self._sequence.setSpecialValueText("mean only")
        keep_off_edge(self._sequence)
        self._maps = {name: Heatmap() for name, _title in data_of.EFFECTS}
        self._notes = {name: label("", "small", wrap=True) for name, _title in data_of.EFFECTS}
        self._map_panels: dict[str, QWidget] = {}
        upper = self._build_upper()
        self._lower = self._build_lower()
        parts = ((upper, 2, 360), (self._lower, 3, 400))
        self._picture = gap_splitter(Qt.Orientation.Vertical, *parts)
        column_in(content, self._picture)
        self._sequence.valueChanged.connect(self._on_sequence_changed)

    def _build_upper(self) -> QWidget:
        top = row_of(self._gain, (self._made, 1), spacing=10)
        below = row_of((self._hint, 1), label("Sequence", "field"), self._sequence)
        return panel(top, self._numbers, (self._plot, 1), below)

    def _build_lower(self) -> QWidget:
        for name, title in data_of.EFFECTS:
            shown = self._maps[name]
            shown.setAccessibleName(f"Rise of the loss, {title}, layer by position")
            heading = ElidedLabel(f"{title} output, one repeat earlier", "heading")
            self._map_panels[name] = panel(
                heading, self._notes[name], (shown, 1), margins=10, spacing=4
            )
            self._map_panels[name].setMinimumHeight(_LOWER_LEAST)
        return Reflow(*((frame, 1, 500, _LOWER_LEAST) for frame in self._map_panels.values()))

    # Drawing.

    @override
    def draw_new(self, result: Result) -> None:
        self._set_sequences(data_of.sequence_count(result), keep=False)
        self._draw(result, result.model.name)

    @override
    def draw_result(self, result: Result) -> None:
        self._set_sequences(data_of.sequence_count(result), keep=True)
        self._draw(result, result.model.name)

    @override
    def draw_partial(self, data: Mapping[str, Any]) -> bool:
        """Draw the curve as soon as it is known, and the maps as they fill."""
        self._so_far = data_of.joined(self._so_far, data)
        if not data_of.is_drawable(self._so_far):
            return False
        if "logprob" in data:
            self._set_sequences(data_of.sequence_count(self._so_far), keep=False)
        self._draw(self._so_far, "this model")
        return True

    def _set_sequences(self, count: int, *, keep: bool) -> None:
        self._sequence.blockSignals(True)
        self._sequence.setRange(0, count)
        if not keep:
            self._sequence.setValue(0)
        self._sequence.blockSignals(False)

    def _draw(self, shown: Shown, model: str) -> None:
        self._shown = shown
        self._gain.setText(data_of.gain_sentence(shown))
        self._made.set_full_text(data_of.made_sentence(shown))
        self._numbers.show_numbers(shown, model)
        held = dict(data_of.effect_names(shown))
        for name, frame in self._map_panels.items():
            frame.setVisible(name in held)
        self._lower.setVisible(bool(held))
        self._draw_sequence(shown)

    def _chosen(self) -> int | None:
        value = self._sequence.value()
        return value - 1 if value > 0 else None

    def _draw_sequence(self, shown: Shown) -> None:
        chosen = self._chosen()
        self._plot.show_picture(data_of.curves(shown, chosen))
        thin = "" if chosen is None else f" Thin: sequence {chosen + 1}."
        self._hint.set_full_text(_HINT + thin)
        for name, matrix in data_of.effect_maps(shown, chosen or 0).items():
            self._notes[name].setText(data_of.effect_sentence(shown, name))
            self._maps[name].show_maps(matrix)

    @override
    def picture_widget(self) -> QWidget:
        # Curve and maps whole, also where they are scrolled.
        return self._picture

    @override
    def read_picture(self) -> dict[str, Any]:
        shown = [n for n, frame in self._map_panels.items() if frame.isVisibleTo(self._picture)]
        return {
            "gain": self._gain.text(),
            "numbers": self._numbers.texts(),
            "curves": self._plot.picture(),
            "sequence": self._sequence.value(),
            "hint": self._hint.full_text(),
            "maps": {name: self._maps[name].maps() for name in shown},
            "notes": {name: self._notes[name].text() for name in shown},
        }

    # Answering.

    def _on_sequence_changed(self, _value: int) -> None:
        if self._shown is not None:
            self._draw_sequence(self._shown)


VIEW = RepeatView
