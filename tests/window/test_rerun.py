"""Every view run again and again, by its button: nothing of it goes, whatever happens between."""

from __future__ import annotations

import gc
import sys
from itertools import cycle

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QApplication, QLabel
from shiboken6 import isValid

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.widgets.basics.theme import apply_theme
from tests.finding import in_sight
from tests.models import named
from tests.patience import turn_the_loop
from tests.window.filled import FULL, PROMPTS, TABLES, close, idle, open_toy_window, resize

pytestmark = [
    pytest.mark.gui,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.qt_log_ignore("This plugin does not support"),
]
FOUR = [*PROMPTS, PromptRow(text="5 6 7 8", corrupt="2 9 3 1", answer=(" 9",), wrong=(" 4",))]
SIZES = ((1024, 700), (1280, 800), (1440, 900))
KINDS = (QAbstractScrollArea, QLabel, QAbstractButton)


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Import all that a run needs before a window is made, and set it aside from the collector.

    Modules never die, and to look at half a million of their objects again takes as long as a run.
    """
    named("toy")
    gc.freeze()


@pytest.fixture(autouse=True)
def no_leaks():
    """Each test closes its window by itself."""


@pytest.fixture
def errors(monkeypatch):
    """Gather what is raised where nobody catches it."""
    heard = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, _trace: heard.append(repr(error)))
    return heard


@pytest.fixture
def window(toy_home, tmp_path, qapp):
    opened = open_toy_window(tmp_path / "config")
    yield opened
    apply_theme(qapp, "light")
    close(opened)


def run_by_button(window, view):
    """Click the view's Run button, wait, and let the collector look at everything."""
    (button,) = [
        b for b in in_sight(view, QAbstractButton) if b.accessibleName().startswith("Run ")
        and b.text() == "Run"
    ]  # fmt: skip
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    idle(window)
    gc.collect()
    turn_the_loop()


def read(view):
    """Return what a view says, but for times, pictures and the names of new files."""
    said_anew = ("small_print", "written", "tried", "undo")  # tries are kept
    told = {**view.read_out(), **dict.fromkeys(said_anew, "")}
    return {key: value for key, value in told.items() if isinstance(value, (str, bool, int, list))}


def parts(view):
    """Count what a view is made of."""
    return {kind.__name__: len(view.findChildren(kind)) for kind in KINDS}


def test_every_view_run_again_stays_whole(window, errors, qapp):
    themes = cycle(("dark", "light"))
    for turn, name in enumerate(ANALYSES):
        window.views.open(name)
        view = window.views[name]
        view.set_params(ANALYSES[name].params(**FULL.get(name, {})))
        whole = TABLES.get(name, FOUR)
        few = whole[: len(whole) * 3 // 4] if name in TABLES else FOUR[:1]
        said = {}
        for state, rows in enumerate((few, whole, few)):
            window.prompts.set_prompts(rows)
            window.prompts.flush()
            resize(window, SIZES[(turn + state) % len(SIZES)])
            idle(window)
            run_by_button(window, view)
            told, had = read(view), parts(view)
            assert told["state"] == "result", name
            if rows is whole:
                apply_theme(qapp, next(themes))
                shake(window)
                run_by_button(window, view)
                assert not errors, f"{name}, {len(rows)}: {errors}"
                assert read(view) == told, f"{name}, {len(rows)} prompts"
            assert said.setdefault(len(rows), told) == told, f"{name}, {len(rows)} prompts"
            assert parts(view)["QAbstractScrollArea"] >= had["QAbstractScrollArea"], name
            shake(window)
            assert not errors, f"{name}, {len(rows)}: {errors}"


def shake(window):
    """Go on by Tab, give the picture the window and take it back."""
    QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
    for _there_and_back in range(2):
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F11)
        turn_the_loop()
    gc.collect()


@pytest.mark.parametrize("way", [Qt.Key.Key_Tab, Qt.Key.Key_Backtab], ids=["on", "back"])
def test_tab_destroys_nothing(window, errors, way):
    """Whoever goes through the window by keys leaves every scroll area where it was."""
    for name in ANALYSES:
        window.views.open(name)
    window.views.open("rank")
    run_by_button(window, window.views["rank"])
    areas = window.findChildren(QAbstractScrollArea)
    numbers, count = [id(area) for area in areas], len(areas)
    del areas  # what a test holds is not collected
    for _ in range(5):
        QTest.keyClick(QApplication.focusWidget() or window, way)
    gc.collect()
    turn_the_loop()
    left = window.findChildren(QAbstractScrollArea)
    assert len(left) == count == len(numbers)
    assert all(map(isValid, left))
    assert not errors
