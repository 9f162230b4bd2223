"""Leaves a trace: Python errors in the log, hard crashes in a file for the next start."""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
import traceback
from typing import TYPE_CHECKING, TextIO

from desktop_app.support import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

CRASH_FILE = "crash.log"
PREVIOUS_FILE = "crash-previous.log"
_MAX_REPORT_CHARACTERS = 20_000
_log = logging.getLogger(__name__)


class CrashLog:
    """The file into which the interpreter writes its stacks when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: TextIO | None = None

    def start(self) -> str | None:
        """Begin to record; return the report of the last run where that one crashed."""
        report = None
        try:
            paths.private(self._folder)
            path = self._folder / CRASH_FILE
            report = self._take_report(path)
            self._file = paths.open_private(path, "w")
        except OSError:  # no place for a report is no reason not to start
            return report
        faulthandler.enable(self._file)
        return report

    def stop(self) -> None:
        """End after a run without a crash: nothing is left behind."""
        if self._file is None:
            return
        faulthandler.disable()
        self._file.close()
        self._file = None
        path = self._folder / CRASH_FILE
        try:
            if path.stat().st_size == 0:
                path.unlink()
        except OSError:
            return

    def _take_report(self, path: Path) -> str | None:
        if not path.exists() or path.stat().st_size == 0:
            return None
        previous = path.with_name(PREVIOUS_FILE)
        path.replace(previous)
        return previous.read_text(encoding="utf-8", errors="replace")[:_MAX_REPORT_CHARACTERS]


def install_excepthook(on_error: Callable[[str, str], None] | None = None) -> None:
    """Send every uncaught exception to the log, of any thread and from any slot.

    Args:
        on_error: Called with (one line, traceback as text); may be called on any thread.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        line = f"{kind.__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
        _log.error("Uncaught %s\n%s", line, details)
        if on_error is not None:
            on_error(line, details)

    def thread_hook(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            hook(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    sys.excepthook = hook
    threading.excepthook = thread_hook
