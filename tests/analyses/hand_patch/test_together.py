"""The set of removed parts beside the moves: typed, switched, dropped, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPushButton

from desktop_app.analyses.hand_patch import picture as data
from desktop_app.analyses.hand_patch.coloured import ColouredBoard
from desktop_app.analyses.hand_patch.parts_row import PartChip
from desktop_app.analyses.hand_patch.removed import Removed, effects_of, together_sentence
from desktop_app.analyses.hand_patch.spec import HandPatchParams
from desktop_app.contract.spec import Intent
from desktop_app.pictures.boards import Cell
from desktop_app.pictures.naming import result_name
from desktop_app.widgets.board.board import HandBoard
from desktop_app.widgets.matrix.color_bar import ColorBar
from tests.finding import find, in_sight, press, said
from tests.samples import drawn, lensed, patching

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LEFT = Qt.MouseButton.LeftButton
MOVE = "clean:resid_post:1.4>1.4"
LIST = "Heads and MLPs that are removed together"
ALONE = drawn.prompt("1 2 3 4 ")
EFFECTS = {"0.1": -1.5, "1.3": -2.0, "m2": 0.25}


def alone(*parts):
    """Return the same of a prompt without a twin."""
    made = without(*parts, prompts=(ALONE,))
    return drawn.result_of(
        "hand_patch",
        {**made.data, "corrupt": float("nan")},
        params=made.params,
        prompts=made.prompts,
    )


def without(*parts, joint=None, patched=2.0, mode="zero", **changes):
    """Return a result of By hand with these parts removed, its moves among the changes."""
    effects = np.array([EFFECTS[part] for part in parts])
    made = patching.hand_result(run="clean", patched=patched, **changes)
    told = {
        "removed": parts,
        "effect": effects,
        "single": 4.0 + effects,
        "moved": 4.0,
        "joint": patched - 4.0 if joint is None else joint,
    }
    params = {**made.params, "without": ",".join(parts), "mode": mode}
    return drawn.result_of(
        "hand_patch",
        {**made.data, **(told if parts else {})},
        params=params,
        prompts=made.prompts,
        model=made.model,
    )


@pytest.fixture
def view(make_view):
    view = make_view("hand_patch")
    view.show_result(patching.hand_result(run="clean"))
    return view


def chip(view, name):
    return next(c for c in in_sight(view, PartChip) if c.text().startswith(name))


def test_a_typed_list_is_removed_at_once(view, heard, selection, qtbot):
    asked, line = heard(view.run_requested), find(view, QLineEdit, LIST)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "1.3, L0H1 m2")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert selection.picked == ((0, 1), (1, 3), (2, None))
    (params,) = (told[0] for told in asked)
    assert (params.without, params.run, params.moves) == ("0.1,1.3,m2", "clean", ())
    assert view.read_out()["removed"] == ["0.1", "1.3", "m2"]


def test_what_is_no_head_or_is_not_there_is_said_where_it_is_typed(view, heard, selection, qtbot):
    asked, line = heard(view.run_requested), find(view, QLineEdit, LIST)
    for text, words in (("0.1, cat", "“cat” is neither"), ("7.0", "7.0 is not there")):
        line.setFocus()
        line.selectAll()
        qtbot.keyClicks(line, text)
        qtbot.keyClick(line, Qt.Key.Key_Return)
        assert words in view.read_out()["together"]
    assert asked == []
    assert selection.picked == ()


def test_each_effect_stands_beside_what_all_do(view):
    view.show_result(without("0.1", "1.3", patched=-0.5))
    out = view.read_out()
    assert out["parts"] == ["L0H1 −1.50", "L1H3 −2.00"]
    assert out["together"] == (
        "Together, 2 parts: logit difference −4.500 · one by one −3.500 in sum: "
        "together they do more"
    )
    assert out["outcome"] == ("The clean run without L0H1, L1H3: logit difference 4.000 → −0.500")
    assert out["list"] == "0.1, 1.3"


def test_the_sentence_draws_no_conclusion_from_different_signs():
    one = Removed(((0, 1),), (-1.5,), -1.5)
    assert together_sentence(one, "loss") == "Without L0H1: loss −1.500"
    less = Removed(((0, 1), (1, 3)), (-1.5, -2.0), -2.0)
    assert together_sentence(less, "loss").endswith("in sum: together they do less")
    turned = Removed(((0, 1), (1, 3)), (-1.5, -2.0), 1.0)
    assert together_sentence(turned, "loss").endswith("in sum")


def test_a_chip_switches_its_part_out_and_in(view, heard, selection):
    view.show_result(without("0.1", "1.3"))
    asked = heard(view.run_requested)
    QTest.mouseClick(chip(view, "L1H3"), LEFT, pos=chip(view, "L1H3").rect().center() * 0.5)
    assert asked[-1][0].without == "0.1"
    view.show_result(without("0.1", patched=2.5))
    # It stays in the set, with what it does alone as far as that was computed.
    assert view.read_out()["parts"] == ["L0H1 −1.50", "L1H3 −2.00"]
    assert view.read_out()["removed"] == ["0.1"]
    assert selection.picked == ((0, 1), (1, 3))
    QTest.keyClick(chip(view, "L1H3"), Qt.Key.Key_Space)
    assert asked[-1][0].without == "0.1,1.3"


@pytest.mark.parametrize(
    "other", [{"dtype": "bfloat16"}, {"weights": "processed"}, {"layernorm": "eps"}]
)
def test_what_parts_do_in_another_form_of_the_model_is_not_said(view, other):
    """Its fingerprint and its name are the same; its numbers are not."""
    before = without("0.1", "1.3", model=drawn.model(**other))
    now = without("0.1")
    assert set(effects_of([before], now)) == {(0, 1)}
    view.show_result(before)
    assert view.read_out()["parts"] == ["L0H1 −1.50", "L1H3 −2.00"]
    view.show_result(now)
    assert view.read_out()["parts"] == ["L0H1 −1.50", "L1H3"]
    assert len(view.read_out()["tried"]) == 1


def test_one_model_by_two_names_is_one(view):
    view.show_result(without("0.1", "1.3", model=drawn.model(name="a copy", device="cuda")))
    view.show_result(without("0.1"))
    assert view.read_out()["parts"] == ["L0H1 −1.50", "L1H3 −2.00"]
    assert len(view.read_out()["tried"]) == 3  # with the one that was there


def test_all_are_switched_at_once(view, heard):
    view.show_result(without("0.1", "1.3"))
    asked = heard(view.run_requested)
    press(view, "All out")
    assert (asked[-1][0].without, asked[-1][0].run) == ("", "clean")
    view.show_result(without())
    press(view, "All in")
    assert asked[-1][0].without == "0.1,1.3"


def test_delete_and_the_cross_take_a_part_out_of_the_set(view, heard, selection):
    view.show_result(without("0.1", "1.3", "m2"))
    asked = heard(view.run_requested)
    QTest.keyClick(chip(view, "L0H1"), Qt.Key.Key_Delete)
    assert selection.picked == ((1, 3), (2, None))
    assert asked[-1][0].without == "1.3,m2"
    press(view, "Take L2 MLP out of the set")
    assert selection.picked == ((1, 3),)
    assert asked[-1][0].without == "1.3"


def test_zero_or_mean_is_chosen_beside_the_set(view, heard):
    view.show_result(without("0.1"))
    asked = heard(view.run_requested)
    press(view, "Mean")
    assert (asked[-1][0].mode, asked[-1][0].without) == ("mean", "0.1")
    view.show_result(without("0.1", mode="mean"))
    assert view.read_out()["mode"] == "mean"


def test_moves_stay_beside_what_is_removed(view, heard):
    view.show_result(patching.hand_result((MOVE,), patched=1.0))
    asked = heard(view.run_requested)
    view.answer(Intent("ablate_together", {"parts": "0.1,1.3"}))
    params = asked[-1][0]
    assert (params.run, params.moves, params.without) == ("corrupt", (MOVE,), "0.1,1.3")
    board = find(view, HandBoard)
    start, end = (
        board.cell_center(Cell(*place)).toPoint() for place in (("clean", 2, 2), ("corrupt", 2, 2))
    )
    QTest.mousePress(board, LEFT, pos=start)
    for share in (0.4, 1.0):
        QTest.mouseMove(board, start + (end - start) * share)
    QTest.mouseRelease(board, LEFT, pos=end)
    assert asked[-1][0].without == "0.1,1.3"
    assert len(asked[-1][0].moves) == 2


def test_of_another_prompt_the_set_is_removed_without_the_old_moves(view, heard, selection):
    two = {"prompts": (patching.PAIR, patching.OTHER)}
    view.show_result(patching.hand_result((MOVE,), patched=1.0, **two))
    asked = heard(view.run_requested)
    selection.select_prompt(1)
    view.answer(Intent("ablate_together", {"parts": "1.3"}))
    params = asked[-1][0]
    assert (params.pair, params.run, params.moves) == (1, "clean", ())


def test_picked_elsewhere_it_waits_to_be_let_in(view, heard, selection):
    asked = heard(view.run_requested)
    selection.pick(((0, 1), (2, None)))
    assert asked == []
    assert view.read_out()["parts"] == ["L0H1", "L2 MLP"]
    assert view.read_out()["removed"] == []
    press(view, "All in")
    assert asked[-1][0].without == "0.1,m2"


def test_let_go_in_another_view_it_is_put_back_when_this_one_is_seen(view, heard, selection):
    view.show_result(without("0.1", "1.3"))
    asked = heard(view.run_requested)
    view.hide()
    selection.pick(((0, 1),))
    assert asked == []
    view.show()
    assert asked[-1][0].without == "0.1"


def test_an_older_try_brings_its_parts_back(view, selection, qtbot):
    view.show_result(without("0.1", "1.3"))
    view.show_result(without("0.1", patched=3.0))
    qtbot.keyClick(find(view, HandBoard), Qt.Key.Key_Backspace)
    assert view.read_out()["removed"] == ["0.1", "1.3"]
    assert view.params().without == "0.1,1.3"
    told = [row[0] for row in view.read_out()["tried"]]
    assert told == ["clean: nothing", "clean: − L0H1 L1H3", "clean: − L0H1"]


def test_quick_clicks_add_up_while_older_results_still_come(view, heard):
    view.show_result(without("0.1", "1.3", "m2"))
    asked = heard(view.run_requested)
    QTest.keyClick(chip(view, "L0H1"), Qt.Key.Key_Space)
    QTest.keyClick(chip(view, "L1H3"), Qt.Key.Key_Space)
    view.show_result(without("1.3", "m2"))  # of the first click
    assert view.read_out()["removed"] == ["m2"]
    QTest.keyClick(chip(view, "L2 MLP"), Qt.Key.Key_Space)
    assert [told[0].without for told in asked] == ["1.3,m2", "m2", ""]
    view.show_busy(busy=True)
    view.show_busy(busy=False)  # stopped by the user
    assert view.read_out()["removed"] == ["1.3", "m2"]


def test_a_refused_set_goes_back_to_what_is_on_screen(view):
    view.show_result(without("0.1"))
    view.answer(Intent("ablate_together", {"parts": "0.1,m2"}))
    view.show_failure("toy has no mlp_out in layer 2.")
    assert view.read_out()["removed"] == ["0.1"]
    assert view.params().without == "0.1"


def test_a_prompt_alone_has_one_grid_and_says_what_is_missing(view, qtbot):
    view.show_result(alone("0.1", "1.3"))
    board, out = find(view, HandBoard), view.read_out()
    assert board.frames["corrupt"].plot.isEmpty()
    assert board.frames["clean"].plot.width() > 0.7 * board.width()
    assert "No corrupt twin: the other run" in out["hint"]
    assert out["metric"] == "clean 4.000; 4.000 → 2.000"
    assert "of the way" not in out["outcome"]
    for _step in range(12):
        qtbot.keyClick(board, Qt.Key.Key_Right)
    assert board.cursor_cell.run == "clean"
    assert not board.grab().isNull()


def test_without_a_twin_the_corrupt_run_cannot_be_chosen(view):
    view.show_result(alone("0.1"))
    (button,) = in_sight(view, QPushButton, "Enough (denoising)")
    assert not button.isEnabled()
    assert "no corrupt twin" in button.toolTip()
    view.show_result(without("0.1"))
    assert button.isEnabled()


def test_the_terminal_says_each_and_all():
    told = list(data.lines(without("0.1", "1.3", patched=-0.5)))
    assert any("L0H1" in line and "alone −1.500" in line for line in told)
    assert any("Together, 2 parts" in line for line in told)


# The colours of the patching map.


def mapped(site="resid_post", **changes):
    """Return a patching of the pair whose metric is that of By hand's samples."""
    restored = [patching.shares((3, 8), (1, 4), 0.5)]
    broken = [patching.shares((3, 8), (1, 4), 0.75)]
    found = patching.patch_data(restored, broken, (4.0,), (-1.0,))
    found["layers"] = np.array([0, 1, 2])
    made = {"site": site, **changes.pop("params", {})}
    return patching.finish(found, (patching.PAIR,), made, data={"layers": found["layers"]})


