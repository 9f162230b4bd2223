"""Several runs at once: which one runs, which ones wait, and what Cancel ends."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QTimer

from desktop_app.views.frame import Heading, Veil
from tests.finding import find, said
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
    return find(window.views[name], Heading).run_button.text()


def test_waiting_tabs_say_that_they_wait(qtbot, busy):
    assert button(busy, "rank") == "Running…"
    assert button(busy, "attention") == "Waiting…"
    assert find(busy.views["attention"], Veil).accessibleName() == "Waiting"
    assert "2 waiting" in said(busy.job_bar)


def test_cancel_lets_the_next_one_begin_and_names_the_one_that_ran(qtbot, busy):
    busy.job_bar.cancel_clicked.emit()
    qtbot.waitUntil(lambda: busy.job_bar.title() == "Attention")
    assert busy.job_bar.is_running()
    assert busy.job_bar.note() == "Ranking stopped"
    assert "1 waiting" in said(busy.job_bar)
    assert button(busy, "rank") == "Run"
    assert button(busy, "attention") == "Running…"
    assert button(busy, "ablate") == "Waiting…"


def test_stop_ends_them_all_and_names_the_one_that_ran(qtbot, busy):
    busy.actions_by_name["stop"].trigger()
    qtbot.waitUntil(lambda: not busy.runner.is_busy())
    assert busy.job_bar.title() == "Ranking stopped"
    assert not [text for text in said(busy.job_bar) if "waiting" in text]
    assert {button(busy, n) for n in ("rank", "attention", "ablate")} == {"Run"}


def test_a_message_does_not_take_cancel_away(qtbot, busy):
    busy.hall.say("Saved.", "good")
    assert busy.job_bar.is_running()
    assert busy.job_bar.title() == "Ranking"
    assert busy.job_bar.note() == "Saved."
    find(busy.job_bar, QTimer).timeout.emit()
    assert busy.job_bar.note() != "Saved."
    busy.actions_by_name["stop"].trigger()
    qtbot.waitUntil(lambda: not busy.runner.is_busy())
    busy.hall.say("Saved.", "good")
    assert busy.job_bar.title() == "Saved."
