"""Line icons drawn in the colours of the theme.

The files hold `currentColor`; it is replaced when an icon is made, and the SVG is drawn anew at
every size and screen scale, so that lines stay crisp.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QRect, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from desktop_app.contract.registry import ANALYSES, file_of
from desktop_app.support.paths import resource
from desktop_app.widgets.basics.theme import Theme, theme_hub

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QAbstractButton


@cache
def _svg(name: str) -> str:
    path = file_of(name, "icon.svg") or resource("icons", f"{name}.svg")
    if not path.is_file():
        raise ValueError(f"There is no icon named {name}.")
    return path.read_text(encoding="utf-8")


class _LineIcon(QIconEngine):
    """Draws one SVG in one colour; fainter while disabled."""

    def __init__(self, name: str, colour: QColor) -> None:
        super().__init__()
        self._name = name
        self._colour = QColor(colour)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        """Draw the icon into a rectangle."""
        text = _svg(self._name).replace("currentColor", self._colour.name())
        renderer = QSvgRenderer(QByteArray(text.encode()))
        painter.save()
        if mode == QIcon.Mode.Disabled:
            painter.setOpacity(0.4)
        renderer.render(painter, QRectF(rect))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Return the icon as a picture of that size, in device pixels."""
        if size.isEmpty():  # a button squeezed to nothing
            return QPixmap()
        picture = QPixmap(size)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return picture

    def clone(self) -> QIconEngine:
        """Return a copy, as Qt asks for."""
        return _LineIcon(self._name, self._colour)


def icon(name: str, colour: str | None = None) -> QIcon:
    """Return an icon in the current theme's colours.

    Args:
        name: One of `icon_names()`.
        colour: A field of the theme (`accent`, `bad` …) or `#rrggbb`; None takes the text colour.

    Raises:
        ValueError: There is no such icon.
    """
    _svg(name)
    field = colour or "text"
    ink = QColor(field) if field.startswith("#") else theme_hub().current.color(field)
    return QIcon(_LineIcon(name, ink))


@cache
def icon_of(analysis: str) -> str:
    """Return the name of an analysis' icon; a general one where it brings none."""
    return analysis if file_of(analysis, "icon.svg") is not None else "analysis"


@cache
def icon_names() -> tuple[str, ...]:
    """Return the names of all icons, in alphabetical order."""
    own = (name for name in ANALYSES if file_of(name, "icon.svg") is not None)
    return tuple(sorted({*own, *(path.stem for path in resource("icons").glob("*.svg"))}))


class _IconBinding(QObject):
    """Tints one button's or action's icon again when the theme changes; lives as its child."""

    def __init__(self, owner: QAbstractButton | QAction, name: str, colour: str | None) -> None:
        super().__init__(owner)
        self._name = name
        self._colour = colour
        theme_hub().theme_changed.connect(self._on_theme_changed)
        owner.setIcon(icon(name, colour))

    @Slot(object)
    def _on_theme_changed(self, _theme: Theme) -> None:
        owner = self.parent()
        if owner is not None:
            owner.setProperty("icon", icon(self._name, self._colour))


def bind_icon(owner: QAbstractButton | QAction, name: str, colour: str | None = None) -> None:
    """Give a button or an action an icon that follows the theme.

    Args:
        owner: A button or an action; calling again replaces its icon.
        name: One of `icon_names()`.
        colour: A field of the theme; None takes the text colour.
    """
    for child in owner.findChildren(_IconBinding):
        child.setParent(None)
        child.deleteLater()
    _IconBinding(owner, name, colour)
