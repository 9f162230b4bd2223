"""Pictures of the steering study: `python -m tests.benchmarks.steering_pictures STUDY.lens DIR`.

The session is opened in the real window; each result is drawn as it stands there, at half its size.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

WIDTH = 760
# Of which step, and on which of the view's pages.
PICTURES = {"texts": ("mood", "texts"), "sweep": ("sweep", "sweep")}


def main(path: Path, folder: Path) -> None:
    """Draw the views of a recorded study."""
    os.environ.setdefault("LENSBENCH_HOME", tempfile.mkdtemp())
    from PySide6.QtCore import QDeadlineTimer, Qt

    from desktop_app.app import make_application, make_service
    from desktop_app.support.logs import LogBook
    from desktop_app.widgets.basics.theme import apply_theme
    from desktop_app.window.main_window import MainWindow
    from tests.benchmarks.steering_study import NAME, STEPS

    titles = {step.name: step.title for step in STEPS}
    app = make_application()
    apply_theme(app, "light")
    window = MainWindow(make_service, Path(os.environ["LENSBENCH_HOME"]) / "config", LogBook())
    window.resize(1600, 900)
    window.show()

    def settle(milliseconds: int) -> None:
        end = QDeadlineTimer(milliseconds)
        while not end.hasExpired():
            app.processEvents()

    window.session.open(path)
    settle(4_000)
    folder.mkdir(parents=True, exist_ok=True)
    view = window.views[NAME]
    window.views.open(NAME)
    rows = {row.title: row.id for row in window.session.rows()}
    for name, (step, page) in PICTURES.items():
        window.results.asked.emit("show", rows[titles[step]])
        view.take_choices({"page": page})
        settle(3_000)
        picture = view.grab().scaledToWidth(WIDTH, Qt.TransformationMode.SmoothTransformation)
        picture.save(str(folder / f"{name}.png"), "PNG")
        print(f"{name}: {picture.width()} × {picture.height()}", flush=True)
    window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
