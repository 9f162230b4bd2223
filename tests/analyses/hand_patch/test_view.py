from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from desktop_app.analyses.hand_patch import picture as data
from desktop_app.analyses.hand_patch.picture import HandHistory
from desktop_app.analyses.hand_patch.spec import HandPatchParams
from desktop_app.pictures.boards import Cell, cone
from desktop_app.widgets.board.board import HandBoard
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, press
from tests.samples import patching

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
MOVE = "clean:resid_post:1.4>1.4"
SECOND = "clean:resid_post:1.6>2.7"


@pytest.fixture
def view(make_view):
    view = make_view("hand_patch")
    view.show_result(patching.hand_result())
    return view


def drag(board, source, target):
    """Drag one cell onto another with the mouse, by way of their middle."""
    start, end = (board.cell_center(cell).toPoint() for cell in (source, target))
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(board, left, pos=start)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(board, start + (end - start) * share)
    middle = board.grab()
    QTest.mouseRelease(board, left, pos=end)
    return middle


def test_a_move_is_written_as_the_settings_write_it():
    params = data.with_move(
        HandPatchParams(), "resid_mid", Cell("clean", 5, 3), Cell("corrupt", 6, 4)
    )
    assert params.moves == ("clean:resid_mid:5.3>6.4",)
    assert params.run == "corrupt"


def test_a_move_into_the_other_run_begins_anew():
    params = HandPatchParams(run="corrupt", moves=(MOVE,))
    turned = data.with_move(params, "resid_post", Cell("corrupt", 0, 0), Cell("clean", 0, 0))
    assert turned.run == "clean"
    assert turned.moves == ("corrupt:resid_post:0.0>0.0",)


def test_a_move_into_a_cell_that_has_one_takes_its_place():
    params = HandPatchParams(moves=(MOVE, SECOND))
    source, target = Cell("clean", 0, 2), Cell("corrupt", 1, 4)
    assert data.with_move(params, "resid_post", source, target).moves == (
        SECOND,
        "clean:resid_post:0.2>1.4",
    )
    assert len(data.with_move(params, "mlp_out", source, target).moves) == 3


def test_the_question_turns_round():
    turned = data.mirrored(HandPatchParams(moves=(MOVE,)), "clean")
    assert turned.run == "clean"
    assert turned.moves == ("corrupt:resid_post:1.4>1.4",)
    assert data.mirrored(turned, "corrupt").moves == (MOVE,)


def test_the_cone_is_what_comes_after():
    board = data.board_of(patching.hand_result())
    reach = cone(board, "resid_post", 1, 4)
    assert reach.sum() == 1 + 4
    assert reach[1, 4]
    assert reach[2, 4:].all()
    assert not reach[2, :4].any()
    assert cone(board, "resid_pre", 1, 4)[1].tolist() == [False] * 4 + [True] * 4


def test_words_tell_how_far_it_came():
    result = patching.hand_result((MOVE,), patched=1.5)
    assert data.way(result) == 0.5
    assert data.outcome_sentence(result) == (
        "The corrupt run with 1 activation put in: logit difference −1.000 → 1.500, "
        "0.50 of the way to clean"
    )
    assert "as it is" in data.outcome_sentence(patching.hand_result())
    board = data.board_of(patching.hand_result((MOVE, SECOND)))
    assert [data.move_words(board, m) for m in board.moves] == [
        "clean L1 · 4: 3",
        "clean L1 · 6: 4 → L2 · 7",
    ]
    assert data.short_words(patching.hand_result((MOVE, SECOND))) == "L1·4 + L1·6→L2·7"
    own = patching.hand_result(("corrupt:resid_post:0.0>0.1",))
    assert data.short_words(own) == "L0·0→L0·1 (own)"
    assert data.short_words(patching.hand_result((), "clean")) == "clean: nothing"


def test_answers_are_marked_in_the_ranking():
    rows = data.predictions(patching.hand_result((MOVE,)), "top")
    assert rows.values("token") == ["5", "4", "x"]
    assert rows.values("mark") == ["answer", "wrong", ""]


def test_history_goes_back_and_forth_and_keeps_what_was_tried():
    first, second, third = (patching.hand_result(m) for m in ((), (MOVE,), (MOVE, SECOND)))
    history = HandHistory()
    assert history.go(-1) is None
    for result in (first, second):
        history.add(result)
    assert history.go(-1) is first
    assert not history.can_go(-1)
    assert history.go(1) is second
    assert history.go(-1) is first
    history.add(third)
    assert not history.can_go(1)
    assert history.go(-1) is first
    assert history.tried == [first, second, third]
    history.add(patching.hand_result(prompts=(patching.OTHER,)))
    assert len(history.tried) == 1


