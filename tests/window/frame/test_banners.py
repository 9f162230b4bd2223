"""Banners: nothing moves under the pointer, no click lands on another thing, old ones go."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QListWidget, QPushButton, QWidget

from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.window.frame import hall
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import in_sight
from tests.patience import turn_the_loop
from tests.window.fakes import FakeService

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

LONG = "Something went wrong while the file was read; it may be damaged. " * 4


def places(window):
    """Return where everything in sight stands, banners left out."""
    turn_the_loop()
    banners = window.findChildren(Banner)
    return {
        part: QRect(part.mapTo(window, QPoint()), part.size())
        for part in in_sight(window, QWidget)
        if not any(part is banner or banner.isAncestorOf(part) for banner in banners)
        and window.job_bar is not part
        and not window.job_bar.isAncestorOf(part)
    }


def gone(banner):
    """Say that a banner is away, or what holds it there."""
    focus = QApplication.focusWidget()
    held = f"{banner.text()!r}, pointer {banner.underMouse()}, keyboard {focus}"
    assert not banner.isVisible(), held


def press_at(window, part, place):
    """Press and let go where a part is seen, in whatever lies on top there, as the system does."""
    at = part.mapTo(window, place)
    target = window.childAt(at)
    QTest.mouseClick(target, Qt.MouseButton.LeftButton, pos=target.mapFrom(window, at))
    turn_the_loop()
    return target


@pytest.fixture
def drawn(window):
    window.views.open("ablate")
    turn_the_loop()
    return window


def test_a_message_of_the_window_moves_nothing(drawn):
    before = places(drawn)
    drawn.hall.show(LONG, "bad", {"again": ("Try again", list)})
    assert drawn.banner.isVisible()
    assert places(drawn) == before
    drawn.banner.dismiss()
    assert places(drawn) == before


def test_a_failure_of_a_run_moves_nothing(qtbot, drawn):
    before = places(drawn)
    view = drawn.views.shown()
    view.show_failure(LONG, None, {"index": 0, "prompt": "1 2 3 4 "})
    (banner,) = in_sight(view, Banner)
    assert banner.accessibleName().startswith("bad")
    assert places(drawn) == before


def test_an_unusable_prompt_does_not_push_the_picture(drawn):
    before = QRect(drawn.rail.mapTo(drawn, QPoint()), drawn.rail.size())
    row = TypedRow("1 2", "", "5", "5")
    drawn.prompts.table.prompts.set_rows([row] * 12)
    drawn.prompts.flush()
    turn_the_loop()
    assert QRect(drawn.rail.mapTo(drawn, QPoint()), drawn.rail.size()) == before


def test_banners_of_window_and_view_lie_above_one_another(drawn):
    drawn.hall.show(LONG, "bad")
    drawn.views.shown().show_failure("The prompt is empty.")
    turn_the_loop()
    # Another worker's window may have died meanwhile, of which a third banner tells.
    shown = [b for b in in_sight(drawn, Banner) if b.text() in {LONG, "The prompt is empty."}]
    assert len(shown) == 2
    first, second = (QRect(b.mapTo(drawn, QPoint()), b.size()) for b in shown)
    assert not first.intersects(second)
    for place in (first, second):
        assert drawn.rect().contains(place)
    for banner in shown:
        assert banner.height() >= banner.heightForWidth(banner.width())


def test_a_click_under_way_reaches_what_it_was_aimed_at(drawn):
    (heatmap,) = in_sight(drawn.views.shown(), Heatmap)
    drawn.hall.show(LONG, "bad", {"again": ("Try again", list)})
    turn_the_loop()
    banner = QRect(drawn.banner.mapTo(drawn, QPoint()), drawn.banner.size())
    for part in (heatmap.canvas, *in_sight(drawn.views.shown(), QPushButton)):
        place = QRect(part.mapTo(drawn, QPoint()), part.size()) & banner
        if not place.isEmpty():
            hit = drawn.childAt(place.center())
            assert not drawn.banner.isAncestorOf(hit), "the banner took it"
    assert not drawn.banner.isAncestorOf(drawn.childAt(banner.center()))


def test_a_moment_later_it_can_be_clicked(qtbot, drawn):
    pressed = []
    drawn.hall.show(
        "It could not be done.", "bad", {"again": ("Try again", lambda: pressed.append(1))}
    )
    turn_the_loop()
    (button,) = in_sight(drawn.banner, QPushButton, "Try again")
    middle = button.rect().center()
    qtbot.waitUntil(lambda: drawn.childAt(button.mapTo(drawn, middle)) is button)
    assert press_at(drawn, button, middle) is button
    assert pressed == [1]


def test_a_click_on_the_rail_lands_where_it_was_aimed(qtbot, drawn):
    rail = drawn.rail.list
    item = next(rail.item(row) for row in range(rail.count()) if rail.item(row).text() == "Heads")
    place = rail.visualItemRect(item).center()
    drawn.hall.show(LONG, "warn", {"restore": ("Restore", list)})
    turn_the_loop()
    press_at(drawn, rail.viewport(), place)
    assert drawn.views.current == "detect"
    assert isinstance(rail, QListWidget)


def test_a_problem_with_a_model_goes_when_another_is_loaded(qtbot, open_window):
    first = open_window(FakeService())
    first.close()
    service = FakeService()
    service.fail_models.add("smollm2")
    window = open_window(service, wait=False)
    with qtbot.waitSignal(window.conductor.model_failed):
        window.start()
    assert window.banner.isVisible()
    window.views.open("rank")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert "No model" in window.views["rank"].read_out()["failure"]
    with qtbot.waitSignal(window.conductor.model_ready):
        window.models.load("toy")
    assert not window.banner.isVisible()
    assert not window.views["rank"].read_out()["failure"]


def test_a_bug_is_forgotten_when_the_analysis_runs_again(qtbot, window, service, monkeypatch):
    def broken(_request, _report):
        raise ZeroDivisionError("oops")

    window.views.open("rank")
    with monkeypatch.context() as patch, qtbot.waitSignal(window.conductor.run_failed):
        patch.setattr(service, "perform", broken)
        window.actions_by_name["run"].trigger()
    assert window.banner.isVisible()
    with qtbot.waitSignal(window.conductor.result_arrived):
        window.actions_by_name["run"].trigger()
    assert not window.banner.isVisible()


def test_a_problem_goes_when_the_next_thing_goes_well(window):
    window.hall.show_problem("“x.png” could not be written.")
    assert window.banner.isVisible()
    window.hall.say("Picture copied.", "good")
    assert not window.banner.isVisible()


def test_another_session_leaves_what_was_said_of_the_last(qtbot, window):
    number = window.session.rows()[0].id
    window.results.asked.emit("delete", number)
    qtbot.waitUntil(window.banner.isVisible)
    window.actions_by_name["new_session"].trigger()
    assert not window.banner.isVisible()


def test_news_go_by_themselves_unless_they_are_read(qtbot, open_window, service, monkeypatch):
    monkeypatch.setattr(hall, "STAYS_MS", 30)
    window = open_window(service)
    # Pointer and keyboard are elsewhere, wherever another test has left them.
    QCursor.setPos(window.mapToGlobal(QPoint(1, 1)))
    window.prompts.table.setFocus()
    turn_the_loop()
    window.hall.show("Removed 2 prompts.", "info", {"undo": ("Undo", list)})
    assert window.banner.isVisible()
    qtbot.waitUntil(partial(gone, window.banner))
    window.hall.show("It failed.", "bad", {"undo": ("Undo", list)})
    later = QTimer(window, singleShot=True, interval=hall.STAYS_MS)
    later.start()  # it goes off after whatever would take the banner away
    qtbot.waitUntil(lambda: not later.isActive())
    assert window.banner.isVisible()
