from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QToolTip

from desktop_app.analyses.lens.side import LensSide
from desktop_app.analyses.lens.spec import LensParams
from desktop_app.contract.registry import serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.boards import Cell
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.board.board import HandBoard
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, press
from tests.gestures import wheel
from tests.patience import turn_the_loop
from tests.samples import drawn, lensed, patching

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
LEFT = Qt.MouseButton.LeftButton
NAMES = ("answer_rank", "answer_logprob", "logit_diff", "wrong_rank")


@pytest.fixture
def view(make_view):
    view = make_view("lens")
    view.show_result(lensed.lens_result())
    return view


@pytest.fixture
def board(view):
    return find(view, HandBoard)


@pytest.fixture
def intents(view, heard):
    return heard(view.intent_raised)


def click(board, cell):
    QTest.mouseClick(board, LEFT, pos=board.cell_center(cell).toPoint())


def drag(board, source, target):
    start, end = (board.cell_center(cell).toPoint() for cell in (source, target))
    QTest.mousePress(board, LEFT, pos=start)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(board, start + (end - start) * share)
    QTest.mouseRelease(board, LEFT, pos=end)


def asked(intents, name):
    return [dict(told[0].data) for told in intents if told[0].name == name]


def test_the_end_at_the_read_position_is_shown_first(view):
    out = view.read_out()
    assert out["headline"].startswith("“5” is on top from layer 2 (after block 1) to the end")
    assert out["cell"] == "Layer 3 · 7: ␠"
    assert out["selected"] == Cell("clean", 3, 7)
    assert [row[1] for row in out["ranking"]] == ["5", "4", "x"]
    assert out["titles"] == ["Clean run", "Corrupt run"]
    assert out["scale"] == (0.0, 1.0)


def test_cells_say_their_top_token_where_there_is_room(view, board):
    assert board.has_texts()
    assert board.cell_text(Cell("clean", 2, 7)) == "5"
    assert board.cell_text(Cell("clean", 1, 7)) == "x"
    view.resize(420, 300)
    turn_the_loop()
    assert not board.has_texts()
    assert board.cell_text(Cell("clean", 2, 7)) == "5"


def test_a_click_shows_the_cells_ranking_and_selects_it_for_all(view, board, selection):
    click(board, Cell("clean", 2, 5))
    assert (selection.layer, selection.position) == (1, 5)
    out = view.read_out()
    assert out["cell"] == "Layer 2 · 5: ␠"
    assert "after block 1" in out["sentence"]
    assert out["ranking"][0][1] == "x"
    assert "position 5" in out["headline"]
    click(board, Cell("corrupt", 1, 4))
    assert view.read_out()["sentence"].startswith("Corrupt run, after block 0")
    assert board.cursor_cell == Cell("corrupt", 1, 4)
    assert "Corrupt run · layer 1" in board.accessibleDescription()


EXPLAINED = (
    (Cell("clean", 2, 7), "“5”: 0.400", "0", "clean run, layer 2, after block 1"),
    (Cell("corrupt", 2, 7), "“x”: 0.400", "9", "corrupt run, layer 2, after block 1"),
    (Cell("clean", 0, 7), "“x”: 0.200", "12", "clean run, layer 0, the embeddings"),
    (Cell("corrupt", 0, 3), "“x”: 0.200", "20", "corrupt run, layer 0, the embeddings"),
)
CHANGED = (
    (Cell("corrupt", 3, 7), "“x”: 0.500", "2", "clean run without L1H2, layer 3, the end"),
    (Cell("clean", 3, 7), "“5”: 0.500", "0", "clean run, layer 3, the end"),
)


def test_the_numbers_that_are_explained_are_those_on_screen(view, board, selection, heard):
    told = heard(view.explanation_wanted)
    for result, cases in ((lensed.lens_result(), EXPLAINED), (lensed.changed_result(), CHANGED)):
        view.show_result(result)
        for cell, prob, rank, where in cases:
            selection.select_head(1, 2)
            click(board, cell)
            press(view, "What is these numbers?")
            place = f"({where}, position {cell.position})"
            assert told[-1][0].working == f"{prob}   {place}"
            assert view.explain("rank").working == f"{rank}   {place}"
            assert prob.split(": ")[1] in view.read_out()["ranking"][0]


def test_what_is_not_read_is_explained_as_such(view, board, selection):
    result = lensed.lens_result(params={"kind": "jacobian"})
    result.data["top"][0][0] = -1
    view.show_result(result)
    click(board, Cell("clean", 0, 7))
    assert view.explain().working.startswith("nothing is read here")


