"""kill -9 at random moments loses no result that was reported as finished."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
KILLS = 210


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_writers_killed_at_random_moments_lose_nothing_they_reported(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.session.fault_driver", str(tmp_path), str(KILLS), "1"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["kills"] >= 200
    assert found["finished"] > 50  # results were finished before the kill ...
    assert found["interrupted"] > 10  # ... and many kills came within a transaction
    assert found["creating"] > 5  # ... or before the file was whole
