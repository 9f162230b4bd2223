"""Line icons drawn in the colours of the theme.

The files hold `currentColor`; it is replaced when an icon is drawn, by the colour of the theme then
in force, and the SVG is drawn anew at every size and screen scale, so that lines stay crisp.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPaintEvent, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QToolButton, QWidget

from desktop_app.contract.registry import ANALYSES, file_of
from desktop_app.support.guard import override
from desktop_app.support.paths import resource
from desktop_app.widgets.basics.theme import severity_colour, theme_hub
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QAbstractButton

_SMALL = 32
_SEVERITIES = {"info": "info", "warn": "warning", "bad": "error", "good": "check"}


@cache
def _svg(name: str) -> str:
    path = file_of(name, "icon.svg") or resource("icons", f"{name}.svg")
    if not path.is_file():
        raise ValueError(f"There is no icon named {name}.")
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=512)
def _renderer(name: str, ink: str) -> QSvgRenderer:
    """Return what draws an icon in a colour: to read it takes longer than to draw it."""
    return QSvgRenderer(QByteArray(_svg(name).replace("currentColor", ink).encode()))


class _LineIcon(QIconEngine):
    """Draws one SVG in one colour; fainter while disabled."""

    def __init__(self, name: str, colour: str) -> None:
        super().__init__()
        self._name = name
        self._colour = colour

    @override
    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        ink = self._colour
        ink = ink if ink.startswith("#") else theme_hub().current.color(ink).name()
        painter.save()
        if mode == QIcon.Mode.Disabled:
            painter.setOpacity(0.4)
        _renderer(self._name, ink).render(painter, QRectF(rect))
        painter.restore()

    @override
    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        if size.isEmpty():  # a button squeezed to nothing
            return QPixmap()
        picture = QPixmap(size)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return picture

    @override
    def clone(self) -> QIconEngine:
        return _LineIcon(self._name, self._colour)


class _Logo(_LineIcon):
    """Draws the program's own icon; at small sizes the drawing with fewer lines."""

    def __init__(self) -> None:
        super().__init__("logo", "")

    @override
    def paint(self, painter: QPainter, rect: QRect, _mode: QIcon.Mode, _state: QIcon.State) -> None:
        is_small = rect.width() * painter.device().devicePixelRatio() <= _SMALL
        _logo_renderer("lensbench-small" if is_small else "lensbench").render(painter, QRectF(rect))

    @override
    def clone(self) -> QIconEngine:
        return _Logo()


@cache
def _logo_renderer(name: str) -> QSvgRenderer:
    return QSvgRenderer(str(resource("logo", f"{name}.svg")))


def logo() -> QIcon:
    """Return the program's own icon, which has its colours in every theme."""
    return QIcon(QIcon(_Logo()))  # a copy, as in `icon`


def icon(name: str, colour: str | None = None) -> QIcon:
    """Return an icon that is drawn in the colours of whichever theme is in force.

    The colour is a field of the theme (`accent`, `bad` …) or `#rrggbb`; None takes the text's.

    Raises:
        ValueError: There is no such icon.
    """
    _svg(name)
    # A copy: PySide6 takes the first QIcon for the owner of its engine. Python's collector may find
    # both in a circle of references and destroy the engine first; the QIcon then does so again.
    return QIcon(QIcon(_LineIcon(name, colour or "text")))


@cache
def icon_of(analysis: str) -> str:
    """Return the name of an analysis' icon; a general one where it brings none."""
    return analysis if file_of(analysis, "icon.svg") is not None else "analysis"


@cache
def icon_names() -> tuple[str, ...]:
    """Return the names of all icons, in alphabetical order."""
    own = (name for name in ANALYSES if file_of(name, "icon.svg") is not None)
    return tuple(sorted({*own, *(path.stem for path in resource("icons").glob("*.svg"))}))


def bind_icon(owner: QAbstractButton | QAction, name: str, colour: str | None = None) -> None:
    """Give a button or an action an icon; see `icon`."""
    owner.setIcon(icon(name, colour))


def icon_button(name: str, tip: str, colour: str | None = None, *, words: str = "") -> QToolButton:
    """Return a button that is an icon alone; without words its tip names it to screen readers."""
    button = QToolButton()
    bind_icon(button, name, colour)
    button.setToolTip(plain_tip(tip))
    button.setAccessibleName(words or tip)
    return button


class Sign(QWidget):
    """An icon that stands beside words, in a colour of the theme."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self._icon = QIcon()
        self.setFixedSize(side, side)

    def set_icon(self, name: str, colour: str) -> None:
        """Show another icon."""
        self._icon = icon(name, colour)
        self.update()

    def set_severity(self, severity: str) -> None:
        """Show the sign of `info`, `good`, `warn` or `bad`."""
        self.set_icon(_SEVERITIES[severity], severity_colour(severity))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        self._icon.paint(QPainter(self), self.rect())
