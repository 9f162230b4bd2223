"""Edges measured, a circuit tried on the board and kept, in a real window on the toy model."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.session.titles import question_of
from desktop_app.widgets.graph.board import GraphBoard
from desktop_app.window.exports.pictures import save_picture
from tests.finding import find, press
from tests.patience import wait_for
from tests.window.filled import close, idle, open_toy_window

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("does not support")]
PROMPTS = [
    PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=(" 5",), wrong=(" 4",)),
    PromptRow(text="2 3 4 5", corrupt="9 1 7 2", answer=(" 6",), wrong=(" 1",)),
]
SMALL = {"circuit": "0.1", "best": 20, "resamples": 5, "controls": 2}


@pytest.fixture(scope="module")
def window(toy_home):
    window = open_toy_window(toy_home / "edges")
    window.prompts.set_prompts(PROMPTS)
    window.prompts.flush()
    idle(window)
    window.views.open("edges")
    window.views["edges"].set_params(ANALYSES["edges"].params(**SMALL))
    window.views["edges"].request_run()
    idle(window)
    yield window
    close(window)


@pytest.fixture(autouse=True)
def no_leaks(qapp):
    """The window stays for the whole module."""


@pytest.fixture
def view(window):
    window.views.open("edges")
    return window.views["edges"]


def rows_of(window):
    return [row for row in window.session.rows() if row.analysis == "edges"]


def test_a_circuit_is_tried_undone_tested_and_kept(window, view):
    board = find(view, GraphBoard)
    start, measured = view.read_out(), view.current_result
    assert start["failure"] == ""
    assert start["scored"]
    board.choose(None, start["keys"][0])
    QTest.keyClick(board, Qt.Key.Key_Delete)
    idle(window)
    tried = view.current_result
    assert tried.params["method"] == "none"
    assert view.read_out()["scored"]
    assert view.read_out()["circuit"] != start["circuit"]
    assert start["keys"][0] not in view.read_out()["inside"]
    assert np.isfinite(board.picture().values).all()  # as wide as they were measured
    assert view.params() == ANALYSES["edges"].params(**SMALL)
    assert "other_settings" not in view.read_out()["chips"]
    assert question_of(tried) == question_of(measured) != ""  # one line of the history
    press(view, "Undo the last change of the circuit (Ctrl+Z)")
    idle(window)
    assert view.read_out()["circuit"] == start["circuit"]
    press(view, "Redo it")
    press(view, "Test against chance")
    idle(window)
    assert "20 random circuits" in view.read_out()["circuit"]
    line = find(view, QLineEdit, "Name of the hypothesis")
    QTest.keyClicks(line, "Without its largest edge")
    QTest.keyClick(line, Qt.Key.Key_Return)
    wait_for(lambda: any(row.star for row in rows_of(window)))
    (kept,) = [row for row in rows_of(window) if row.star]
    assert kept.title == "Without its largest edge"


def test_undo_takes_the_step_on_the_board_back_before_the_table(window, view):
    board, rows = find(view, GraphBoard), window.prompts.rows()
    window.prompts.set_prompts(PROMPTS[:1])  # the table can be undone now
    window.prompts.set_prompts(PROMPTS)
    idle(window)
    start = view.read_out()
    board.choose(None, start["keys"][1])
    QTest.keyClick(board, Qt.Key.Key_Delete)
    idle(window)
    assert view.read_out()["inside"] != start["inside"]
    window.activateWindow()
    board.setFocus()
    QTest.keyClick(board, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert view.read_out()["inside"] == start["inside"]
    assert window.prompts.rows() == rows


def test_heads_that_are_picked_anywhere_stand_on_the_board(window, view):
    window.views.open("ablate")
    window.selection.pick([(1, 2), (0, None)])
    press(window.views["ablate"], "Pin on the board: these heads among the model's edges")
    assert window.views.shown() is view
    assert view.read_out()["pinned"] == ["m0", "1.2"]
    assert {"m0", "1.2"} <= set(view.read_out()["board"]["nodes"])
    window.views.open("ablate")
    window.selection.pick([(2, 0)])
    window.actions_by_name["pin_picked"].trigger()
    assert window.views.shown() is view
    assert "2.0" in view.read_out()["board"]["nodes"]
    window.selection.pick(())


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_board_leaves_as_a_picture(view, tmp_path, ending):
    path = tmp_path / f"board.{ending}"
    save_picture(view.picture_widget(), path)
    assert path.stat().st_size > 2_000
    if ending == "svg":
        drawn = path.read_text(encoding="utf-8")
        assert "<path" in drawn
        assert "logits" in drawn