def test_cells_carry_the_colours_of_the_patching_map(view):
    board = find(view, HandBoard)
    view.show_result(patching.hand_result())
    plain = board.grab().toImage()
    view.take_lent([("Patching of noon", mapped())])
    out = view.read_out()
    assert out["colours"].startswith("Colours: Patching of noon · ")
    assert "the share restored" in out["colours"]
    assert out["scale"] == (-0.75, 0.75)
    assert find(view, ColouredBoard).known.values[1, 4] == 0.5
    inside = board.cell_center(Cell("corrupt", 1, 4)).toPoint()
    other = board.cell_center(Cell("clean", 1, 4)).toPoint()
    coloured = board.grab().toImage()
    assert coloured.pixelColor(inside) != plain.pixelColor(inside)
    assert coloured.width() != plain.width() or coloured.pixelColor(other) == plain.pixelColor(
        other
    )
    assert "restored by the other run's: +0.500" in board.cell_words(Cell("corrupt", 1, 4))


def test_what_is_exported_has_the_scale_of_the_colours_and_whose_they_are(view):
    view.show_result(patching.hand_result())
    picture = view.picture_widget()
    assert in_sight(picture, ColorBar) == []
    view.take_lent([("Patching of noon", mapped())])
    assert find(picture, ColorBar).isVisible()
    assert any(words.startswith("Colours: Patching of noon") for words in said(picture))
    assert find(picture, HandBoard).isVisible()
    assert in_sight(picture, QAbstractButton) == []  # no control of the view is drawn along


