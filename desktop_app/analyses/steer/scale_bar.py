"""What the colours of tokens mean, in one line beneath them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.steer.strip_paint import paint_wedge
from desktop_app.analyses.steer.tints import MEANINGS, SHORT, Tint
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import colour_at, diverging_map, sequential_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import colour
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_BAR, _HEIGHT, _GAP = 80, 18, 6
_PARTS = "parts from plain"


class ScaleBar(QWidget):
    """A slim level scale between its ends, and the name of the number."""

    def __init__(self) -> None:
        super().__init__()
        self._tint, self._parts = Tint("own", (-10.0, 0.0)), False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_tint(self._tint)

    def show_tint(self, tint: Tint, *, parts: bool = False) -> None:
        """Show the scale of a number, and what marks the token where texts part."""
        self._tint, self._parts = tint, parts
        self.setAccessibleName(self.words())
        self.setToolTip(plain_tip(MEANINGS[tint.name].capitalize()))
        self.update()

    def show_like(self, other: ScaleBar) -> None:
        """Show what another one shows."""
        self.show_tint(other._tint, parts=other._parts)

    def words(self) -> str:
        """Return what it says."""
        left, right = self._ends()
        sign = f"; wedge: {_PARTS}" if self._parts else ""
        return f"Colours from {left} to {right}: {MEANINGS[self._tint.name]}{sign}"

    @override
    def sizeHint(self) -> QSize:
        return QSize(360, _HEIGHT)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(ui_font(11))
        painter.setPen(colour("text_muted"))
        metrics = painter.fontMetrics()
        left, right = self._ends()
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        x = 4
        painter.drawText(QRect(x, 0, 60, _HEIGHT), middle, left)
        x += metrics.horizontalAdvance(left) + _GAP
        table = diverging_map() if self._tint.diverging else sequential_map()
        for step in range(_BAR):
            painter.fillRect(QRect(x + step, 5, 1, 8), colour_at(table, step / (_BAR - 1)))
        x += _BAR + _GAP
        painter.drawText(QRect(x, 0, 120, _HEIGHT), middle, right)
        x += metrics.horizontalAdvance(right) + 2 * _GAP
        if self._parts:
            x = self._paint_sign(painter, x)
        room = QRect(x, 0, max(0, self.width() - x), _HEIGHT)
        # Whole words or none: the tooltip has them too.
        words = (MEANINGS[self._tint.name], SHORT[self._tint.name], "")
        told = next(w for w in words if metrics.horizontalAdvance(w) <= room.width() or not w)
        painter.drawText(room, middle, told)

    def _paint_sign(self, painter: QPainter, x: int) -> int:
        """Say what the wedge at a token is; return where the line goes on."""
        paint_wedge(painter, QPointF(x, 5.0))
        painter.setPen(colour("text_muted"))
        words = painter.fontMetrics().horizontalAdvance(_PARTS)
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRect(x + 13, 0, words + 2, _HEIGHT), middle, _PARTS)
        return x + 13 + words + 2 * _GAP

    def _ends(self) -> tuple[str, str]:
        low, high = self._tint.limits
        if self._tint.diverging:
            return number(low, 2, sign=True), number(high, 2, sign=True)
        return number(high, 0), f"{number(low, 0)} and below"
