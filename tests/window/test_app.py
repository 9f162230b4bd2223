"""The composition root: importing it is cheap."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from desktop_app import __main__ as door
from tests.patience import CHILD_S

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
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from desktop_app import app
from desktop_app.window.sessions import file_desk
file_desk.PATIENCE_MS = 10**9  # nobody is here to say whether to go on waiting
made = app.make_application()

def close():
    QTimer.singleShot(0, QApplication.closeAllWindows)

class Window(app.MainWindow):
    def start(self, *given):
        super().start(*given)
        if sys.argv[1] == "loading":
            self.conductor.model_loading.connect(close)
        else:
            close()

app.MainWindow = Window
sys.exit(app.main([]))
"""


@pytest.mark.slow
@pytest.mark.gui
@pytest.mark.parametrize("moment", ["starting", "loading"])
def test_the_program_ends_cleanly_also_while_it_is_loading(tmp_path, moment):
    environment = {**os.environ, "LENSBENCH_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", QUIT, moment],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    assert "Fatal" not in run.stderr
    assert "QThread: Destroyed" not in run.stderr
    assert (tmp_path / "config" / "settings.json").is_file()
    assert not (tmp_path / "log" / "crash.log").exists()


FAILING = """
import sys
from PySide6.QtCore import QTimer
from desktop_app import app
from desktop_app.support.guard import guarded
from desktop_app.views import frame
from desktop_app.widgets.basics.messages import Banner

told = []
original = Banner.show_message
def show(self, text, *rest, **more):
    told.append(text)
    original(self, text, *rest, **more)
Banner.show_message = show

def showEvent(self, event):
    [].pop()
frame.SettingsFold.showEvent = guarded(showEvent)

class Window(app.MainWindow):
    def start(self, *given):
        QTimer.singleShot(0, self.look)
    def look(self):
        if any("pop from empty list" in text for text in told):
            print(len([text for text in told if "pop from" in text]), flush=True)
            self.close()
        else:
            QTimer.singleShot(0, self.look)

app.MainWindow = Window
sys.exit(app.main([]))
"""


@pytest.mark.gui
def test_an_error_in_a_handler_is_told_in_the_window_and_logged(tmp_path):
    environment = {**os.environ, "LENSBENCH_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(
        [sys.executable, "-c", FAILING],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "1"
    log = (tmp_path / "log" / "lensbench.log").read_text()
    assert "IndexError: pop from empty list" in log


def test_the_collector_rests_while_the_window_is_imported(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lensbench"])
    monkeypatch.setattr("desktop_app.app.main", lambda _arguments: int(gc.isenabled()))
    monkeypatch.setattr("desktop_app.app.headless", lambda _folder: int(gc.isenabled()))
    gc.enable()
    try:
        assert door.main() == 0
    finally:
        gc.disable()


ASKED = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QFileOpenEvent
from desktop_app import app

def ask(file):
    app.QApplication.sendEvent(app.make_application(), QFileOpenEvent(file))

class Window(app.MainWindow):
    def start(self, file=None):
        print("started with", file and file.name, flush=True)
        self.files.open_any = lambda path: print("opened", path.name, flush=True)
        QTimer.singleShot(0, self.later)
    def later(self):
        ask("/somewhere/second.lens")
        ask(QUrl("https://example.org/third.lens"))
        self.close()
    def show(self):
        super().show()
        if sys.argv[1] == "darwin":
            QTimer.singleShot(0, lambda: ask("/somewhere/first.lens"))

app.MainWindow = Window
sys.platform = sys.argv[1]
sys.exit(app.main(sys.argv[2:]))
"""


@pytest.mark.gui
@pytest.mark.parametrize(
    ("system", "arguments", "lines"),
    [
        # Finder names the file after the program has begun; the start waits for it.
        ("darwin", [], ["started with first.lens", "opened second.lens"]),
        ("linux", ["/somewhere/first.lens"], ["started with first.lens", "opened second.lens"]),
        ("linux", ["t.csv"], ["started with None", "opened t.csv", "opened second.lens"]),
    ],
)
def test_a_file_that_the_system_asks_for_is_opened(tmp_path, system, arguments, lines):
    environment = {**os.environ, "LENSBENCH_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(
        [sys.executable, "-c", ASKED, system, *arguments],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == lines


PLUGINS = """
import os, sys
sys.frozen = sys.argv[1] == "frozen"
os.environ["QT_PLUGIN_PATH"] = sys.argv[2]
from desktop_app import app
made = app.make_application()
print(sys.argv[2] in made.libraryPaths(), "QT_PLUGIN_PATH" in os.environ)
"""


@pytest.mark.gui
@pytest.mark.parametrize(("kind", "told"), [("frozen", "True False"), ("source", "True True")])
def test_programs_that_are_started_from_here_load_plugins_of_their_own(tmp_path, kind, told):
    run = subprocess.run(
        [sys.executable, "-c", PLUGINS, kind, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert (run.returncode, run.stdout.strip()) == (0, told), run.stderr


NO_CONSOLE = """
import sys
from PySide6.QtCore import QTimer
from desktop_app import __main__ as door

sys.argv = ["lensbenchw"]
sys.stdin = sys.stdout = sys.stderr = None
from desktop_app import app

class Window(app.MainWindow):
    def start(self, file=None):
        sys.stderr.write("a library's bar")
        print("a library's word")
        QTimer.singleShot(0, self.close)

app.MainWindow = Window
sys.exit(door.main())
"""


@pytest.mark.gui
def test_the_window_needs_no_console(tmp_path):
    environment = {
        **os.environ,
        "LENSBENCH_HOME": str(tmp_path),
        "LENSBENCH_STALLS": "1",
        "QT_QPA_PLATFORM": "offscreen",
    }
    run = subprocess.run(
        [sys.executable, "-c", NO_CONSOLE],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=False,
        env=environment,
    )
    assert (run.returncode, run.stdout) == (0, "")
    assert "Traceback" not in run.stderr
