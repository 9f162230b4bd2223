"""Another theme reaches what is in sight, at once, and the rest when it is shown."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFrame, QWidget
from typing_extensions import override

from desktop_app.widgets.basics.theme import theme_hub
from tests.finding import in_sight
from tests.patience import turn_the_loop

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


class Restyled(QObject):
    """Counts how often widgets are told of another style."""

    def __init__(self):
        super().__init__()
        self.times = 0

    @override
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.StyleChange and isinstance(watched, QWidget):
            self.times += 1
        return False


def choose(qtbot, window, words):
    """Choose a theme by the search, with keys."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(window.top_bar.search, words)
    QTest.keyClick(window.top_bar.search, Qt.Key.Key_Return)
    turn_the_loop()


def ground(part):
    """Return the colour in a corner of a part, inside its frame."""
    return part.grab().toImage().pixelColor(part.width() // 2, 3).name()


def cards(view):
    return [f for f in in_sight(view, QFrame) if f.property("role") == "card"]


def test_a_switch_restyles_what_is_in_sight_and_little_else(qtbot, window):
    for name in ("tokens", "rank", "attention", "ablate"):
        window.views.open(name)
        turn_the_loop()
    count = Restyled()
    QApplication.instance().installEventFilter(count)
    try:
        choose(qtbot, window, "theme: dark")
    finally:
        QApplication.instance().removeEventFilter(count)
    assert theme_hub().current.dark
    others = [view for view in window.views.standing() if view is not window.views.shown()]
    hidden = sum(len(view.findChildren(QWidget)) for view in others)
    assert hidden > 300
    # By the sheet of the application it was ten times as many as there are.
    everything = len({*window.findChildren(QWidget)} | {*others}) + hidden
    assert count.times < 2 * everything


def test_every_view_has_the_new_colours_when_it_is_shown(qtbot, window):
    for name in ("attention", "ablate"):
        window.views.open(name)
        turn_the_loop()
    choose(qtbot, window, "theme: dark")
    dark = theme_hub().current
    for name in ("ablate", "attention", "rank"):
        window.views.open(name)
        turn_the_loop()
        assert all(ground(card) == dark.colours["panel"] for card in cards(window.views.shown()))
    choose(qtbot, window, "theme: light")
    light = theme_hub().current
    assert light.colours["panel"] != dark.colours["panel"]
    for name in ("rank", "ablate"):
        window.views.open(name)
        turn_the_loop()
        shown = window.views.shown()
        assert shown.isVisible()
        assert all(ground(card) == light.colours["panel"] for card in cards(shown))


def test_what_opens_later_has_the_new_colours_too(qtbot, window):
    choose(qtbot, window, "theme: dark")
    dark = theme_hub().current
    QTest.mouseClick(window.top_bar.model_button, Qt.MouseButton.LeftButton)
    dialog = window.models.dialog
    qtbot.waitUntil(dialog.isVisible)
    assert dialog.grab().toImage().pixelColor(2, 2).name() == dark.colours["window"]
    dialog.close()
    window.views.open("patch")  # built under the new theme
    turn_the_loop()
    assert window.views.shown().grab().toImage().pixelColor(2, 2).name() == dark.colours["window"]
