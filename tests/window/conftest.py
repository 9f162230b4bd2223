from __future__ import annotations

import gc

import pytest
from PySide6.QtCore import QThread
from PySide6.QtWidgets import QApplication

from desktop_app.support.logs import LogBook
from desktop_app.support.paths import HOME_VARIABLE
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.frame import dialogs
from desktop_app.window.main_window import MainWindow
from tests.window.fakes import FakeService, settle


@pytest.fixture(autouse=True)
def no_leaks(qapp):
    """Fail where a test leaves a running thread or a visible window behind."""
    apply_theme(qapp, "light")
    yield
    apply_theme(qapp, "light")
    running = [o for o in gc.get_objects() if issubclass(type(o), QThread) and o.isRunning()]
    shown = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
    assert not running, "a thread is still running"
    assert not shown, f"windows are still open: {shown}"


@pytest.fixture(autouse=True)
def answers(monkeypatch):
    """Answer every question without a dialog; tests change what is answered."""
    given = {"close": "discard", "quit": True, "delete": True}
    given |= {"prompts": "replace", "open": None, "save": None, "folders": []}
    monkeypatch.setattr(dialogs, "ask_save_before_closing", lambda parent: given["close"])
    monkeypatch.setattr(dialogs, "ask_prompts", lambda *a: given["prompts"])
    monkeypatch.setattr(dialogs, "ask_delete", lambda *a: given["delete"])
    monkeypatch.setattr(dialogs, "ask_quit_hard", lambda parent: given["quit"])
    monkeypatch.setattr(dialogs, "ask_open", lambda *a: given["open"])
    monkeypatch.setattr(dialogs, "ask_save", lambda *a: given["save"])
    monkeypatch.setattr(dialogs, "show_folder", lambda p: not given["folders"].append(p))
    return given


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def open_window(qtbot, tmp_path):
    """Return a function that opens a window on a service; all are closed at the end."""
    opened = []

    def open_one(service, *, folder=tmp_path / "config", wait=True, size=(1280, 800), placed=True):
        window = MainWindow(lambda: service, folder, LogBook())
        opened.append(window)
        if placed:  # else as it was kept
            window.resize(*size)
            window.panels.place()
        window.show()
        qtbot.waitExposed(window)
        if wait:
            with qtbot.waitSignal(window.started):
                window.start()
            settle(qtbot, window)
        return window

    yield open_one
    for window in opened:
        if window.isVisible():
            with qtbot.waitSignal(window.closed):
                window.close()
        window.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def window(open_window, service):
    """Return a window after its first start on a fake service."""
    return open_window(service)


@pytest.fixture(scope="module")
def toy_home(tmp_path_factory):
    """Move the home to where no model pack is: then the window opens the bundled toy."""
    home = tmp_path_factory.mktemp("toy-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        yield home


@pytest.fixture(scope="module")
def filled(toy_home):
    """Open one real window on the toy model for a whole module, every view filled."""
    from tests.window.filled import close, fill, open_toy_window

    window = open_toy_window(toy_home / "config")
    fill(window)
    yield window
    close(window)