def test_the_embeddings_leave_the_selected_block_alone(view, board, selection):
    selection.select_head(1, 2)
    click(board, Cell("clean", 0, 3))
    assert (selection.layer, selection.head, selection.position) == (1, 2, 3)
    assert view.read_out()["cell"] == "Layer 0 · 3: ␠"


def test_what_is_selected_elsewhere_is_outlined_behind_its_block(view, board, selection):
    selection.select_head(0, 1)
    selection.select_position(2)
    assert board.cursor_cell == Cell("clean", 1, 2)
    assert view.read_out()["cell"] == "Layer 1 · 2: 2"


def test_a_double_click_asks_for_the_attribution_of_that_place(board, intents):
    if not serving("attribution"):
        pytest.skip("nobody serves attribution yet")
    QTest.mouseDClick(board, LEFT, pos=board.cell_center(Cell("clean", 2, 5)).toPoint())
    click(board, Cell("clean", 3, 5))
    QTest.mouseDClick(board, LEFT, pos=board.cell_center(Cell("clean", 3, 5)).toPoint())
    assert asked(intents, "attribution")[-1] == {"prompt": 0, "layer": None, "position": 5}


def test_what_others_cannot_read_is_not_asked_of_them(view, board, intents):
    """They read the prompt as it stands: of a corrupt or a changed run they would tell falsely."""
    said = []
    view.message_requested.connect(said.append)
    click(board, Cell("corrupt", 2, 5))
    QTest.mouseDClick(board, LEFT, pos=board.cell_center(Cell("corrupt", 2, 5)).toPoint())
    press(view, "Ranking at this position")
    assert asked(intents, "attribution") == asked(intents, "next_tokens") == []
    assert len(said) >= 2
    assert all("read the clean run" in told for told in said)
    assert view.read_out()["headline"].endswith("corrupt run")


def test_enter_and_the_button_ask_for_the_ranking_at_the_position(view, board, intents, qtbot):
    click(board, Cell("clean", 2, 5))
    qtbot.keyClick(board, Qt.Key.Key_Return)
    press(view, "Ranking at this position")
    assert asked(intents, "next_tokens") == [{"prompt": 0, "position": 5}] * 2


