"""Spoilt and hostile sessions, opened in one window one after another, end nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import CHILD_S

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.gui
def test_no_session_ends_the_window(tmp_path):
    environment = {**os.environ, "LENSBENCH_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.window.hostile_driver", str(tmp_path), "0", "24"],
        cwd=REPOSITORY,
        env={**environment, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["opened"] == 24
    assert 0 < found["seen"] < 24 * 5
    assert found["told"] == []
    assert found["grown_mb"] < 500