def test_the_other_way_round_it_is_the_other_map(view):
    view.take_lent([("Patching", mapped())])
    view.show_result(patching.hand_result(run="clean"))
    assert find(view, ColouredBoard).known.values[1, 4] == 0.75
    assert "the share broken" in view.read_out()["colours"]


def test_colours_go_where_they_do_not_belong(view):
    view.show_result(patching.hand_result())
    view.take_lent([("Patching", mapped())])
    assert view.read_out()["scale"] is not None
    find(view, QComboBox, "Site of the next move").setCurrentText("MLP output")
    assert (view.read_out()["scale"], view.read_out()["colours"]) == (None, "")
    view.take_lent([("Patching", mapped("mlp_out")), ("Patching", mapped())])
    assert "MLP output" in view.read_out()["colours"]
    for other in (
        mapped("mlp_out", params={"metric": "prob"}),
        mapped("mlp_out", params={"by": "all"}),
        patching.one_way_result("noise"),
    ):
        view.take_lent([("Patching", other)])
        assert view.read_out()["scale"] is None
    view.take_lent([("Patching", mapped("mlp_out"))])
    view.show_result(patching.hand_result(prompts=(patching.OTHER,)))
    assert view.read_out()["scale"] is None
    view.take_lent([])
    assert view.read_out()["colours"] == ""


