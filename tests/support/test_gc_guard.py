"""The collector runs on the window's thread, and only there.

The cases have a process of their own: they turn the collector on, and let it look at everything.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import CHILD_S

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.gui
def test_the_cases_of_the_guard_hold():
    cases = Path(__file__).with_name("gc_guard_cases.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(cases)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=CHILD_S,
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout + done.stderr
