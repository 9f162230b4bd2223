"""A head's attention pattern as a small picture: enough to recognise it, a click selects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from desktop_app.pictures.matrix import Axis, Matrix
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QWheelEvent

_LARGEST = 240


class SmallPattern(MatrixCanvas):
    """Rows are queries, columns are keys, dark is 1.

    Signals:
        pair_selected: (query, key) of a chosen cell.
    """

    pair_selected = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.square, self.missing = True, "panel"
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_pattern(self, pattern: np.ndarray, texts: Sequence[str]) -> None:
        """Show a pattern [S, S] with its tokens."""
        future = np.triu(np.ones(pattern.shape, dtype=bool), 1)
        values = np.where(future, np.nan, pattern)

        def tip(query: int, key: int) -> str:
            if key > query:
                return ""
            return f"{texts[query]} ({query}) → {texts[key]} ({key}): {pattern[query, key]:.4f}"

        labels = Axis("", [text[:2] for text in texts], tokens=False)
        self.show_matrix(Matrix(values, labels, labels, diverging=False, scale=(0.0, 1.0), tip=tip))

    @override
    def heightForWidth(self, width: int) -> int:
        return min(width, _LARGEST)

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, 200)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, 120)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the inspector scrolls

    @override
    def _choose(self, cell: tuple[int, int]) -> None:
        if cell[1] <= cell[0]:
            super()._choose(cell)
            self.pair_selected.emit(*cell)
