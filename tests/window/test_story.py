"""A user's story on the real window with the real pack: type, look, run, stop, run again, click."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QPlainTextEdit

from desktop_app import app as lensbench
from desktop_app.contract.registry import worked_order
from desktop_app.jobs.worker import JobReporter
from desktop_app.support.logs import LogBook
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.main_window import MainWindow
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.patience import CHILD_S, wait_for

pytestmark = [
    pytest.mark.gui,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.qt_log_ignore("This plugin does not support"),
]
SIZES = [(1280, 800), (2560, 1440)]
# Set to a folder to keep the pictures that these tests draw.
KEEP = "LENSBENCH_SCREENSHOTS"


@pytest.fixture(scope="module")
def started(tmp_path_factory, request):
    """Open one window on the real service and wait for the worked example."""
    qapp = lensbench.make_application()
    apply_theme(qapp, "light")
    window = MainWindow(lensbench.make_service, tmp_path_factory.mktemp("config"), LogBook())
    window.resize(*SIZES[0])
    window.panels.place()
    window.show()
    window.start()
    wait_for(lambda: not window.first_start.is_under_way() and not window.runner.is_busy())
    yield window
    window.session.has_unsaved = False
    window.close()
    wait_for(lambda: not window.isVisible())
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def no_leaks():
    """One window lives through this module, on purpose."""


@pytest.fixture
def window(started):
    wait_for(lambda: not started.runner.is_busy())
    return started


def _type(window, column: int, text: str) -> None:
    table = window.prompts.table
    table.select_row(0, column)
    index = table.model().index(0, column)
    table.setCurrentIndex(index)
    table.edit(index)
    editor = table.viewport().findChildren(QPlainTextEdit)[-1]
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _strip(window) -> str:
    return "".join(window.prompts.live.strip.texts())


def _run(window, tab: str):
    window.views.open(tab)
    window.actions_by_name["run"].trigger()
    wait_for(lambda: not window.runner.is_busy())
    return window.views[tab].current_result


def test_the_worked_example_is_there(window):
    for name in worked_order():
        assert window.views[name].current_result is not None, name
    assert window.conductor.model.parity.ok


@pytest.mark.pack
def test_type_a_prompt_see_its_strip_and_fix_it_in_one_click(window, smollm2_folder):
    window.views.open("rank")
    for column, text in enumerate(("1 2 3 4", "7 9 6 1", " 5", " 4")):
        _type(window, column, text)
    window.prompts.flush()
    wait_for(lambda: _strip(window) == "1 2 3 4")
    _run(window, "rank")
    view = window.views["rank"]
    buttons = [b for b in view.findChildren(QAbstractButton) if "Fix" in b.text() and b.isVisible()]
    assert buttons, "no repair is offered"
    buttons[0].click()
    wait_for(lambda: window.prompts.rows()[0].prompt == "1 2 3 4 ")
    assert window.prompts.rows()[0] == TypedRow("1 2 3 4 ", "7 9 6 1 ", "5", "4")
    wait_for(lambda: not window.runner.is_busy())
    assert view.current_result.data["logit_diff"][0] == pytest.approx(5.889, abs=1e-3)


def test_run_cancel_half_way_and_run_again(window, monkeypatch):
    before = _run(window, "ablate")
    half_way, stopped = threading.Event(), threading.Event()
    step = JobReporter.step

    def step_slowly(reporter, fraction, note=""):
        step(reporter, fraction, note)
        if fraction > 0.2:
            half_way.set()
            stopped.wait(CHILD_S)  # a fast machine would be through before the click

    monkeypatch.setattr(JobReporter, "step", step_slowly)
    window.actions_by_name["run"].trigger()
    wait_for(half_way.is_set)
    window.actions_by_name["stop"].trigger()
    stopped.set()
    wait_for(lambda: not window.runner.is_busy())
    monkeypatch.undo()
    kept = window.views["ablate"].current_result
    assert kept.partial.startswith("Stopped ")  # with exact cells if a pass was through, or none
    again = _run(window, "ablate")
    assert again.partial == ""
    np.testing.assert_array_equal(again.data["ablated"], before.data["ablated"])


def test_a_clicked_cell_is_the_head_that_attention_shows(window):
    window.views.open("ablate")
    QApplication.processEvents()
    heatmap = window.views["ablate"].picture_widget()
    point = heatmap.cell_center(1, 3).toPoint()
    QTest.mouseClick(heatmap.canvas, Qt.MouseButton.LeftButton, pos=point)
    assert (window.selection.layer, window.selection.head) == (1, 3)
    QTest.mouseDClick(heatmap.canvas, Qt.MouseButton.LeftButton, pos=point)
    wait_for(window.views["attention"].isVisible)
    assert window.views["attention"].read_out()["head"].startswith("L1H3")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_every_panel_is_drawn_whole(window, theme, size, tmp_path):
    folder = Path(os.environ.get(KEEP) or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    apply_theme(QApplication.instance(), theme)
    window.resize(*size)
    for name in worked_order():
        window.views.open(name)
        for _ in range(5):
            QApplication.processEvents()
        path = folder / f"{name}-{theme}-{size[0]}x{size[1]}.png"
        picture = window.grab()
        picture.save(str(path))
        image = picture.toImage().convertToFormat(QImage.Format.Format_RGB32)
        assert _colours(image) > 50, "the picture is nearly empty"
        assert not _cut_labels(window), f"{name} cuts labels"
    apply_theme(QApplication.instance(), "light")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (TypedRow("", "", "5", "4"), "empty"),
        (TypedRow("x " * 40_000, "", "5", "4"), "shorten"),
        (TypedRow("1 2 3 ", "", "4", "4"), "both answer and wrong"),
        (TypedRow("1 2 3 ", "", "", ""), "no answer"),
    ],
)
def test_bad_input_is_a_sentence_and_the_window_lives(window, row, words):
    good = window.prompts.rows()
    window.prompts.table.prompts.set_rows((row,))
    window.prompts.flush()
    wait_for(lambda: not window.runner.is_busy())
    _run(window, "ablate")
    shown = " ".join(w.text() for w in window.findChildren(QLabel) if w.isVisible())
    assert words in shown
    window.prompts.table.prompts.set_rows(good)
    window.prompts.flush()
    wait_for(lambda: not window.runner.is_busy())
    assert _run(window, "rank") is not None


def _colours(image: QImage) -> int:
    """Return how many different colours a coarse grid over the picture has."""
    steps = range(0, image.width() - 1, 3), range(0, image.height() - 1, 3)
    return len({image.pixel(x, y) for x in steps[0] for y in steps[1]})


def _cut_labels(window) -> list[str]:
    """Return the texts of one-line labels that are wider than their label."""
    cut = []
    for widget in window.findChildren(QLabel):
        text = widget.text()
        plain = not widget.wordWrap() and "\n" not in text and not text.startswith("<")
        if not (widget.isVisible() and text and plain) or type(widget) is not QLabel:
            continue
        if widget.fontMetrics().horizontalAdvance(text) > widget.width() + 1:
            cut.append(text)
    return cut
