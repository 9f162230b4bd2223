"""The real window on the real toy model: cold start, worked example, and a smooth event loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.patience import CHILD_S

pytestmark = [pytest.mark.gui, pytest.mark.model, pytest.mark.slow]

# In a process of its own: the start is only cold where torch has not been imported yet.
START = """
import json, os, sys, time
began = time.perf_counter()
from pathlib import Path
from PySide6.QtCore import QEventLoop, QTimer
from desktop_app import app as lensbench
from desktop_app.contract.params import PromptRow
from desktop_app.support import logs
from desktop_app.support.stall_watchdog import StallWatchdog
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.main_window import MainWindow

facts = {"torch_imported_early": "torch" in sys.modules, "sockets": []}

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"):
        facts["sockets"].append(f"{event} {arguments[1:]}")

sys.addaudithook(watch)
app = lensbench.make_application()
apply_theme(app, "light")
window = MainWindow(lensbench.make_service, Path(sys.argv[1]), logs.install(echo=False))
care = lensbench.Housekeeping(window)
care.start()
window.show()
app.processEvents()
facts["seconds_to_window"] = time.perf_counter() - began
facts["torch_before_start"] = "torch" in sys.modules
watchdog = StallWatchdog()

def wait_for(signal):
    loop = QEventLoop()
    signal.connect(loop.quit)
    loop.exec()
    signal.disconnect(loop.quit)

def wait(milliseconds):
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()

measuring = len(sys.argv) > 2

watchdog.start()
window.start()
wait_for(window.conductor.model_ready)
watchdog.stop()
facts["load"] = [watchdog.percentile_ms(99), watchdog.max_ms()]
if window.first_start.is_under_way():
    wait_for(window.started)
facts["seconds_to_example"] = time.perf_counter() - began
facts["filled"] = [n for n in window.views if window.views[n].current_result is not None]
facts["model"] = window.conductor.model.info.name
facts["top"] = window.views["rank"].current_result.data["top"][0][0]["text"]
facts["parity"] = window.conductor.model.parity.ok

if measuring:
    wait(700)
window.views.open("ablate")
# Long enough for a percentile: the toy's single prompt is swept within a few ticks.
rows = [PromptRow(text=" ".join(map(str, range(i, i + 30))), answer=(f" {i + 30}",),
                  wrong=(f" {i + 29}",)) for i in range(1, 7)] * 10
window.prompts.set_prompts(rows)
window.prompts.flush()
if window.runner.is_busy():
    wait_for(window.runner.became_idle)
if measuring:
    # What other programs make a window wait for, measured on this very one while it does nothing.
    watchdog.start()
    wait(2000)
    watchdog.stop()
    facts["idle"] = [watchdog.percentile_ms(99), watchdog.max_ms()]
stalls = []
for _ in range(3 if measuring else 1):
    watchdog.start()
    window.actions_by_name["run"].trigger()
    wait_for(window.runner.became_idle)
    watchdog.stop()
    stalls.append([watchdog.percentile_ms(99), watchdog.max_ms(), len(watchdog.stalls_ms())])
    facts["done"] = window.views["ablate"].current_result.data["effect"].shape[-1]
facts["sweep"] = min(stalls)
facts["closed"] = False
window.closed.connect(lambda: facts.__setitem__("closed", True))
window.session.has_unsaved = False
window.close()
care.stop()
print(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    return started(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return started(tmp_path_factory.mktemp("home"), "measuring")


def started(home, *how):
    """Start the program in a process of its own and return what it says of itself."""
    environment = {**os.environ, "LENSBENCH_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(
        [sys.executable, "-c", START, str(home / "config"), *how],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_the_window_is_up_before_torch(facts):
    assert not facts["torch_imported_early"]
    assert not facts["torch_before_start"]


def test_the_worked_example_fills_every_tab(facts):
    assert facts["filled"] == ["tokens", "rank", "ablate", "attention"]
    assert facts["model"] == "toy"
    assert facts["top"] == " 5"
    assert facts["parity"]


def test_all_prompts_of_a_larger_table_are_swept(facts):
    assert facts["done"] == 60


def test_no_socket_is_opened_from_start_to_worked_example(facts):
    assert facts["sockets"] == []


def test_the_window_closes_cleanly(facts):
    assert facts["closed"]


@pytest.mark.benchmark
def test_stalls_are_within_the_budgets(measured, capsys):
    """While loading at most 300 ms; while a sweep runs p99 ≤ 16 ms and at most 100 ms.

    What the idle window is made to wait by other programs is allowed on top; on a machine that is
    busy with more than it has cores for, the figures would say nothing of the window.
    """
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        pytest.skip(f"the machine is busy, load {os.getloadavg()[0]:.1f}; measured {measured}")
    assert measured["done"] == 60
    assert measured["sweep"][2] > 100  # ticks: a real sweep
    with capsys.disabled():
        sys.stdout.write(
            f"\nwindow held up at most {measured['load'][1]:.0f} ms while a model loads; while a "
            f"sweep runs 99 % of ticks within {measured['sweep'][0]:.0f} ms, at most "
            f"{measured['sweep'][1]:.0f} ms; idle {measured['idle'][0]:.0f} and "
            f"{measured['idle'][1]:.0f} ms\n"
        )
    (idle_p99, idle_max), (sweep_p99, sweep_max) = measured["idle"], measured["sweep"][:2]
    assert measured["load"][1] <= 300 + idle_max, measured
    assert sweep_p99 <= 16 + idle_p99, measured
    assert sweep_max <= 100 + idle_max, measured


def test_without_a_screen_tables_session_and_pictures_are_written(tmp_path):
    code = "import sys; from desktop_app.app import headless; sys.exit(headless(sys.argv[1]))"
    environment = {**os.environ, "LENSBENCH_HOME": str(tmp_path / "home")}
    environment.pop("QT_QPA_PLATFORM", None)
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for words in ("tokens ·", "rank ·", "ablate ·", "attention ·"):
        assert words in run.stdout
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "tokens.png",
        "ranking.png",
        "ablation.png",
        "attention.png",
        "worked_example.lens",
    }
    for path in (tmp_path / "out").iterdir():
        assert path.stat().st_size > 10_000, path
