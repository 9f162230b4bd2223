"""One start of the viewer for `tests.benchmarks.session`: prints seconds as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tests.window.viewer_driver import MainWindow  # hides torch and its kin first  # isort: skip

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app import app
from desktop_app.support.logs import LogBook
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.settings import load_settings

BEGAN = float(os.environ["BENCHMARK_BEGAN"])


class PaintWatch(QObject):
    """Notes when anything inside a view was first painted while the view had a result."""

    def __init__(self, view) -> None:
        super().__init__()
        self.view = view
        self.at = None

    def eventFilter(self, watched, event) -> bool:  # noqa: N802 - Qt's name
        """Look at every event of the application."""
        if event.type() == QEvent.Type.Paint and self.at is None and isinstance(watched, QWidget):
            has_result = self.view.current_result is not None
            if has_result and self.view.isAncestorOf(watched) and watched.height() > 200:
                self.at = time.time()
        return False


def main(path: Path, config: Path) -> None:
    """Start, open, and wait for the first picture."""
    application = app.make_application()
    apply_theme(application, load_settings(config).theme)
    window = MainWindow(app.make_service, config, LogBook())
    window.resize(1280, 800)
    window.panels.place()
    window.show()
    QApplication.processEvents()
    standing = time.time()
    watch = PaintWatch(window.views[window.views.current])
    application.installEventFilter(watch)
    window.start(path)
    end = time.time() + 20
    while watch.at is None and time.time() < end:
        QApplication.processEvents()
    painted = time.time()  # the turn in which it was painted is over
    application.removeEventFilter(watch)
    window.close()
    found = {"opened": painted - standing, "started": painted - BEGAN, "window": standing - BEGAN}
    found["analyses"] = len(list(window.views))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
