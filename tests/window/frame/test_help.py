"""The help has room, keeps its width, opens at a heading, and letters zoom where one reads."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QTextBrowser

from desktop_app.window.frame.help_pages import passages, titles
from desktop_app.window.frame.help_panel import HelpPanel
from tests.finding import find, press
from tests.patience import PatientBot
from tests.window.fakes import FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def patient(qtbot):
    return PatientBot(qtbot)


def letters(browser):
    """Return how tall a line of a page is drawn."""
    return browser.document().defaultFont().pixelSize()


def wheel(widget, turned, keys=Qt.KeyboardModifier.ControlModifier):
    spot = QPointF(widget.rect().center())
    event = QWheelEvent(
        spot,
        QPointF(widget.mapToGlobal(spot.toPoint())),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def drag_edge(qtbot, window, across):
    """Drag the edge between the picture and the help."""
    dock, handle = window.docks["help"], window.windowHandle()
    left, no_keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    edge = dock.mapTo(window, QPoint(-1, dock.height() // 2))
    QTest.mouseMove(handle, edge)
    QTest.mousePress(handle, left, no_keys, edge)
    for step in (across // 2, across):
        QTest.mouseMove(handle, edge + QPoint(step, 0))
        settle(qtbot, window)
    QTest.mouseRelease(handle, left, no_keys, edge + QPoint(across, 0))


@pytest.mark.parametrize("size", [(1024, 700), (1280, 800), (1700, 1000)])
def test_the_help_is_tall(qtbot, open_window, size):
    window = open_window(FakeService(), size=size)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    browser = find(window, QTextBrowser, "Help")
    qtbot.waitUntil(browser.isVisible)
    settle(qtbot, window)
    assert browser.height() > 0.6 * window.height()
    assert browser.width() >= 240


def test_the_width_stays_while_pages_change_and_over_a_restart(qtbot, open_window, tmp_path):
    folder = tmp_path / "kept"
    window = open_window(FakeService(), folder=folder)
    window.panels.show_help("rank")
    settle(qtbot, window)
    narrower = window.help.width()
    drag_edge(qtbot, window, -60)
    settle(qtbot, window)
    wide = window.help.width()
    assert wide > narrower
    for name in titles():
        window.panels.show_help(name)
        settle(qtbot, window)
        assert window.help.width() == wide, name
    press(window, "Close Help")
    window.panels.show_help("rank")
    settle(qtbot, window)
    assert window.help.width() == wide
    press(window, "Close Help")
    with qtbot.waitSignal(window.closed):
        window.close()
    again = open_window(FakeService(), folder=folder)
    qtbot.keyClick(again, Qt.Key.Key_F1)
    settle(qtbot, again)
    assert abs(again.help.width() - wide) <= 2


def test_closing_the_help_gives_the_inspector_its_width_back(qtbot, window):
    before = window.inspector.width()
    window.panels.show_help("rank")
    settle(qtbot, window)
    press(window, "Close Help")
    settle(qtbot, window)
    assert abs(window.inspector.width() - before) <= 2


def test_letters_zoom_by_keys_and_wheel_and_are_remembered(qtbot, open_window, tmp_path):
    folder = tmp_path / "kept"
    window = open_window(FakeService(), folder=folder)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    browser = find(window, QTextBrowser, "Help")
    qtbot.waitUntil(browser.isVisible)
    usual = letters(browser)
    browser.setFocus()
    qtbot.keyClick(browser, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(browser, Qt.Key.Key_Equal, Qt.KeyboardModifier.ControlModifier)
    larger = letters(browser)
    assert larger > usual
    qtbot.keyClick(browser, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    assert usual < letters(browser) < larger
    qtbot.keyClick(browser, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert letters(browser) == usual
    wheel(browser.viewport(), 120)
    assert letters(browser) > usual
    wheel(browser.viewport(), -120)
    press(window.help, "Larger letters")
    notes = find(window, QPlainTextEdit, "Notes")
    small = notes.fontMetrics().height()
    notes.setFocus()
    for _ in range(4):
        qtbot.keyClick(notes, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert notes.fontMetrics().height() > small
    assert window.help.zoom() == 110  # each place has letters of its own
    wheel(notes.viewport(), 120, Qt.KeyboardModifier.NoModifier)
    with qtbot.waitSignal(window.closed):
        window.close()
    again = open_window(FakeService(), folder=folder)
    assert again.help.zoom() == 110
    assert find(again, QPlainTextEdit, "Notes").fontMetrics().height() > small


def test_letters_of_the_log_zoom(qtbot, window):
    window.panels.show_log()
    settle(qtbot, window)
    table = window.panels.log.table
    tall = table.verticalHeader().defaultSectionSize()
    wheel(table.viewport(), 120)
    wheel(table.viewport(), 120)
    assert table.verticalHeader().defaultSectionSize() > tall


def test_with_nothing_to_read_the_keys_say_so(qtbot, window):
    window.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert "Click into the help" in window.job_bar.title() + window.job_bar.note()


def test_a_page_opens_at_its_heading(qtbot):
    panel = HelpPanel()
    qtbot.addWidget(panel)
    panel.resize(420, 300)
    panel.show()
    panel.show_page("patch", "Pitfalls")
    assert panel.seen_heading() == "Pitfalls"
    panel.show_page("ablate", "Formula and sign")
    panel.set_zoom(150)
    assert panel.page() == "ablate"
    press(panel, "Back to the page before")
    assert panel.page() == "patch"


def test_every_passage_is_found_where_it_is_said_to_stand(qtbot):
    panel = HelpPanel()
    qtbot.addWidget(panel)
    panel.resize(420, 300)
    panel.show()
    for passage in passages():
        if passage.page in {"rank", "start"} and passage.text:
            panel.show_page(passage.page, passage.heading, passage.text)
            marked = panel.browser.textCursor().selectedText()
            assert marked, passage
            assert marked[:12] in passage.text, passage


def test_no_field_takes_the_keys_of_the_zoom(qtbot, window):
    box = next(b for b in window.findChildren(QLineEdit) if b.isVisible())
    box.setFocus()
    before = box.text()
    qtbot.keyClick(box, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert box.text() == before


def test_pictures_of_a_page_are_as_wide_as_the_panel_and_no_wider(qtbot, monkeypatch, tmp_path):
    from PySide6.QtGui import QImage

    picture = QImage(700, 300, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.red)
    picture.save(str(tmp_path / "wide.png"))
    panel = HelpPanel()
    qtbot.addWidget(panel)
    monkeypatch.setattr(
        "desktop_app.window.frame.help_panel.read_page",
        lambda _name: f"# One\n\n![A picture]({tmp_path / 'wide.png'})\n\nText.",
    )
    for width in (320, 500, 1200):
        panel.resize(width, 400)
        panel.show()
        panel.show_page("start")
        QApplication.processEvents()
        room = panel.browser.viewport().width()
        seen = panel.browser.document().documentLayout().documentSize().width()
        assert seen <= room
        left, right = reds(panel.browser.viewport())
        assert right - left > min(700, room) - 40, (width, left, right)
        assert right < room


def reds(widget):
    """Return the first and the last column of pixels that a red picture has."""
    image = widget.grab().toImage()
    found = [
        x
        for x in range(image.width())
        if any(image.pixelColor(x, y).red() > 200 > 2 * image.pixelColor(x, y).green() + 1
               for y in range(40, min(image.height(), 120), 5))
    ]  # fmt: skip
    return found[0], found[-1]
