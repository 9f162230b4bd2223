"""A real window on the toy model with every view filled, and the ways to all that it can show."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QDialog, QTabWidget

from desktop_app import app as lensbench
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.support.logs import LogBook
from desktop_app.support.paths import resource
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.exports.picture_desk import PictureDialog
from desktop_app.window.frame.dialogs import MemoryDialog
from desktop_app.window.main_window import MainWindow
from desktop_app.window.runs.storing import StorageDialog
from tests.patience import turn_the_loop, wait_for

# What makes each analysis show all that it has, in little time.
FULL = {
    "edges": {"circuit": "0.1", "resamples": 10, "controls": 4, "steps": 2},
    "attribute": {"by_source": True, "neurons": 5},
    "circuit": {
        "prune": 20,
        "mlps": True,
        "minus": True,
        "controls": 5,
        "completeness": 3,
        "minimality": True,
        "generate": 3,
    },
    "detect": {"card": "auto", "keep_patterns": True},
    "repeat": {"batch": 4, "seq_len": 12, "effect_batch": 1},
    "features": {
        "sae": "toy",
        "feature": 157,
        "corpus": str(resource("help", "start.md")),
        "window": 24,
        "tokens": 460,
    },
    "fit_lens": {
        "text": str(resource("help", "start.md")),
        "windows": 2,
        "max_seq_len": 24,
        "dim_batch": 64,
    },
    "corpus": {"text": str(resource("help", "start.md")), "window": 24, "tokens": 150},
    "train_sae": {
        "text": str(resource("help", "start.md")),
        "tokens": 400,
        "window": 24,
        "features": 40,
        "steps": 12,
        "batch": 32,
        "layer": 1,
    },
    "candidates": {"replace": "3", "with_": ("9", "8", "Monday Tuesday"), "head": "1.0"},
    "steer": {
        "from": ("7 9", "6 1"),
        "to": ("1 2", "4 5"),
        "layer": 1,
        "coef": (2.0,),
        "position": "all",
        "when": "every",
        "say": "Count.",
        "max_new_tokens": 4,
        "sweep_layers": "0:3",
        "sweep_coefs": (-2.0, 1.0, 2.0),
        "scan": True,
        "preset": "equivalence",
    },
}
PROMPTS = [
    PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=(" 5",), wrong=(" 4",)),
    PromptRow(text="2 3 4 5", corrupt="9 1 7 2", answer=(" 6",), wrong=(" 1",)),
    PromptRow(text="4 5 6 7", corrupt="3 8 2 9", answer=(" 8",), wrong=(" 2",)),
]
LABELLED = [
    PromptRow(text=f"{n} {n + 1} {n + 2} {n % 3 + 3}", label="divides" if n % 3 else "not")
    for n in range(1, 9)
]
# What the table holds where an analysis needs other prompts.
TABLES = {"probe": LABELLED}
GONE = "not_installed"


def idle(window):
    """Wait until nothing is computed and nothing waits."""
    turn_the_loop()
    wait_for(lambda: not window.runner.is_busy())
    turn_the_loop()


def open_toy_window(folder):
    """Return a window on the bundled toy, its first start over."""
    app = lensbench.make_application()
    apply_theme(app, "light")
    window = MainWindow(lensbench.make_service, folder, LogBook())
    window.resize(1440, 900)
    window.panels.place()
    window.show()
    window.start()
    wait_for(lambda: window.conductor.model is not None)
    wait_for(lambda: not window.first_start.is_under_way())
    idle(window)
    return window


def lay_out(window, rows):
    """Put prompts into the table."""
    window.prompts.set_prompts(rows)
    window.prompts.flush()
    idle(window)


def fill(window):
    """Run every analysis, and show a result of one that is not installed."""
    lay_out(window, PROMPTS)
    for name in ANALYSES:
        if name in TABLES:
            lay_out(window, TABLES[name])
        window.views.open(name)
        window.runs.run(name, ANALYSES[name].params(**FULL.get(name, {})))
        idle(window)
        assert window.views[name].current_result is not None, name
        if name in TABLES:
            lay_out(window, PROMPTS)
    foreign = dataclasses.replace(window.views["patch"].current_result, analysis=GONE)
    window.views.lodge(foreign)
    window.views[GONE].show_result(foreign)


def close(window):
    """Close a window and let everything go."""
    window.session.has_unsaved = False
    window.close()
    wait_for(lambda: not window.isVisible())
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def resize(window, size):
    """Give the window a size and put its panels where a first start has them."""
    window.resize(*size)
    window.panels.place()
    turn_the_loop()


def beside(window):
    """Show the inspector at the right, also where a first start puts it behind the results."""
    dock = window.docks["inspector"]
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    dock.show()
    window.resizeDocks([dock], [245], Qt.Orientation.Horizontal)
    turn_the_loop()


@contextmanager
def shown(dialog):
    """Show a dialog for a while."""
    dialog.show()
    turn_the_loop()
    try:
        yield dialog
    finally:
        dialog.close()
        dialog.deleteLater()
        turn_the_loop()


def dialogs(window):
    """Yield the name of each dialog of the window, and the dialog in sight."""
    for name, make in (
        ("memory", lambda: MemoryDialog(0, 8_000, window)),
        ("storage", lambda: StorageDialog(500, window)),
        ("picture", lambda: PictureDialog(window.size(), window)),
    ):
        with shown(make()) as dialog:
            yield name, dialog
    with shown(window.models.open_dialog()) as dialog:
        wait_for(lambda: bool(dialog.table.texts()) and not window.runner.is_busy())
        turn_the_loop()
        yield "model", dialog
    window.models.dialog = None
    window.results.asked.emit("details", window.session.rows()[0].id)
    turn_the_loop()
    (dialog,) = [d for d in window.findChildren(QDialog) if d.isVisible()]
    for page in range(dialog.findChild(QTabWidget).count()):
        dialog.findChild(QTabWidget).setCurrentIndex(page)
        turn_the_loop()
        yield f"result, page {page}", dialog
    dialog.close()
    yield from _about(window)
    yield from _comparison(window)


def _about(window):
    dialog = window.about.open()
    for page in range(dialog.pages.count()):
        dialog.pages.setCurrentIndex(page)
        turn_the_loop()
        yield f"about, page {page}", dialog
    window.about.close()


def _comparison(window):
    window.runs.run("ablate", ANALYSES["ablate"].params(mode="zero"))
    idle(window)
    window.results.tree.clearSelection()
    for row in [row for row in window.session.rows() if row.analysis == "ablate"][-2:]:
        window.results.item_of(row.id).setSelected(True)
    window.comparisons.compare_marked()
    turn_the_loop()
    dialog = window.comparisons.dialog
    assert dialog is not None, (
        window.job_bar.read_out() if hasattr(window.job_bar, "read_out") else ""
    )
    for size in ((1120, 760), (760, 560)):
        dialog.resize(*size)
        turn_the_loop()
        yield f"comparison, {size[0]}", dialog
    window.comparisons.close()
