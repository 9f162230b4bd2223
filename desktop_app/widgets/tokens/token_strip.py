"""The tokens of a prompt, each in its box, with every space drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_app.pictures.matrix import centred_limits, finite_limits
from desktop_app.support.guard import override
from desktop_app.widgets.basics.fonts import mono_font
from desktop_app.widgets.basics.painted_area import PaintedArea
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tokens.token_paint import (
    BOX,
    MARGIN,
    StripLook,
    TokenCell,
    TokenLayout,
    box_widths,
    paint_strip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from desktop_app.contract.result import TokenList
    from desktop_app.pictures.stretch import Stretch

__all__ = ["TokenCell", "TokenStrip"]
_MOST_LINES = 6
_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Home: -(2**31),
    Qt.Key.Key_End: 2**31,
}


MOST_TOKENS = 32_768
_MOST_KNOWN = 8


class TokenStrip(PaintedArea):
    """Tokens in boxes over one or several lines; only what is visible is painted.

    Of more tokens than models read the first alone are shown.

    Signals:
        token_clicked: A position was chosen, by click or by the arrow keys.
        token_hovered: The pointer is over a position; −1 when it leaves.
    """

    token_clicked = Signal(int)
    token_hovered = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = StripLook()
        self._value_name = ""
        self._wrapping = True
        self._most_lines = _MOST_LINES
        self._widths: list[int] = []
        self._layout = TokenLayout([], None, 1, None)
        self._known: dict[int | None, TokenLayout] = {}
        self.setAccessibleName("Tokens")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_tokens(self, cells: Sequence[TokenCell]) -> None:
        """Show these tokens; values, selection and the second row are let go."""
        self._look = StripLook(list(cells[:MOST_TOKENS]))
        self._arrange()

    def set_compare(self, cells: Sequence[TokenCell] | None) -> None:
        """Show a second row beneath, position by position; boxes that part are tinted."""
        self._look.compare = None if cells is None else list(cells[:MOST_TOKENS])
        self._arrange()

    def set_read_position(self, position: int | None) -> None:
        """Put the arrow under the position where the model is read; −1 is the last."""
        if position is not None and position < 0:
            position += len(self._look.cells)
        self._look.read = position
        self._arrange()

    def set_values(
        self,
        values: NDArray[np.floating] | None,
        limits: tuple[float, float] | None = None,
        *,
        diverging: bool = True,
        value_name: str = "",
        stretch: Stretch | None = None,
    ) -> None:
        """Colour the boxes by a value per token, named in the tooltip; None takes the colours away.

        Limits are found in the values where None; NaN has no colour.
        """
        look = self._look
        look.values = None if values is None else np.asarray(values, dtype=np.float64)
        if look.values is not None:
            found = centred_limits if diverging else finite_limits
            look.limits = limits or found(look.values)
        look.diverging, look.stretch = diverging, stretch
        self._value_name = value_name
        self.viewport().update()

    def set_selected(self, position: int | None) -> None:
        """Outline a position without a signal, and bring it into view."""
        self._look.selected = -1 if position is None else position
        if 0 <= self._look.selected < len(self._look):
            self._reveal(self._look.selected)
        self.viewport().update()

    def selected(self) -> int | None:
        """Return the outlined position, or None."""
        return self._look.selected if self._look.selected >= 0 else None

    def set_wrapping(self, wrapping: bool) -> None:
        """Choose between several lines, and one that scrolls."""
        self._wrapping = wrapping
        self._arrange()

    def set_most_lines(self, lines: int) -> None:
        """Let no more lines be in sight; further ones scroll."""
        self._most_lines = lines
        self._arrange()

    def clear(self) -> None:
        """Take everything away."""
        self.set_tokens([])

    def texts(self) -> tuple[str, ...]:
        """Return the texts of the tokens."""
        return tuple(cell.text for cell in self._look.cells)

    def box(self, position: int, row: int = 0) -> QRect:
        """Return a token's box, in the first row or the second, in viewport coordinates."""
        return self._layout.box(position, row).translated(-self._offset())

    def box_center(self, position: int) -> QPoint:
        """Return the middle of a token's box in viewport coordinates."""
        return self.box(position).center()

    # Qt.

    @override
    def hasHeightForWidth(self) -> bool:
        return self._wrapping

    @override
    def heightForWidth(self, width: int) -> int:
        layout = self._make_layout(width) if self._wrapping else self._layout
        return min(layout.height, self._most_height()) + self._bar_height(layout, width)

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, self.heightForWidth(max(self.width(), 160)))

    @override
    def minimumSizeHint(self) -> QSize:
        # A strip is never cut: what does not fit within the most lines scrolls.
        height = self.heightForWidth(max(self.width(), 160))
        return QSize(80, max(height, BOX + 2 * MARGIN))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._wrapping and self._layout is not self._make_layout(self._room()):
            self._arrange()
        else:
            self._update_range()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(mono_font(12))
        painter.translate(-self._offset())
        area = self.viewport().rect().translated(self._offset())
        paint_strip(painter, area, self._layout, self._look)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hover(self._position_at(event.position().toPoint()))

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(-1)
        super().leaveEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        position = self._position_at(event.position().toPoint())
        if position >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._choose(position)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        step, count = _STEPS.get(Qt.Key(event.key())), len(self._look)
        if step is None or not count:
            super().keyPressEvent(event)
            return
        chosen = self._look.selected
        start = chosen if chosen >= 0 else (-1 if step > 0 else count)
        self._choose(min(max(start + step, 0), count - 1))

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            position = self._position_at(event.pos())
            text = self.tip(position) if position >= 0 else ""
            QToolTip.showText(event.globalPos(), plain_tip(text), self.viewport())
            return True
        return super().viewportEvent(event)

    def tip(self, position: int) -> str:
        """Return what is known of a token, in lines."""
        look, count = self._look, len(self._look.cells)
        read = " · read here" if position == look.read else ""
        lines = [f"position {position} of {count}{read}"]
        for name, row in zip(("", "second: "), look.rows, strict=False):
            if position < len(row):
                cell = row[position]
                kind = " · special" if cell.special else ""
                told = f"id {cell.id} · piece {cell.piece!r} · text {cell.text!r}{kind}"
                lines.append(f"{name}{told}")
        if look.values is not None and position < len(look.values):
            lines.append(f"{self._value_name or 'value'} {float(look.values[position]):.4g}")
        return "\n".join(lines)

    # Within.

    def _choose(self, position: int) -> None:
        self._look.selected = position
        self._reveal(position)
        self.setAccessibleDescription(self.tip(position))
        self.viewport().update()
        self.token_clicked.emit(position)

    def _set_hover(self, position: int) -> None:
        if position != self._look.hover:
            self._look.hover = position
            self.viewport().update()
            self.token_hovered.emit(position)

    def _position_at(self, point: QPoint) -> int:
        at = point + self._offset()
        return self._layout.position_at(at.x(), at.y())

    def _most_height(self) -> int:
        return 2 * MARGIN + self._most_lines * len(self._look.rows) * (BOX + 8)

    def _bar_height(self, layout: TokenLayout, width: int) -> int:
        return 0 if self._wrapping or layout.width <= width else 10

    def _make_layout(self, room: int) -> TokenLayout:
        """Return the boxes for a width; layouts ask for the same few again and again."""
        width = room if self._wrapping else None
        if width not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            rows = len(self._look.rows)
            self._known[width] = TokenLayout(self._widths, width, rows, self._look.read)
        return self._known[width]

    def _room(self) -> int:
        """Return the width for boxes: without a scroll bar where all lines are in sight then.

        The bar makes lines shorter, and more of them: it would never go again by itself.
        """
        whole = self.maximumViewportSize()
        fits = self._make_layout(whole.width()).height <= whole.height()
        return whole.width() if fits else self.viewport().width()

    def _arrange(self) -> None:
        self._widths = box_widths(self._look)
        self._known.clear()
        self._layout = self._make_layout(self._room())
        self._update_range()
        self.updateGeometry()
        self.viewport().update()

    def _update_range(self) -> None:
        room = self.viewport().size()
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setRange(0, max(0, self._layout.width - room.width()) if not self._wrapping else 0)
        across.setPageStep(room.width())
        across.setSingleStep(40)
        down.setRange(0, max(0, self._layout.height - room.height()))
        down.setPageStep(room.height())
        down.setSingleStep(BOX)

    def _reveal(self, position: int) -> None:
        box, room = self._layout.box(position), self.viewport().size()
        for bar, low, high, length in (
            (self.horizontalScrollBar(), box.left(), box.right(), room.width()),
            (self.verticalScrollBar(), box.top(), box.bottom(), room.height()),
        ):
            if low - MARGIN < bar.value():
                bar.setValue(low - MARGIN)
            elif high + MARGIN > bar.value() + length:
                bar.setValue(high + MARGIN - length)


def cells(tokens: TokenList, special: Sequence[bool] | None = None) -> list[TokenCell]:
    """Return one cell per token; `special` marks those that stand for no text."""
    flags = special if special is not None else [False] * len(tokens)
    return [
        TokenCell(int(id_), piece, text, bool(flag))
        for id_, piece, text, flag in zip(
            tokens.ids, tokens.pieces, tokens.texts, flags, strict=True
        )
    ]


def token_strip(name: str, *, wrapping: bool = True) -> TokenStrip:
    """Return a strip that takes just the height its tokens need."""
    strip = TokenStrip()
    strip.setAccessibleName(name)
    strip.set_wrapping(wrapping)
    policy = strip.sizePolicy()
    policy.setVerticalPolicy(QSizePolicy.Policy.Fixed)
    strip.setSizePolicy(policy)
    return strip
