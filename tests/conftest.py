"""What every test shares: no user's file is touched, no network is used, no screen is needed."""

from __future__ import annotations

import gc
import os
import shutil
from contextlib import suppress

# Before anything imports Qt or transformers.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Workers share the cores: torch would take all of them in each, and be slower for it.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    _CORES = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, _CORES)))

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from desktop_app.engine import remembered
from desktop_app.engine.packs.pack import pack_folder, pack_problem, require_pack
from desktop_app.support.paths import HOME_VARIABLE
from tests.patience import PatientBot, let_go_of_keys
from tests.plugins import install_sample, on_path

# Where the pack of this machine's user is; read before the home is moved out of the tests' way.
_PACK_FOLDER = pack_folder("smollm2")
_PACK_PROBLEM = pack_problem("smollm2")


# Views that are gone are circles of references, and collecting many of them at once has ended the
# interpreter. `support.gc_guard` sees to that in the window; here nothing is collected but what a
# test itself collects of its own: whatever came before is set aside.
gc.disable()


def pytest_runtest_setup():
    gc.disable()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def lensbench_home(tmp_path_factory):
    """Move the user's folders to a temporary place in which the real model pack is installed.

    Its weights are linked and what may be converted again is copied: the user's own stays as it is.
    """
    home = tmp_path_factory.mktemp("lensbench-home")
    if _PACK_PROBLEM is None:
        folder = home / "data" / "models" / "smollm2"
        folder.mkdir(parents=True)
        # Windows allows links to few users; tests that name the pack are skipped without one.
        with suppress(OSError):
            for path in _PACK_FOLDER.iterdir():
                if path.suffix == ".safetensors":
                    (folder / path.name).symlink_to(path)
                else:
                    shutil.copy2(path, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        yield home


@pytest.fixture(scope="session")
def smollm2_folder(lensbench_home):
    """Return the Hugging Face folder of the model pack; skip where it is not installed."""
    problem = pack_problem("smollm2")
    if problem is not None:
        pytest.skip(problem)
    return require_pack("smollm2")


@pytest.fixture
def own_memory(tmp_path, monkeypatch):
    """Give a home and a process that know nothing of any model's hooks, and keep what they learn.

    Where a test makes a trial fail, the next test would believe it. The fixture is a function that
    forgets all once more: to load a model is to try its hooks.
    """
    home = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(home))

    def forget():
        shutil.rmtree(home, ignore_errors=True)
        remembered.forget()

    forget()
    yield forget
    forget()


@pytest.fixture(scope="session")
def plugin_place(tmp_path_factory):
    """Return a folder in which the sample package is installed, for other processes."""
    return install_sample(tmp_path_factory.mktemp("plugin") / "site")


@pytest.fixture
def installed_plugin(plugin_place):
    """Install the sample package in this process and return the name of its analysis."""
    with on_path(plugin_place):
        yield "weather"


@pytest.fixture(autouse=True)
def no_widgets_of_the_past():
    """Let go of the widgets of a test when it ends: they would hear of themes and timers.

    Its keys and buttons too: what a test presses is held, for Qt, until something else happens.
    """
    yield
    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if isinstance(QCoreApplication.instance(), QApplication):
            let_go_of_keys()


@pytest.fixture
def qtbot(qapp, request):
    """pytest-qt's, whose waits end with what is waited for however busy the machine is."""
    return PatientBot(request)
