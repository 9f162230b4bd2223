"""A plot: curves, bars or dots with axes, a read-out by pointer and keys, pan and zoom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from desktop_app.support.guard import override
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent

    from desktop_app.widgets.plots.canvas import Canvas, Picture

_STRIP = 58
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_Up: 1}
_ZOOMS = {Qt.Key.Key_Plus: 0.8, Qt.Key.Key_Equal: 0.8, Qt.Key.Key_Minus: 1.25}


class Plot(QWidget):
    """Curves or a scatter in the theme's colours.

    The wheel zooms, dragging pans, a double click, Escape or the button shows all; arrow keys move
    the read-out, Enter chooses. pyqtgraph is imported with the first picture.

    Signals:
        point_hovered: The number of the point that is read out; −1 when none is.
        point_clicked: The number of the point that was clicked, or chosen by Enter.
    """

    point_hovered = Signal(int)
    point_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None, *, compact: bool = False) -> None:
        """Make an empty plot; a compact one is a strip of one axis that stays as it is."""
        super().__init__(parent)
        self._compact = compact
        self._canvas: Canvas | None = None
        self._picture: Picture | None = None
        self._hovered = self._selected = -1
        self._pressed: QPointF | None = None
        self._reset = icon_button("reset", "Show all (Esc)", "text_muted", words="Show all")
        self._reset.setParent(self)
        self._reset.setFixedSize(24, 24)
        self._reset.setVisible(False)
        self._reset.clicked.connect(self.reset_view)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        upright = QSizePolicy.Policy.Fixed if compact else QSizePolicy.Policy.Expanding
        self.setSizePolicy(QSizePolicy.Policy.Expanding, upright)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Plot")
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def show_picture(self, picture: Picture) -> None:
        """Draw a picture; one over the same axes keeps what was zoomed."""
        canvas = self._ensure_canvas()
        before, self._picture = self._picture, picture
        axes = None if before is None else (type(before), before.across, before.up)
        self._hovered = self._selected = -1
        same = axes == (type(picture), picture.across, picture.up)
        canvas.draw(picture, keep_view=same)
        canvas.fit()
        self.setAccessibleDescription(picture.summary())
        self._on_range_changed()

    def picture(self) -> Picture | None:
        """Return what is drawn."""
        return self._picture

    def set_selected(self, index: int | None) -> None:
        """Mark a point without a signal."""
        self._selected = -1 if index is None else index
        self._mark()

    def selected(self) -> int:
        """Return the marked point, or −1."""
        return self._selected

    def hovered(self) -> int:
        """Return the point that is read out, or −1."""
        return self._hovered

    def point(self, index: int) -> QPointF | None:
        """Return where a point stands on this widget, None where it has no value."""
        return None if self._canvas is None else self._canvas.point(index)

    def reset_view(self) -> None:
        """Show all."""
        if self._canvas is not None:
            self._canvas.show_all()

    def is_zoomed(self) -> bool:
        """Return whether only a part is seen."""
        return self._canvas is not None and self._canvas.is_zoomed()

    @override
    def sizeHint(self) -> QSize:
        return QSize(220, _STRIP) if self._compact else QSize(480, 260)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(140, _STRIP) if self._compact else QSize(220, 140)

    # Answering.

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if isinstance(event, QMouseEvent):
            self._on_mouse(event)
            # Zooming by double click is ours: it shows all.
            return kind == QEvent.Type.MouseButtonDblClick
        if kind == QEvent.Type.Resize and self._canvas is not None:
            self._canvas.fit()
        if isinstance(event, QHelpEvent):
            return True
        return super().eventFilter(watched, event)

    def _on_mouse(self, event: QMouseEvent) -> None:
        kind, place = event.type(), event.position()
        if kind == QEvent.Type.MouseMove and not event.buttons():
            self._read_out(self._index_at(place))
        elif kind == QEvent.Type.MouseButtonPress:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._pressed = place
        elif kind == QEvent.Type.MouseButtonDblClick:
            self._pressed = None
            self.reset_view()
        elif kind == QEvent.Type.MouseButtonRelease and self._pressed is not None:
            moved = (place - self._pressed).manhattanLength()
            self._pressed = None
            if moved < QApplication.startDragDistance():
                self._choose(self._index_at(place))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self._canvas is None or not self._move(key):
            super().keyPressEvent(event)

    def _move(self, key: Qt.Key) -> bool:
        """Answer a key; return whether it means something here."""
        if key in _STEPS or key in {Qt.Key.Key_Home, Qt.Key.Key_End}:
            self._step(key)
        elif key in _ZOOMS and self._canvas is not None and not self._compact:
            self._canvas.zoom(_ZOOMS[key])
        elif key == Qt.Key.Key_Escape and self.is_zoomed():
            self.reset_view()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._hovered >= 0:
            self._choose(self._hovered)
        else:
            return False
        return True

    def _step(self, key: Qt.Key) -> None:
        """Read out the next point along the axis across."""
        if self._picture is None:
            return
        x, y = self._picture.points()
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        order = known[np.argsort(x[known], kind="stable")].tolist()
        if not order:
            return
        start = self._hovered if self._hovered >= 0 else self._selected
        if key in _STEPS and start in order:
            at = min(max(order.index(start) + _STEPS[key], 0), len(order) - 1)
        else:
            at = -1 if key == Qt.Key.Key_End else 0
        self._read_out(order[at])

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._read_out(-1)
        super().leaveEvent(event)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._read_out(-1)
        super().focusOutEvent(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._reset.move(self.width() - self._reset.width() - 2, 0)

    # Within.

    def _ensure_canvas(self) -> Canvas:
        if self._canvas is None:
            from desktop_app.widgets.plots.canvas import Canvas  # noqa: PLC0415 - pyqtgraph

            self._canvas = Canvas(self, compact=self._compact)
            self._column.addWidget(self._canvas.widget)
            # Now, not with the next events: a picture may be exported before them.
            self._canvas.widget.show()
            self._column.activate()
            self._canvas.widget.viewport().installEventFilter(self)
            self._canvas.ranges_changed().connect(self._on_range_changed)
            self._reset.raise_()
        return self._canvas

    def _index_at(self, place: QPointF) -> int:
        return -1 if self._canvas is None else self._canvas.index_at(place)

    def _choose(self, index: int) -> None:
        if index >= 0:
            self.set_selected(index)
            self.point_clicked.emit(index)

    def _read_out(self, index: int) -> None:
        """Tell a point: beside it, to the screen reader and by signal."""
        if index == self._hovered or self._picture is None:
            return
        self._hovered = index
        self._mark()
        place, told = self.point(index), ""
        if index >= 0 and place is not None:
            told = self._picture.text(index)
        self.setAccessibleDescription(told or self._picture.summary())
        if told and place is not None:
            QToolTip.showText(self.mapToGlobal(place.toPoint()), plain_tip(told), self)
        else:
            QToolTip.hideText()
        self.point_hovered.emit(index)

    def _mark(self) -> None:
        if self._canvas is not None:
            self._canvas.mark(self._hovered, self._selected)

    @Slot()
    def _on_range_changed(self, *_ranges: object) -> None:
        self._reset.setVisible(self.is_zoomed() and not self._compact)

    @Slot(object)
    def _on_theme_changed(self, _theme: object) -> None:
        if self._canvas is not None and self._picture is not None:
            self._canvas.draw(self._picture, keep_view=True)
            self._mark()
