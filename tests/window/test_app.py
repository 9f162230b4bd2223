"""The composition root: importing it is cheap."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import sys

import pytest
import desktop_app.app
print(sorted(m for m in ("torch", "transformers", "transformer_lens") if m in sys.modules))
"""


def test_importing_the_app_does_not_import_torch():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


QUIT = """
import sys

import pytest
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from desktop_app import app
made = app.make_application()
QTimer.singleShot(int(sys.argv[1]), QApplication.closeAllWindows)
sys.exit(app.main([]))
"""


@pytest.mark.slow
@pytest.mark.gui
@pytest.mark.parametrize("after_ms", [50, 1500])
def test_the_program_ends_cleanly_also_while_it_is_loading(tmp_path, after_ms):
    environment = {**os.environ, "LENSBENCH_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", QUIT, str(after_ms)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    assert "Fatal" not in run.stderr
    assert "QThread: Destroyed" not in run.stderr
    assert (tmp_path / "config" / "settings.json").is_file()
    assert not (tmp_path / "log" / "crash.log").exists()
