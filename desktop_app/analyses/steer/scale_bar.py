"""What the colours of tokens mean, in one line beneath them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.steer.strip_paint import given_edge, paint_wedge
from desktop_app.analyses.steer.tints import MEANINGS, SHORT, Tint
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import colour_at, diverging_map, sequential_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import colour
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPaintEvent, QResizeEvent

_BAR, _HEIGHT, _GAP, _LEFT, _SIGN = 80, 18, 6, 4, 18
_PARTS, _GIVEN = "parts from plain", "given, not the model’s choice"
_MIDDLE = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


class ScaleBar(QWidget):
    """A slim level scale between its ends, and the name of the number."""

    def __init__(self) -> None:
        super().__init__()
        self._tint, self._lines = Tint("own", (-10.0, 0.0)), 1
        self._parts = self._given = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_tint(self._tint)

    def show_tint(self, tint: Tint, *, parts: bool = False, given: bool = False) -> None:
        """Show the scale of a number, and what marks tokens: where texts part, what was given."""
        self._tint, self._parts, self._given = tint, parts, given
        self.setAccessibleName(self.words())
        self.setToolTip(plain_tip(MEANINGS[tint.name].capitalize()))
        self.fit(self.width())
        self.update()

    def show_like(self, other: ScaleBar) -> None:
        """Show what another one shows."""
        self.show_tint(other._tint, parts=other._parts, given=other._given)

    def words(self) -> str:
        """Return what it says."""
        left, right = self._ends()
        signs = "".join(f"; {name}: {words}" for name, words, _paint in self._signs())
        return f"Colours from {left} to {right}: {MEANINGS[self._tint.name]}{signs}"

    def lines(self) -> int:
        """Return over how many lines it goes: signs have their own where one is too short."""
        return self._lines

    def fit(self, width: int) -> None:
        """Take the lines that are needed at a width."""
        signs = self._signs_width()
        alone = self._scale_width() + self._advance(MEANINGS[self._tint.name])
        self._lines = 2 if signs and alone + signs > width else 1
        self.setFixedHeight(_HEIGHT * self._lines)

    @override
    def sizeHint(self) -> QSize:
        return QSize(360, _HEIGHT * self._lines)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(200, _HEIGHT * self._lines)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit(event.size().width())

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(ui_font(11))
        painter.setPen(colour("text_muted"))
        left, right = self._ends()
        x = _LEFT
        painter.drawText(QRect(x, 0, 60, _HEIGHT), _MIDDLE, left)
        x += self._advance(left) + _GAP
        table = diverging_map() if self._tint.diverging else sequential_map()
        for step in range(_BAR):
            painter.fillRect(QRect(x + step, 5, 1, 8), colour_at(table, step / (_BAR - 1)))
        x += _BAR + _GAP
        painter.drawText(QRect(x, 0, 120, _HEIGHT), _MIDDLE, right)
        x = self._scale_width()
        if self._lines == 1:
            x = self._paint_signs(painter, QPoint(x, 0))
        else:
            self._paint_signs(painter, QPoint(_LEFT, _HEIGHT))
        room = QRect(x, 0, max(0, self.width() - x), _HEIGHT)
        # Whole words or none: the tooltip has them too.
        words = (MEANINGS[self._tint.name], SHORT[self._tint.name], "")
        told = next(w for w in words if self._advance(w) <= room.width() or not w)
        painter.drawText(room, _MIDDLE, told)

    def _signs(self) -> list[tuple[str, str, Callable[[QPainter, QPoint], None]]]:
        """Return the marks that some token has: what they look like, mean, and how to paint one."""
        found = [("wedge", _PARTS, _wedge)] if self._parts else []
        return [*found, ("dashed", _GIVEN, _dashes)] if self._given else [*found]

    def _paint_signs(self, painter: QPainter, at: QPoint) -> int:
        """Say what marks at tokens are; return where the line goes on."""
        for _name, words, paint in self._signs():
            paint(painter, at)
            painter.setPen(colour("text_muted"))
            room = QRect(at.x() + _SIGN, at.y(), self._advance(words) + 2, _HEIGHT)
            painter.drawText(room, _MIDDLE, words)
            at += QPoint(_SIGN + self._advance(words) + 2 * _GAP, 0)
        return at.x()

    def _signs_width(self) -> int:
        return sum(_SIGN + self._advance(words) + 2 * _GAP for _n, words, _p in self._signs())

    def _scale_width(self) -> int:
        ends = sum(map(self._advance, self._ends()))
        return _LEFT + ends + _BAR + 4 * _GAP

    def _advance(self, words: str) -> int:
        return QFontMetrics(ui_font(11)).horizontalAdvance(words)

    def _ends(self) -> tuple[str, str]:
        low, high = self._tint.limits
        if self._tint.diverging:
            return number(low, 2, sign=True), number(high, 2, sign=True)
        return number(high, 0), f"{number(low, 0)} and below"


def _wedge(painter: QPainter, at: QPoint) -> None:
    paint_wedge(painter, QPointF(at.x(), at.y() + 5.0))


def _dashes(painter: QPainter, at: QPoint) -> None:
    painter.setPen(given_edge())
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(at.x(), at.y() + 4, _SIGN - 5, _HEIGHT - 8, 3.0, 3.0)
