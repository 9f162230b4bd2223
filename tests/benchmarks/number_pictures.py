"""Pictures of the study for the help: `python -m tests.benchmarks.number_pictures STUDY.lens DIR`.

The session is opened in the real window; each view is drawn as it stands there, at half its size.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

WIDTH = 760
VIEWS = ("ablate", "circuit", "edges")


def main(session: Path, folder: Path) -> None:
    """Draw the views of a recorded study."""
    os.environ.setdefault("LENSBENCH_HOME", tempfile.mkdtemp())
    from PySide6.QtCore import QDeadlineTimer, Qt

    from desktop_app.app import make_application, make_service
    from desktop_app.support.logs import LogBook
    from desktop_app.widgets.basics.theme import apply_theme
    from desktop_app.window.main_window import MainWindow

    app = make_application()
    apply_theme(app, "light")
    window = MainWindow(make_service, Path(os.environ["LENSBENCH_HOME"]) / "config", LogBook())
    window.resize(1600, 900)
    window.show()

    def settle(milliseconds: int) -> None:
        end = QDeadlineTimer(milliseconds)
        while not end.hasExpired():
            app.processEvents()

    window.session.open(session)
    settle(4_000)
    folder.mkdir(parents=True, exist_ok=True)
    for name in VIEWS:
        window.views.open(name)
        settle(2_500)
        picture = (
            window.views[name]
            .grab()
            .scaledToWidth(WIDTH, Qt.TransformationMode.SmoothTransformation)
        )
        picture.save(str(folder / f"{name}.png"), "PNG")
        print(f"{name}: {picture.width()} × {picture.height()}", flush=True)
    window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
