"""Circuits kept, switched, pruned and gone on with, in a real window on the toy model."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from desktop_app.analyses.circuit.keep_map import KeepCanvas
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.contract.report import Reporter
from desktop_app.support.errors import Cancelled
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from tests.finding import find, in_sight, press
from tests.models import named
from tests.window.filled import close, idle, open_toy_window

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LEFT, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
PROMPTS = [
    PromptRow(text=f"{i} {i + 1} {i + 2} {i + 3}", answer=(f" {i + 4}",), wrong=(f" {i + 3}",))
    for i in (1, 2, 3, 4)
]


@pytest.fixture(scope="module")
def toy(toy_home):
    window = open_toy_window(toy_home / "circuits")
    yield window
    close(window)


@pytest.fixture(autouse=True)
def no_leaks(qapp):
    """The window stays for the whole module."""


@pytest.fixture
def window(toy):
    toy.selection.pick(())
    toy.prompts.set_prompts(PROMPTS)
    toy.prompts.flush()
    idle(toy)
    return toy


def run(window, name, **settings):
    window.views.open(name)
    view = window.views[name]
    window.runs.run(name, ANALYSES[name].params(**settings))
    idle(window)
    return view


def click(view, *cells, key=NONE, kind=KeepCanvas):
    canvas = in_sight(view, kind)[0]
    for cell in cells:
        QTest.mouseClick(canvas, LEFT, key, canvas.cell_center(*cell).toPoint())


class Stopping(Reporter):
    """Stops after so many partial results, and wants what there is."""

    keeps_partial = True

    def __init__(self, after):
        self.left = after

    def partial(self, data):
        self.left -= 1

    def check(self):
        if self.left <= 0:
            raise Cancelled

    def step(self, fraction, note=""):
        self.check()


def test_a_head_that_is_clicked_away_is_the_ablation_of_it(window):
    view = run(window, "circuit", controls=2)
    assert "12 of 12 heads keep 100.0 %" in view.read_out()["headline"]
    click(view, (1, 1))
    idle(window)
    result = view.current_result
    assert result.params["keep"].split(",") == [
        f"{la}.{head}" for la in range(3) for head in range(4) if (la, head) != (1, 1)
    ]
    swept = run(window, "ablate", mode="mean").current_result
    expected = swept.data["ablated"][1, 1]
    np.testing.assert_allclose(result.data["score"], expected, atol=1e-5)
    # By hand, one entry of the history gathers the tries.
    window.views.open("circuit")
    find(view, QAbstractButton, "The set before").click()
    idle(window)
    assert "12 of 12 heads keep 100.0 %" in view.read_out()["headline"]


def test_heads_that_are_picked_elsewhere_are_kept(window):
    ablate = run(window, "ablate", mode="mean")
    click(ablate, (1, 1), (0, 3), key=SHIFT, kind=MatrixCanvas)
    press(ablate, "Keep as a circuit: all other heads are replaced")
    idle(window)
    view = window.views["circuit"]
    assert window.views.shown() is view
    assert view.current_result.params["keep"] == "0.3,1.1"
    assert view.read_out()["headline"].startswith("2 of 12 heads keep")


def test_a_stopped_pruning_goes_on_after_the_session_was_opened_again(window, tmp_path):
    params = ANALYSES["circuit"].params(prompts=tuple(PROMPTS), prune=20, controls=0)
    work = hook("circuit", "run", "run")
    stopped = work(named("toy"), params, Stopping(2))
    whole = work(named("toy"), params, Reporter())
    assert stopped.partial
    assert 0 < len(stopped.data["trail"]) < len(whole.data["trail"])
    window.session.add(stopped)
    window.session.save_as(tmp_path / "pruned.lens")
    window.session.wait()
    idle(window)
    window.files.open_session(tmp_path / "pruned.lens")
    idle(window)
    rows = [r for r in window.session.rows() if r.analysis == "circuit"]
    row = max(rows, key=lambda row: row.id)  # other tests of this window may have made some before
    window.results.asked.emit("show", row.id)
    idle(window)
    view = window.views["circuit"]
    window.views.open("circuit")
    press(view, "Pruning")
    assert view.read_out()["go_on"]
    press(view, "Go on")
    idle(window)
    result = view.current_result
    assert not result.partial
    assert list(result.data["kept"]) == list(whole.data["kept"])
    assert [list(r) for r in result.data["trail"]] == [list(r) for r in whole.data["trail"]]
    assert view.read_out()["go_on"] is False
