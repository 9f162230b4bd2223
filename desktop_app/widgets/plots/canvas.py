"""What pyqtgraph draws of a plot. Importing this imports pyqtgraph: only `plot` does, when needed.

pyqtgraph has no types; nothing of it is named outside this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainterPath, QPen

from desktop_app.pictures.curves import Curves, Mark, Region, Scale, Scatter
from desktop_app.support.guard import guard_package
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.plots.axis import PlotAxis
from desktop_app.widgets.plots.shapes import Dots, Shape, line_items, line_pen, trace_item
from desktop_app.widgets.plots.tones import tone_colour, washed

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

Picture = Curves | Scatter

LEFT, BOTTOM, TOP, RIGHT, STRIP = 58, 34, 12, 14, 18
_REACH = 10.0
_MARK = 5.0

# How many dots a name may lie over, and what it keeps free beside its dot: a chosen one is larger.
_MOST_HIDDEN, _GAP = 1, 5.0

pg.setConfigOptions(antialias=True, imageAxisOrder="row-major")
guard_package("pyqtgraph")


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
        self._axes = {side: PlotAxis(side) for side in ("left", "bottom", "top")}
        self._room = self.widget.centralLayout
        self._room.setContentsMargins(0, 0 if compact else TOP, RIGHT, 0)
        self._room.setSpacing(0)
        places = {"left": (1, 0), "bottom": (2, 1), "top": (0, 1)}
        self._room.addItem(self._view, 1, 1)
        for side, axis in self._axes.items():
            self._room.addItem(axis, *places[side])
            axis.linkToView(self._view)
            axis.setZValue(-1000)  # the grid belongs to it, and lies beneath what is drawn
        self._hover, self._chosen = Dots(), Dots()
        self._cross = pg.InfiniteLine(angle=90)
        self._marks: list[Any] = []
        self._names: list[Any] = []
        self._view.sigRangeChanged.connect(self._on_range_changed)
        self._view.sigResized.connect(self._on_resized)

    def draw(self, picture: Picture, *, keep_view: bool) -> None:
        """Draw a picture; `keep_view` leaves what was zoomed as it is."""
        kept = self._view.viewRange() if keep_view and self.is_zoomed() else None
        self._picture = picture
        self._x, self._y = picture.points()
        self._whole = picture.reach()
        self._view.clear()
        self._marks, self._names = [], []
        self._take_axes(picture)
        self._add_regions(picture.regions)
        for mark in picture.marks:
            self._add_mark(mark)
        if isinstance(picture, Curves):
            if any(line.bars for line in picture.lines):
                ink = theme_hub().current.color("border_strong")
                self._view.addItem(pg.InfiniteLine(0.0, angle=0, pen=line_pen(ink, 1.0)))
            for line in sorted(picture.lines, key=lambda line: not line.thin):
                for item in line_items(line, picture):
                    self._view.addItem(item)
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
        self._place_names()

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
        self._place_names()

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
        if isinstance(self._picture, Curves):  # its places are read off: a ball would hide a bar
            edge = _MARK
        for item, index, tone in ((self._chosen, chosen, "mark"), (self._hover, hovered, "accent")):
            known = self.point(index) is not None
            item.setVisible(known)
            if known:
                pen = line_pen(theme.color("panel"), 1.5)
                at = {"x": self._x[index : index + 1], "y": self._y[index : index + 1]}
                item.setData(**at, size=2 * edge, pen=pen, brush=theme.color(tone))
        curves = isinstance(self._picture, Curves) and self.point(hovered) is not None
        self._cross.setVisible(curves)
        if curves:
            self._cross.setValue(float(self._x[hovered]))
            self._cross.setPen(line_pen(theme.color("border_strong"), 1.0))

    # Drawing.

    def _on_range_changed(self, _view: object, ranges: Any) -> None:
        """Hide the marks that are out of sight: files that cannot clip would show them."""
        for line in self._marks:
            low, high = ranges[0 if line.angle else 1]
            line.setVisible(bool(low <= line.value() <= high))
        self._place_names()

    def _on_resized(self, _view: object) -> None:
        self._place_names()

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

    def _add_dots(self, picture: Scatter) -> None:
        theme = theme_hub().current
        if picture.diagonal:
            pen = line_pen(theme.color("border_strong"), 1.0)
            self._view.addItem(pg.InfiniteLine(QPointF(0, 0), angle=45, pen=pen))
        for trace in picture.traces:
            x, y = picture.across.placed(trace.x), picture.up.placed(trace.y)
            self._view.addItem(trace_item(trace, x, y))
        known = np.isfinite(self._x) & np.isfinite(self._y)
        alpha, size = 150 if known.sum() <= 1000 else 70, self._size()
        told = np.array(picture.tones or ("accent",) * len(known))
        for tone in dict.fromkeys(picture.tones or ("accent",)):
            shown = known & (told == tone)
            brush = washed(tone_colour(tone), alpha)
            x, y = self._x[shown], self._y[shown]
            self._view.addItem(Dots(x, y, size=size, pen=None, brush=brush))
        for index, name in picture.names:
            self._add_name(index, name)

    def _add_name(self, index: int, name: str) -> None:
        """Write a name to be placed beside its dot."""
        if self.point(index) is None:
            return
        ink = theme_hub().current.color("text")
        label = pg.TextItem(name, color=ink)
        label.setFont(ui_font(11, "medium"))
        label.textItem.document().setDocumentMargin(0)
        label.setPos(float(self._x[index]), float(self._y[index]))
        self._view.addItem(label)
        self._names.append(label)

    def _place_names(self) -> None:
        """Put each name beside its dot where it hides least, the first ones first.

        A name that would lie over one before it, or over several dots, is left out: one could not
        tell whose it is.
        """
        if not self._names:
            return
        area = self.area()
        taken: list[QRectF] = []
        known = np.isfinite(self._x) & np.isfinite(self._y)
        (left, right), (low, high) = self._view.viewRange()
        x, y = (self._x[known] - left) / (right - left), (self._y[known] - low) / (high - low)
        dots = np.stack([area.left() + x * area.width(), area.bottom() - y * area.height()], 1)
        for label in self._names:
            at = self.place(label.pos().x(), label.pos().y())
            size = label.textItem.boundingRect().size()
            found = [
                (_hidden(dots, room), number, room, anchor)
                for number, (room, anchor) in enumerate(_rooms(at, size, self._size()))
                if area.contains(room) and not any(room.intersects(other) for other in taken)
            ]
            best = min(found, key=lambda one: one[:2]) if area.contains(at) and found else None
            shown = best is not None and (best[0] <= _MOST_HIDDEN or not taken)
            label.setVisible(shown)
            if best is not None and shown:
                taken.append(best[2])
                label.setAnchor(best[3])

    def _size(self) -> float:
        count = len(self._x)
        return 8.0 if count <= 500 else 5.0 if count <= 3000 else 3.2

    def _add_mark(self, mark: Mark) -> None:
        theme, upright = theme_hub().current, mark.axis == "across"
        scale = self._picture.across if upright and self._picture else self._up()
        pen = line_pen(tone_colour(mark.tone), 1.0 if mark.dashed else 1.5)
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
            side, place = (0, 0.01) if mark.at_start else (1, 0.99)
            anchors, color = [(side, 0), (side, 1)], theme.color("text_muted")
            label = pg.InfLineLabel(line, words, position=place, anchors=anchors, color=color)
            label.setFont(ui_font(11, "medium"))

    def _add_regions(self, regions: tuple[Region, ...]) -> None:
        """Lay grounds beneath everything, with their names above the plot."""
        theme, pen = theme_hub().current, QPen(Qt.PenStyle.NoPen)
        (_left, _right), (low, high) = self._whole
        for region in regions:
            path = QPainterPath()
            path.addRect(QRectF(region.start, low, region.end - region.start, high - low))
            ground = Shape(path, fill=tone_colour(region.tone))
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


def _rooms(at: QPointF, size: QSizeF, dot: float) -> list[tuple[QRectF, tuple[float, float]]]:
    """Return where a name may stand about its dot, in pixels, and the anchor that puts it there.

    An anchor is the point of the name, in shares of its size, that lies on the dot.
    """
    wide, high = size.width(), size.height()
    away = dot / 2 + _GAP
    right, left = (away, -high / 2), (-wide - away, -high / 2)
    above, below = (-wide / 2, -high - away), (-wide / 2, away)
    return [
        (QRectF(at.x() + x, at.y() + y, wide, high), (-x / wide, -y / high))
        for x, y in (right, left, above, below)
    ]


def _hidden(dots: np.ndarray, room: QRectF) -> int:
    """Return over how many dots `[dots, 2]` a name in this room would lie."""
    x, y = dots[:, 0], dots[:, 1]
    inside = (x > room.left()) & (x < room.right()) & (y > room.top()) & (y < room.bottom())
    return int(inside.sum())
