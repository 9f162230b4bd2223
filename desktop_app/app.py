"""The composition root: it makes the application's parts and hands them to the window."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from desktop_app.contract.registry import ANALYSES, worked_order
from desktop_app.pictures.text_tables import as_text
from desktop_app.support import logs, paths
from desktop_app.support.children import forget_own_plugins
from desktop_app.support.crash_log import CrashLog, install_excepthook
from desktop_app.support.gc_guard import GcGuard
from desktop_app.support.guard import override
from desktop_app.support.installed import package_version
from desktop_app.support.stall_watchdog import StackReporter, StallWatchdog
from desktop_app.support.terminal import put_line
from desktop_app.support.unfinished import Workplace
from desktop_app.widgets.basics.icons import logo
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.exports.pictures import let_draw
from desktop_app.window.main_window import MainWindow
from desktop_app.window.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.jobs.worker import Service

LOG_FILE = "lensbench.log"
STALLS_VARIABLE = "LENSBENCH_STALLS"
# While modules are imported and weights converted on the compute thread, the interpreter is handed
# back to the window every 2 ms instead of every 5.
SWITCH_INTERVAL_S = 0.002
SESSION_NAME = "worked_example.lens"
_PATIENCE_MS = 600_000
# Finder starts the program without arguments and names the file in one of the first events.
_FINDER_MS = 100


def main(argv: Sequence[str] | None = None, *, config_dir: Path | None = None) -> int:
    """Open the window and return the exit status.

    Args:
        argv: The arguments after the program's name: at most one session, prompt table or model.
        config_dir: Where the settings are; None takes the user's folder.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    app = make_application()
    book = logs.install(paths.log_dir() / LOG_FILE)
    crash_log = CrashLog(paths.log_dir())
    report = crash_log.start()
    relay = ErrorRelay()
    install_excepthook(relay.tell)
    folder = config_dir or paths.config_dir()
    apply_theme(app, load_settings(folder).theme)
    window = MainWindow(make_service, folder, book)
    # Later: what fails while the window is drawn must not change its layout meanwhile.
    queued = Qt.ConnectionType.QueuedConnection
    relay.error_caught.connect(window.hall.show_problem, queued)
    housekeeping = Housekeeping(window)
    housekeeping.start()
    before = _on_signals(window)
    window.show()
    if report is not None:
        window.show_crash_report(report)
    beginning = Beginning(window, Path(arguments[0]) if arguments else None)
    if isinstance(app, Application):
        app.file_asked.connect(beginning.open)
    if sys.platform == "darwin" and not arguments:
        QTimer.singleShot(_FINDER_MS, beginning.start)
    else:
        beginning.start()
    status = app.exec()
    housekeeping.stop()
    for number, handler in before.items():
        signal.signal(number, handler)
    # While there is an application: icons that the interpreter meets at its own end crash it.
    gc.collect()
    crash_log.stop()
    return status


def _on_signals(window: MainWindow) -> dict[signal.Signals, Any]:
    """Close the window when the system asks for it; return what was done before."""
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as a shell has it for its background
            before[number] = signal.signal(number, lambda _number, _frame: window.close())
    return before


