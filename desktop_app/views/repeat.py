"""The repeats' view: what the second time gains, where, and which layers carry it."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from desktop_app.analyses.registry import find
from desktop_app.views.detect_base import LabView
from desktop_app.views.frame import ElidedLabel, gap_splitter, label, panel
from desktop_app.views.repeat_data import (
    EFFECTS,
    column_labels,
    curve,
    effect_limit,
    effect_names,
    effect_sentence,
    effect_tip,
    gain_sentence,
    position_text,
    sequence_count,
    table_rows,
)
from desktop_app.views.repeat_plot import RepeatPlot
from desktop_app.views.words import plural
from desktop_app.widgets.heatmap import Heatmap

if TYPE_CHECKING:
    from desktop_app.analyses.result import Result
    from desktop_app.views.repeat_data import Curve
    from desktop_app.widgets.selection import Selection

_HEADS = ("", "first r", "second r", "bound", "first r", "second r")
_HINT = "Blue: mean over sequences, shaded ± standard deviation."


class Numbers(QWidget):
    """Both halves of the result beside the author's, in a small table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(3)
        self._model = label("this model", "field")
        author = label("GPT-2 small, the author's value", "field")
        author.setToolTip("As published with the experiment; not computed here")
        grid.addWidget(self._model, 0, 1, 1, 3)
        grid.addWidget(author, 0, 4, 1, 2)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column, text in enumerate(_HEADS):
            align = right if column != 3 else Qt.AlignmentFlag.AlignLeft
            grid.addWidget(label(text, "small"), 1, column, align)
        self._cells = [
            [label("", "mono" if column in {1, 2, 4, 5} else "muted") for column in range(6)]
            for _row in range(2)
        ]
        for row, cells in enumerate(self._cells):
            for column, cell in enumerate(cells):
                align = right if column in {1, 2, 4, 5} else Qt.AlignmentFlag.AlignLeft
                grid.addWidget(cell, row + 2, column, align)
        grid.setColumnStretch(6, 1)

    def show_result(self, result: Result) -> None:
        """Show the numbers of a result."""
        self._model.setText(result.model.name)
        for cells, values in zip(self._cells, table_rows(result), strict=True):
            for cell, value in zip(cells, values, strict=True):
                cell.setText(value)

    def texts(self) -> list[list[str]]:
        """Return what the cells say."""
        return [[cell.text() for cell in cells] for cells in self._cells]


class RepeatView(LabView):
    """Numbers above, the curve below them, and the replacement maps at the bottom."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(find("repeat"), selection, parent)

    def empty_words(self) -> tuple[str, str]:
        """Return title and sentence of the empty view."""
        return (
            "Does the model learn within a sequence?",
            "Run random tokens twice over and see how much better the second time is.",
        )

    def build_picture(self, column: QVBoxLayout) -> None:
        """Build the picture in this column."""
        self._curve: Curve | None = None
        self._gain = ElidedLabel("", "heading")
        self._numbers = Numbers()
        self._plot = RepeatPlot()
        self._read_out = ElidedLabel(_HINT, "small")
        self._sequence = QSpinBox()
        self._sequence.setAccessibleName("Sequence")
        self._sequence.setToolTip(
            "Its line is drawn beside the mean, and its tokens name the columns of the maps"
        )
        self._sequence.setSpecialValueText("mean only")
        self._maps = {name: Heatmap() for name, _title in EFFECTS}
        self._notes = {name: ElidedLabel("", "small") for name, _title in EFFECTS}
        self._map_panels: dict[str, QWidget] = {}
        split = gap_splitter(Qt.Orientation.Vertical)
        split.addWidget(self._build_upper())
        self._lower = self._build_lower()
        split.addWidget(self._lower)
        split.setSizes([330, 270])
        column.addWidget(split, 1)
        self._plot.position_hovered.connect(self._on_position_hovered)
        self._sequence.valueChanged.connect(self._on_sequence_changed)

    def _build_upper(self) -> QWidget:
        frame, column = panel()
        top = QHBoxLayout()
        top.addWidget(self._gain, 1)
        top.addWidget(label("Sequence", "field"))
        top.addWidget(self._sequence)
        column.addLayout(top)
        column.addWidget(self._numbers)
        column.addWidget(self._plot, 1)
        column.addWidget(self._read_out)
        return frame

    def _build_lower(self) -> QWidget:
        split = gap_splitter(Qt.Orientation.Horizontal)
        for name, title in EFFECTS:
            frame, column = panel(margins=10, spacing=4)
            top = QHBoxLayout()
            top.addWidget(label(f"{title}, one repeat earlier", "heading"))
            top.addWidget(self._notes[name], 1)
            column.addLayout(top)
            column.addWidget(self._maps[name], 1)
            self._maps[name].setAccessibleName(f"Rise of the loss, {title}, layer by position")
            self._map_panels[name] = frame
            split.addWidget(frame)
        split.setSizes([500, 500])
        return split

    # Drawing.

    def draw_lab(self, result: Result, *, is_new: bool) -> None:
        """Draw a result."""
        count = sequence_count(result)
        self._sequence.blockSignals(True)
        self._sequence.setRange(0, count)
        if is_new:
            self._sequence.setValue(0)
        self._sequence.blockSignals(False)
        self._gain.set_full_text(gain_sentence(result))
        self._numbers.show_result(result)
        held = dict(effect_names(result))
        for name, frame in self._map_panels.items():
            frame.setVisible(name in held)
        self._lower.setVisible(bool(held))
        self._draw_sequence(result)

    def _chosen(self) -> int | None:
        value = self._sequence.value()
        return value - 1 if value > 0 else None

    def _draw_sequence(self, result: Result) -> None:
        self._curve = curve(result, self._chosen())
        self._plot.show_curve(self._curve)
        self._read_out.set_full_text(self._hint())
        sequence = self._chosen() or 0
        limit = effect_limit(result)
        labels = column_labels(result, sequence)
        several = plural(int(result.data.get("effect_sequences", 1)), "sequence")
        for name, _title in effect_names(result):
            self._notes[name].set_full_text(effect_sentence(result, name))
            self._maps[name].show_values(
                np.asarray(result.data[name], dtype=np.float64),
                row_labels=[str(int(n)) for n in result.data["layers"]],
                col_name=f"Position (sequence {sequence + 1})",
                col_labels=labels,
                value_name=f"rise of the loss, nats, {several}",
                diverging=True,
                limits=(-limit, limit),
                value_format="{:+.3f}",
                cell_tip=bind(_tip, result, name, sequence),
            )

    def _hint(self) -> str:
        chosen = self._chosen()
        return _HINT if chosen is None else f"{_HINT} Thin: sequence {chosen + 1}."

    def picture_widget(self) -> QWidget:
        """Return what an export draws: curve and maps."""
        return self._content

    # Answering.

    def _on_sequence_changed(self, _value: int) -> None:
        if self._result is not None:
            self._draw_sequence(self._result)

    def _on_position_hovered(self, position: int) -> None:
        if self._result is None or self._curve is None or position < 0:
            self._read_out.set_full_text(self._hint())
            return
        sequence = self._chosen() or 0
        self._read_out.set_full_text(position_text(self._result, self._curve, sequence, position))


def _tip(result: Result, name: str, sequence: int, row: int, column: int) -> str:
    return effect_tip(result, name, sequence, row, column)