def test_the_keys_go_from_cell_to_cell_and_grid_to_grid(board, selection, qtbot):
    click(board, Cell("clean", 1, 7))
    qtbot.keyClick(board, Qt.Key.Key_Right)
    assert board.cursor_cell == Cell("corrupt", 1, 0)
    qtbot.keyClick(board, Qt.Key.Key_Down)
    assert board.cursor_cell == Cell("corrupt", 2, 0)
    qtbot.keyClick(board, Qt.Key.Key_End)
    assert board.cursor_cell == Cell("corrupt", 2, 7)
    qtbot.keyClick(board, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert board.cursor_cell == Cell("corrupt", 0, 0)
    qtbot.keyClick(board, Qt.Key.Key_PageDown)
    assert board.cursor_cell == Cell("corrupt", 3, 0)
    assert selection.position == 0


def test_a_cell_dragged_onto_the_other_run_is_by_hands_move(board, intents):
    drag(board, Cell("clean", 2, 4), Cell("corrupt", 2, 4))
    drag(board, Cell("corrupt", 0, 4), Cell("clean", 0, 4))
    assert asked(intents, "hand_move") == [
        {"move": "clean:resid_post:1.4>1.4", "prompt": 0, "run": "corrupt"},
        {"move": "corrupt:resid_pre:0.4>0.4", "prompt": 0, "run": "clean"},
    ]


def test_with_the_keys_shift_and_enter_take_a_cell(board, intents, qtbot):
    click(board, Cell("clean", 2, 7))
    qtbot.keyClick(board, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert board.picked == Cell("clean", 2, 7)
    qtbot.keyClick(board, Qt.Key.Key_Right)
    qtbot.keyClick(board, Qt.Key.Key_Return)
    assert asked(intents, "hand_move")[0]["move"] == "clean:resid_post:1.7>1.0"
    assert asked(intents, "next_tokens") == []


def test_what_no_site_has_is_refused_in_a_sentence(view, board, intents, heard):
    told = heard(view.message_requested)
    drag(board, Cell("clean", 0, 4), Cell("corrupt", 3, 4))
    assert asked(intents, "hand_move") == []
    assert "never at one site" in told[0][0]


def test_activations_of_a_changed_run_are_not_taken(view, board, intents, heard):
    view.show_result(lensed.moved_result())
    told = heard(view.message_requested)
    drag(board, Cell("corrupt", 2, 5), Cell("clean", 2, 5))
    assert "untouched runs" in told[0][0]
    drag(board, Cell("clean", 3, 7), Cell("corrupt", 3, 7))
    assert asked(intents, "hand_move") == [
        {
            "move": "clean:resid_post:2.7>2.7",
            "prompt": 0,
            "run": "corrupt",
            "without": "",
            "mode": "zero",
            "moves": ("clean:resid_post:1.4>1.4",),
        }
    ]


@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_a_move_into_a_run_without_heads_names_them(view, board, intents, mode):
    view.show_result(lensed.changed_result(params={"mode": mode}))
    drag(board, Cell("clean", 2, 5), Cell("corrupt", 2, 5))
    (told,) = asked(intents, "hand_move")
    assert (told["without"], told["mode"], told["moves"]) == ("1.2", mode, ())
    assert (told["run"], told["move"]) == ("clean", "clean:resid_post:1.5>1.5")


def menu_of(board):
    return next(menu for menu in board.window().findChildren(QMenu) if menu.isVisible())


def test_the_menu_of_a_cell_has_all_that_can_be_done_there(board, intents):
    at = board.cell_center(Cell("clean", 2, 4)).toPoint()
    asking = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, board.mapToGlobal(at))
    QApplication.sendEvent(board, asking)
    menu = menu_of(board)
    entries = {entry.text(): entry for entry in menu.actions()}
    assert list(entries) == [
        "Ranking at this position",
        "Attribution of this place",
        "By hand from here",
    ]
    entries["By hand from here"].trigger()
    entries["Ranking at this position"].trigger()
    menu.close()
    assert asked(intents, "hand_move")[0]["move"] == "clean:resid_post:1.4>1.4"
    assert asked(intents, "next_tokens") == [{"prompt": 0, "position": 4}]


def test_the_button_beside_the_ranking_opens_the_same_menu(view, board):
    press(view, "What else can be done from here")
    menu = menu_of(board)
    assert menu.actions()[0].text() == "Ranking at this position"
    menu.close()


def test_without_a_twin_one_grid_stands_alone_and_is_moved_by_dragging(view, board, intents, qtbot):
    view.show_result(lensed.alone_result())
    out = view.read_out()
    assert out["titles"] == ["Clean run"]
    assert "drag" not in out["hint"]
    drag(board, Cell("clean", 1, 2), Cell("clean", 2, 5))
    assert asked(intents, "hand_move") == []
    wheel(board, board.cell_center(Cell("clean", 1, 4)).toPoint(), 1200)
    seen = board.frames["clean"].seen.left()
    assert board.frames["clean"].is_zoomed()
    middle = board.frames["clean"].plot.center().toPoint()
    QTest.mousePress(board, LEFT, pos=middle)
    QTest.mouseMove(board, middle + QPoint(-40, 0))
    QTest.mouseMove(board, middle + QPoint(-80, 0))
    QTest.mouseRelease(board, LEFT, pos=middle + QPoint(-80, 0))
    assert board.frames["clean"].seen.left() > seen


def test_the_wheel_zooms_both_grids_and_escape_shows_all(board, qtbot):
    wheel(board, board.cell_center(Cell("corrupt", 2, 6)).toPoint(), 900)
    frames = board.frames
    assert frames["clean"].is_zoomed()
    assert frames["clean"].seen == frames["corrupt"].seen
    qtbot.keyClick(board, Qt.Key.Key_Escape)
    assert not any(frame.is_zoomed() for frame in frames.values())
    qtbot.keyClick(board, Qt.Key.Key_Plus)
    assert frames["corrupt"].is_zoomed()


def test_pointing_at_a_cell_says_its_tokens(board, view):
    at = board.cell_center(Cell("clean", 2, 7)).toPoint()
    QTest.mouseMove(board, at)
    assert board.hover == Cell("clean", 2, 7)
    told = board.cell_words(board.hover)
    assert "0   5   0.400" in told
    assert "answer “5”: rank 0" in told
    board.event(_help(board, at))
    assert "0   5   0.400" in QToolTip.text()
    QToolTip.hideText()


def _help(board, at):
    return QHelpEvent(QEvent.Type.ToolTip, at, board.mapToGlobal(at))


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("Probability", (0.0, 1.0)),
        ("Answer's rank", (0.0, 49.0)),
        ("Logit difference", (-4.0, 4.0)),
    ],
)
def test_one_switch_chooses_the_colours(view, board, name, scale):
    before = board.grab().toImage()
    press(view, name)
    assert view.read_out()["scale"] == pytest.approx(scale)
    assert board.has_texts()
    if name != "Probability":
        assert board.grab().toImage() != before


