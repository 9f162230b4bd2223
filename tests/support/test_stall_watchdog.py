"""The watchdog measures what it says: how late the event loop comes."""

from __future__ import annotations

import logging
import time

import pytest

from desktop_app.support.stall_watchdog import StackReporter, StallWatchdog

pytestmark = pytest.mark.gui


def test_a_hold_up_is_measured(qtbot):
    watchdog = StallWatchdog()
    watchdog.start()
    qtbot.wait(100)
    calm = watchdog.percentile_ms(50)
    time.sleep(0.15)  # the window's thread does something slow
    qtbot.wait(50)
    watchdog.stop()
    assert calm < 10
    assert 130 < watchdog.max_ms() < 400
    assert len(watchdog.stalls_ms()) > 10
    assert "max" in watchdog.summary()


def test_a_stall_that_still_goes_on_counts(qtbot):
    watchdog = StallWatchdog()
    watchdog.start()
    qtbot.wait(20)
    time.sleep(0.1)
    watchdog.stop()
    assert watchdog.max_ms() > 80


def test_the_culprit_is_named(qtbot, caplog):
    watchdog = StallWatchdog()
    watchdog.start()
    reporter = StackReporter(watchdog, threshold_ms=60)
    reporter.start()
    qtbot.wait(30)
    with caplog.at_level(logging.WARNING):
        time.sleep(0.25)
    reporter.stop()
    watchdog.stop()
    assert "test_the_culprit_is_named" in caplog.text
