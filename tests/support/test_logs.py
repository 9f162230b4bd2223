"""The log book: a flood appears once with a count and costs the window nothing."""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
import warnings

import pytest
from PySide6.QtCore import QTimer

from desktop_app.support import logs
from desktop_app.support.logs import MAX_ENTRIES, LogBook
from desktop_app.support.stall_watchdog import StallWatchdog

FLOOD = "Keyword arguments {'add_special_tokens': False} not recognized."


@pytest.fixture
def terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.fixture
def book(tmp_path, terminal):
    root = logging.getLogger()
    level, show = root.level, warnings.showwarning
    book = logs.install(tmp_path / "log.txt")
    yield book
    root.removeHandler(book)
    root.setLevel(level)
    warnings.showwarning = show
    book.close()


def test_identical_records_are_one_entry_with_a_count(book, terminal, tmp_path):
    logger = logging.getLogger("transformers.tokenization")
    for _ in range(4_812):
        logger.warning(FLOOD)
    (entry,) = [e for e in book.entries() if e.message == FLOOD]
    assert entry.count == 4_812
    assert entry.level_name == "warning"
    assert terminal.getvalue().count(FLOOD) == 1
    written = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert written.count(FLOOD) == 4  # the 1st, 10th, 100th and 1000th
    assert "×1,000" in written


def test_python_warnings_are_counted_too(book):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = book.note_warning
        for _ in range(7):
            warnings.warn("old argument", FutureWarning, stacklevel=1)
    (entry,) = [e for e in book.entries() if e.message == "old argument"]
    assert (entry.count, entry.source) == (7, "FutureWarning")


def test_memory_stays_bounded(book):
    for i in range(3 * MAX_ENTRIES):
        book.note(logging.WARNING, "x", f"different {i} " + "y" * 10_000)
    entries = book.entries()
    assert len(entries) == MAX_ENTRIES
    assert max(len(e.message) for e in entries) == logs.MAX_MESSAGE_CHARACTERS
    assert entries[-1].message.startswith(f"different {3 * MAX_ENTRIES - 1} ")


def test_library_handlers_are_taken_away(book):
    logger = logging.getLogger("transformers")
    noise = io.StringIO()
    logger.addHandler(logging.StreamHandler(noise))
    logger.propagate = False
    logs.adopt_library_loggers()
    logger.warning("only in the book")
    assert noise.getvalue() == ""
    assert [e.count for e in book.entries() if e.message == "only in the book"] == [1]


def test_a_malformed_record_does_not_raise(book):
    book.handle(logging.LogRecord("careless", 30, "f.py", 1, "%d things", ("many",), None))
    assert [e.message for e in book.entries() if e.source == "careless"] == ["%d things"]


def test_an_unwritable_place_for_the_log_is_no_error(tmp_path):
    (tmp_path / "file").write_text("x")
    book = LogBook(tmp_path / "file" / "log.txt")
    book.note(logging.WARNING, "a", "b")
    assert book.entries()[0].message == "b"
    book.close()


@pytest.mark.gui
def test_a_flood_from_another_thread_is_counted_while_the_window_goes_on(qtbot, book):
    logger = logging.getLogger("transformers.flood")
    turns = []

    def flood():
        for _ in range(20_000):
            logger.warning(FLOOD)

    thread = threading.Thread(target=flood)
    timer = QTimer()
    timer.timeout.connect(lambda: turns.append(thread.is_alive()))
    timer.start(0)
    thread.start()
    qtbot.waitUntil(lambda: not thread.is_alive())
    thread.join()
    timer.stop()
    (entry,) = [e for e in book.entries() if e.source == "transformers.flood"]
    assert entry.count == 20_000
    assert any(turns)  # the window had turns of its own meanwhile


@pytest.mark.benchmark
@pytest.mark.gui
def test_ten_thousand_warnings_a_second_do_not_slow_the_window(qtbot, book):
    stop = threading.Event()
    sent = 0

    def flood():
        nonlocal sent
        logger = logging.getLogger("transformers.flood")
        while not stop.is_set():
            for _ in range(100):
                logger.warning(FLOOD)
            sent += 100
            time.sleep(0.004)

    watchdog = StallWatchdog()
    thread = threading.Thread(target=flood)
    watchdog.start()
    thread.start()
    began = time.monotonic()
    qtbot.wait(1500)
    seconds = time.monotonic() - began
    stop.set()
    thread.join()
    watchdog.stop()
    (entry,) = [e for e in book.entries() if e.source == "transformers.flood"]
    assert entry.count == sent
    assert sent / seconds > 5_000  # a flood indeed, on a busy machine too
    assert watchdog.max_ms() < 100, watchdog.summary()
