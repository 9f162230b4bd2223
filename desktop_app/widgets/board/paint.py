"""How the two grids of a board are drawn: cells, reach, outlines, arrows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF

from desktop_app.pictures.boards import Cell
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.board.layout import ARROW, TITLE
from desktop_app.widgets.matrix.matrix_axes import paint_read, paint_rows, paint_tokens
from desktop_app.widgets.matrix.matrix_cells import paint_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtGui import QColor

    from desktop_app.contract.moves import RunName
    from desktop_app.pictures.boards import Board
    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.board.panes import Pane
    from desktop_app.widgets.matrix.matrix_cells import MatrixImage
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame


_LINES_FROM = 5.0
# How much wider than an outline its ground is, in cells that have room for it and in others.
_EDGE, _THIN, _ROOMY = 3.0, 1.5, 14.0
_HEAD = 8.0


@dataclass(frozen=True)
class Pointed:
    """What hand and keys point at on a board.

    Attributes:
        hover: The cell under the pointer.
        cursor_cell: The one that is outlined.
        picked: The one taken by key.
        held: The one that is dragged, and `pointer` where to.
        reaching: Gives what the moves reach of a grid.
    """

    hover: Cell | None
    cursor_cell: Cell | None
    picked: Cell | None
    held: Cell | None
    pointer: QPointF | None
    reaching: Callable[[RunName], np.ndarray | None]


def paint_board(
    painter: QPainter,
    board: Board,
    panes: Mapping[RunName, Pane],
    pointed: Pointed,
    token_height: float,
) -> None:
    """Draw the grids that are shown, their moves, and what is pointed at."""
    theme = theme_hub().current
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    marked = [cell for cell in (pointed.hover, pointed.cursor_cell) if cell is not None]
    for run in board.shown:
        _paint_above(painter, panes[run].frame, board, (run, token_height), marked)
        _paint_cells(painter, panes[run], pointed.reaching(run))
    left = panes[board.shown[0]].frame
    paint_rows(painter, left, board.row_axis(), {cell.layer for cell in marked})
    _paint_marks(painter, board, panes, pointed)
    for run in board.shown:
        panes[run].zooming.paint_map(painter, panes[run].small_picture())
    if pointed.held is not None and pointed.pointer is not None:
        start = panes[pointed.held.run].rect_of(pointed.held).center()
        coloured = any(panes[run].has_colours() for run in board.shown)
        ink = theme.color("mark" if coloured else "accent_hover")
        paint_arrow(painter, start, pointed.pointer, ink)


def _paint_above(
    painter: QPainter,
    frame: MatrixFrame,
    board: Board,
    line: tuple[RunName, float],
    marked: Sequence[Cell],
) -> None:
    """Write the title of a grid and its tokens, and point at where the prediction is read."""
    run, token_height = line
    _paint_title(painter, frame, board.title(run), changed=run == board.run)
    columns = {cell.position for cell in marked if cell.run == run}
    top = frame.plot.top() - 4 - token_height
    tokens = list(zip(board.tokens[run], board.differs[: board.length_of(run)], strict=True))
    paint_tokens(painter, frame, tokens, (top, token_height), columns)
    if board.read < board.length_of(run):
        paint_read(painter, frame, board.read, top - ARROW + 1)


def _paint_cells(painter: QPainter, pane: Pane, reach: np.ndarray | None) -> None:
    """Draw colours, marks and texts of a grid."""
    theme = theme_hub().current
    paint_grid(painter, pane.frame, reach, theme, pane.image(theme))
    painter.save()
    painter.setClipRect(pane.frame.plot)
    pane.paint_corners(painter, theme)
    pane.paint_texts(painter, theme)
    painter.restore()


def _paint_title(painter: QPainter, frame: MatrixFrame, title: str, *, changed: bool) -> None:
    theme = theme_hub().current
    painter.setFont(ui_font(13, "semibold"))
    if painter.fontMetrics().horizontalAdvance(title) > frame.plot.width():
        title = title.replace(" run", "")
    wide = round(frame.plot.width())
    title = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, wide)
    painter.setPen(theme.color("accent" if changed else "text"))
    box = QRectF(frame.plot.left(), 0, frame.plot.width(), TITLE)
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)


def _paint_marks(
    painter: QPainter, board: Board, panes: Mapping[RunName, Pane], pointed: Pointed
) -> None:
    """Outline and join the cells of the moves, then what is pointed at."""
    theme = theme_hub().current
    coloured = any(panes[run].has_colours() for run in board.shown)
    ink = theme.color("mark" if coloured else "accent")
    painter.save()
    area = QRectF()
    for run in board.shown:
        area = area.united(panes[run].frame.plot)
    painter.setClipRect(area.adjusted(-4, -4, 4, 4))
    for move in board.moves:
        source, target = Cell(move.run, *move.source), Cell(board.run or move.run, *move.target)
        start, end = (panes[cell.run].rect_of(cell) for cell in (source, target))
        paint_frame(painter, start, ink, 2.0, dashed=False)
        if coloured:
            paint_frame(painter, end, ink, 3.0, dashed=False)
        else:
            painter.fillRect(end, ink)
        paint_arrow(painter, start.center(), end.center(), ink)
    for cell, name, width, dashed in (
        (pointed.hover, "text", 1.5, False),
        (pointed.cursor_cell, "accent", 2.5, False),
        (pointed.picked, "warn", 2.5, True),
    ):
        if cell is not None and cell.run in board.shown:
            rect = panes[cell.run].rect_of(cell)
            if coloured:  # an outline of the ground's own colour would not be found
                edge = _EDGE if min(rect.width(), rect.height()) >= _ROOMY else _THIN
                paint_frame(painter, rect, theme.color("panel"), width + edge, dashed=False)
            paint_frame(painter, rect, theme.color(name), width, dashed=dashed)
    painter.restore()


def paint_grid(
    painter: QPainter,
    frame: MatrixFrame,
    reach: np.ndarray | None,
    theme: Theme,
    image: MatrixImage | None = None,
) -> None:
    """Draw the cells of a grid; those that the moves can change are tinted.

    Cells that have colours of their own keep them: there the cone is drawn by its edge.
    """
    plot = frame.plot
    painter.save()
    painter.setClipRect(plot)
    painter.fillRect(plot, theme.color("token"))
    if image is not None:
        paint_cells(painter, frame, image, painter.device().devicePixelRatioF())
    elif reach is not None:
        for row in frame.rows_seen():
            edges = np.flatnonzero(np.diff(np.pad(reach[row].astype(np.int8), 1)))
            for start, stop in edges.reshape(-1, 2).tolist():
                stretch = frame.cell_rect(row, start, 1, stop - start)
                painter.fillRect(stretch, theme.color("accent_soft"))
    painter.setPen(QPen(theme.color("panel"), 1))
    painter.drawLines(_between(frame))
    if image is not None and reach is not None:
        for ink, wide in (("panel", 4.5), ("mark", 2.0)):
            painter.setPen(QPen(theme.color(ink), wide))
            painter.drawLines(_edges(frame, reach))
    painter.restore()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("border_strong"), 1))
    painter.drawRect(plot)


def _between(frame: MatrixFrame) -> list[QLineF]:
    """Return the lines between the cells in sight, where these are large enough."""
    plot, lines = frame.plot, []
    if frame.cell_width() >= _LINES_FROM:
        for col in range(frame.cols_seen().start + 1, frame.cols_seen().stop):
            x = round(frame.cell_rect(0, col).left()) + 0.5
            lines.append(QLineF(x, plot.top(), x, plot.bottom()))
    if frame.cell_height() >= _LINES_FROM:
        for row in range(frame.rows_seen().start + 1, frame.rows_seen().stop):
            y = round(frame.cell_rect(row, 0).top()) + 0.5
            lines.append(QLineF(plot.left(), y, plot.right(), y))
    return lines


def _edges(frame: MatrixFrame, reach: np.ndarray) -> list[QLineF]:
    """Return the lines between what is reached and what is not."""
    padded, found = np.pad(reach.astype(np.int8), 1), []
    for row, col in np.argwhere(np.diff(padded, axis=1)[1:-1]).tolist():
        rect = frame.cell_rect(row, col)
        found.append(QLineF(rect.topLeft(), rect.bottomLeft()))
    for row, col in np.argwhere(np.diff(padded, axis=0)[:, 1:-1]).tolist():
        rect = frame.cell_rect(row, col)
        found.append(QLineF(rect.topLeft(), rect.topRight()))
    return found


def paint_frame(
    painter: QPainter, rect: QRectF, ink: QColor, width: float, *, dashed: bool
) -> None:
    """Outline a cell, at least 8 pixels wide so that it can be found."""
    grow_x, grow_y = max(0.0, (8 - rect.width()) / 2), max(0.0, (8 - rect.height()) / 2)
    pen = QPen(ink, width)
    if dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(-grow_x, -grow_y, grow_x, grow_y), 2, 2)


def paint_arrow(painter: QPainter, start: QPointF, end: QPointF, ink: QColor) -> None:
    """Draw a bow from one cell to another, with a head at its end."""
    across = end.x() - start.x()
    rise = -min(46.0, 14 + 0.12 * math.hypot(across, end.y() - start.y()))
    middle = QPointF((start.x() + end.x()) / 2, (start.y() + end.y()) / 2 + 2 * rise)
    path = QPainterPath(start)
    path.quadTo(middle, end)
    painter.setPen(QPen(ink, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawEllipse(start, 3.0, 3.0)
    angle = math.atan2(end.y() - middle.y(), end.x() - middle.x())
    wings = [
        QPointF(end.x() - _HEAD * math.cos(angle + t), end.y() - _HEAD * math.sin(angle + t))
        for t in (0.45, -0.45)
    ]
    painter.drawPolygon(QPolygonF([end, *wings]))