def headless(out_dir: Path | str, write: Callable[[str], None] | None = None) -> int:
    """Perform the worked example without a screen.

    Its tables go to standard output; the session and a picture of each panel go to `out_dir`.

    Returns:
        0 where everything was computed and written, else 1.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    out = paths.ensure(Path(out_dir))
    app = make_application()
    book = logs.install()
    apply_theme(app, "light")
    with contextlib.closing(Workplace("settings")) as folder:
        window = MainWindow(make_service, folder.path, book)
        window.resize(1600, 1000)
        window.panels.place()
        window.show()
        housekeeping = Housekeeping(window)
        housekeeping.start()
        done = HeadlessRun(window, out, write or put_line).perform()
        window.close()
        housekeeping.stop()
    logging.getLogger().removeHandler(book)
    return 0 if done else 1


def make_application() -> QApplication:
    """Return the application object, made where there is none yet."""
    QCoreApplication.setApplicationName(paths.APP_NAME)
    QCoreApplication.setApplicationVersion(package_version("lensbench"))
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QApplication.setHighDpiScaleFactorRoundingPolicy(
        Qt.HighDpiScaleFactorRoundingPolicy.PassThrough
    )
    app = Application([paths.APP_NAME])
    forget_own_plugins()
    app.setDesktopFileName("lensbench")
    if sys.platform != "darwin":  # the Dock shows the bundle's own
        app.setWindowIcon(logo())
    return app


def make_service() -> Service:
    """Make the compute service; called on the compute thread."""
    from desktop_app.jobs.service import Service as ComputeService  # noqa: PLC0415 - imports torch

    return ComputeService()


class Application(QApplication):
    """The application object; macOS asks it, not a new program, to open a file.

    Signals:
        file_asked: The file's path.
    """

    file_asked = Signal(str)

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent):
            if event.file():  # an address elsewhere has none
                self.file_asked.emit(event.file())
            return True
        return super().event(event)


class Beginning(QObject):
    """Starts the window with the file that is asked for, and opens in it what is asked later."""

    def __init__(self, window: MainWindow, file: Path | None = None) -> None:
        super().__init__(window)
        self._window = window
        self._file = file
        self._is_over = False

    def start(self) -> None:
        """Start the window."""
        self._is_over = True
        file = self._file
        is_session = file is not None and file.suffix.lower() == ".lens"
        self._window.start(file if is_session else None)
        if file is not None and not is_session:
            self._window.files.open_any(file)

    def open(self, path: str) -> None:
        """Open a session, prompt table or model, at the start where that is still to come."""
        if self._is_over:
            self._window.files.open_any(Path(path))
        else:
            self._file = Path(path)


class ErrorRelay(QObject):
    """Carries uncaught errors of any thread to the window.

    Signals:
        error_caught: A sentence.
    """

    error_caught = Signal(str)

    def tell(self, line: str, _details: str) -> None:
        """Say that something went wrong; may be called on any thread."""
        self.error_caught.emit(
            f"Something went wrong inside Lensbench ({line}). The log has the details."
        )


class Housekeeping(QObject):
    """Memory and smoothness: collection on the window's thread, and the developer's watchdog."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self._guard = GcGuard(self)
        self._models = 0
        self._watchdog: StallWatchdog | None = None
        self._reporter: StackReporter | None = None
        window.conductor.model_ready.connect(self._on_model_changed)

    def start(self) -> None:
        """Begin."""
        self._guard.start()
        if os.environ.get(STALLS_VARIABLE):
            self._watchdog = StallWatchdog(self)
            self._reporter = StackReporter(self._watchdog)
            self._watchdog.start()
            self._reporter.start()

    def stop(self) -> None:
        """End."""
        self._guard.stop()
        if self._watchdog is not None and self._reporter is not None:
            self._reporter.stop()
            self._watchdog.stop()
            put_line(self._watchdog.summary())

    def _on_model_changed(self) -> None:
        """The first model brings torch's modules; a later one leaves the older to be collected."""
        self._models += 1
        if self._models == 1:
            self._guard.settle()
        else:
            self._guard.collect_all()


class HeadlessRun(QObject):
    """Waits for the worked example, prints it, and writes session and pictures.

    Attributes:
        problems: Sentences on what did not work.
    """

    def __init__(self, window: MainWindow, out: Path, write: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window = window
        self._out = out
        self._write = write
        self._loop = QEventLoop(self)
        self.problems: list[str] = []
        window.started.connect(self._loop.quit)
        window.hall.problem_told.connect(self.problems.append)
        window.conductor.run_failed.connect(self._on_run_failed)

    def perform(self) -> bool:
        """Do it all; return whether every picture of it was filled and everything written."""
        QTimer.singleShot(_PATIENCE_MS, self._loop.quit)
        self._window.start()
        if self._window.first_start.is_under_way():
            self._loop.exec()
        self._window.session.wait()
        for name in (name for name in self._window.views if name in worked_order()):
            view = self._window.views[name]
            result = view.current_result
            if result is None:
                self.problems.append(f"{view.analysis.title} has no result.")
                continue
            self._write(as_text(result) + "\n")
            self._draw(name)
        self._save()
        for problem in self.problems:
            self._write(f"! {problem}")
        return not self.problems

    def _draw(self, name: str) -> None:
        self._window.views.open(name)
        let_draw()
        path = self._out / f"{ANALYSES[name].title.lower()}.png"
        if not self._window.grab().save(str(path), "PNG"):
            self.problems.append(f"“{path}” could not be written.")

    def _save(self) -> None:
        self._window.files.keep_prompts()
        self._window.session.save_as(self._out / SESSION_NAME)
        self._window.session.wait()
        let_draw()

    def _on_run_failed(self, _name: str, failed: object) -> None:
        self.problems.append(str(getattr(failed, "message", failed)))