def test_dragging_a_cell_onto_another_asks_for_the_run(view, heard):
    asked = heard(view.run_requested)
    drag(find(view, HandBoard), Cell("clean", 1, 4), Cell("corrupt", 1, 4))
    assert [told[0].moves for told in asked] == [(MOVE,)]
    assert asked[0][0].run == "corrupt"
    assert view.params().moves == (MOVE,)


def test_while_dragging_the_cone_is_shaded(view):
    board = find(view, HandBoard)
    before = board.grab().toImage()
    middle = drag(board, Cell("clean", 0, 0), Cell("corrupt", 1, 2)).toImage()
    inside = board.cell_center(Cell("corrupt", 2, 6)).toPoint()
    outside = board.cell_center(Cell("corrupt", 0, 6)).toPoint()
    assert middle.pixelColor(inside) != before.pixelColor(inside)
    assert middle.pixelColor(outside) == before.pixelColor(outside)


def test_the_site_of_the_next_move_is_chosen(view, heard):
    asked = heard(view.run_requested)
    find(view, QComboBox, "Site of the next move").setCurrentText("attention output")
    drag(find(view, HandBoard), Cell("corrupt", 0, 1), Cell("clean", 2, 5))
    assert asked[0][0].moves == ("corrupt:attn_out:0.1>2.5",)
    assert asked[0][0].run == "clean"


def test_letting_go_beside_the_grids_does_nothing(view, heard, qtbot):
    asked = heard(view.run_requested)
    board = find(view, HandBoard)
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(board, left, pos=board.cell_center(Cell("clean", 1, 1)).toPoint())
    QTest.mouseMove(board, QPoint(2, 2))
    QTest.mouseRelease(board, left, pos=QPoint(2, 2))
    assert asked == []


def test_the_keys_do_what_the_mouse_does(view, heard, qtbot, selection):
    asked = heard(view.run_requested)
    board = find(view, HandBoard)
    qtbot.mouseClick(
        board, Qt.MouseButton.LeftButton, pos=board.cell_center(Cell("clean", 1, 7)).toPoint()
    )
    assert (selection.layer, selection.position) == (1, 7)
    qtbot.keyClick(board, Qt.Key.Key_Return)
    assert board.picked == Cell("clean", 1, 7)
    qtbot.keyClick(board, Qt.Key.Key_Escape)
    assert board.picked is None
    qtbot.keyClick(board, Qt.Key.Key_Return)
    qtbot.keyClick(board, Qt.Key.Key_Right)
    qtbot.keyClick(board, Qt.Key.Key_Down)
    assert board.cursor_cell == Cell("corrupt", 2, 0)
    qtbot.keyClick(board, Qt.Key.Key_Return)
    assert [told[0].moves for told in asked] == [("clean:resid_post:1.7>2.0",)]


def test_several_moves_add_up_and_can_be_taken_out(view, heard):
    view.show_result(patching.hand_result((MOVE,), patched=1.0))
    asked = heard(view.run_requested)
    drag(find(view, HandBoard), Cell("clean", 1, 6), Cell("corrupt", 2, 7))
    assert asked[0][0].moves == (MOVE, SECOND)
    view.show_result(patching.hand_result((MOVE, SECOND), patched=2.0))
    assert len(view.read_out()["moves"]) == 2
    press(view, "Remove: clean L1 · 4: 3")
    assert asked[1][0].moves == (SECOND,)
    press(view, "Take all back")
    assert asked[2][0].moves == ()


def test_changing_the_run_turns_the_moves_round(view, heard):
    view.show_result(patching.hand_result((MOVE,)))
    asked = heard(view.run_requested)
    press(view, "Needed (noising)")
    assert (asked[0][0].run, asked[0][0].moves) == ("clean", ("corrupt:resid_post:1.4>1.4",))


def test_the_new_ranking_and_the_metric_are_shown(view):
    view.show_result(patching.hand_result((MOVE,), patched=1.5))
    tips = view.read_out()["next"]
    assert "“5”" in tips[0]
    assert "the answer" in tips[0]
    assert "other list: 0.1" in tips[0]
    assert "not among the listed" in tips[2]
    press(view, "Before")
    assert "“4”" in view.read_out()["next"][0]
    assert "−1.000 → 1.500" in view.read_out()["metric"]


