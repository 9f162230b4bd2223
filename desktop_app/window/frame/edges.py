"""Panels that are folded away to the window's edge: a strip names them and brings them back."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QSizePolicy,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.icons import icon
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.theme import set_role, theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.window.frame.layout import title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from PySide6.QtGui import QPaintEvent

_Docks, _Bars = Qt.DockWidgetArea, Qt.ToolBarArea
LEFT, BOTTOM, RIGHT = "left", "bottom", "right"
_AREAS = {
    LEFT: (_Docks.LeftDockWidgetArea, _Bars.LeftToolBarArea),
    BOTTOM: (_Docks.BottomDockWidgetArea, _Bars.BottomToolBarArea),
    RIGHT: (_Docks.RightDockWidgetArea, _Bars.RightToolBarArea),
}
KEYS = {LEFT: "F7", BOTTOM: "F8", RIGHT: "F9"}
USUAL = {LEFT: ("prompts", "results"), BOTTOM: ("log",), RIGHT: ("inspector",)}
"""What a side shows where everything on it was closed."""
_INWARDS = {LEFT: "chevron-right", BOTTOM: "chevron-up", RIGHT: "chevron-left"}
_OUTWARDS = {LEFT: "chevron-left", BOTTOM: "chevron-down", RIGHT: "chevron-right"}
THICK = 28
_SIGN = 12
_PAD = 10


class EdgeButton(QAbstractButton):
    """The name of a panel on the strip, along the edge; a click brings the panel back."""

    def __init__(self, side: str, title: str) -> None:
        super().__init__()
        self._side = side
        self.setText(title)
        self.setAccessibleName(f"Show {title}")
        self.setToolTip(plain_tip(f"Show {title} ({KEYS[side]} shows all panels of this side)"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        # Of the font that is drawn with: the style sheet may give the button another.
        words = QFontMetrics(ui_font(12, "medium")).horizontalAdvance(self.text())
        size = QSize(words + _SIGN + 3 * _PAD, THICK)
        return size if self._side == BOTTOM else size.transposed()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = theme_hub().current
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse() or self.hasFocus() or self.isDown():
            painter.setPen(QPen(theme.color("accent")) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("pressed" if self.isDown() else "hover"))
            painter.drawRoundedRect(self.rect().adjusted(2, 2, -2, -2), 6, 6)
        long = self.height() if self._side != BOTTOM else self.width()
        # The name is read upwards at the left and downwards at the right; the arrow points inwards.
        if self._side == LEFT:
            painter.translate(0, self.height())
            painter.rotate(-90)
        elif self._side == RIGHT:
            painter.translate(self.width(), 0)
            painter.rotate(90)
        painter.setFont(ui_font(12, "medium"))
        painter.setPen(theme.color("text" if self.underMouse() else "text_muted"))
        words = QRect(2 * _PAD + _SIGN, 0, long - 3 * _PAD - _SIGN + 2, THICK)
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip
        painter.drawText(words, middle, self.text())
        box = QRect(_PAD, (THICK - _SIGN) // 2, _SIGN, _SIGN)
        painter.translate(QPoint(box.center()))
        painter.rotate({LEFT: 90, RIGHT: -90}.get(self._side, 0))
        painter.translate(-QPoint(box.center()))
        icon(_INWARDS[self._side], "text_muted").paint(painter, box)


class _Strip(QToolBar):
    """What is folded away at one side."""

    def __init__(self, side: str, window: QMainWindow) -> None:
        super().__init__(f"Panels folded away ({side})", window)
        self._side = side
        self._buttons: list[EdgeButton] = []
        self.setObjectName(f"edge_{side}")
        self.setAccessibleName(self.windowTitle())
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        set_role(self, f"edge_{side}")
        inside = QWidget()
        line = QHBoxLayout(inside) if side == BOTTOM else QVBoxLayout(inside)
        self._line = filled(line, None, spacing=2)
        self.addWidget(inside)
        if (laid := self.layout()) is not None:
            laid.setContentsMargins(0, 0, 0, 0)  # the style's own would double its thickness
            laid.setSpacing(0)
        window.addToolBar(_AREAS[side][1], self)

    def show_names(self, names: Iterable[tuple[str, str]], wanted: Callable[[str], None]) -> None:
        """Have a button for each panel, given by its name in the code and its title."""
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons = []
        for place, (key, title) in enumerate(names):
            button = EdgeButton(self._side, title)
            button.clicked.connect(partial(wanted, key))
            self._line.insertWidget(place, button)
            self._buttons.append(button)
        self.setVisible(bool(self._buttons))


class Edges(QObject):
    """Folds panels away to the edge of their side, and brings them back as they were.

    Signals:
        changed: Other panels are folded away than before.
    """

    changed = Signal()

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
        super().__init__(window)
        self._window = window
        self._docks = docks
        self._away: set[str] = set()
        self._rests = False
        self._drawn: list[tuple[str, str, str]] | None = None
        self._strips = {side: _Strip(side, window) for side in _AREAS}
        for key, dock in docks.items():
            dock.visibilityChanged.connect(self._on_shown)
            dock.windowTitleChanged.connect(self._draw)
            dock.dockLocationChanged.connect(self._draw)
            title_of(dock).fold.clicked.connect(partial(self.fold, key))
        self._draw()

    def folded(self) -> tuple[str, ...]:
        """Return the panels that are folded away, in the order of the docks."""
        return tuple(key for key in self._docks if key in self._away)

    def side_of(self, key: str) -> str:
        """Return the side at which a panel stands, shown or not."""
        area = self._window.dockWidgetArea(self._docks[key])
        return next((side for side, areas in _AREAS.items() if areas[0] == area), LEFT)

    def shown_at(self, side: str) -> list[str]:
        """Return the panels that are shown at a side, those behind a tab among them."""
        return [
            key
            for key, dock in self._docks.items()
            if not (dock.isHidden() or dock.isFloating()) and self.side_of(key) == side
        ]

    def thickness(self, side: str) -> int:
        """Return how much of the window the strip of a side takes."""
        return 0 if self._strips[side].isHidden() else THICK

    def fold(self, *keys: str) -> None:
        """Fold panels away to their edge."""
        for key in keys:
            self._docks[key].hide()
        self._away |= set(keys)  # after all are hidden: one that is shown is not folded away
        self._draw()

    def unfold(self, *keys: str) -> None:
        """Bring panels back."""
        self._away -= set(keys)
        for key in keys:
            self._docks[key].show()
            self._docks[key].raise_()
        self._draw()

    def set_folded(self, keys: Iterable[str]) -> None:
        """Have exactly these folded away, of those that are not shown."""
        self._away = {key for key in keys if key in self._docks and self._docks[key].isHidden()}
        self._draw()

    def toggle(self, side: str) -> None:
        """Fold a side away; where nothing of it is shown, bring it back, or what is usual there."""
        shown = self.shown_at(side)
        if shown:
            self.fold(*shown)
            return
        away = [key for key in self.folded() if self.side_of(key) == side]
        self.unfold(*(away or (key for key in USUAL[side] if key in self._docks)))

    @contextlib.contextmanager
    def at_rest(self) -> Iterator[None]:
        """Take note of nothing while all panels are put to other places."""
        self._rests = True
        try:
            yield
        finally:
            self._rests = False

    def put_back(self) -> None:
        """Have a strip at every side, also after a state was restored that knows of none."""
        for side, strip in self._strips.items():
            self._window.addToolBar(_AREAS[side][1], strip)
        self._drawn = None
        self._draw()

    def hide_strips(self) -> None:
        """Take the strips out of sight until `put_back`."""
        for strip in self._strips.values():
            strip.hide()

    def _on_shown(self) -> None:
        # Shown by any other way: then it is not folded away any longer.
        if any(not self._docks[key].isHidden() for key in self._away):
            self._draw()

    def _draw(self) -> None:
        """Name on each strip what is folded away there."""
        if self._rests:
            return
        self._away = {key for key in self._away if self._docks[key].isHidden()}
        for key, dock in self._docks.items():
            title_of(dock).set_fold_sign(_OUTWARDS[self.side_of(key)])
        wanted = [(self.side_of(key), key, self._docks[key].windowTitle()) for key in self.folded()]
        if wanted == self._drawn:
            return
        self._drawn = wanted
        for side, strip in self._strips.items():
            strip.show_names([row[1:] for row in wanted if row[0] == side], self.unfold)
        self.changed.emit()
