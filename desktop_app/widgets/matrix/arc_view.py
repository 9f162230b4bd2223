"""One attention head as arcs: tokens in a line, and over them who looks at whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QPaintEngine,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.pictures.arcs import Arc, arcs, arcs_of
from desktop_app.pictures.token_text import display_text
from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import colour_at, diverging_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import colour, theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix import matrix_axes
from desktop_app.widgets.matrix.matrix_canvas import FAR
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame
from desktop_app.widgets.matrix.zooming import Zooming

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent

    from desktop_app.pictures.stretch import Stretch
    from desktop_app.widgets.basics.theme import Theme

_EDGE = 10.0
_WORDS = 20.0
# Arcs that are not spoken of, of 1, while others are.
_FAINT = 0.16
_THINNEST, _THICKEST = 0.7, 4.2
_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Home: -FAR,
    Qt.Key.Key_End: FAR,
}


@dataclass(frozen=True)
class _Drawn:
    """An arc on the widget, and how strongly it is drawn, 0..1."""

    arc: Arc
    share: float


class ArcView(QWidget):
    """Arcs from each token to those it looks at; width and ink grow with the weight.

    The strongest few of every token are drawn; those of the token under the pointer, or the chosen
    one, all stand out: where it looks in one ink, who looks at it in another.

    Signals:
        token_hovered: The position under the pointer; −1 when it leaves.
        token_chosen: A position was chosen, by click or arrow keys.
    """

    token_hovered = Signal(int)
    token_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.frame = MatrixFrame()
        self.zooming = Zooming(self, self.frame)
        self.zooming.moved.connect(self._on_moved)
        self._values: NDArray[Any] | None = None
        self._texts: list[str] = []
        self._stretch: Stretch | None = None
        self._each = 3
        self._base: list[_Drawn] = []
        self._spoken: list[_Drawn] = []
        self._kept: QPixmap | None = None
        self._inked: Theme | None = None
        self._hover = self._chosen = -1
        self._pressed = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Arcs between tokens")

    def show_arcs(self, values: NDArray[Any], texts: list[str], stretch: Stretch) -> None:
        """Show a pattern [S, S]; the view and the chosen token stay where the length stays."""
        if len(texts) != self.frame.cols:
            self.frame.set_shape(1, len(texts))
            self._hover = self._chosen = -1
        self._values, self._stretch = values, stretch
        self._texts = [display_text(text) for text in texts]
        self._gather()
        self._arrange()

    def set_each(self, count: int) -> None:
        """Draw so many arcs of every token."""
        self._each = count
        self._gather()

    def set_chosen(self, position: int | None) -> None:
        """Let the arcs of a token stand out, without a signal."""
        self._chosen = -1 if position is None or position >= self.frame.cols else position
        if self._chosen >= 0:
            before = QRectF(self.frame.seen)
            self.frame.reveal(0, self._chosen)
            self._kept = self._kept if self.frame.seen == before else None
        self._speak()

    def chosen(self) -> int | None:
        """Return the chosen position, or None."""
        return self._chosen if self._chosen >= 0 else None

    def read_out(self) -> dict[str, Any]:
        """Return the arcs of all tokens and those that stand out, as (query, key, weight)."""
        told = {"all": self._base, "spoken": self._spoken}
        return {
            name: [(d.arc.query, d.arc.key, d.arc.weight) for d in drawn]
            for name, drawn in told.items()
        }

    def token_center(self, position: int) -> QPointF:
        """Return the middle of a token's label on this widget."""
        return self.frame.cell_rect(0, position).center()

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(560, 360)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(160, 140)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._values is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot, spoken = self.frame.plot, self._spoken_of()
        painter.save()
        painter.setClipRect(QRectF(plot.left(), 0, plot.width(), plot.top() + 1))
        self._paint_all(painter, _FAINT if spoken >= 0 else 1.0)
        for drawn in self._spoken:
            ink = colour("accent" if drawn.arc.query == spoken else "mark")
            self._paint_arc(painter, drawn, ink, 1.0)
        painter.restore()
        self._paint_labels(painter, spoken)

    def _paint_all(self, painter: QPainter, strength: float) -> None:
        """Draw the arcs of all tokens; on the screen from a picture of them, which is kept."""
        engine = painter.paintEngine()
        ratio = self.devicePixelRatioF()
        on_screen = engine.type() == QPaintEngine.Type.Raster
        if not on_screen or engine.paintDevice().devicePixelRatioF() != ratio:
            for drawn in self._base:
                self._paint_arc(painter, drawn, colour("accent"), strength)
            return
        theme = theme_hub().current
        if self._kept is None or self._inked is not theme:
            self._inked = theme
            self._kept = QPixmap(self.size() * ratio)
            self._kept.setDevicePixelRatio(ratio)
            self._kept.fill(Qt.GlobalColor.transparent)
            within = QPainter(self._kept)
            within.setRenderHint(QPainter.RenderHint.Antialiasing)
            for drawn in self._base:
                self._paint_arc(within, drawn, colour("accent"), 1.0)
            within.end()
        painter.setOpacity(strength)
        painter.drawPixmap(0, 0, self._kept)
        painter.setOpacity(1.0)

    def _paint_labels(self, painter: QPainter, spoken: int) -> None:
        plot = self.frame.plot
        marked = [position for position in (self._hover, self._chosen) if position >= 0]
        tokens = [(text, False) for text in self._texts]
        band = (plot.top() + 2, plot.height() - 2)
        matrix_axes.paint_tokens(painter, self.frame, tokens, band, marked)
        if self._chosen >= 0:
            rect = self.frame.cell_rect(0, self._chosen)
            grow = max(0.0, (14 - rect.width()) / 2)
            painter.setPen(QPen(colour("accent"), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(-grow, 1, grow, -1), 3, 3)
        painter.setPen(QPen(colour("border_strong"), 1))
        painter.drawLine(plot.topLeft(), plot.topRight())
        if self.frame.is_zoomed():
            self._paint_extent(painter)
        painter.setFont(ui_font(11))
        left = plot.left()
        words = (
            ((f"{self._name(spoken)} looks at", "accent"), ("is looked at by", "mark"))
            if spoken >= 0
            else (("looks at", "accent"),)
        )
        for text, ink in words:
            width = painter.fontMetrics().horizontalAdvance(text)
            painter.setPen(QPen(colour(ink), 3))
            painter.drawLine(QPointF(left, 10), QPointF(left + 14, 10))
            painter.setPen(colour("text_muted"))
            painter.drawText(QPointF(left + 19, 14), text)
            left += width + 34

    def _paint_extent(self, painter: QPainter) -> None:
        """Draw which part of the text is in sight, as a thin bar along the lower edge."""
        plot, seen, count = self.frame.plot, self.frame.seen, self.frame.cols
        y = self.height() - 3.0
        for low, high, ink in ((0.0, count, "border"), (seen.left(), seen.right(), "accent")):
            painter.setPen(QPen(colour(ink), 3))
            start, end = (plot.left() + at / count * plot.width() for at in (low, high))
            painter.drawLine(QPointF(start, y), QPointF(end, y))

    def _paint_arc(self, painter: QPainter, drawn: _Drawn, ink: QColor, strength: float) -> None:
        path = self._path(drawn.arc)
        if path is None:
            return
        if self._stretch is not None and self._stretch.diverging:
            ink = colour_at(diverging_map(), 0.1 if drawn.arc.weight < 0 else 0.9)
        ink.setAlphaF((0.12 + 0.88 * drawn.share) * strength)
        width = _THINNEST + (_THICKEST - _THINNEST) * drawn.share
        painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    def _path(self, arc: Arc) -> QPainterPath | None:
        """Return the line of an arc; None where it is out of sight."""
        base, plot = self.frame.plot.top(), self.frame.plot
        start, end = (self.frame.cell_rect(0, at).center().x() for at in (arc.query, arc.key))
        if max(start, end) < plot.left() or min(start, end) > plot.right():
            return None
        room = max(base - _WORDS, 20.0)
        if arc.query == arc.key:
            side = min(10.0, max(self.frame.cell_width() * 0.8, 3.0))
            path = QPainterPath()
            path.addEllipse(QPointF(start, base - side / 2), side / 2.4, side / 2)
            return path
        share = min(abs(end - start) / max(plot.width(), 1.0), 1.0)
        height = room * share**0.7 * 4 / 3
        path = QPainterPath(QPointF(start, base))
        path.cubicTo(QPointF(start, base - height), QPointF(end, base - height), QPointF(end, base))
        return path

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            position = self._position_at(event.pos().toPointF())
            text = self.tip(position) if position >= 0 else ""
            QToolTip.showText(event.globalPos(), plain_tip(text), self)
            return True
        if event.type() in {QEvent.Type.NativeGesture, QEvent.Type.Gesture}:
            return self.zooming.gesture(event)
        return super().event(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.setAccepted(self.zooming.wheel(event))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = not self.zooming.press(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        panned = self.zooming.move(event)
        self._set_hover(-1 if panned else self._position_at(event.position()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, False
        if self.zooming.release() or not pressed or event.button() != Qt.MouseButton.LeftButton:
            return
        position = self._position_at(event.position())
        if position >= 0:
            self._choose(position)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(-1)
        super().leaveEvent(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        step, count = _STEPS.get(Qt.Key(event.key())), self.frame.cols
        if step is not None and count:
            start = self._chosen if self._chosen >= 0 else (-1 if step > 0 else count)
            self._choose(min(max(start + step, 0), count - 1))
        elif not self.zooming.key(event, self._about()):
            super().keyPressEvent(event)

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.zooming.key_released(event):
            super().keyReleaseEvent(event)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.zooming.let_go()
        super().focusOutEvent(event)

    def tip(self, position: int) -> str:
        """Return where a token looks most and who looks at it most, in lines."""
        strongest = [d.arc for d in reversed(self._drawn(arcs_of(self._sure(), position)))]
        lines = [f"{self._name(position)} · position {position}"]
        for said, told in (
            ("looks at", [(a.key, a.weight) for a in strongest if a.query == position]),
            ("is looked at by", [(a.query, a.weight) for a in strongest if a.key == position]),
        ):
            some = ", ".join(f"{self._name(at)} {weight:.2f}" for at, weight in told[:3])
            lines.append(f"{said} {some or 'nothing'}".replace("-", "−"))
        return "\n".join(lines)

    # Within.

    def _sure(self) -> NDArray[Any]:
        return np.zeros((0, 0)) if self._values is None else self._values

    def _name(self, position: int) -> str:
        return f"“{self._texts[position]}” ({position})"

    def _about(self) -> QPointF:
        token = self._spoken_of()
        return self.token_center(token) if token >= 0 else self.frame.plot.center()

    def _spoken_of(self) -> int:
        return self._hover if self._hover >= 0 else self._chosen

    def _position_at(self, point: QPointF) -> int:
        """Return the token whose column a point lies in, at any height, or −1."""
        plot = self.frame.plot
        if self._values is None or not plot.left() <= point.x() < plot.right():
            return -1
        return min(int(self.frame.to_cells(point)[0]), self.frame.cols - 1)

    def _choose(self, position: int) -> None:
        self.set_chosen(position)
        self.setAccessibleDescription(self.tip(position))
        self.token_chosen.emit(position)

    def _set_hover(self, position: int) -> None:
        if position != self._hover:
            self._hover = position
            self._speak()
            self.token_hovered.emit(position)

    def _gather(self) -> None:
        self._kept = None
        if self._values is not None:
            self._base = self._drawn(arcs(self._values, self._each))
            self._speak()

    def _speak(self) -> None:
        token = self._spoken_of()
        told = self._values is not None and token >= 0
        self._spoken = self._drawn(arcs_of(self._sure(), token)) if told else []
        self.update()

    def _drawn(self, found: tuple[Arc, ...]) -> list[_Drawn]:
        if self._stretch is None or not found:
            return []
        shares = self._stretch.share(np.array([arc.weight for arc in found]))
        shares = np.abs(2 * shares - 1) if self._stretch.diverging else shares
        pairs = zip(found, shares.tolist(), strict=True)
        return [_Drawn(arc, share) for arc, share in pairs if math.isfinite(share)]

    @Slot()
    def _on_moved(self) -> None:
        self._kept = None
        self.update()

    def _arrange(self) -> None:
        """Give the tokens a line at the lower edge, and the arcs what is above."""
        width = max(self.width() - 2 * _EDGE, 1.0)
        pitch = width / max(1, self.frame.cols)
        height = matrix_axes.tokens_height(self._texts, pitch) + 4
        self.frame.plot = QRectF(_EDGE, self.height() - height - 6, width, height)
        self._kept = None
        self.update()
