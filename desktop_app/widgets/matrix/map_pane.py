"""One map of a heatmap: its words above, its cells, and the cell under the cursor beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.pictures.matrix import Cell, Matrix

WORD = 22
LINE = 17
_FOOTER_GAPS = 16


class MapPane(QWidget):
    """A map that can show the same place as its neighbours; `Heatmap` holds them together."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = MatrixCanvas()
        self.canvas.setAccessibleName("Cells of the heatmap")
        self.word, self.line = plain_label("heading"), plain_label("small")
        self.readout, self._name = plain_label("small"), plain_label("small")
        self.reset = reset_button("Show all cells (Esc)", self.canvas)
        self.word.setFixedHeight(WORD)
        self.line.setFixedHeight(LINE)
        footer = QHBoxLayout()
        footer.setContentsMargins(0, 0, 0, 0)
        footer.addWidget(self.readout, 1)
        footer.addWidget(self.reset)
        footer.addWidget(self._name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.word)
        column.addWidget(self.line)
        column.addWidget(self.canvas, 1)
        column.addSpacing(2)
        column.addLayout(footer)
        self.canvas.view_changed.connect(self._on_view_changed)
        self.canvas.plot_moved.connect(self._write_words)
        self.setFocusProxy(self.canvas)

    def show_map(self, matrix: Matrix | None) -> None:
        """Show a map, or nothing."""
        self.canvas.show_matrix(matrix)
        titled = matrix is not None and bool(matrix.title)
        self.word.setVisible(titled)
        self.line.setVisible(titled)
        self._name.setText("" if matrix is None or titled else matrix.name)
        if matrix is not None:
            self.line.setToolTip(matrix.sentence)
            self.setAccessibleName(f"{matrix.title}: {matrix.sentence}" if titled else "Heatmap")
        self._write_words()
        self.describe()

    def words_height(self) -> int:
        """Return what the words above the cells take, in pixels."""
        matrix = self.canvas.matrix
        return WORD + LINE if matrix is not None and matrix.title else 0

    def pointed(self) -> Cell | None:
        """Return the cell under the cursor, else the selected one."""
        return self.canvas.hover or self.canvas.selected

    def show_hover(self, cell: Cell | None) -> None:
        """Outline and describe the cell under the pointer of a neighbour, without a signal."""
        if cell != self.canvas.hover:
            self.canvas.hover = cell
            self.canvas.update()
        self.describe()

    def show_seen(self, seen: QRectF) -> None:
        """Show the part of the map that a neighbour shows."""
        if seen != self.canvas.frame.seen:
            self.canvas.frame.seen = QRectF(seen)
            self.canvas.update()
            self._on_view_changed()

    def describe(self) -> None:
        """Write the cell under the cursor, else the selected one, in words that have room."""
        cell, matrix = self.pointed(), self.canvas.matrix
        text = self._fitting(matrix, cell) if matrix is not None and cell is not None else ""
        self.readout.setText(text)
        if matrix is not None and cell is not None:
            self.canvas.setAccessibleDescription(matrix.cell_text(*cell))
        # The read-out goes first where both have no room.
        room = self._room() - self.readout.sizeHint().width()
        self._name.setVisible(self._name.sizeHint().width() < room)

    def _fitting(self, matrix: Matrix, cell: Cell) -> str:
        row, column = cell
        value, label = matrix.value_text(*cell), matrix.columns.labels[column].partition(":")[0]
        short = f"{matrix.rows.name[:1]}{matrix.rows.labels[row]} · {label}    {value}"
        for text in (matrix.cell_text(*cell), short):
            if self.readout.fontMetrics().horizontalAdvance(text) < self._room():
                return text
        return value

    def _room(self) -> int:
        return self.width() - self.reset.width() - _FOOTER_GAPS

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.describe()

    @Slot()
    def _write_words(self) -> None:
        """Write what stands above the cells, shorter where it does not fit."""
        matrix = self.canvas.matrix
        if matrix is None or not matrix.title:
            return
        left, room = round(self.canvas.left_room()), round(self.canvas.frame.plot.width())
        named = f"{matrix.title} · {matrix.name}" if matrix.name else matrix.title
        for label, full, short in (
            (self.word, named, matrix.title),
            (self.line, matrix.sentence, matrix.short or matrix.sentence),
        ):
            label.setIndent(left)
            metrics = label.fontMetrics()
            text = full if metrics.horizontalAdvance(full) <= room else short
            label.setText(metrics.elidedText(text, Qt.TextElideMode.ElideRight, room))

    @Slot()
    def _on_view_changed(self) -> None:
        self.reset.setVisible(self.canvas.frame.is_zoomed())


def plain_label(role: str) -> QLabel:
    """Return a line of text in one of the theme's roles, which may be cut by its room."""
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setMinimumWidth(1)
    set_role(made, role)
    return made


def reset_button(text: str, canvas: MatrixCanvas) -> QToolButton:
    """Return the button that shows all of a map; it keeps its room while it is hidden."""
    button = QToolButton()
    button.setToolTip(text)
    button.setAccessibleName(text.partition(" (")[0])
    button.setFixedSize(24, 24)
    button.setVisible(False)
    bind_icon(button, "reset", "text_muted")
    policy = button.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    button.setSizePolicy(policy)
    button.clicked.connect(canvas.reset_view)
    return button
