"""The base installation: every session opens, draws and exports where there is no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app.contract.registry import ANALYSES
from desktop_app.support import installed
from desktop_app.support.errors import ModelLoadError
from tests.session import toy_runs

REPOSITORY = Path(__file__).parents[2]
ADVICE = 'pip install "lensbench[compute]"'


@pytest.mark.gui
@pytest.mark.model
def test_every_result_is_drawn_and_exported_without_torch(tmp_path):
    names = tuple(name for name in ANALYSES if name in ANALYSES)
    session = toy_runs.write_session(tmp_path / "all.lens", names)
    done = subprocess.run(
        [sys.executable, "-m", "tests.window.viewer_driver", str(session), str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "LENSBENCH_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["imported"] == []
    assert set(found["drawn"]) == set(names)
    assert all(count > 8 for count in found["drawn"].values()), found["drawn"]
    for sentence in (*found["failures"].values(), found["dialog"]):
        assert ADVICE in sentence
    assert found["banner"] == ""
    assert "Viewer" in found["model"]
    assert found["made"] == [5, False]  # prompts are made without a model, and not tried
    assert found["cli"] == [3, 3]
    assert done.stderr.count(ADVICE) == 2
    assert "Traceback" not in done.stderr
    for name in names:
        assert json.loads((tmp_path / f"{name}.json").read_text("utf-8"))["analysis"] == name


def test_what_is_missing_is_named(monkeypatch):
    assert installed.compute_problem() is None
    installed.require_compute()
    monkeypatch.setattr(installed, "COMPUTE", ("json", "no_such_library", "nor.this"))
    assert "lacks no_such_library, nor.this:" in installed.compute_problem()
    assert ADVICE in installed.compute_problem()
    with pytest.raises(ModelLoadError, match="no_such_library"):
        installed.require_compute()
