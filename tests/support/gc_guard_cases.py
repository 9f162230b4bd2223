"""The collector runs on the window's thread, and only there."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from PySide6.QtCore import QTimer

from desktop_app.support.gc_guard import GcGuard
from tests.finding import find

pytestmark = pytest.mark.gui


class Knot:
    """An object that only the cycle collector can free."""

    def __init__(self):
        self.self = self


@pytest.fixture
def guard(qapp):
    guard = GcGuard()
    guard.start()
    yield guard
    guard.stop()
    assert gc.isenabled()


def test_cycles_die_on_the_windows_clock(qtbot, guard):
    assert not gc.isenabled()
    threads = []
    knot = Knot()
    weakref.finalize(knot, lambda: threads.append(threading.get_ident()))
    del knot
    find(guard, QTimer).setInterval(10)
    qtbot.waitUntil(lambda: bool(threads))
    assert threads == [threading.get_ident()]


def test_what_was_settled_can_still_be_collected(guard):
    knot = Knot()
    alive = weakref.ref(knot)
    guard.settle()
    del knot
    gc.collect()
    assert alive() is not None
    guard.collect_all()
    assert alive() is None


def test_a_wave_of_new_objects_is_set_aside_unseen(guard):
    before = gc.get_freeze_count()
    modules = [[i] for i in range(60_000)]
    find(guard, QTimer).timeout.emit()
    assert gc.get_freeze_count() - before >= len(modules)
    assert gc.get_count()[0] < 40_000
