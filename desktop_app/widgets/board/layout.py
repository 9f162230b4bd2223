"""Where the grids of a board lie on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

from desktop_app.pictures.boards import RUNS
from desktop_app.widgets.matrix.matrix_axes import rows_width, tokens_height

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QSize

    from desktop_app.contract.moves import RunName
    from desktop_app.pictures.boards import Board
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

TITLE = 22.0
ARROW = 10.0
_LEAST_LEFT = 46.0
_BETWEEN = 34.0
_EDGE = 6.0


def arrange(board: Board, frames: Mapping[RunName, MatrixFrame], size: QSize) -> float:
    """Give all grids that are shown the same room; return the height of the tokens above them."""
    left = max(_LEAST_LEFT, rows_width(board.row_axis()))
    gaps = _BETWEEN * (len(board.shown) - 1)
    width = max((size.width() - left - gaps - _EDGE) / len(board.shown), 1.0)
    pitch = width / max(board.length_of(run) for run in board.shown)
    texts = [text for run in board.shown for text in board.tokens[run]]
    tokens = tokens_height(texts, pitch)
    top = TITLE + ARROW + tokens + 6
    height = max(size.height() - top - 4, 1.0)
    for place, run in enumerate(RUNS):
        at = QRectF(left + place * (width + _BETWEEN), top, width, height)
        frames[run].set_room(at if run in board.shown else QRectF())
    return tokens
