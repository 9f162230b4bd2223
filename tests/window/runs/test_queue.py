"""Several runs at once: which one runs, which ones wait, and what Cancel ends."""

from __future__ import annotations

import pytest

from tests.window.fakes import FakeService

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def busy(qtbot, open_window):
    """Return a window in which Ranking runs and Attention and Ablation wait."""
    service = FakeService()
    window = open_window(service)
    service.slow |= {"rank", "attention", "ablate"}
    for name in ("rank", "attention", "ablate"):
        window.runs.run(name)
    qtbot.waitUntil(lambda: window.job_bar.title() == "Ranking")
    return window


def button(window, name):
    return window.views[name]._heading.run_button.text()


def test_waiting_tabs_say_that_they_wait(qtbot, busy):
    assert button(busy, "rank") == "Running…"
    assert button(busy, "attention") == "Waiting…"
    assert busy.views["attention"]._veil._text == "Waiting"
    assert busy.job_bar._waiting.text() == "2 waiting"
    assert not busy.job_bar._waiting.isHidden()


def test_cancel_lets_the_next_one_begin_and_names_the_one_that_ran(qtbot, busy):
    busy.job_bar.cancel_clicked.emit()
    qtbot.waitUntil(lambda: busy.job_bar.title() == "Attention")
    assert busy.job_bar.is_running()
    assert busy.job_bar.note() == "Ranking stopped"
    assert busy.job_bar._waiting.text() == "1 waiting"
    assert button(busy, "rank") == "Run"
    assert button(busy, "attention") == "Running…"
    assert button(busy, "ablate") == "Waiting…"


def test_stop_ends_them_all_and_names_the_one_that_ran(qtbot, busy):
    busy.actions_by_name["stop"].trigger()
    qtbot.waitUntil(lambda: not busy.runner.is_busy())
    assert busy.job_bar.title() == "Ranking stopped"
    assert busy.job_bar._waiting.isHidden()
    assert {button(busy, n) for n in ("rank", "attention", "ablate")} == {"Run"}


def test_a_message_does_not_take_cancel_away(qtbot, busy):
    busy.hall.say("Saved.", "good")
    assert busy.job_bar.is_running()
    assert busy.job_bar.title() == "Ranking"
    assert busy.job_bar.note() == "Saved."
    busy.job_bar._silence.timeout.emit()
    assert busy.job_bar.note() != "Saved."
    busy.actions_by_name["stop"].trigger()
    qtbot.waitUntil(lambda: not busy.runner.is_busy())
    busy.hall.say("Saved.", "good")
    assert busy.job_bar.title() == "Saved."
