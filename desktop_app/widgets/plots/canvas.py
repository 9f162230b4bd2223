"""What pyqtgraph draws of a plot. Importing this imports pyqtgraph: only `plot` does, when needed.

pyqtgraph has no types; nothing of it is named outside this module.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QPaintEngine,
    QPainter,
    QPainterPath,
    QPainterPathStroker,
    QPen,
)

from desktop_app.pictures.curves import Curves, Line, Mark, Region, Scale, Scatter
from desktop_app.pictures.words import number
from desktop_app.support.guard import guard_package, override
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.matrix_axes import thinned

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

Picture = Curves | Scatter

LEFT, BOTTOM, TOP, RIGHT, STRIP = 58, 34, 12, 14, 18
_LEAST_PITCH = 34.0
_REACH = 10.0
_LONGEST_WORD = 96.0

pg.setConfigOptions(antialias=True, imageAxisOrder="row-major")
guard_package("pyqtgraph")


class _Axis(pg.AxisItem):  # type: ignore[misc]
    """Ticks at whole places where there are no others, and numbers with a true minus."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.told = Scale()
        self.setStyle(maxTickLevel=0, tickLength=0, hideOverlappingLabels=False)
        self.setTickDensity(2.0)
        self.enableAutoSIPrefix(False)

    @override
    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Return the ticks' places: of labels, as many as have room."""
        if not (self.told.whole or self.told.labels):
            found: list[tuple[float, list[float]]] = super().tickValues(low, high, size)
            return found
        places = range(int(np.ceil(low)), int(np.floor(high)) + 1)
        metrics = QFontMetricsF(mono_font(10))
        widest = max(map(metrics.horizontalAdvance, self.told.labels), default=0.0)
        upright = self.orientation == "left"
        room = 16.0 if upright else max(_LEAST_PITCH, min(widest, _LONGEST_WORD) + 8)
        shown = thinned(places, size / max(high - low, 1e-9), room)
        return [(float(shown.step), [float(p) for p in shown])]

    @override
    def tickStrings(self, values: list[float], _scale: float, spacing: float) -> list[str]:
        """Return what stands at the ticks."""
        if self.told.labels:
            metrics, cut = QFontMetricsF(mono_font(10)), Qt.TextElideMode.ElideRight
            return [metrics.elidedText(self.told.label(v), cut, _LONGEST_WORD) for v in values]
        if self.told.log:
            return [f"{10.0**v:g}".replace("-", "−") for v in values]
        digits = int(np.clip(np.ceil(-np.log10(spacing) - 1e-9), 0, 8))
        return [number(v, digits) if abs(v) < 1e6 else f"{v:.4g}" for v in values]

    def reserve(self, size: int) -> None:
        """Take so many pixels beside the plot; 0 hides the axis."""
        self.setVisible(size > 0)
        (self.setWidth if self.orientation == "left" else self.setHeight)(size)

    def take(self, scale: Scale, length: float) -> None:
        """Draw this scale, its name cut to the axis' length."""
        self.told = scale
        self.setLogMode(scale.log)
        theme, face = theme_hub().current, ui_font(11, "medium")
        text = QFontMetricsF(face).elidedText(scale.name, Qt.TextElideMode.ElideRight, length)
        self.label.setFont(face)
        # pyqtgraph reads names as markup.
        self.setLabel(html.escape(text), color=theme.color("text_muted"))
        self.setPen(QPen(theme.color("border_strong"), 1))
        self.setTextPen(theme.color("text_muted"))
        self.setTickPen(QPen(theme.color("grid"), 1))
        self.setTickFont(mono_font(10))


class _Dots(pg.ScatterPlotItem):  # type: ignore[misc]
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


class _Shape(pg.GraphicsObject):  # type: ignore[misc]
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


