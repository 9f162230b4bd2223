"""The lens as the map one navigates by, in a real window on the toy model."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.pictures.boards import Cell
from desktop_app.widgets.board.board import HandBoard
from tests.finding import find, in_sight
from tests.window.filled import close, idle, open_toy_window

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def toy(toy_home):
    window = open_toy_window(toy_home / "lens")
    yield window
    close(window)


@pytest.fixture(autouse=True)
def no_leaks(qapp):
    """The window stays for the whole module."""


@pytest.fixture
def window(toy):
    toy.selection.pick(())
    toy.selection.select_position(None)
    rows = [PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=(" 5",), wrong=(" 4",))]
    toy.prompts.set_prompts(rows)
    toy.prompts.flush()
    idle(toy)
    toy.views.open("lens")
    toy.runs.run("lens", ANALYSES["lens"].params())
    idle(toy)
    assert toy.views["lens"].read_out()["state"] == "result"
    return toy


def board_of(window):
    return find(window.views["lens"], HandBoard)


def at(board, run, row, position):
    return board.cell_center(Cell(run, row, position)).toPoint()


def test_a_drag_between_the_grids_is_run_by_hand(window):
    lens, board = window.views["lens"].current_result, board_of(window)
    end, read = lens.model.n_layers, int(lens.data["read_position"][0])
    start, target = at(board, "clean", end, read), at(board, "corrupt", end, read)
    QTest.mousePress(board, LEFT, pos=start)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(board, start + (target - start) * share)
    QTest.mouseRelease(board, LEFT, pos=target)
    idle(window)
    hand = window.views["hand_patch"]
    assert window.views.shown() is hand
    result = hand.current_result
    move = f"clean:resid_post:{end - 1}.{read}>{end - 1}.{read}"
    assert list(result.params["moves"]) == [move]
    said = float(lens.data["logit_diff"][end, read, 0])
    assert float(result.data["patched"]) == pytest.approx(said, abs=1e-4)
    # The lens of this pair lends its tokens to the grids there.
    out = hand.read_out()
    assert "logit lens" in out["colours"]
    tops = lens.data["top"][0][1:, :, 0]
    assert len(out["texts"]["clean"]) == len(tops)


def test_enter_opens_the_ranking_at_that_position(window):
    board = board_of(window)
    QTest.mouseClick(board, LEFT, pos=at(board, "clean", 2, 2))
    assert window.selection.position == 2
    QTest.keyClick(board, Qt.Key.Key_Return)
    idle(window)
    rank = window.views["rank"]
    assert window.views.shown() is rank
    assert int(rank.current_result.data["read_position"][0]) == 2
    lens = window.views["lens"].current_result
    top = [int(token) for token in lens.data["top"][0][-1, 2]]
    assert [int(row["id"]) for row in rank.current_result.data["top"][0]] == top


def test_a_double_click_opens_the_attribution_of_that_place(window):
    board = board_of(window)
    QTest.mouseDClick(board, LEFT, pos=at(board, "clean", 1, 3))
    QTest.mouseClick(board, LEFT, pos=at(board, "clean", 1, 3))
    QTest.mouseDClick(board, LEFT, pos=at(board, "clean", 1, 3))
    idle(window)
    attribution = window.views["attribute"]
    assert window.views.shown() is attribution
    params = attribution.current_result.params
    assert (params["layer"], params["position"]) == (1, 3)
    base = float(attribution.current_result.data["base"][0])
    lens = window.views["lens"].current_result
    assert base == pytest.approx(float(lens.data["logit_diff"][1, 3, 0]), abs=1e-3)


def test_picked_heads_are_left_out_and_the_change_is_shown(window):
    window.views.open("ablate")
    window.selection.pick([(0, 1), (1, 0)])
    (button,) = in_sight(window.views["ablate"], QPushButton, "Lens without")
    QTest.mouseClick(button, LEFT)
    idle(window)
    view = window.views["lens"]
    assert window.views.shown() is view
    out = view.read_out()
    assert out["shown"] == "changed"
    assert out["titles"][1] == "Clean run without L0H1, L1H0"
    data = view.current_result.data
    assert float(data["changed_logit_diff"][-1, -1, 0]) != float(data["logit_diff"][-1, -1, 0])
