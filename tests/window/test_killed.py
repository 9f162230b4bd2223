"""A whole window killed with kill -9: what had finished is offered by the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app.session import unsaved

REPOSITORY = Path(__file__).parents[2]
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from desktop_app import app
from desktop_app.support.logs import LogBook
from desktop_app.contract.registry import worked_order
from desktop_app.window.main_window import MainWindow
from tests.window.fakes import FakeService

application = app.make_application()
window = MainWindow(FakeService, Path(sys.argv[1]) / "config", LogBook())
window.show()
finished = []
window.session.row_added.connect(finished.append)
window.started.connect(lambda: window.runs.run("rank"))
window.start()
while len(finished) < len(worked_order()) + 1:  # the worked example alone is not worth keeping
    QApplication.processEvents()
print("ready", len(window.session.rows()), flush=True)
application.exec()
"""


@pytest.mark.gui
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_window_loses_nothing_that_had_finished(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "LENSBENCH_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        word, count = process.stdout.readline().split()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert word == "ready"
    folder = tmp_path / "data" / unsaved.FOLDER
    (found,) = unsaved.leftovers(folder)
    assert found.results == int(count) >= 2
    with unsaved.restore(found.path) as session:
        assert [row.analysis for row in session.rows()][-1] == "rank"
        assert session.rows()[-1].title == "Ranking · “1 2 3 4 ” · run 2"