def test_undo_and_again_compute_nothing(view, heard, qtbot):
    second = patching.hand_result((MOVE,), patched=1.5)
    view.show_result(second)
    asked = heard(view.run_requested)
    qtbot.keyClick(find(view, HandBoard), Qt.Key.Key_Backspace)
    assert view.current_result is not second
    assert view.params().moves == ()
    assert not view.read_out()["undo"]
    press(view, "Do again")
    assert view.current_result is second
    assert view.params().moves == (MOVE,)
    find(view, RankingList, "What was tried").row_clicked.emit(0)
    assert view.params().moves == ()
    assert view.read_out()["undo"]
    assert len(view.read_out()["tried"]) == 2
    assert asked == []


def test_a_refused_move_leaves_the_old_ones(view):
    view.set_params(HandPatchParams(moves=("clean:resid_mid:0.0>0.0",)))
    view.show_failure("toy has no resid_mid: choose another site.")
    assert view.params().moves == ()
    assert view.read_out()["state"] == "failure"


def test_a_move_beside_edited_settings_keeps_them(view, heard):
    asked = heard(view.run_requested)
    view.set_params(HandPatchParams(metric="logprob", top=3))
    drag(find(view, HandBoard), Cell("clean", 1, 4), Cell("corrupt", 1, 4))
    assert (asked[0][0].metric, asked[0][0].top, asked[0][0].moves) == ("logprob", 3, (MOVE,))


def test_selection_elsewhere_is_outlined(view, selection):
    selection.select_head(2, 1)
    selection.select_position(3)
    assert view.read_out()["cell"] == Cell("clean", 2, 3)
    selection.select_position(70)
    assert view.read_out()["cell"] is None


def test_escape_shows_all_of_both_grids(view, qtbot):
    frames = find(view, HandBoard).frames
    for frame in frames.values():
        frame.seen = QRectF(2, 0, 4, 3)
    qtbot.keyClick(find(view, HandBoard), Qt.Key.Key_Escape)
    assert not any(frame.is_zoomed() for frame in frames.values())


def test_a_cell_tells_what_was_put_in(view):
    view.show_result(patching.hand_result((MOVE,)))
    board = find(view, HandBoard)
    told = board.cell_words(Cell("corrupt", 1, 4)).splitlines()
    assert told == ["corrupt, layer 1, position 4: 6", "taken from clean, layer 1, position 4"]
    assert "can change" in board.cell_words(Cell("corrupt", 2, 5))
    assert board.cell_words(Cell("clean", 2, 5)) == "clean, layer 2, position 5: ␠"
    view.show_result(patching.hand_result(("clean:attn_out:0.6>1.4",)))
    told = board.cell_words(Cell("corrupt", 1, 4)).splitlines()
    assert told[-1] == "taken from attention output at clean, layer 0, position 6"


def test_nothing_is_drawn_where_the_metric_is_missing(view):
    view.show_result(patching.hand_result((MOVE,), patched=float("nan")))
    assert "–" in view.read_out()["outcome"]
    assert not view.picture().isNull()


def test_the_first_run_works_on_the_prompt_that_was_selected_before(make_view, selection):
    selection.select_prompt(2)
    view = make_view("hand_patch")
    assert view.params().pair == 2


def test_the_selected_prompt_is_what_the_next_run_takes(view, heard, selection):
    view.show_result(patching.hand_result((MOVE,), prompts=(patching.PAIR, patching.OTHER)))
    selection.select_prompt(1)
    assert (view.params().pair, view.params().moves) == (1, ())
    assert "prompt 2" in view.read_out()["hint"]
    selection.select_prompt(0)
    assert (view.params().pair, view.params().moves) == (0, (MOVE,))
    selection.select_prompt(1)
    second = patching.hand_result((), prompts=(patching.PAIR, patching.OTHER), pair=1)
    view.show_result(second)
    assert (
        data.board_of(second).tokens["clean"]
        == data.board_of(patching.hand_result(prompts=(patching.OTHER,))).tokens["clean"]
    )
    assert data.outcome_sentence(second).startswith("Prompt 2: the corrupt run")
    asked = heard(view.run_requested)
    drag(find(view, HandBoard), Cell("clean", 1, 4), Cell("corrupt", 1, 4))
    assert (asked[0][0].pair, asked[0][0].moves) == (1, (MOVE,))