def test_ranks_are_marked_by_powers_of_ten(view):
    press(view, "Answer's rank")
    bar = find(view, ColorBar)
    assert bar.read_out()["ticks"] == ["10", "1", "0"]
    assert "log scale" in view.read_out()["legend"]


def test_without_an_answer_its_colours_are_greyed_with_the_reason(view):
    record = drawn.PromptRecord("1 2 ", drawn.tokens("1", " ", "2", " "), 3)
    nothing = np.full((4, 4, 1), np.nan)
    scores = dict.fromkeys(NAMES, nothing)
    press(view, "Answer's rank")
    view.show_result(lensed.lens_result(prompts=(record,), data=scores))
    out = view.read_out()
    assert (out["colour"], out["quantity"]) == ("prob", "table")
    assert "Give the prompt an answer" in out["headline"]
    assert out["layers"][3][1] == "5"


def test_the_layers_are_followed_as_curves_and_as_a_table(view, board, selection):
    out = view.read_out()
    assert out["lines"]["“5”"].tolist() == [12, 3, 0, 0]
    assert out["legend_of_lines"] == ["“5”", "“4”"]
    press(view, "Log-prob")
    assert set(view.read_out()["lines"]) == {"“5”", "“4”"}
    press(view, "Difference")
    assert list(view.read_out()["lines"]) == ["answer − wrong"]
    press(view, "Table")
    rows = view.read_out()["layers"]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert rows[2][1:4] == ("5", "0.400", "0")
    table = find(view, RankingList, "Layer by layer")
    table.row_clicked.emit(1)
    assert board.cursor_cell == Cell("clean", 1, 7)
    assert selection.layer == 0


def test_a_point_of_the_curve_chooses_its_layer(view, board, qtbot):
    plot = find(view, Plot)
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert board.cursor_cell == Cell("clean", 1, 7)
    assert view.read_out()["layer"] == 1


def test_of_several_prompts_the_selected_one_is_shown_and_their_mean(view, selection):
    view.show_result(lensed.lens_result(prompts=(patching.PAIR, patching.OTHER)))
    selection.select_prompt(1)
    assert "drag it" in view.read_out()["hint"]
    press(view, "Mean")
    press(view, "Difference")
    (name,) = view.read_out()["lines"]
    assert "mean of 2 prompts" in name
    view.show_result(lensed.ragged_result())
    assert view.read_out()["scope"] == ""
    selection.select_prompt(1)
    assert view.read_out()["selected"] == Cell("clean", 3, 9)


def test_a_changed_run_is_switched_to_and_said(view):
    view.show_result(lensed.changed_result())
    out = view.read_out()
    assert out["shown"] == "changed"
    assert out["titles"] == ["Clean run", "Clean run without L1H2"]
    assert out["changed"] == "Changed: the clean run without L1H2 (zero)"
    assert out["selected"] == Cell("corrupt", 3, 7)
    assert "rank 2" in out["headline"]
    press(view, "Untouched")
    assert view.read_out()["titles"] == ["Clean run", "Corrupt run"]
    view.show_result(lensed.lens_result())
    assert view.read_out()["shown"] == ""
    assert view.read_out()["changed"] == ""


def test_the_bar_has_the_scale_of_the_difference(view):
    view.show_result(lensed.changed_result())
    press(find_shown(view), "Difference")
    out = view.read_out()
    assert out["titles"] == ["Clean run", "Clean run without L1H2 − untouched"]
    assert out["legend"].startswith("Right, and the bar: change of the largest probability")
    press(view, "Logit difference")
    assert view.read_out()["scale"] == pytest.approx((-1.0, 1.0))
    turned = {"run": "clean", "moves": ("corrupt:resid_post:1.4>1.4",)}
    view.show_result(lensed.moved_result(params=turned))
    press(find_shown(view), "Difference")
    assert view.read_out()["legend"].startswith("Left, and the bar")
    assert view.read_out()["scale"] == pytest.approx((-1.0, 1.0))


