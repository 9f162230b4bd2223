"""Tokens tinted by activations or their changes, and what the tints mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.features.words import FAINT, amount
from desktop_app.support.guard import override
from desktop_app.widgets.basics.colormaps import diverging_map, lookup, sequential_map
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.tokens.token_strip import TokenCell, TokenStrip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.features.found import Token

Limits = tuple[float, float]
Tell = Callable[[int], str]
_BAR, _TALL, _GAP = 84, 10, 6


class Strip(TokenStrip):
    """Tokens in boxes, as high as they need; each tells its place, itself and its number."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._tokens: Sequence[Token] = ()
        self._told: Tell | None = None
        self._first = 0
        self.setAccessibleName(name)
        policy = self.sizePolicy()
        policy.setVerticalPolicy(QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)

    def show_tokens(
        self,
        tokens: Sequence[Token],
        values: np.ndarray | None,
        limits: Limits,
        told: Tell | None = None,
        *,
        diverging: bool = False,
        first: int = 0,
    ) -> None:
        """Show tokens.

        Args:
            tokens: In their order.
            values: `[tokens]`; NaN has no tint.
            limits: The values at the ends of the tints.
            told: Tells one of them, by its number, in a line or more beneath what it is.
            diverging: Whether 0 is the middle of the tints.
            first: The position of the first of them in its text.
        """
        self._tokens, self._told, self._first = tokens, told, first
        self.set_tokens([TokenCell(t.id, t.piece, t.text) for t in tokens])
        self.set_values(values, limits, diverging=diverging)

    @override
    def tip(self, position: int) -> str:
        """Return what is known of a token, in lines."""
        if not 0 <= position < len(self._tokens):
            return ""
        token = self._tokens[position]
        lines = [
            f"position {self._first + position}",
            f"id {token.id} · piece {token.piece!r} · text {token.text!r}",
        ]
        told = "" if self._told is None else self._told(position)
        return "\n".join([*lines, told] if told else lines)


class Ramp(QWidget):
    """The tints of a strip from end to end, with what stands at both."""

    def __init__(self) -> None:
        super().__init__()
        self._limits: Limits | None = None
        self._words = ("", "")
        self._diverging = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Colour scale")

    def set_scale(
        self, limits: Limits | None, *, diverging: bool = False, words: tuple[str, str] = ("", "")
    ) -> None:
        """Show the tints between two values; words take the place of the numbers; None: nothing."""
        self._limits, self._diverging, self._words = limits, diverging, words
        self.setAccessibleDescription(" to ".join(self.ends()))
        self.setVisible(limits is not None)
        self.updateGeometry()
        self.update()

    def ends(self) -> tuple[str, str]:
        """Return what stands at both ends."""
        if self._limits is None:
            return "", ""
        low, high = sorted(self._limits)
        return (
            self._words[0] or amount(low, sign=self._diverging and low != 0),
            self._words[1] or amount(high, sign=self._diverging and high != 0),
        )

    @override
    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(ui_font(12))
        words = sum(metrics.horizontalAdvance(end) + _GAP for end in self.ends())
        return QSize(_BAR + words + 2, 20)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._limits is None:
            return
        theme, painter = theme_hub().current, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(ui_font(12))
        first, last = self.ends()
        left = painter.fontMetrics().horizontalAdvance(first) + _GAP
        bar = QRectF(left + 0.5, (self.height() - _TALL) / 2, _BAR, _TALL)
        table = lookup(diverging_map() if self._diverging else sequential_map(), _BAR)
        low, high = self._limits
        table = np.ascontiguousarray(table[::-1] if self._diverging and low > high else table)
        image = QImage(table.data, _BAR, 1, 4 * _BAR, QImage.Format.Format_RGBA8888)
        shape = QPainterPath()
        shape.addRoundedRect(bar, 3, 3)
        painter.setClipPath(shape)
        painter.drawImage(bar, image)
        painter.setClipping(False)
        painter.setPen(QPen(theme.color("border_strong"), 1))
        painter.drawPath(shape)
        painter.setPen(theme.color("text_muted"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), middle | Qt.AlignmentFlag.AlignLeft, first)
        rest = self.rect().adjusted(int(bar.right()) + _GAP, 0, 0, 0)
        painter.drawText(rest, middle | Qt.AlignmentFlag.AlignLeft, last)


def upward(values: np.ndarray | None) -> Limits:
    """Return the ends of tints from 0 to the largest value."""
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    return 0.0, float(known.max()) if known.size and known.max() > 0 else 1.0


def both_ways(values: np.ndarray | None) -> Limits:
    """Return the ends of tints around 0 so that what falls has the warm colour.

    Of changes that are no more than rounding, ends so far apart that none is seen.
    """
    known = np.empty(0) if values is None else np.abs(values[np.isfinite(values)])
    most = float(known.max()) if shows(values) else 1.0
    return most, -most


def shows(values: np.ndarray | None) -> bool:
    """Return whether some value is more than rounding, so that tints tell something."""
    known = np.empty(0) if values is None else np.abs(values[np.isfinite(values)])
    return bool(known.size and known.max() >= FAINT)
