"""Menus of parts: what they stand in adds to them; an empty one does not open."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from desktop_app.widgets.basics.menus import new_menu, open_menu

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


class Host(QWidget):
    menu_opening = Signal(object, str)


@pytest.fixture
def host(qtbot):
    host = Host()
    qtbot.addWidget(host)
    host.show()
    return host


def part_of(host):
    between = QWidget(host)
    return QWidget(between)


def test_what_a_part_stands_in_adds_to_its_menu(host):
    asked = []
    host.menu_opening.connect(lambda menu, what: asked.append(what) or menu.addAction("theirs"))
    menu = new_menu(part_of(host))
    menu.addAction("ours")
    assert open_menu(menu, QPoint(5, 5), "kept")
    assert QApplication.activePopupWidget() is menu
    assert [entry.text() for entry in menu.actions()] == ["ours", "theirs"]
    assert asked == ["kept"]
    menu.close()


def test_a_menu_without_entries_does_not_open(host):
    host.menu_opening.connect(lambda menu, _what: menu.addSeparator())
    assert not open_menu(new_menu(part_of(host)), QPoint(5, 5))
    assert QApplication.activePopupWidget() is None


def test_a_part_alone_has_its_own_entries(qtbot):
    part = QWidget()
    qtbot.addWidget(part)
    part.show()
    menu = new_menu(part)
    menu.addAction("ours")
    assert open_menu(menu, QPoint(5, 5))
    assert isinstance(QApplication.activePopupWidget(), QMenu)
    menu.close()