def test_in_results_of_older_versions_nothing_is_removed(view):
    view.show_result(patching.hand_result((MOVE,)))
    assert view.read_out()["removed"] == []
    assert view.read_out()["mode"] == "zero"
    assert (view.params().without, view.params().mode) == ("", "zero")
    assert HandPatchParams().reference == ()


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda: alone("1.3", "m2"), "By hand · without L1H3, L2 MLP (zero) · “1 2 3 4 ”"),
        (lambda: without("1.3", mode="mean"), "By hand · without L1H3 (mean) · “1 2 3 4 ”"),
        (without, "By hand · the clean run as it is · “1 2 3 4 ”"),
    ],
)
def test_a_result_is_called_by_what_was_removed(made, name):
    assert result_name(made()) == name


# What the lens brings.


def test_a_move_dragged_in_another_view_is_tried_here(view, heard):
    asked = heard(view.run_requested)
    told = {"move": "clean:resid_pre:0.4>0.4", "prompt": 0, "run": "corrupt"}
    view.answer(Intent("hand_move", told))
    (params,) = (given[0] for given in asked)
    assert (params.run, params.moves, params.pair) == ("corrupt", (told["move"],), 0)
    assert find(view, QComboBox, "Site of the next move").currentData() == "resid_pre"


def test_such_moves_add_up_on_the_pair_on_screen(view, heard):
    view.show_result(patching.hand_result((MOVE,)))
    asked = heard(view.run_requested)
    more = "clean:resid_post:2.7>2.7"
    view.answer(Intent("hand_move", {"move": more, "prompt": 0, "run": "corrupt"}))
    assert asked[0][0].moves == (MOVE, more)
    turned = {"move": "corrupt:resid_post:1.4>1.4", "prompt": 0, "run": "clean"}
    view.answer(Intent("hand_move", turned))
    assert (asked[1][0].run, asked[1][0].moves) == ("clean", (turned["move"],))


