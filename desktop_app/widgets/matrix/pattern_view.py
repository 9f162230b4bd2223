"""One attention head, large: who looks at whom."""

from __future__ import annotations

from functools import partial as bind
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from desktop_app.pictures.matrix import Axis, Matrix, signed
from desktop_app.pictures.token_text import display_text
from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.theme import colour, set_role
from desktop_app.widgets.basics.words import PlainLabel, plain_tip
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.heatmap import reset_button
from desktop_app.widgets.matrix.looks import Looks
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from numpy.typing import NDArray
    from PySide6.QtGui import QMouseEvent, QPaintEvent

    from desktop_app.pictures.matrix import Cell
    from desktop_app.pictures.stretch import Stretch


class PatternCanvas(MatrixCanvas):
    """Cells of (query, key), and tokens along both sides.

    A token's label chooses the strongest pair of its row (at the left) or its column (on top).

    Signals:
        token_hovered: The position of the label under the pointer; −1 when it leaves.
    """

    token_hovered = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._token = -1
        self.stripe: Sequence[tuple[Cell, Cell]] = ()

    def set_stripe(self, runs: Sequence[tuple[Cell, Cell]]) -> None:
        """Outline straight runs of cells, from the first to the last of each."""
        self.stripe = runs
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        frame = self.frame
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(frame.plot.adjusted(-1, -1, 1, 1))
        painter.setPen(QPen(colour("mark"), 1.4))
        for first, last in self.stripe:
            if frame.holds(first) and frame.holds(last):
                a, b = frame.cell_rect(*first), frame.cell_rect(*last)
                corners = [a.topLeft(), a.topRight(), b.topRight()]
                corners += [b.bottomRight(), b.bottomLeft(), a.bottomLeft()]
                painter.drawPolygon(QPolygonF(corners))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        pair = self._pair_at_label(event.position())
        if event.buttons() == Qt.MouseButton.NoButton and pair is not None:
            self._set_hover(pair)
        token = -1 if pair is None else self._label_at(event.position())[1]
        if token != self._token:
            self._token = token
            self.token_hovered.emit(token)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pair = self._pair_at_label(event.position())
        clicked = event.button() == Qt.MouseButton.LeftButton and not self.zooming.panning
        if pair is not None and clicked:
            self.zooming.release()
            self._pressed = False
            self._choose(pair)
            return
        super().mouseReleaseEvent(event)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._pair_at_label(event.position()) is None:
            super().mouseDoubleClickEvent(event)

    def _label_at(self, point: QPointF) -> tuple[str, int]:
        """Return which side (`row`, `col` or none) and position a label under a point has."""
        plot = self.frame.plot
        if self.values is None:
            return "", -1
        if point.x() < plot.left() and plot.top() <= point.y() < plot.bottom():
            return "row", int(self.frame.to_cells(point)[1])
        if point.y() < plot.top() and plot.left() <= point.x() < plot.right():
            return "col", int(self.frame.to_cells(point)[0])
        return "", -1

    def _pair_at_label(self, point: QPointF) -> tuple[int, int] | None:
        """Return the strongest pair of the token whose label is under a point, or None."""
        side, position = self._label_at(point)
        if self.values is None or not side:
            return None
        line = self.values[position] if side == "row" else self.values[:, position]
        best = int(np.nan_to_num(np.abs(line), nan=-1.0).argmax())
        return (position, best) if side == "row" else (best, position)


class PatternLook(TypedDict, total=False):
    """How a pattern is shown; every entry has a default.

    Attributes:
        value_name: What the number is.
        diverging: Whether 0 is the middle of the colours (differences of patterns).
        limits: Values at the ends of the colours; 0..1, or symmetric where diverging.
        masked: Whether what lies above the diagonal is left blank.
        title: Shown above, such as `L18 H6`.
        stretch: How values are laid along the colours where that is not evenly.
    """

    value_name: str
    diverging: bool
    limits: tuple[float, float] | None
    masked: bool
    title: str
    stretch: Stretch | None


