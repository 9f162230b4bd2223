"""A heatmap of one number per cell, such as the effect of every head of every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from PySide6.QtCore import QEvent, Signal, Slot
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QToolTip, QWidget

from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.colormaps import finite_limits, symmetric_limits
from desktop_app.widgets.matrix.matrix_axes import Axis
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from desktop_app.widgets.matrix.matrix_cells import signed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Unpack

    from numpy.typing import NDArray
    from PySide6.QtCore import QObject, QPointF
    from PySide6.QtGui import QPixmap, QResizeEvent

MISSING_TEXT = "no value"
_FOOTER_GAPS = 16


class HeatmapLook(TypedDict, total=False):
    """How values are shown; every entry has a default.

    Attributes:
        row_name: What a row is.
        col_name: What a column is.
        row_labels: One label per row; its number where None.
        col_labels: One label per column; its number where None.
        value_name: What the number is.
        diverging: Whether 0 is the middle of the colours.
        limits: Values at the ends of the colours; None takes them from the values.
        seen: The part of the limits that values can reach, which the colour bar shows; None: all.
        value_format: How the number under the cursor is written.
        cell_tip: Gives the tooltip of (row, col); None writes cell and value.
    """

    row_name: str
    col_name: str
    row_labels: Sequence[str] | None
    col_labels: Sequence[str] | None
    value_name: str
    diverging: bool
    limits: tuple[float, float] | None
    seen: tuple[float, float] | None
    value_format: str
    cell_tip: Callable[[int, int], str] | None


class Heatmap(QWidget):
    """Cells coloured by value, with labelled axes, a colour bar and the value under the cursor.

    Row 0 is at the top. NaN is drawn muted. The wheel zooms, dragging pans, a double click beside
    the cells or Escape shows all; arrow keys move the selection, Enter activates it.

    Signals:
        cell_hovered: (row, col) under the pointer; (−1, −1) when it leaves.
        cell_clicked: (row, col) chosen by click or arrow keys.
        cell_activated: (row, col) double-clicked, or Enter.
    """

    cell_hovered = Signal(int, int)
    cell_clicked = Signal(int, int)
    cell_activated = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look: HeatmapLook = {}
        self._row_labels: list[str] = []
        self._col_labels: list[str] = []
        self.canvas = MatrixCanvas()
        self._bar = ColorBar()
        self._readout = QLabel()
        set_role(self._readout, "small")
        self._name = QLabel()
        set_role(self._name, "small")
        self._reset = QToolButton()
        self._reset.setToolTip("Show all cells (Esc)")
        self._reset.setAccessibleName("Show all cells")
        bind_icon(self._reset, "reset", "text_muted")
        self._build()
        self.setFocusProxy(self.canvas)
        self.setAccessibleName("Heatmap")
        self.canvas.setAccessibleName("Cells of the heatmap")
        self.canvas.installEventFilter(self)
        self.canvas.cell_hovered.connect(self._on_hovered)
        self.canvas.cell_clicked.connect(self._on_clicked)
        self.canvas.cell_activated.connect(self.cell_activated)
        self.canvas.view_changed.connect(self._on_view_changed)
        self.canvas.plot_moved.connect(self._bar.set_span)
        self._reset.clicked.connect(self.canvas.reset_view)
        self.clear_values()

    def _build(self) -> None:
        footer = QHBoxLayout()
        footer.setContentsMargins(0, 0, 0, 0)
        footer.addWidget(self._readout, 1)
        footer.addWidget(self._reset)
        footer.addWidget(self._name)
        self._reset.setFixedSize(24, 24)
        policy = self._reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._reset.setSizePolicy(policy)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(self.canvas, 0, 0)
        grid.addWidget(self._bar, 0, 1)
        grid.addLayout(footer, 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setRowStretch(0, 1)

    def show_values(self, values: NDArray[Any], **look: Unpack[HeatmapLook]) -> None:
        """Show a matrix.

        Args:
            values: Float [rows, cols]; NaN where there is no value.
            look: See `HeatmapLook`.

        Raises:
            ValueError: The values are no matrix, or the labels do not fit them.
        """
        matrix = _matrix(values)
        rows, cols = matrix.shape
        self._row_labels = _labels(look.get("row_labels"), rows, "row")
        self._col_labels = _labels(look.get("col_labels"), cols, "column")
        self._look = look
        self.canvas.value_format = look.get("value_format", "{:+.3f}")
        self.canvas.set_axes(
            Axis(look.get("row_name", "Layer"), self._row_labels, _words(self._row_labels)),
            Axis(look.get("col_name", "Head"), self._col_labels, _words(self._col_labels)),
        )
        self._name.setText(look.get("value_name", ""))
        self._fill(matrix)

    def update_values(self, values: NDArray[Any]) -> None:
        """Show other values of the same shape; view and selection stay, open limits follow.

        Raises:
            ValueError: The shape is another one.
        """
        matrix = _matrix(values)
        if self.canvas.values is None or matrix.shape != self.canvas.values.shape:
            raise ValueError("update_values takes values of the shown shape; use show_values.")
        self._fill(matrix)

    def clear_values(self) -> None:
        """Take everything away."""
        self.canvas.set_matrix(None, (0.0, 1.0), diverging=True)
        self._bar.setVisible(False)
        self._reset.setVisible(False)
        self._readout.setText("")
        self._name.setText("")

    def values(self) -> NDArray[np.float64] | None:
        """Return what is shown, float [rows, cols], or None."""
        return self.canvas.values

    def set_selected(self, row: int | None, col: int | None) -> None:
        """Outline a cell without a signal; None takes the outline away."""
        self.canvas.set_selected(None if row is None or col is None else (row, col))
        self._describe()

    def selected(self) -> tuple[int, int] | None:
        """Return the outlined (row, col), or None."""
        return self.canvas.selected

    def reset_view(self) -> None:
        """Show all cells."""
        self.canvas.reset_view()

    def cell_center(self, row: int, col: int) -> QPointF:
        """Return the middle of a cell, on the canvas."""
        return self.canvas.cell_center(row, col)

    def picture(self) -> QPixmap:
        """Return the heatmap with its axes and colour bar."""
        return self.grab()

    def cell_text(self, row: int, col: int) -> str:
        """Return a cell in words: its place and its value."""
        if self.canvas.values is None:
            return ""
        value = float(self.canvas.values[row, col])
        number = signed(self.canvas.value_format, value) if np.isfinite(value) else MISSING_TEXT
        place = [
            f"{name} {label}".strip()
            for name, label in (
                (self._look.get("row_name", "Layer"), self._row_labels[row]),
                (self._look.get("col_name", "Head"), self._col_labels[col]),
            )
        ]
        return f"{' · '.join(place)}    {number}"

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Answer events of a watched widget."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self.canvas.frame.cell_at(event.pos().toPointF())
            tip = self._look.get("cell_tip")
            text = ""
            if cell is not None:
                text = tip(*cell) if tip is not None else self.cell_text(*cell)
            QToolTip.showText(event.globalPos(), text, self.canvas)
            return True
        return super().eventFilter(watched, event)

    def _fill(self, matrix: NDArray[np.float64]) -> None:
        diverging = self._look.get("diverging", True)
        limits = self._look.get("limits") or (
            symmetric_limits(matrix) if diverging else finite_limits(matrix)
        )
        self.canvas.set_matrix(matrix, limits, diverging=diverging)
        self._bar.set_scale(limits, diverging=diverging, seen=self._look.get("seen"))
        self._bar.setVisible(True)
        self._describe()

    def _describe(self) -> None:
        """Write the cell under the cursor, else the selected one."""
        cell = self.canvas.hover or self.canvas.selected
        self._readout.setText(self.cell_text(*cell) if cell is not None else "")
        if cell is not None and self.canvas.values is not None:
            self._bar.set_value(float(self.canvas.values[cell]))
            self.canvas.setAccessibleDescription(self._readout.text())
        else:
            self._bar.set_value(None)
        self._share_footer()

    def _share_footer(self) -> None:
        """Show the value's name where there is room beside the read-out, which goes first."""
        room = self.width() - self._reset.width() - _FOOTER_GAPS
        self._name.setVisible(
            self._readout.sizeHint().width() + self._name.sizeHint().width() < room
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the footer's room anew."""
        super().resizeEvent(event)
        self._share_footer()

    @Slot(int, int)
    def _on_hovered(self, row: int, col: int) -> None:
        self._describe()
        self.cell_hovered.emit(row, col)

    @Slot(int, int)
    def _on_clicked(self, row: int, col: int) -> None:
        self._describe()
        self.cell_clicked.emit(row, col)

    @Slot()
    def _on_view_changed(self) -> None:
        self._reset.setVisible(self.canvas.frame.is_zoomed())


def _matrix(values: NDArray[Any]) -> NDArray[np.float64]:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"A heatmap shows a matrix; these values have the shape {matrix.shape}.")
    return matrix


def _labels(labels: Sequence[str] | None, count: int, what: str) -> list[str]:
    if labels is None:
        return [str(index) for index in range(count)]
    if len(labels) != count:
        raise ValueError(f"There are {len(labels)} {what} labels for {count} {what}s.")
    return [str(label) for label in labels]


def _words(labels: list[str]) -> bool:
    """Return whether labels are words (not numbers), which may be turned upright."""
    return any(len(label) > 4 and not label.lstrip("-").isdigit() for label in labels)
