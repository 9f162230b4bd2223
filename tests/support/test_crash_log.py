"""Crashes leave a trace that the next start finds."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

import pytest

from desktop_app.support.crash_log import CRASH_FILE, CrashLog, install_excepthook

CRASH = """
import faulthandler, os, sys
from pathlib import Path
from desktop_app.support.crash_log import CrashLog
log = CrashLog(Path(sys.argv[1]))
print(log.start(), flush=True)
os.abort()
"""


def test_a_hard_crash_is_offered_at_the_next_start(tmp_path):
    run = [sys.executable, "-c", CRASH, str(tmp_path)]
    first = subprocess.run(run, capture_output=True, text=True, check=False)
    assert first.returncode != 0
    second = subprocess.run(run, capture_output=True, text=True, check=False)
    assert first.stdout.strip() == "None"
    assert "Aborted" in second.stdout


def test_a_clean_run_leaves_nothing(tmp_path):
    code = CRASH.replace("os.abort()", "log.stop()")
    run = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(run, check=True, capture_output=True).returncode == 0
    assert not (tmp_path / CRASH_FILE).exists()


def test_no_place_for_the_report_is_no_error(tmp_path):
    (tmp_path / "file").write_text("x")
    log = CrashLog(tmp_path / "file")
    assert log.start() is None
    log.stop()


@pytest.fixture
def hooks():
    before = sys.excepthook, threading.excepthook
    heard = []
    install_excepthook(lambda line, details: heard.append((line, details)))
    yield heard
    sys.excepthook, threading.excepthook = before


def test_uncaught_errors_reach_the_log_and_the_window(hooks, caplog):
    with caplog.at_level(logging.ERROR):
        error = ValueError("in a slot")
        sys.excepthook(ValueError, error, None)
    assert hooks[0][0] == "ValueError: in a slot"
    assert "ValueError" in hooks[0][1]
    assert "in a slot" in caplog.text


def test_threads_too(hooks):
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    assert hooks[0][0].startswith("ZeroDivisionError")
