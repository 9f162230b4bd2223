"""Continuations one below the other, step above step: tokens in boxes with their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.analyses.steer.said import NAMES, Continuation, Token
from desktop_app.analyses.steer.strip_layout import (
    BOX,
    GUTTER,
    LEAST_WIDTH,
    MARGIN,
    NUMBER,
    TOP,
    StripLayout,
)
from desktop_app.analyses.steer.strip_paint import StripLook, paint_band
from desktop_app.analyses.steer.strip_words import run_tip, token_tip
from desktop_app.analyses.steer.tints import Tint
from desktop_app.pictures.words import plural
from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.painted_area import PaintedArea
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from desktop_app.analyses.steer.said import Partings

Place = tuple[int, int]
_PADDING = 7
_ACROSS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_DOWN = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
_ENDS = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: -1}
_ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2}
_EMPTY = "No text yet."


class StepStrips(PaintedArea):
    """Runs as rows, steps as columns that wrap together, so that what is compared stays aligned.

    Signals:
        token_chosen: (run, step), by click or by the arrow keys.
        token_activated: The same, by a double click, Enter or F2.
        copy_wanted: The run whose text is to be copied, by the keys.
    """

    token_chosen = Signal(str, int)
    token_activated = Signal(str, int)
    copy_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._told: list[Continuation] = []
        self._partings: Partings = {}
        self._tint = Tint("own", (-10.0, 0.0))
        self._chosen: Place | None = None
        self._wanted: tuple[str, int] | None = None
        self._hover: Place | None = None
        self._widths: list[int] = []
        self._known: dict[str, int] = {}
        self._measured: list[Any] = []
        self._layout = StripLayout([], 0, 0)
        self.setAccessibleName("Continuations")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_runs(self, told: Sequence[Continuation], partings: Partings, tint: Tint) -> None:
        """Show these; what was chosen stays chosen where it is still there."""
        self._told, self._partings, self._tint = list(told), dict(partings), tint
        self._hover = None
        # One that is not there yet, of a text that grows anew, is chosen again when it comes.
        self._chosen = None if self._wanted is None else self._find(*self._wanted)
        self._measure()
        self._arrange()
        self._describe()

    def chosen(self) -> tuple[str, int] | None:
        """Return run and step of the outlined token, or None."""
        if self._chosen is None:
            return None
        row, step = self._chosen
        return self._told[row].run, step

    def choose(self, run: str, step: int) -> None:
        """Outline a token without a signal, and bring it into view."""
        self._wanted = run, step
        self._chosen = self._find(run, step)
        if self._chosen is not None:
            self._reveal(self._chosen)
        self._describe()
        self.viewport().update()

    def box(self, run: str, step: int) -> QRect:
        """Return a token's box in viewport coordinates."""
        place = self._find(run, step)
        return QRect() if place is None else self._layout.box(*place).translated(-self._offset())

    def texts(self) -> dict[str, tuple[str, ...]]:
        """Return what the boxes of each run say."""
        return {one.run: tuple(token.label for token in one.tokens) for one in self._told}

    def numbers(self) -> dict[str, tuple[str, ...]]:
        """Return what stands beneath them."""
        return {one.run: tuple(self._tint.text(t) for t in one.tokens) for one in self._told}

    def height_at(self, width: int) -> int:
        """Return how tall all of it is at a width."""
        return StripLayout(self._widths, len(self._told), width).height

    def bands(self) -> int:
        """Return over how many bands the steps flow."""
        return len(self._layout.bands)

    # Qt.

    @override
    def sizeHint(self) -> QSize:
        return QSize(520, max(self._least(), min(self._layout.height, 420)))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(GUTTER + 120, self._least())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        offset = self._offset()
        painter.translate(-offset)
        top, look = offset.y(), self._look()
        for band in self._layout.visible(top, top + self.viewport().height()):
            paint_band(painter, look, band)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().toPoint())
        if place != self._hover:
            self._hover = place
            self.viewport().update()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._hover = None
        self.viewport().update()
        super().leaveEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().toPoint())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self._take(place)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().toPoint())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self._take(place)
            self._activate()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if event.matches(QKeySequence.StandardKey.Copy) and self._chosen is not None:
            self.copy_wanted.emit(self._told[self._chosen[0]].run)
        elif key in _ENTER and self._chosen is not None:
            self._activate()
        elif key in _ACROSS or key in _DOWN or key in _ENDS:
            self._step(key)
        else:
            super().keyPressEvent(event)

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = self._place_at(event.pos())
            text = self._name_tip(event.pos()) if place is None else self._tip(place)
            QToolTip.showText(event.globalPos(), plain_tip(text), self.viewport())
            return True
        return super().viewportEvent(event)

    # Within.

    def _find(self, run: str, step: int) -> Place | None:
        for row, one in enumerate(self._told):
            if one.run == run and 0 <= step < len(one.tokens):
                return row, step
        return None

    def _token(self, place: Place) -> Token:
        return self._told[place[0]].tokens[place[1]]

    def _tip(self, place: Place) -> str:
        one = self._told[place[0]]
        return token_tip(one, place[1], self._partings.get(one.run))

    def _name_tip(self, point: QPoint) -> str:
        """Return what is said of a run where its name stands."""
        at = point + self._offset()
        row = self._layout.row_at(at.y()) if at.x() < GUTTER else None
        return "" if row is None else run_tip(self._told[row])

    def _describe(self) -> None:
        if not self._told:
            told = _EMPTY
        elif self._chosen is None:
            parts = (f"{NAMES[one.run]}: {plural(len(one.tokens), 'token')}" for one in self._told)
            told = "; ".join(parts)
        else:
            told = self._tip(self._chosen)
        self.setAccessibleDescription(told)

    def _take(self, place: Place) -> None:
        self._chosen = place
        self._wanted = self._told[place[0]].run, place[1]
        self._reveal(place)
        self._describe()
        self.viewport().update()
        self.token_chosen.emit(self._told[place[0]].run, place[1])

    def _activate(self) -> None:
        if self._chosen is not None:
            self.token_activated.emit(self._told[self._chosen[0]].run, self._chosen[1])

    def _step(self, key: Qt.Key) -> None:
        rows = [row for row, one in enumerate(self._told) if one.tokens]
        if not rows:
            return
        if self._chosen is None:
            self._take((rows[0], 0))
            return
        row, step = self._chosen
        if key in _DOWN:
            at = rows.index(row) + _DOWN[key]
            row = rows[min(max(at, 0), len(rows) - 1)]
        last = len(self._told[row].tokens) - 1
        step = step + _ACROSS.get(key, 0)
        if key in _ENDS:
            step = last if _ENDS[key] else 0
        self._take((row, min(max(step, 0), last)))

    def _place_at(self, point: QPoint) -> Place | None:
        at = point + self._offset()
        place = self._layout.place_at(at.x(), at.y())
        if place is None or place[1] >= len(self._told[place[0]].tokens):
            return None
        return place

    def _least(self) -> int:
        rows = max(1, len(self._told))
        return StripLayout([LEAST_WIDTH], rows, 0).height

    def _measure(self) -> None:
        """Make every column as wide as its widest label or number; of what grows, the new ones."""
        told = [(one.run, one.tokens) for one in self._told]
        known = self._measured if self._measured[:1] == [self._tint] else [self._tint]
        first = _unchanged(known[1:], told) if len(known) == len(told) + 1 else 0
        self._measured = [self._tint, *told]
        metrics, numbers = QFontMetrics(mono_font(12)), QFontMetrics(ui_font(11))
        longest = max((len(tokens) for _run, tokens in told), default=0)
        widths = self._widths[:first] + [LEAST_WIDTH] * (longest - first)
        for _run, tokens in told:
            for step in range(first, len(tokens)):
                label = tokens[step].label
                if label not in self._known:
                    self._known[label] = metrics.horizontalAdvance(label) + 2 * _PADDING
                under = numbers.horizontalAdvance(self._tint.text(tokens[step])) + 4
                widths[step] = max(widths[step], self._known[label], under)
        self._widths = widths

    def _arrange(self) -> None:
        room = self.viewport().size()
        self._layout = StripLayout(self._widths, len(self._told), room.width())
        down = self.verticalScrollBar()
        down.setRange(0, max(0, self._layout.height - room.height()))
        down.setPageStep(room.height())
        down.setSingleStep(BOX)
        self.updateGeometry()
        self.viewport().update()

    def _reveal(self, place: Place) -> None:
        box, bar = self._layout.box(*place), self.verticalScrollBar()
        room = self.viewport().height()
        if box.top() - TOP < bar.value():
            bar.setValue(box.top() - TOP)
        elif box.bottom() + NUMBER + MARGIN > bar.value() + room:
            bar.setValue(box.bottom() + NUMBER + MARGIN - room)

    def _look(self) -> StripLook:
        return StripLook(
            self._layout, self._told, self._partings, self._tint, self._chosen, self._hover
        )


def _unchanged(before: Sequence[Any], now: Sequence[Any]) -> int:
    """Return how many steps are of the very same tokens in all runs."""
    least = 2**31
    for (old_run, old), (run, tokens) in zip(before, now, strict=True):
        same = 0
        if old_run == run:
            pairs = zip(old, tokens, strict=False)
            same = next(
                (step for step, (one, two) in enumerate(pairs) if one is not two),
                min(len(old), len(tokens)),
            )
        if same < len(old) or same < len(tokens):
            least = min(least, same)
    return 0 if least == 2**31 else least