def test_on_another_pair_a_move_begins_anew(view, heard):
    view.show_result(patching.hand_result((MOVE,), prompts=(patching.PAIR, patching.OTHER)))
    asked = heard(view.run_requested)
    told = {"move": "clean:resid_post:0.1>0.1", "prompt": 1, "run": "corrupt"}
    view.answer(Intent("hand_move", told))
    assert (asked[0][0].pair, asked[0][0].moves) == (1, (told["move"],))


def test_a_move_into_a_run_without_heads_removes_them_along(view, heard, selection):
    asked = heard(view.run_requested)
    told = {"move": "clean:resid_post:1.5>1.5", "prompt": 0, "run": "clean", "without": "1.3,m2"}
    view.answer(Intent("hand_move", told))
    assert (asked[0][0].without, asked[0][0].run) == ("1.3,m2", "clean")
    assert selection.picked == ((1, 3), (2, None))


@pytest.mark.parametrize("shown", [True, False])
def test_such_moves_add_up_before_the_first_result_has_come(make_view, heard, shown):
    view = make_view("hand_patch")
    two = {"prompts": (patching.PAIR, patching.OTHER)}
    if shown:
        view.show_result(patching.hand_result((MOVE,), pair=1, **two))
    asked = heard(view.run_requested)
    moves = ("clean:resid_post:0.1>0.1", "clean:resid_post:2.7>2.7")
    for move in moves:
        view.answer(Intent("hand_move", {"move": move, "prompt": 0, "run": "corrupt"}))
    assert [told[0].moves for told in asked] == [moves[:1], moves]
    view.answer(Intent("hand_move", {"move": MOVE, "prompt": 1, "run": "corrupt"}))
    assert (asked[-1][0].pair, asked[-1][0].moves) == (1, (MOVE,))


