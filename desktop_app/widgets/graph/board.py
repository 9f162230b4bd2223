"""The circuit board: nodes in their layers, edges between them, by pointer and by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QPaintEngine, QPainter, QPixmap
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.support.guard import override
from desktop_app.widgets.basics.menus import new_menu, open_menu
from desktop_app.widgets.basics.theme import colour, theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.graph import paint
from desktop_app.widgets.graph.geometry import LABEL_HEIGHT
from desktop_app.widgets.graph.scene import OVER, Scene
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame
from desktop_app.widgets.matrix.zooming import Zooming

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from PySide6.QtGui import (
        QFocusEvent,
        QKeyEvent,
        QMouseEvent,
        QPaintEvent,
        QResizeEvent,
        QWheelEvent,
    )

    from desktop_app.pictures.graph import BoardPicture
    from desktop_app.pictures.graph_nodes import Node
    from desktop_app.widgets.basics.theme import Theme
    from desktop_app.widgets.graph.scene import Thing

_BEHIND, _LESS = 0.25, 0.45  # edges beside what is pointed at, or what is chosen
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_STEPS = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}
_TOGGLES = {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}
_ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}


class GraphBoard(QWidget):
    """A drawn graph: layers upward, width is effect, colour is sign.

    Ctrl with the wheel zooms, dragging moves, `0` shows all. A click chooses a node or an edge;
    arrow keys go from node to node, Page Down and Page Up through the edges of the chosen one,
    Delete takes out or puts back, Enter opens.

    Signals:
        node_chosen: The number of a node; None where nothing is chosen any more.
        edge_chosen: The number of an edge of the model; None likewise.
        node_activated: The number of a node that was double-clicked, or Enter was pressed on.
        node_picked: The number of a node that was clicked with Shift.
        toggled: The numbers of edges that are to be taken out or put back, as an array.
        expand_asked: The number of a node whose other edges are wanted.
        unpin_asked: The number of a node that is to leave the board.
        told: What is said of what is under the pointer, or chosen; empty where that is nothing.
    """

    node_chosen = Signal(object)
    edge_chosen = Signal(object)
    node_activated = Signal(int)
    node_picked = Signal(int)
    toggled = Signal(object)
    expand_asked = Signal(int)
    unpin_asked = Signal(int)
    told = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.frame = MatrixFrame()
        self.zooming = Zooming(self, self.frame)
        self.zooming.moved.connect(self._on_moved)
        self._legend: tuple[tuple[str, str], ...] = ()
        self._tell_edge: Callable[[int], str] = lambda _edge: ""
        self._tell_node: Callable[[Node], str] = lambda node: node.name
        self._scene = Scene(self.frame)
        self._node: int | None = None
        self._edge: int | None = None
        self._over: tuple[str, int] | None = None
        self._kept: QPixmap | None = None
        self._inked: Theme | None = None
        self._pressed = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Circuit board")
        theme_hub().theme_changed.connect(self._on_theme_changed)

    # What is shown.

    def set_words(self, edge: Callable[[int], str], node: Callable[[Node], str]) -> None:
        """Take what is said of an edge, by its number in the model, and of a node."""
        self._tell_edge, self._tell_node = edge, node

    def show_picture(self, picture: BoardPicture, legend: tuple[tuple[str, str], ...] = ()) -> None:
        """Draw a picture; what is in sight and what is chosen stays where it still exists."""
        before, self._legend = self._picture, legend
        self._scene.take(picture)
        columns, rows = (max(int(np.ceil(side)), 1) for side in picture.size)
        if (self.frame.rows, self.frame.cols) != (rows, columns):
            self._take_shape(rows, columns, before)
        self._over = None
        self._arrange()
        self._say()

    def _take_shape(self, rows: int, columns: int, before: BoardPicture) -> None:
        """Take another size; zoomed in, the middle keeps its share of the whole."""
        seen, old = QRectF(self.frame.seen), (self.frame.cols, self.frame.rows)
        zoomed = self.frame.is_zoomed() and bool(before.nodes)
        self.frame.set_shape(rows, columns)
        if zoomed:
            factor = min(old[0] / seen.width(), old[1] / seen.height())
            self.frame.zoom(factor, self.frame.plot.center())
            centre = seen.center()
            self.frame.centre_on(centre.x() / old[0] * columns, centre.y() / old[1] * rows)

    def picture(self) -> BoardPicture:
        """Return what is drawn."""
        return self._picture

    @property
    def _picture(self) -> BoardPicture:
        return self._scene.picture

    def choose(self, node: int | None = None, edge: int | None = None) -> None:
        """Choose a node or an edge by its number, without a signal; one that is not there: none."""
        shown = node is not None and self._picture.place_of(node) is not None
        self._node = node if shown else None
        self._edge = edge if edge is not None and edge in self._picture.edges else None
        self._scene.name(self._node)
        self._say()
        self.update()

    def chosen(self) -> tuple[int | None, int | None]:
        """Return the numbers of the chosen node and of the chosen edge."""
        return self._node, self._edge

    def centre_on(self, node: int) -> bool:
        """Bring a node into the middle, near enough for its name; return whether it is there."""
        place = self._picture.place_of(node)
        if place is None:
            return False
        if not self.frame.is_zoomed():
            pitch = max(self.frame.cell_height(), 1.0)
            factor = max(1.0, 2 * LABEL_HEIGHT / pitch)
            self.frame.zoom(factor, self.frame.plot.center())
        self.frame.centre_on(float(self._picture.x[place]), float(self._picture.y[place]))
        self.choose(node)
        self._on_moved()
        return True

    def node_point(self, node: int) -> QPointF | None:
        """Return where a node lies on this widget; None where it is not drawn."""
        place = self._picture.place_of(node)
        return None if place is None else QPointF(*map(float, self._scene.points[place]))

    def edge_point(self, edge: int, share: float = 0.5) -> QPointF | None:
        """Return a point on an edge; None where it is not drawn."""
        found = np.flatnonzero(self._picture.edges == edge)
        if not found.size:
            return None
        line = self._scene.samples[found[0]]
        return QPointF(*map(float, line[round(share * (len(line) - 1))]))

    def read_out(self) -> dict[str, Any]:
        """Return what is drawn: its nodes, those whose names are written, edges, what is chosen."""
        nodes = self._picture.nodes
        return {
            "nodes": [node.key for node in nodes],
            "named": [nodes[place].key for place in self._scene.named],
            "edges": self._picture.edges.tolist(),
            "node": self._node,
            "edge": self._edge,
            "zoomed": self.frame.is_zoomed(),
            "legend": [words for _drawn, words in self._legend],
        }

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(560, 440)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(220, 200)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._picture.nodes:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self.frame.plot
        paint.paint_bands(painter, self._picture, self.frame)
        paint.paint_columns(painter, self._picture, self.frame)
        painter.save()
        painter.setClipRect(plot.adjusted(-4, -OVER, 6, OVER))
        near_nodes, near_edges = self._near()
        self._paint_all(painter, faint=near_nodes is not None)
        paint.paint_groups(painter, self._picture, self._scene.points)
        paint.paint_edges(painter, self._picture, self._scene.curves, near_edges, strong=True)
        hovered = self._over[1] if self._over and self._over[0] == "node" else None
        chosen = self._place()
        nodes = (self._picture, self._scene.points, self._scene.boxes, self._scene.named)
        paint.paint_nodes(painter, *nodes, paint.Spoken(chosen, hovered, near_nodes))
        painter.restore()
        foot = QRectF(plot.left() - paint.GUTTER + 8, self.height() - self._foot(), 0, 0)
        foot.setBottomRight(QPointF(self.width() - 4.0, float(self.height())))
        paint.paint_legend(painter, foot, self._legend)
        self.zooming.paint_map(painter, None)
        if self.frame.is_zoomed():
            self._paint_map_nodes(painter)

    def _paint_map_nodes(self, painter: QPainter) -> None:
        """Draw the nodes as points into the small map."""
        whole = self.zooming.map_rect()
        if whole.isEmpty():
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("text_muted"))
        across = whole.width() / self.frame.cols
        down = whole.height() / self.frame.rows
        for x, y in zip(self._picture.x, self._picture.y, strict=True):
            painter.drawEllipse(QPointF(whole.left() + x * across, whole.top() + y * down), 1, 1)

    def _paint_all(self, painter: QPainter, *, faint: bool) -> None:
        """Draw all edges; on the screen from a picture of them, which is kept."""
        engine, ratio = painter.paintEngine(), self.devicePixelRatioF()
        on_screen = engine.type() == QPaintEngine.Type.Raster
        every = range(len(self._picture.edges))
        if not on_screen or engine.paintDevice().devicePixelRatioF() != ratio:
            painter.setOpacity(_LESS if faint else 1.0)
            paint.paint_edges(painter, self._picture, self._scene.curves, every)
            painter.setOpacity(1.0)
            return
        theme = theme_hub().current
        if self._kept is None or self._inked is not theme:
            self._inked = theme
            self._kept = QPixmap(self.size() * ratio)
            self._kept.setDevicePixelRatio(ratio)
            self._kept.fill(Qt.GlobalColor.transparent)
            within = QPainter(self._kept)
            within.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint.paint_edges(within, self._picture, self._scene.curves, every)
            within.end()
        painter.setOpacity((_BEHIND if self._over else _LESS) if faint else 1.0)
        painter.drawPixmap(0, 0, self._kept)
        painter.setOpacity(1.0)

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self._words_of(self._at(event.pos().toPointF()))
            QToolTip.showText(event.globalPos(), plain_tip(words), self)
            return True
        if event.type() in {QEvent.Type.NativeGesture, QEvent.Type.Gesture}:
            return self.zooming.gesture(event)
        return super().event(event)

    def _at(self, point: QPointF) -> Thing | None:
        """Return what the pointer is over; the small map covers what is beneath it."""
        return None if self.zooming.map_rect().contains(point) else self._scene.at(point)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.setAccepted(self.zooming.wheel(event))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = not self.zooming.press(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        panned = self.zooming.move(event)
        self._set_over(None if panned else self._at(event.position()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, False
        if self.zooming.release() or not pressed or event.button() != Qt.MouseButton.LeftButton:
            return
        found = self._at(event.position())
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if shift and found is not None and found[0] == "node":
            self.node_picked.emit(self._picture.nodes[found[1]].number)
        else:
            self._choose(found)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        covered = self.zooming.map_rect().contains(event.position())
        if covered or event.button() != Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)  # no more than a second press: it may begin a drag
            return
        found = self._at(event.position())
        if found is not None and found[0] == "node":
            self.node_activated.emit(self._picture.nodes[found[1]].number)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with a node or an edge; whatever holds us may add its own."""
        pointed = event.reason() != QContextMenuEvent.Reason.Keyboard
        if pointed and (found := self._at(QPointF(event.pos()))) is not None:
            self._choose(found)
        if self._node is None and self._edge is None:
            event.ignore()
            return
        menu = new_menu(self)
        menu.addAction(self._toggle_words(), self.toggle_chosen)
        if self._node is not None:
            number = self._node
            menu.addAction("Show its strongest edges", lambda: self.expand_asked.emit(number))
            place = self._picture.place_of(number)
            if place is not None and self._picture.nodes[place].pinned:
                menu.addAction("Take the pin out", lambda: self.unpin_asked.emit(number))
        open_menu(menu, event.globalPos(), "effect")

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._set_over(None)
        super().leaveEvent(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._move(event) and not self.zooming.key(event, self._about()):
            super().keyPressEvent(event)

    def _move(self, event: QKeyEvent) -> bool:
        """Answer a key that goes somewhere or does something; return whether it did."""
        key = Qt.Key(event.key())
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        if key in _ARROWS:
            self._go(*_ARROWS[key])
        elif key in _STEPS:
            self._step(_STEPS[key])
        elif key in _TOGGLES:
            self.toggle_chosen()
        elif key in _ENTER and self._node is not None:
            self.node_activated.emit(self._node)
        elif key == Qt.Key.Key_Insert and self._node is not None:
            self.expand_asked.emit(self._node)
        else:
            return False
        return True

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.zooming.key_released(event):
            super().keyReleaseEvent(event)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.zooming.let_go()
        super().focusOutEvent(event)

    # What is done.

    def toggle_chosen(self) -> None:
        """Ask that the chosen edge, or all drawn edges of the chosen node, change sides."""
        edges = self._chosen_edges()
        if edges.size:
            self.toggled.emit(self._picture.edges[edges])

    def _chosen_edges(self) -> NDArray[np.int64]:
        if self._edge is not None:
            return np.flatnonzero(self._picture.edges == self._edge)
        place = self._place()
        return np.empty(0, dtype=np.int64) if place is None else self._picture.edges_of(place)

    def _toggle_words(self) -> str:
        inside, edges = self._picture.inside, self._chosen_edges()
        what = "this edge" if self._edge is not None else "its edges"
        out = inside is not None and edges.size and not inside[edges].any()
        return f"Put {what} back" if out else f"Take {what} out"

    def _choose(self, found: tuple[str, int] | None) -> None:
        kind, place = found if found is not None else ("", -1)
        node = self._picture.nodes[place].number if kind == "node" else None
        edge = int(self._picture.edges[place]) if kind == "edge" else None
        self.choose(node, edge)
        self.node_chosen.emit(node)
        self.edge_chosen.emit(edge)

    def _place(self) -> int | None:
        """Return the place of the chosen node among those that are drawn."""
        return None if self._node is None else self._picture.place_of(self._node)

    def _go(self, right: int, down: int) -> None:
        """Choose the nearest node in a direction; from none the one that carries most."""
        place = self._scene.beside(self._place(), right, down)
        if place is not None:
            self._choose(("node", place))
            self._reveal()

    def _step(self, by: int) -> None:
        """Choose the next edge of the chosen node, or of all, by strength."""
        edge = self._scene.next_edge(self._place(), self._edge, by)
        if edge is not None:
            self.choose(self._node, edge)
            self.edge_chosen.emit(edge)

    def _reveal(self) -> None:
        place = self._place()
        if place is not None and self.frame.is_zoomed():
            row, column = int(self._picture.y[place]), int(self._picture.x[place])
            self.frame.reveal(min(row, self.frame.rows - 1), min(column, self.frame.cols - 1))
            self._on_moved()

    # Within.

    def _foot(self) -> float:
        return paint.legend_height(self.width() - 12.0, self._legend)

    def _arrange(self) -> None:
        """Compute where all lies."""
        left, top = paint.GUTTER, paint.TOP
        room = QRectF(left, top, self.width() - left - 8, self.height() - top - self._foot() - 2)
        self.frame.set_room(room)
        self._on_moved()

    @Slot()
    def _on_moved(self) -> None:
        self._kept = None
        self._scene.arrange(self._node)
        self.update()

    def _near(self) -> tuple[frozenset[int] | None, tuple[int, ...]]:
        """Return the nodes and edges that stand out: those of what is hovered or chosen."""
        spoken = self._over
        if spoken is None and self._edge is not None:
            found = np.flatnonzero(self._picture.edges == self._edge)
            spoken = ("edge", int(found[0])) if found.size else None
        if spoken is None and self._node is not None:
            place = self._picture.place_of(self._node)
            spoken = None if place is None else ("node", place)
        return self._scene.around(spoken)

    def _set_over(self, over: tuple[str, int] | None) -> None:
        if over != self._over:
            self._over = over
            self._say()
            self.update()

    def _words_of(self, found: tuple[str, int] | None) -> str:
        if found is None:
            return ""
        kind, place = found
        if kind == "edge":
            return self._tell_edge(int(self._picture.edges[place]))
        return self._tell_node(self._picture.nodes[place])

    def _say(self) -> None:
        """Tell what is under the pointer, else what is chosen: in words, for everybody."""
        words = self._words_of(self._over)
        if not words and self._edge is not None:
            words = self._tell_edge(self._edge)
        if not words and self._node is not None:
            place = self._picture.place_of(self._node)
            words = "" if place is None else self._tell_node(self._picture.nodes[place])
        self.setAccessibleDescription(words or self._picture.summary())
        self.told.emit(words)

    def _about(self) -> QPointF:
        point = None if self._node is None else self.node_point(self._node)
        return self.frame.plot.center() if point is None else point

    @Slot(object)
    def _on_theme_changed(self, _theme: object) -> None:
        self._kept = None
        self.update()