def find_shown(view):
    """Return the switch between the runs: the curves have a difference too."""
    segments = view.findChildren(SegmentedControl)
    return next(one for one in segments if one.value() in {"untouched", "changed", "difference"})


def test_moves_of_the_changed_run_are_drawn(view, board):
    view.show_result(lensed.moved_result())
    assert [move.target for move in board.board.moves] == [(2, 4)]
    assert "can change for what was put in" in board.cell_words(Cell("corrupt", 3, 5))
    told = board.cell_words(Cell("corrupt", 2, 4)).splitlines()
    # Of block 1: in the rows of the lens, which stand above blocks, that is layer 2.
    assert told[-1] == "taken from clean, layer 2, position 4"
    other = ("clean:mlp_out:0.4>1.4", "clean:resid_post:1.6>1.4")
    view.show_result(lensed.moved_result(params={"moves": other}))
    told = board.cell_words(Cell("corrupt", 2, 4)).splitlines()
    assert told[-1] == (
        "taken from MLP output at clean, layer 1, position 4; clean, layer 2, position 6"
    )


def test_picked_heads_are_left_out_at_a_press(view, selection, intents, heard):
    runs = heard(view.run_requested)
    selection.pick([(1, 2), (2, None)])
    press(view, "Lens without")
    ((intent,),) = intents
    assert (intent.name, dict(intent.data)) == ("lens_without", {"parts": "1.2,m2"})
    view.answer(intent)
    assert [told[0].without for told in runs] == ["1.2,m2"]
    assert "lens" in serving("lens_without")


def test_other_views_offer_the_lens_without_what_is_picked(make_view, selection, heard):
    view = make_view("ablate")
    intents = heard(view.intent_raised)
    view.show_result(drawn.ablate_result())
    selection.pick([(5, 2)])
    press(view, "Lens without")
    assert intents[0][0] == Intent("lens_without", {"parts": "5.2"})


def test_a_fitted_lens_asks_for_its_file_before_it_runs(view, heard):
    runs, told = heard(view.run_requested), heard(view.message_requested)
    view.set_params(LensParams(kind="jacobian"))
    view.request_run()
    assert runs == []
    assert "file" in told[0][0]
    assert view.read_out()["form"]
    line = find(view, QLineEdit, "Lens file")
    assert line.isVisible()
    view.set_params(LensParams(kind="jacobian", lens_file="a.safetensors"))
    view.request_run()
    assert runs[0][0].lens_file == "a.safetensors"


def test_a_wrong_file_says_why_beside_its_field(view):
    view.set_params(LensParams(kind="tuned", lens_file="a.safetensors"))
    view.show_failure("a.safetensors belongs to another model: choose one of this model.")
    out = view.read_out()
    assert "another model" in out["failure"]
    assert out["form"]


def test_a_result_of_the_wrong_form_is_refused_in_a_sentence(view):
    view.show_result(lensed.lens_result(data={"top": (np.zeros((4, 7, 3), int),)}))
    assert view.read_out()["state"] in {"failure", "empty"}
    assert view.read_out()["failure"]
    view.show_result(lensed.lens_result())
    assert view.read_out()["state"] == "result"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(560, 420), (1600, 1000)])
def test_it_is_drawn_small_and_large_in_both_themes(view, qapp, theme, size):
    apply_theme(qapp, theme)
    view.resize(*size)
    for result in (lensed.changed_result(), lensed.alone_result(), lensed.ragged_result()):
        view.show_result(result)
        assert not view.picture().isNull()
    side = find(view, LensSide)
    assert side.width() >= 300


def test_a_large_map_is_colours_alone_and_zooms_into_texts(view, board):
    rows, length = 81, 128
    record = drawn.PromptRecord("1" * length, drawn.tokens(*("1" * length)), length - 1)
    ids = np.full((1, rows, length, 2), 37, dtype=np.int32)
    probs = np.full((1, rows, length, 2), 0.5, dtype=np.float32)
    scores = np.zeros((rows, length, 1))
    result = lensed.lens_result(
        prompts=(record,),
        model=drawn.model(n_layers=rows - 1),
        data={
            "top": tuple(ids),
            "top_prob": tuple(probs),
            **dict.fromkeys(NAMES, scores),
        },
    )
    view.show_result(result)
    assert not board.has_texts()
    at = board.cell_center(Cell("clean", 40, 64)).toPoint()
    for _turn in range(6):
        wheel(board, at, 600)
    assert board.has_texts()
    assert view.read_out()["state"] == "result"