CHANGED = {"prompt": 0, "run": "clean", "without": "1.3,m2"}
FURTHER = ("corrupt:resid_post:1.5>1.5", "corrupt:resid_post:0.6>0.6", "corrupt:resid_post:2.7>2.7")


@pytest.mark.parametrize(("mode", "form"), [("mean", "zero"), ("zero", "mean")])
def test_a_move_into_a_changed_run_takes_over_all_that_makes_it(view, heard, mode, form):
    asked = heard(view.run_requested)
    view.set_params(HandPatchParams(mode=form, reference=("6 ",)))
    first, *rest = FURTHER
    told = {**CHANGED, "move": first, "mode": mode, "moves": tuple(rest)}
    view.answer(Intent("hand_move", told))
    params = asked[0][0]
    assert (params.run, params.without, params.mode) == ("clean", "1.3,m2", mode)
    assert params.moves == (*rest, first)
    # The run that was told took the mean over the given prompts.
    assert params.reference == (() if mode == "mean" else ("6 ",))


def test_what_is_on_screen_is_gone_on_from_where_it_is_that_changed_run(view, heard):
    first, second, third = FURTHER
    view.show_result(without("1.3", "m2", moves=(second, first), mode="mean"))
    view.set_params(HandPatchParams(mode="mean"))
    asked = heard(view.run_requested)
    told = {**CHANGED, "move": third, "mode": "mean", "moves": (second,)}
    view.answer(Intent("hand_move", told))
    assert asked[-1][0].moves == (second, first, third)
    # That without parts is another run, and so is one with moves that are not on screen.
    view.answer(Intent("hand_move", {**told, "without": ""}))
    assert (asked[-1][0].moves, asked[-1][0].without) == ((second, third), "")
    view.answer(Intent("hand_move", {**told, "moves": ()}))
    assert (asked[-1][0].moves, asked[-1][0].without) == ((third,), "1.3,m2")
    view.answer(Intent("hand_move", {**told, "move": first, "moves": (second,)}))
    assert asked[-1][0].moves == (second, first)


def test_without_a_result_a_move_is_tried_all_the_same(make_view, heard):
    view = make_view("hand_patch")
    asked = heard(view.run_requested)
    view.answer(Intent("hand_move", {"move": MOVE, "prompt": 0}))
    assert (asked[0][0].run, asked[0][0].moves) == ("corrupt", (MOVE,))


def test_cells_say_what_a_lens_of_this_pair_reads_there(view):
    board = find(view, HandBoard)
    view.show_result(patching.hand_result())
    view.take_lent([("Lens of noon", lensed.lens_result())])
    out = view.read_out()
    assert out["colours"].startswith("Texts: Lens of noon · logit lens, the top token")
    assert out["texts"]["clean"][1][7] == "5"  # after block 1, which is row 2 of the lens
    assert board.has_texts()
    assert "says next: 5" in board.cell_words(Cell("clean", 1, 7))
    assert out["scale"] is None
    find(view, QComboBox, "Site of the next move").setCurrentIndex(0)  # before the block
    assert view.read_out()["texts"]["clean"][2][7] == "5"
    find(view, QComboBox, "Site of the next move").setCurrentText("MLP output")
    assert view.read_out()["texts"] == {}
    view.take_lent([("Lens", lensed.lens_result(prompts=(patching.OTHER,)))])
    assert view.read_out()["texts"] == {}


def test_the_switch_takes_texts_away_and_leaves_the_colours(view, qtbot):
    view.show_result(patching.hand_result())
    view.take_lent([("Lens", lensed.lens_result()), ("Patching", mapped())])
    board = find(view, HandBoard)
    assert board.has_texts()
    told = board.cell_words(Cell("corrupt", 1, 4))
    assert "says next: x" in told
    assert "restored by the other run's: +0.500" in told
    assert "Colours: Patching" in view.read_out()["colours"]
    press(view, "Top tokens")
    assert view.read_out()["texts"] == {}
    assert not board.has_texts()
    assert view.read_out()["scale"] == (-0.75, 0.75)
