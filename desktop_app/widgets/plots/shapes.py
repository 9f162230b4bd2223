"""What a plot is made of: dots, lines, bands, bars. Importing this imports pyqtgraph.

pyqtgraph has no types; nothing of it is named outside the modules of the canvas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPaintEngine, QPainter, QPainterPath, QPainterPathStroker, QPen

from desktop_app.support.guard import override
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.plots.tones import tone_colour, washed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QWidget

    from desktop_app.pictures.curves import Curves, Line, Trace

_DASHES = [5.0, 4.0]
_BAND = 46
_BAR_SHARE = 0.8


class Dots(pg.ScatterPlotItem):  # type: ignore[misc]
    """Dots from one small image on screen; each a shape of its own in a file."""

    @override
    def paint(self, painter: QPainter, option: Any, widget: QWidget | None) -> None:
        """Paint the dots."""
        to_file = painter.paintEngine().type() != QPaintEngine.Type.Raster
        scaled = abs(painter.deviceTransform().m11() / painter.transform().m11())
        enlarged = widget is not None and scaled > widget.devicePixelRatioF() + 1e-3
        self._exportOpts = {"antialias": True} if to_file or enlarged else False
        super().paint(painter, option, widget)
        self._exportOpts = False


class Shape(pg.GraphicsObject):  # type: ignore[misc]
    """A line or an area, cut by its own hand in SVG files: those know no clipping."""

    def __init__(
        self, path: QPainterPath, *, pen: QPen | None = None, fill: QColor | None = None
    ) -> None:
        super().__init__()
        self._path, self._pen, self._fill = path, pen, fill

    @override
    def boundingRect(self) -> QRectF:
        """Return where it is drawn."""
        return self._path.boundingRect()

    @override
    def paint(self, painter: QPainter, *_options: object) -> None:
        """Paint it; widths are in pixels."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = painter.transform().map(self._path)
        seen = painter.transform().mapRect(self.viewRect())
        painter.resetTransform()
        if painter.paintEngine().type() == QPaintEngine.Type.SVG:
            area = QPainterPath()
            area.addRect(seen)
            color = self._fill
            if self._pen is not None:
                path, color = QPainterPathStroker(self._pen).createStroke(path), self._pen.color()
            painter.fillPath(path.intersected(area), color or Qt.BrushStyle.NoBrush)
            return
        painter.setPen(self._pen or Qt.PenStyle.NoPen)
        painter.setBrush(self._fill or Qt.BrushStyle.NoBrush)
        painter.drawPath(path)


def line_items(line: Line, picture: Curves) -> Iterator[Any]:
    """Yield what a line is drawn with, from behind: its band, itself, its dots; or its bars."""
    x, _y = picture.points()
    x, y = x[: len(line.values)], picture.up.placed(line.values)
    colour = tone_colour(line.tone)
    low, high = (
        None if edge is None else picture.up.placed(edge) for edge in (line.low, line.high)
    )
    if line.bars:
        beside = [other is line for other in picture.lines if other.bars]
        at, wide = _slot(x, len(beside), beside.index(True))
        yield from _bar_items(line, at, wide, y)
        if low is not None and high is not None:
            pen = line_pen(theme_hub().current.color("text_muted"), 1.0)
            yield Shape(_whiskers(at, low, high), pen=pen)
        return
    if low is not None and high is not None:
        known = np.isfinite(low) & np.isfinite(high)
        around = np.concatenate([x[known], x[known][::-1]])
        edges = np.concatenate([high[known], low[known][::-1]])
        yield Shape(pg.arrayToQPath(around, edges), fill=washed(colour, _BAND))
    pen = QPen(colour, 1.3 if line.thin else 2.0 if len(x) < 2000 else 1.0)
    if line.dashed:
        pen.setDashPattern(_DASHES)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    yield Shape(pg.arrayToQPath(x, y, connect="finite"), pen=pen)
    if line.dots:
        known = np.isfinite(x) & np.isfinite(y)
        edge = line_pen(theme_hub().current.color("panel"), 1.0)
        yield Dots(x[known], y[known], size=6.0, pen=edge, brush=colour)


def trace_item(trace: Trace, x: np.ndarray, y: np.ndarray) -> Any:
    """Return a line through a scatter, its points as the axes place them."""
    pen = QPen(tone_colour(trace.tone), 1.6)
    if trace.dashed:
        pen.setDashPattern(_DASHES)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return Shape(pg.arrayToQPath(x, y, connect="finite"), pen=pen)


def line_pen(colour: QColor, width: float) -> QPen:
    """Return a pen whose width is in pixels, whatever the zoom."""
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    return pen


def _slot(x: np.ndarray, count: int, number: int) -> tuple[np.ndarray, float]:
    """Return where the bars of one of several lines stand, and how wide they are."""
    gap = float(np.diff(np.sort(x)).min()) if len(x) > 1 else 1.0
    wide = _BAR_SHARE * gap / count
    return x + (number - (count - 1) / 2) * wide, wide


def _bar_items(line: Line, x: np.ndarray, wide: float, y: np.ndarray) -> Iterator[Any]:
    """Yield bars of one look each: by sign, and pale or full."""
    pale = np.zeros(len(y), dtype=bool) if line.pale is None else np.asarray(line.pale, dtype=bool)
    signs: list[tuple[str, np.ndarray]] = [(line.tone, np.isfinite(y))]
    if line.signed:
        signs = [("below", y < 0), ("above", y >= 0)]
    for tone, of_sign in signs:
        for look in (False, True):
            shown = of_sign & (pale == look)
            if not shown.any():
                continue
            colour, path = tone_colour(tone), _bars(x[shown], y[shown], wide)
            yield Shape(path, fill=washed(colour) if look else colour)
            if look:
                yield Shape(path, pen=line_pen(colour, 1.2))


def _bars(x: np.ndarray, y: np.ndarray, wide: float) -> QPainterPath:
    """Return bars from 0 to the values."""
    path = QPainterPath()
    for left, height in zip((x - wide / 2).tolist(), y.tolist(), strict=True):
        path.addRect(QRectF(left, 0.0, wide, height).normalized())
    return path


def _whiskers(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> QPainterPath:
    """Return an upright line per bar."""
    known = np.isfinite(low) & np.isfinite(high)
    ends = np.stack([low[known], high[known]], axis=1).ravel()
    path: QPainterPath = pg.arrayToQPath(np.repeat(x[known], 2), ends, connect="pairs")
    return path
