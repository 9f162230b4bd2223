"""Heads picked in a map and removed together, in a real window on the toy model."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton

from desktop_app.analyses.hand_patch.coloured import ColouredBoard
from desktop_app.analyses.hand_patch.parts_row import PartChip
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.widgets.board.board import HandBoard
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from desktop_app.window.runs.picking import PickDialog
from tests.finding import find, in_sight, press
from tests.window.filled import close, idle, open_toy_window

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LEFT, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module")
def toy(toy_home):
    window = open_toy_window(toy_home / "together")
    yield window
    close(window)


@pytest.fixture(autouse=True)
def no_leaks(qapp):
    """The window stays for the whole module."""


@pytest.fixture
def window(toy):
    toy.selection.pick(())
    toy.prompts.set_prompts(
        [PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=(" 5",), wrong=(" 4",))]
    )
    toy.prompts.flush()
    idle(toy)
    return toy


def shift_click(canvas, *cells):
    for cell in cells:
        QTest.mouseClick(canvas, LEFT, SHIFT, canvas.cell_center(*cell).toPoint())


def test_picked_in_the_map_and_removed_in_by_hand(window):
    window.views.open("ablate")
    ablate = window.views["ablate"]
    canvas = in_sight(ablate, MatrixCanvas)[0]
    shift_click(canvas, (1, 1), (0, 0))
    (button,) = in_sight(ablate, QPushButton, "Ablate together")
    QTest.mouseClick(button, LEFT)
    idle(window)
    hand = window.views["hand_patch"]
    assert window.views.shown() is hand
    result, out = hand.current_result, hand.read_out()
    assert out["state"] == "result"
    assert out["removed"] == ["0.0", "1.1"]
    swept = ablate.current_result.data["effect"]
    singles = [swept[0, 0, 0], swept[1, 1, 0]]
    assert result.data["effect"] == pytest.approx(singles, abs=1e-4)
    assert "without L0H0, L1H1" in out["outcome"]
    assert "Together, 2 parts" in out["together"]
    assert len(out["next"]) == 10
    # Each change runs at once.
    first = in_sight(hand, PartChip)[0]
    QTest.keyClick(first, Qt.Key.Key_Space)
    idle(window)
    assert hand.read_out()["removed"] == ["1.1"]
    assert hand.current_result.data["patched"] == pytest.approx(
        ablate.current_result.data["ablated"][1, 1, 0], abs=1e-5
    )
    press(hand, "All in")
    press(hand, "Mean")
    idle(window)
    assert hand.current_result.params["mode"] == "mean"
    assert "reference_is_self" in hand.read_out()["chips"]
    press(hand, "Zero")
    idle(window)


def test_a_prompt_without_a_twin_and_an_mlp(window):
    window.prompts.set_prompts([PromptRow(text="1 2 3 4", answer=(" 5",), wrong=(" 4",))])
    window.prompts.flush()
    idle(window)
    window.selection.pick(((1, None), (2, 3)))
    window.actions_by_name["ablate_picked"].trigger()
    idle(window)
    hand = window.views["hand_patch"]
    assert hand.read_out()["state"] == "result"
    assert hand.read_out()["removed"] == ["2.3", "m1"][::-1]
    assert find(hand, HandBoard).frames["corrupt"].plot.isEmpty()


def test_heads_are_named_in_a_list_from_anywhere(window, qtbot):
    assert not window.actions_by_name["ablate_picked"].isEnabled()
    window.views.open("rank")
    window.actions_by_name["pick_heads"].trigger()
    dialog = window.findChild(PickDialog)
    line = find(dialog, QLineEdit, "Heads and MLPs to pick")
    qtbot.keyClicks(line, "0.1, what")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert "neither a head nor an MLP" in dialog.said()
    line.selectAll()
    qtbot.keyClicks(line, "L0H1 2.0")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert window.selection.picked == ((0, 1), (2, 0))
    assert window.actions_by_name["ablate_picked"].isEnabled()
    window.actions_by_name["drop_picked"].trigger()
    assert window.selection.picked == ()


def test_by_hand_carries_the_colours_of_a_patching_and_drops_them(window):
    window.selection.pick(((0, 1),))
    window.actions_by_name["ablate_picked"].trigger()
    idle(window)
    hand = window.views["hand_patch"]
    assert hand.read_out()["scale"] is None
    window.runs.run("patch", ANALYSES["patch"].params(site="resid_post"))
    idle(window)
    qtbot_wait(hand, window)
    swept = window.views["patch"].current_result
    out = hand.read_out()
    assert out["scale"] == window.views["patch"].read_out()["maps"][0].limits
    assert out["colours"].startswith("Colours: ")
    known = find(hand, ColouredBoard).known
    assert known.values == pytest.approx(swept.data["broken"][..., 0])
    number = next(row.id for row in window.session.rows() if row.analysis == "patch")
    window.session.delete(number)
    window.session.wait()
    idle(window)
    assert hand.read_out()["scale"] is None


def qtbot_wait(hand, window):
    """Wait until the result has come into the history."""
    from tests.patience import wait_for

    wait_for(lambda: hand.read_out()["scale"] is not None)
    idle(window)
