"""The watchdog measures what it says: how late the event loop comes."""

from __future__ import annotations

import logging
import time

import pytest
from PySide6.QtCore import QTimer

from desktop_app.support import stall_watchdog
from desktop_app.support.stall_watchdog import StackReporter, StallWatchdog
from tests.finding import find

pytestmark = pytest.mark.gui


class Clock:
    """Stands in for `time` in the watchdog."""

    now = 0.0

    @staticmethod
    def perf_counter():
        return Clock.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(stall_watchdog, "time", Clock)
    return Clock


@pytest.fixture
def watchdog(qtbot, clock):
    """A watchdog whose ticks the tests count, at moments of their own."""
    watchdog = StallWatchdog(tick_ms=4)
    watchdog.start()
    find(watchdog, QTimer).stop()
    return watchdog


def tick(watchdog, after_ms):
    Clock.now += after_ms / 1000
    find(watchdog, QTimer).timeout.emit()


def test_a_hold_up_is_measured(watchdog):
    for _ in range(20):
        tick(watchdog, 5)
    assert watchdog.percentile_ms(50) == pytest.approx(1)
    tick(watchdog, 154)  # the window's thread does something slow
    assert watchdog.max_ms() == pytest.approx(150)
    assert len(watchdog.stalls_ms()) == 21
    assert "max 150.0 ms" in watchdog.summary()
    watchdog.start()
    assert watchdog.stalls_ms() == ()


def test_a_stall_that_still_goes_on_counts(watchdog, clock):
    watchdog.start()
    clock.now += 0.104
    watchdog.stop()
    assert watchdog.max_ms() == pytest.approx(100)


def test_it_ticks_by_itself_and_sees_what_holds_the_window_up(qtbot):
    watchdog = StallWatchdog()
    watchdog.start()
    qtbot.waitUntil(lambda: len(watchdog.stalls_ms()) > 10)
    time.sleep(0.15)  # the window's thread does something slow
    qtbot.waitUntil(lambda: watchdog.max_ms() > 130)
    watchdog.stop()


def test_the_culprit_is_named(qtbot, caplog):
    watchdog = StallWatchdog()
    watchdog.start()
    reporter = StackReporter(watchdog, threshold_ms=60)
    reporter.start()
    qtbot.waitUntil(lambda: len(watchdog.stalls_ms()) > 3)
    with caplog.at_level(logging.WARNING):
        for _ in range(100_000):  # the window hangs for as long as the reporter needs
            if "test_the_culprit_is_named" in caplog.text:
                break
            time.sleep(0.01)
    reporter.stop()
    watchdog.stop()
    assert "test_the_culprit_is_named" in caplog.text


@pytest.mark.benchmark
def test_a_calm_loop_is_not_called_a_stall(qtbot):
    watchdog = StallWatchdog()
    watchdog.start()
    qtbot.wait(100)
    calm = watchdog.percentile_ms(50)
    time.sleep(0.15)
    qtbot.wait(50)
    watchdog.stop()
    assert calm < 10
    assert 130 < watchdog.max_ms() < 400
