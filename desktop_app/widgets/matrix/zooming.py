"""Zoom and pan, as every large picture has them: wheel, pinch, keys, dragging, and a small map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QNativeGestureEvent, QPainter, QPen
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from desktop_app.widgets.basics.theme import colour

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QWheelEvent

    from desktop_app.pictures.matrix import Cell
    from desktop_app.widgets.matrix.matrix_frame import MatrixFrame

_DRAG = 4
_PER_TURN = 1.0015
_STEP = 1.5
# A notch of a wheel turns by 120 and moves by as many pixels.
_NOTCH = 120
_NOTCH_PIXELS = 60
_FIT = {Qt.Key.Key_Escape, Qt.Key.Key_0}
_LARGER = {Qt.Key.Key_Plus, Qt.Key.Key_Equal}
_SMALLER = {Qt.Key.Key_Minus, Qt.Key.Key_Underscore}
# The small map: the share of the room that it takes, within bounds in pixels.
_MAP_SHARE, _MAP_LEAST, _MAP_MOST, _MAP_EDGE = 0.26, 56, 132, 8
_MAP_ROOM = 110
_MAP_THIN = 18.0
MAP_TIP = (
    "All of it; drag the frame to move.\n"
    "Ctrl + wheel, pinch, + and − zoom · the wheel, the middle button or Space + drag move · 0 fits"
)
"""What is said of the small map, and of all that moves what is in sight."""


class Zooming(QObject):
    """What wheel, pinch, keys and dragging do to the part of a picture that is in sight.

    The widget hands its events on; each method returns whether the event is done with.

    Attributes:
        left_pans: Whether the left button pans too; where it picks cells it must not.
        chosen: The cell that the small map must not cover.

    Signals:
        moved: Another part is in sight.
    """

    moved = Signal()

    def __init__(self, widget: QWidget, frame: MatrixFrame) -> None:
        super().__init__(widget)
        self.left_pans = True
        self.chosen: Cell | None = None
        self._widget = widget
        self._frame = frame
        self._pressed: QPointF | None = None
        self._panning = False
        self._held = QRectF()  # the small map, which stays where it is while it is dragged
        self._space = False
        widget.grabGesture(Qt.GestureType.PinchGesture)

    @property
    def panning(self) -> bool:
        """Whether the picture is being dragged, so that a release is no click."""
        return self._panning

    def zoom(self, factor: float, at: QPointF) -> None:
        """Zoom about a point, or the nearest of the plot."""
        plot = self._frame.plot
        x = min(max(at.x(), plot.left()), plot.right())
        y = min(max(at.y(), plot.top()), plot.bottom())
        self._frame.zoom(factor, QPointF(x, y))
        self.moved.emit()

    def fit(self) -> None:
        """Show all."""
        self._frame.reset()
        self.moved.emit()

    def wheel(self, event: QWheelEvent) -> bool:
        """Zoom with Ctrl, else scroll what is larger than its room; the rest is for what holds us.

        With Shift, or where nothing is above or below, up and down are left and right.
        """
        turn, modifiers = event.angleDelta(), event.modifiers()
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self.zoom(_PER_TURN ** (turn.y() or turn.x()), event.position())
            return True
        if not self._frame.is_zoomed():
            return False
        step = event.pixelDelta()
        x, y = (step.x(), step.y()) if not step.isNull() else (turn.x() / 2, turn.y() / 2)
        flat = self._frame.seen.height() >= self._frame.rows
        if (modifiers & Qt.KeyboardModifier.ShiftModifier or flat) and not x:
            x, y = y, 0
        self._frame.pan(x, y)
        self.moved.emit()
        return True

    def gesture(self, event: QEvent) -> bool:
        """Zoom by two fingers, on a touchpad or on the screen."""
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
                return False
            self.zoom(max(1 + event.value(), 0.1), event.position())
            return True
        pinch = (
            event.gesture(Qt.GestureType.PinchGesture) if isinstance(event, QGestureEvent) else None
        )
        if not isinstance(pinch, QPinchGesture):
            return False
        self.zoom(pinch.scaleFactor(), self._widget.mapFromGlobal(pinch.centerPoint()))
        return True

    def press(self, event: QMouseEvent) -> bool:
        """Begin to drag: the frame of the small map, or the picture."""
        button, at = event.button(), event.position()
        self._panning, self._held = False, QRectF()
        if button == Qt.MouseButton.LeftButton and self.map_rect().contains(at):
            self._held = self.map_rect()
            self._go(at)
            return True
        left = button == Qt.MouseButton.LeftButton
        if button == Qt.MouseButton.MiddleButton or (left and (self.left_pans or self._space)):
            self._pressed = at
            self._panning = self._space or not left
        return self._panning

    def move(self, event: QMouseEvent) -> bool:
        """Drag on; a press without a drag stays a click."""
        at = event.position()
        if not self._held.isEmpty():
            self._go(at)
            return True
        if self._pressed is None:
            return False
        step = at - self._pressed
        dragged = self._panning or step.manhattanLength() > _DRAG
        if dragged and self._frame.is_zoomed():
            self._panning = True
            self._pressed = at
            self._frame.pan(step.x(), step.y())
            self.moved.emit()
        return self._panning

    def release(self) -> bool:
        """End a drag; return whether it was one, so that it is no click."""
        was = self._panning or not self._held.isEmpty()
        self._pressed, self._panning, self._held = None, False, QRectF()
        return was

    def key(self, event: QKeyEvent, about: QPointF) -> bool:
        """Zoom about a point by + and −, fit by 0 and Escape, or hold what Space drags."""
        key, held = Qt.Key(event.key()), Qt.KeyboardModifier
        if event.modifiers() & (held.ControlModifier | held.AltModifier | held.MetaModifier):
            return False  # other parts of the window listen for these
        if key in _LARGER or key in _SMALLER:
            self.zoom(_STEP if key in _LARGER else 1 / _STEP, about)
        elif key in _FIT and self._frame.is_zoomed():
            self.fit()
        elif key == Qt.Key.Key_Space:
            self._space = True
            if not event.isAutoRepeat():
                self._widget.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            return False
        return True

    def key_released(self, event: QKeyEvent) -> bool:
        """Let go of what Space drags."""
        if event.key() != Qt.Key.Key_Space or event.isAutoRepeat():
            return False
        self.let_go()
        return True

    def let_go(self) -> None:
        """Forget a key that is held, such as when the keyboard goes elsewhere."""
        if self._space:
            self._space = False
            self._widget.unsetCursor()

    # The small map.

    def map_rect(self) -> QRectF:
        """Return where the small map lies; nothing where all is in sight or there is no room.

        It lies beside the plot where there is room, else in the first corner from the upper right
        that does not cover the chosen cell.
        """
        frame = self._frame
        if not self._held.isEmpty():
            return self._held
        room = frame.room if not frame.room.isEmpty() else frame.plot
        if not frame.is_zoomed() or min(room.width(), room.height()) < _MAP_ROOM:
            return QRectF()
        side = min(max(_MAP_SHARE * min(room.width(), room.height()), _MAP_LEAST), _MAP_MOST)
        shape = (frame.cols, frame.rows) if frame.square else (room.width(), room.height())
        scale = side / max(shape)
        width, height = max(shape[0] * scale, _MAP_THIN), max(shape[1] * scale, _MAP_THIN)
        plot = frame.plot
        if room.right() - plot.right() >= width + 2 * _MAP_EDGE:
            return QRectF(plot.right() + _MAP_EDGE, plot.top(), width, height)
        left, right = plot.left() + _MAP_EDGE, plot.right() - _MAP_EDGE - width
        top, bottom = plot.top() + _MAP_EDGE, plot.bottom() - _MAP_EDGE - height
        corners = ((right, top), (right, bottom), (left, bottom), (left, top))
        covered = QRectF() if self.chosen is None else frame.cell_rect(*self.chosen)
        spots = [QRectF(x, y, width, height) for x, y in corners]
        return next((spot for spot in spots if not spot.intersects(covered)), spots[0])

    def frame_rect(self) -> QRectF:
        """Return where the part in sight lies on the small map."""
        whole, frame = self.map_rect(), self._frame
        if whole.isEmpty():
            return whole
        across, down = whole.width() / frame.cols, whole.height() / frame.rows
        seen = frame.seen
        left, top = whole.left() + seen.left() * across, whole.top() + seen.top() * down
        return QRectF(left, top, seen.width() * across, seen.height() * down)

    def paint_map(self, painter: QPainter, image: QImage | None) -> None:
        """Draw the small map: all of the picture, and a frame around what is in sight."""
        whole = self.map_rect()
        if whole.isEmpty():
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(QPen(colour("border_strong"), 1))
        painter.setBrush(colour("panel"))
        painter.drawRect(whole.adjusted(-3, -3, 3, 3))
        if image is not None:
            painter.drawImage(whole, image)
        # The ink of maps is blue, or blue and orange: a frame of another is found on all of them.
        painter.setBrush(Qt.BrushStyle.NoBrush)
        seen = self.frame_rect()
        seen.adjust(0, 0, max(0.0, 5 - seen.width()), max(0.0, 5 - seen.height()))
        for ink, width in (("panel", 4), ("mark", 2)):
            painter.setPen(QPen(colour(ink), width))
            painter.drawRect(seen)
        painter.restore()

    def _go(self, at: QPointF) -> None:
        """Bring the place under the pointer of the small map into the middle."""
        whole, frame = self.map_rect(), self._frame
        if whole.isEmpty():
            return
        x = (at.x() - whole.left()) / whole.width() * frame.cols
        y = (at.y() - whole.top()) / whole.height() * frame.rows
        frame.centre_on(x, y)
        self.moved.emit()
