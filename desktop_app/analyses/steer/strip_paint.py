"""How continuations are painted: step numbers, names of runs, tokens in their boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from desktop_app.analyses.steer.said import NAMES
from desktop_app.analyses.steer.strip_layout import BOX, GUTTER, MARGIN, NUMBER, TOP
from desktop_app.pictures.words import number
from desktop_app.widgets.basics.colormaps import (
    colour_at,
    contrast_text,
    diverging_map,
    sequential_map,
)
from desktop_app.widgets.basics.fonts import mono_font, ui_font
from desktop_app.widgets.basics.theme import colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.said import Continuation, Partings, Token
    from desktop_app.analyses.steer.strip_layout import Band, StripLayout
    from desktop_app.analyses.steer.tints import Tint

_RADIUS = 5.0
_WEDGE = 9.0


@dataclass(frozen=True)
class StripLook:
    """All that the strips show at one moment.

    Attributes:
        layout: Where everything lies.
        told: The runs.
        partings: Where each parts from the plain one.
        tint: What colours tokens and stands beneath them.
        chosen: Row and step of the outlined token.
        hover: The same of the one under the pointer.
    """

    layout: StripLayout
    told: Sequence[Continuation]
    partings: Partings
    tint: Tint
    chosen: tuple[int, int] | None
    hover: tuple[int, int] | None


def paint_band(painter: QPainter, look: StripLook, band: Band) -> None:
    """Paint some steps of all runs, in the strips' own coordinates."""
    painter.setFont(ui_font(11))
    painter.setPen(colour("text_muted"))
    for step in range(band.start, band.stop):
        box = look.layout.box(0, step)
        head = QRect(box.left(), band.top, box.width(), TOP - 4)
        painter.drawText(head, Qt.AlignmentFlag.AlignCenter, str(step))
    for row, one in enumerate(look.told):
        _paint_name(painter, look, band, row)
        for step in range(band.start, min(band.stop, len(one.tokens))):
            _paint_token(painter, look, row, step)


def _paint_name(painter: QPainter, look: StripLook, band: Band, row: int) -> None:
    one, top = look.told[row], look.layout.row_top(band, row)
    painter.setFont(ui_font(12, "medium"))
    painter.setPen(colour("text"))
    line = QRect(MARGIN, top, GUTTER - 2 * MARGIN, BOX)
    side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    painter.drawText(line, side, NAMES[one.run])
    if one.loss == one.loss and band.start == 0:
        painter.setFont(ui_font(11))
        painter.setPen(colour("text_muted"))
        painter.drawText(line.translated(0, BOX - 6), side, f"loss {number(one.loss, 2)}")


def _paint_token(painter: QPainter, look: StripLook, row: int, step: int) -> None:
    one, box = look.told[row], look.layout.box(row, step)
    token, ground = one.tokens[step], _ground(look.tint, one.tokens[step])
    parts = look.partings.get(one.run) == step
    painter.setPen(_edge(look, (row, step), parts=parts, given=token.given))
    painter.setBrush(ground or colour("token"))
    painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), _RADIUS, _RADIUS)
    painter.setFont(mono_font(12))
    painter.setPen(colour("text") if ground is None else contrast_text(ground))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, token.label)
    painter.setFont(ui_font(11))
    painter.setPen(colour("text_muted"))
    under = QRect(box.left() - 2, box.bottom() + 1, box.width() + 4, NUMBER)
    painter.drawText(under, Qt.AlignmentFlag.AlignCenter, look.tint.text(token))
    if parts:
        paint_wedge(painter, QPointF(box.left() + 1.0, box.top() + 1.0))


def _edge(look: StripLook, place: tuple[int, int], *, parts: bool, given: bool) -> QPen:
    if place == look.chosen:
        return QPen(colour("accent"), 2.0)
    if parts:
        return QPen(colour("warn"), 2.0)
    if place == look.hover:
        return QPen(colour("text_muted"), 1.0)
    return given_edge() if given else QPen(colour("token_border"), 1.0)


def given_edge() -> QPen:
    """Return what edges a token that was given."""
    return QPen(colour("text_muted"), 1.0, Qt.PenStyle.DashLine)


def _ground(tint: Tint, token: Token) -> QColor | None:
    value = tint.value(token)
    if value != value:  # noqa: PLR0124 - NaN
        return None
    table = diverging_map() if tint.diverging else sequential_map()
    return colour_at(table, tint.share(value))


def paint_wedge(painter: QPainter, corner: QPointF) -> None:
    """Draw the sign of the first token where texts part, with its upper left corner there."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour("warn"))
    points = ((0.0, 0.0), (_WEDGE, 0.0), (0.0, _WEDGE))
    painter.drawPolygon(QPolygonF([corner + QPointF(x, y) for x, y in points]))