class PatternView(QWidget):
    """A pattern with tokens on both axes; rows are queries, columns are keys.

    Beside it, two lists say where the token under the cursor looks and who looks at it. Zoom, pan
    and keys are those of the heatmap.

    Signals:
        pair_hovered: (query, key) under the pointer; (−1, −1) when it leaves.
        pair_selected: (query, key) chosen by click or arrow keys.
        token_hovered: A position whose label on an axis is under the pointer; −1 when it leaves.
    """

    pair_hovered = Signal(int, int)
    pair_selected = Signal(int, int)
    token_hovered = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tokens: list[str] = []
        self._diverging = False
        self._has_bar = True
        self.canvas = PatternCanvas()
        self.canvas.square = True
        self.canvas.cross = True
        self.canvas.missing = "panel"
        self._bar = ColorBar()
        self._title, self._readout = PlainLabel(), PlainLabel()
        set_role(self._title, "heading")
        set_role(self._readout, "small")
        self._reset = reset_button("Show the whole pattern (0)", self.canvas)
        self.looks = Looks()
        self._build()
        self.setFocusProxy(self.canvas)
        self.setAccessibleName("Attention pattern")
        self.canvas.setAccessibleName("Attention, query by key")
        self._connect()
        self.clear_pattern()

    def _build(self) -> None:
        head = row_in(None, self._title, (self._readout, 1), self._reset)
        body = row_in(None, (self.canvas, 1), self._bar, self.looks, spacing=4)
        column = column_in(self, head, body, spacing=4)
        column.setStretch(1, 1)

    def _connect(self) -> None:
        for told, onward in (
            (self.canvas.cell_hovered, self.pair_hovered),
            (self.canvas.cell_clicked, self.pair_selected),
        ):
            told.connect(self._describe)
            told.connect(onward)
        self.canvas.view_changed.connect(self._on_view_changed)
        self.canvas.plot_moved.connect(self._bar.set_span)
        self.canvas.token_hovered.connect(self._on_token_hovered)

    def show_pattern(
        self, pattern: NDArray[Any], tokens: list[str], **look: Unpack[PatternLook]
    ) -> None:
        """Show one head's pattern; the view and the selection stay where the shape stays.

        Args:
            pattern: Float [S, S]; row = query (destination), column = key (source).
            tokens: S texts, raw or already made visible.
            look: See `PatternLook`.

        Raises:
            ValueError: The pattern is not square, or there are more or fewer tokens.
        """
        matrix = np.array(pattern, dtype=np.float32)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
            raise ValueError(f"A pattern is square; this one has the shape {matrix.shape}.")
        if len(tokens) != len(matrix):
            raise ValueError(f"There are {len(tokens)} tokens for a pattern of {len(matrix)}.")
        if look.get("masked", True):
            matrix[np.triu_indices(len(matrix), 1)] = np.nan
        self._diverging = look.get("diverging", False)
        self._tokens = [display_text(token) for token in tokens]
        words = not all(token.isdigit() for token in tokens)
        shown = Matrix(
            matrix,
            Axis("Query (from)", self._tokens, words),
            Axis("Key (to)", self._tokens, words),
            diverging=self._diverging,
            scale=look.get("limits") or (None if self._diverging else (0.0, 1.0)),
            stretch=look.get("stretch"),
            value_format="{:+.2f}" if self._diverging else "{:.2f}",
            tip=bind(_pair_text, matrix, self._tokens, "{:+.4f}" if self._diverging else "{:.4f}"),
        )
        self.canvas.show_matrix(shown)
        self._bar.set_scale(shown.limits, diverging=self._diverging, stretch=shown.stretch)
        self._bar.setToolTip(plain_tip(look.get("value_name", "attention")))
        self._title.setText(look.get("title", ""))
        self._title.setVisible(bool(look.get("title")))
        self._bar.setVisible(self._has_bar)
        self._describe()

    def clear_pattern(self) -> None:
        """Take everything away."""
        self._tokens = []
        self.canvas.show_matrix(None)
        for part in (self._bar, self._reset, self._title):
            part.setVisible(False)
        self._describe()

    def set_selected(self, query: int | None, key: int | None) -> None:
        """Outline a pair without a signal; None takes the outline away."""
        self.canvas.set_selected(None if query is None or key is None else (query, key))
        self._describe()

    def point_at(self, query: int, key: int) -> None:
        """Speak of the pair under the pointer of a neighbour, without a signal; −1 of none."""
        cell = (query, key) if self.canvas.frame.holds((query, key)) else None
        if cell != self.canvas.hover:
            self.canvas.hover = cell
            self.canvas.update()
            self._describe()

    def show_seen(self, seen: QRectF) -> None:
        """Show the part that a neighbour of the same length shows."""
        if seen != self.canvas.frame.seen:
            self.canvas.frame.seen = QRectF(seen)
            self.canvas.update()
            self._on_view_changed()

    def selected(self) -> tuple[int, int] | None:
        """Return the outlined (query, key), or None."""
        return self.canvas.selected

    def set_side_visible(self, visible: bool) -> None:
        """Show or hide the two lists beside the pattern."""
        self.looks.setVisible(visible)

    def is_side_visible(self) -> bool:
        """Return whether the lists are shown."""
        return not self.looks.isHidden()

    def set_bar_visible(self, visible: bool) -> None:
        """Show or hide the colour scale, such as where the pattern is small."""
        self._has_bar = visible
        self._bar.setVisible(visible and self.canvas.values is not None)

    def pair_text(self, query: int, key: int) -> str:
        """Return a pair in words: both tokens and the value."""
        return "" if self.canvas.matrix is None else self.canvas.matrix.tip_text(query, key)

    @Slot()
    def _describe(self) -> None:
        """Follow the pair under the cursor, else the selected one, in words and in the lists."""
        cell = self.canvas.hover or self.canvas.selected
        matrix = self.canvas.values
        if cell is None or matrix is None:
            self._readout.setText("")
            self._bar.set_value(None)
            self.looks.show_nothing()
            return
        query, key = cell
        self._readout.setText(self.pair_text(query, key))
        self.canvas.setAccessibleDescription(self._readout.text())
        self._bar.set_value(float(matrix[query, key]))
        self.looks.show_pair(matrix, self._tokens, cell, diverging=self._diverging)

    @Slot(int)
    def _on_token_hovered(self, position: int) -> None:
        self.canvas.setCursor(
            Qt.CursorShape.PointingHandCursor if position >= 0 else Qt.CursorShape.ArrowCursor
        )
        self.token_hovered.emit(position)

    @Slot()
    def _on_view_changed(self) -> None:
        self._reset.setVisible(self.canvas.frame.is_zoomed())


def _pair_text(
    matrix: NDArray[np.float32], tokens: list[str], form: str, query: int, key: int
) -> str:
    value = float(matrix[query, key])
    number = signed(form, value) if np.isfinite(value) else "masked"
    return f"{tokens[query]} ({query})  →  {tokens[key]} ({key})    {number}"
