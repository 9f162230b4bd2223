"""Menus of parts of a picture: their own entries first, then those of what they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint


def new_menu(widget: QWidget) -> QMenu:
    """Return an empty menu of a widget, which goes when it is closed."""
    menu = QMenu(widget)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return menu


def open_menu(menu: QMenu, place: QPoint, what: str = "") -> bool:
    """Open a menu at a place of the screen; return whether it has anything to offer.

    What its widget stands in, or is, may add what it knows of `what` was pointed at, if it has a
    signal `menu_opening`.
    """
    host = menu.parentWidget()
    while host is not None and not hasattr(host, "menu_opening"):
        host = host.parentWidget()
    if host is not None:
        host.menu_opening.emit(menu, what)
    if menu.isEmpty():
        menu.deleteLater()
        return False
    menu.popup(place)
    return True