class Canvas:
    """The plot itself: draws a picture, and knows where its points stand."""

    def __init__(self, parent: QWidget, *, compact: bool) -> None:
        self.widget = pg.GraphicsView(parent, background=None)
        self._compact = compact
        self._picture: Picture | None = None
        self._x = self._y = np.empty(0)
        self._whole: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 1.0), (0.0, 1.0))
        # Its cached ground would be an image in vector files.
        self.widget.setCacheMode(self.widget.CacheModeFlag.CacheNone)
        self.widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.widget.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.widget.setStyleSheet("background: transparent;")
        # Not a PlotItem: each has menus and a form that nobody opens, and leaves them to the
        # garbage collector.
        self._view = pg.ViewBox(enableMenu=False, enableMouse=not compact)
        self._view.disableAutoRange()
        self._axes = {side: _Axis(side) for side in ("left", "bottom", "top")}
        self._room = self.widget.centralLayout
        self._room.setContentsMargins(0, 0 if compact else TOP, RIGHT, 0)
        self._room.setSpacing(0)
        places = {"left": (1, 0), "bottom": (2, 1), "top": (0, 1)}
        self._room.addItem(self._view, 1, 1)
        for side, axis in self._axes.items():
            self._room.addItem(axis, *places[side])
            axis.linkToView(self._view)
            axis.setZValue(-1000)  # the grid belongs to it, and lies beneath what is drawn
        self._hover, self._chosen = _Dots(), _Dots()
        self._cross = pg.InfiniteLine(angle=90)
        self._marks: list[Any] = []
        self._view.sigRangeChanged.connect(self._on_range_changed)

    def draw(self, picture: Picture, *, keep_view: bool) -> None:
        """Draw a picture; `keep_view` leaves what was zoomed as it is."""
        kept = self._view.viewRange() if keep_view and self.is_zoomed() else None
        self._picture = picture
        self._x, self._y = picture.points()
        self._whole = picture.reach()
        self._view.clear()
        self._marks = []
        self._take_axes(picture)
        self._add_regions(picture.regions)
        for mark in picture.marks:
            self._add_mark(mark)
        if isinstance(picture, Curves):
            for line in sorted(picture.lines, key=lambda line: not line.thin):
                self._add_line(line, picture)
        else:
            self._add_dots(picture)
        for item in (self._cross, self._chosen, self._hover):
            item.setVisible(False)
            self._view.addItem(item)
        (left, right), (low, high) = self._whole
        self._view.setLimits(xMin=left, xMax=right, yMin=low, yMax=high)
        self.show_all()
        if kept is not None:
            self._view.setRange(xRange=kept[0], yRange=kept[1], padding=0)

    def fit(self) -> None:
        """Take the widget's size: a scatter of equal scales is square."""
        if self._picture is None:
            return
        if isinstance(self._picture, Scatter) and self._picture.diagonal:
            wide = self.widget.width() - LEFT - RIGHT
            high = self.widget.height() - BOTTOM - TOP
            spare = (RIGHT + max(0, wide - high), max(0, high - wide))
            self._room.setContentsMargins(0, TOP, *spare)
        self._take_axes(self._picture)

    def show_all(self) -> None:
        """Show the whole picture."""
        self._view.setRange(xRange=self._whole[0], yRange=self._whole[1], padding=0)

    def zoom(self, factor: float) -> None:
        """Show more (above 1) or less of the picture about its middle."""
        self._view.scaleBy((factor, factor))

    def is_zoomed(self) -> bool:
        """Return whether only a part is seen."""
        shown = np.array(self._view.viewRange())
        return not np.allclose(shown, np.array(self._whole), rtol=1e-6, atol=1e-12)

    def ranges_changed(self) -> Any:
        """Return the signal that says that another part is seen."""
        return self._view.sigRangeChanged

    def area(self) -> QRectF:
        """Return where values are drawn, on the widget."""
        scene = self._view.sceneBoundingRect()
        return QRectF(self.widget.mapFromScene(scene.topLeft()), scene.size())

    def place(self, x: float, y: float) -> QPointF:
        """Return where a value stands on the widget, given as the axes place it."""
        return QPointF(self.widget.mapFromScene(self._view.mapViewToScene(QPointF(x, y))))

    def point(self, index: int) -> QPointF | None:
        """Return where a point stands on the widget, None where it has no value."""
        if not 0 <= index < len(self._x):
            return None
        x, y = float(self._x[index]), float(self._y[index])
        return self.place(x, y) if np.isfinite(x) and np.isfinite(y) else None

    def index_at(self, place: QPointF) -> int:
        """Return the point at a place of the widget: of curves the nearest along, else −1."""
        if not self.area().contains(place) or not len(self._x):
            return -1
        at = self._view.mapSceneToView(self.widget.mapToScene(place.toPoint()))
        across, up = (np.abs(v - w) for v, w in ((self._x, at.x()), (self._y, at.y())))
        if isinstance(self._picture, Curves):
            return int(np.argmin(across)) if np.isfinite(across).any() else -1
        wide, high = self._view.viewPixelSize()
        distance = np.nan_to_num(np.hypot(across / wide, up / high), nan=np.inf)
        nearest = int(np.argmin(distance))
        return nearest if distance[nearest] <= _REACH else -1

    def mark(self, hovered: int, chosen: int) -> None:
        """Point at the read-out's point and the selected one; −1 points at none."""
        theme, edge = theme_hub().current, self._size() / 2 + 4
        for item, index, tone in ((self._chosen, chosen, "mark"), (self._hover, hovered, "accent")):
            known = 0 <= index < len(self._x)
            item.setVisible(known)
            if known:
                pen = _line_pen(theme.color("panel"), 1.5)
                at = {"x": self._x[index : index + 1], "y": self._y[index : index + 1]}
                item.setData(**at, size=2 * edge, pen=pen, brush=theme.color(tone))
        curves = isinstance(self._picture, Curves) and 0 <= hovered < len(self._x)
        self._cross.setVisible(curves)
        if curves:
            self._cross.setValue(float(self._x[hovered]))
            self._cross.setPen(_line_pen(theme.color("border_strong"), 1.0))

    # Drawing.

    def _on_range_changed(self, _view: object, ranges: Any) -> None:
        """Hide the marks that are out of sight: files that cannot clip would show them."""
        for line in self._marks:
            low, high = ranges[0 if line.angle else 1]
            line.setVisible(bool(low <= line.value() <= high))

    def _take_axes(self, picture: Picture) -> None:
        wide = self.widget.width() - LEFT - RIGHT
        high = self.widget.height() - BOTTOM - TOP
        if isinstance(picture, Scatter) and picture.diagonal:
            wide = high = min(wide, high)
        for side, scale, length in (("bottom", picture.across, wide), ("left", picture.up, high)):
            self._axes[side].take(scale, max(float(length), 60.0))
            size = LEFT if side == "left" else STRIP if self._compact else BOTTOM
            self._axes[side].reserve(size if scale.shown else 0)
            self._axes[side].setGrid(255 if side == "left" or not scale.whole else False)
        self._axes["bottom"].showLabel(not self._compact)

    def _add_line(self, line: Line, picture: Curves) -> None:
        theme = theme_hub().current
        x, _y = picture.points()
        x, y = x[: len(line.values)], picture.up.placed(line.values)
        color = theme.color(line.tone)
        if line.bars:
            self._view.addItem(_Shape(_bars(x, y), fill=color))
            return
        if line.low is not None and line.high is not None:
            low, high = (picture.up.placed(v) for v in (line.low, line.high))
            known = np.isfinite(low) & np.isfinite(high)
            around = np.concatenate([x[known], x[known][::-1]])
            edges = np.concatenate([high[known], low[known][::-1]])
            self._view.addItem(_Shape(pg.arrayToQPath(around, edges), fill=_washed(color, 46)))
        width = 1.3 if line.thin else 2.0 if len(x) < 2000 else 1.0
        path = pg.arrayToQPath(x, y, connect="finite")
        self._view.addItem(_Shape(path, pen=QPen(color, width)))

    def _add_dots(self, picture: Scatter) -> None:
        theme = theme_hub().current
        if picture.diagonal:
            pen = _line_pen(theme.color("border_strong"), 1.0)
            self._view.addItem(pg.InfiniteLine(QPointF(0, 0), angle=45, pen=pen))
        known = np.isfinite(self._x) & np.isfinite(self._y)
        brush = _washed(theme.color("accent"), 150 if known.sum() <= 1000 else 70)
        dots = _Dots(self._x[known], self._y[known], size=self._size(), pen=None, brush=brush)
        self._view.addItem(dots)

    def _size(self) -> float:
        count = len(self._x)
        return 8.0 if count <= 500 else 5.0 if count <= 3000 else 3.2

    def _add_mark(self, mark: Mark) -> None:
        theme, upright = theme_hub().current, mark.axis == "across"
        scale = self._picture.across if upright and self._picture else self._up()
        pen = _line_pen(theme.color(mark.tone), 1.0 if mark.dashed else 1.5)
        if mark.dashed:
            pen.setDashPattern([4, 4])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        at = float(scale.placed(np.array([mark.value]))[0])
        line = pg.InfiniteLine(at, angle=90 if upright else 0, pen=pen)
        self._view.addItem(line)
        self._marks.append(line)
        if mark.text:
            # Braces in it would be read as a format.
            words = mark.text.replace("{", "{{").replace("}", "}}")
            anchors, color = [(1, 0), (1, 1)], theme.color("text_muted")
            label = pg.InfLineLabel(line, words, position=0.99, anchors=anchors, color=color)
            label.setFont(ui_font(11, "medium"))

    def _add_regions(self, regions: tuple[Region, ...]) -> None:
        """Lay grounds beneath everything, with their names above the plot."""
        theme, pen = theme_hub().current, QPen(Qt.PenStyle.NoPen)
        (_left, _right), (low, high) = self._whole
        for region in regions:
            path = QPainterPath()
            path.addRect(QRectF(region.start, low, region.end - region.start, high - low))
            ground = _Shape(path, fill=theme.color(region.tone))
            ground.setZValue(-20)
            self._view.addItem(ground)
        names = [((region.start + region.end) / 2, region.text) for region in regions]
        above = self._axes["top"]
        above.setStyle(tickLength=0, tickAlpha=0, tickFont=ui_font(11, "medium"), tickTextOffset=2)
        above.setPen(pen)
        above.setTextPen(theme.color("text_muted"))
        above.setTicks([names])
        above.reserve(STRIP if any(name for _middle, name in names) else 0)

    def _up(self) -> Scale:
        return self._picture.up if self._picture is not None else Scale()


def _bars(x: np.ndarray, y: np.ndarray) -> QPainterPath:
    """Return bars from 0 to the values."""
    wide = 0.8 * float(np.diff(x).min()) if len(x) > 1 else 0.8
    path = QPainterPath()
    for left, height in zip((x - wide / 2).tolist(), np.nan_to_num(y).tolist(), strict=True):
        path.addRect(QRectF(left, 0.0, wide, height).normalized())
    return path


def _line_pen(color: QColor, width: float) -> QPen:
    """Return a pen whose width is in pixels, whatever the zoom."""
    pen = QPen(color, width)
    pen.setCosmetic(True)
    return pen


def _washed(color: QColor, alpha: int) -> QColor:
    made = QColor(color)
    made.setAlpha(alpha)
    return made
