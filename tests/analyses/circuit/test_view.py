"""The circuit's view by what a user does: clicks, drags, keys, lists, files, buttons."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit

from desktop_app.analyses.circuit import keep_row
from desktop_app.analyses.circuit.keep_map import KeepCanvas
from desktop_app.analyses.circuit.places_row import PlacesStrip
from desktop_app.analyses.circuit.states import DROPPED, KEPT, OUTSIDE, PARTLY, STAYS
from desktop_app.analyses.circuit.taking import TakeDialog
from desktop_app.contract.spec import Intent
from desktop_app.pictures.origin import Difference
from desktop_app.session.export_table import table_of
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.exports.pictures import draw_result
from tests.finding import find, in_sight, press
from tests.samples import circuits, drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
M = circuits.HEADS  # the column of the MLPs
OFFERS = (
    ("Parts", "Minus one"),
    ("Text", "Generate 20 tokens"),
    ("Checks", "Check with 20 random sets"),
    ("Pruning", "Go on"),
)


@pytest.fixture
def view(make_view):
    view = make_view("circuit", 1200, 800)
    view.show_result(circuits.result("0.1,2.2,3.1", minus=True, controls=(10.0, 22.0, 31.0)))
    return view


@pytest.fixture
def asked(view, heard):
    """What is asked to be run: keep, MLPs, pruning."""
    told = heard(view.run_requested)

    def last():
        params = told[-1][0] if told else None
        return None if params is None else (params.keep, params.mlps, params.prune)

    return last


def canvas(view):
    return find(view, KeepCanvas)


def click(view, *cells, key=NONE):
    for cell in cells:
        QTest.mouseClick(canvas(view), LEFT, key, canvas(view).cell_center(*cell).toPoint())


def drag(view, *cells):
    board = canvas(view)
    places = [board.cell_center(*cell).toPoint() for cell in cells]
    QTest.mousePress(board, LEFT, NONE, places[0])
    for place in places[1:]:
        QTest.mouseMove(board, place)
    QTest.mouseRelease(board, LEFT, NONE, places[-1])


def states(view):
    return view.read_out()["states"]


def typed(view, text):
    line = find(view, QLineEdit, "Kept parts")
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def answer(view, keep, **params):
    """Give what was asked for, as the compute thread does."""
    view.show_busy(True)
    view.show_result(circuits.result(keep, params=params))


def test_the_map_has_every_part_in_its_state(view):
    found = states(view)
    assert found.shape == (4, 4)
    assert {tuple(cell) for cell in np.argwhere(found == KEPT)} == {(0, 1), (2, 2), (3, 1)}
    assert (found[:, M] == STAYS).all()
    assert (found[:, :M] == OUTSIDE).sum() == 9
    assert view.read_out()["legend"] == ["kept", "outside", "stays, no part of the circuit"]


def test_the_heading_says_what_is_kept_beside_random_sets(view):
    out = view.read_out()
    assert out["headline"] == (
        "3 of 12 heads keep 90.2 % of the logit difference: 2.75 of 3.05, mean of 2"
    )
    assert out["beside"] == (
        "Everything replaced 6.6 % · faithfulness 0.89 · 3 random sets as large: mean 21.0 %, "
        "best 31.0 % (none keeps as much)"
    )
    assert "its mean over 5 reference prompts; all MLPs stay" in out["how"]


def test_the_list_begins_with_the_part_that_is_needed_most(view):
    rows = view.read_out()["parts"]
    assert [row[0] for row in rows] == ["L2H2", "L0H1", "L3H1"]
    assert rows[0][2:4] == ("−49.2", "41.0 %")


def test_a_click_removes_a_part_and_another_one_keeps_one(view, asked):
    click(view, (2, 2))
    assert asked() == ("0.1,3.1", False, None)
    assert view.read_out()["asked"] == "0.1,3.1"
    assert "Scoring 2 of 12 heads" in view.read_out()["headline"]
    click(view, (1, 0))
    assert asked() == ("0.1,1.0,3.1", False, None)
    answer(view, "0.1,1.0,3.1")
    assert view.read_out()["asked"] == ""
    assert states(view)[1, 0] == KEPT


def test_a_drag_gives_all_cells_the_state_that_the_first_one_gets(view, asked):
    drag(view, (1, 0), (1, 1), (1, 2), (2, 2))
    assert asked() == ("0.1,1.0,1.1,1.2,2.2,3.1", False, None)
    answer(view, "0.1,1.0,1.1,1.2,2.2,3.1")
    drag(view, (2, 2), (0, 2))  # a fast pointer leaves no cell out
    assert asked() == ("0.1,1.0,1.1,3.1", False, None)


def test_keys_choose_switch_and_open(view, asked, selection, heads_opened, qtbot):
    opened = heads_opened(view)
    click(view, (2, 2), key=SHIFT)  # picks, and gives the keyboard
    assert selection.picked == ((2, 2),)
    assert asked() is None
    board = canvas(view)
    view.answer(Intent("head_facts", {"layer": 2, "head": 1}))
    qtbot.keyClick(board, Qt.Key.Key_Right)
    assert (selection.layer, selection.head) == (2, 2)
    qtbot.keyClick(board, Qt.Key.Key_Space)
    assert asked() == ("0.1,3.1", False, None)
    qtbot.keyClick(board, Qt.Key.Key_Return)
    assert opened == [("open_attention", 2, 2)]


def test_a_double_click_opens_and_switches_nothing(view, asked, heads_opened):
    opened = heads_opened(view)
    place = canvas(view).cell_center(2, 2).toPoint()
    QTest.mouseClick(canvas(view), LEFT, NONE, place)
    QTest.mouseDClick(canvas(view), LEFT, NONE, place)
    assert view.now().text == "0.1,2.2,3.1"
    assert ("open_attention", 2, 2) in opened


def test_an_mlp_becomes_a_part_once_it_is_clicked(view, asked):
    click(view, (1, M))
    assert asked() == ("0.1,m0,2.2,m2,3.1,m3", True, None)
    answer(view, "0.1,m0,2.2,m2,3.1,m3", mlps=True)
    assert states(view)[1, M] == OUTSIDE
    assert "6 of 16 heads and MLPs" in view.read_out()["headline"]


def test_all_none_undo_redo(view, asked):
    press(view, "All")
    assert asked()[0] == "all"
    press(view, "None")
    assert asked()[0] == "none"
    row = find(view, keep_row.KeepRow)
    row.undo.click()
    assert asked()[0] == "all"
    row.undo.click()
    assert asked()[0] == "0.1,2.2,3.1"
    assert not row.undo.isEnabled()
    row.redo.click()
    assert asked()[0] == "all"


def test_a_typed_list_is_kept_and_a_bad_one_refused(view, asked):
    typed(view, "L2H2; 0.1@-1  1.0@0@2")
    assert asked() == ("0.1@-1,1.0@0@2,2.2", False, None)
    typed(view, "2.2, 9.9")
    assert "9.9 is not there: the model has 4 layers of 3 heads" in view.read_out()["said"]
    assert asked()[0] == "0.1@-1,1.0@0@2,2.2"
    typed(view, "rubbish")
    assert "rubbish" in view.read_out()["said"]
    typed(view, "2.2, m3")
    assert asked() == ("2.2,m3", True, None)


def test_a_result_may_be_pasted(view, asked):
    typed(view, json.dumps({"result": {"kept": ["2.2", "0.1@0"]}}))
    assert asked()[0] == "0.1@0,2.2"
    typed(view, '{"result": 5}')
    assert "no result of a circuit" in view.read_out()["said"]


def test_a_list_and_a_result_are_opened_from_files(view, asked, tmp_path, monkeypatch):
    stored = json.dumps({"result": {"kept": ["2.2", "3.1@-1"]}})
    for name, text, kept in (
        ("list.txt", "2.2\n0.1\n\n", "0.1,2.2"),
        ("circuit.json", stored, "2.2,3.1@-1"),
    ):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr(keep_row, "ask_file", lambda _parent, path=path: path)
        find(view, keep_row.KeepRow).open.click()
        assert asked()[0] == kept


def test_a_bad_file_is_refused_by_its_name(view, asked, tmp_path, monkeypatch):
    path = tmp_path / "bad.txt"
    path.write_text("nothing of ours", encoding="utf-8")
    monkeypatch.setattr(keep_row, "ask_file", lambda _parent: path)
    find(view, keep_row.KeepRow).open.click()
    told = view.read_out()["said"]
    assert "bad.txt" in told
    assert str(tmp_path) not in told
    assert asked() is None


def test_positions_of_the_chosen_part_on_the_strip(view, asked, selection):
    selection.select_head(2, 2)
    assert view.read_out()["places"] == "L2H2 stays at all 8 positions"
    strip = find(view, PlacesStrip)
    QTest.mouseClick(strip.viewport(), LEFT, NONE, strip.box_center(3))
    # The prompts have two lengths: the last token is written as every prompt's own.
    assert asked()[0] == "0.1,2.2@0@1@2@4@5@6@-1,3.1"
    assert "at 7 of 8 positions" in view.read_out()["places"]
    press(view, "Last only")
    assert asked()[0] == "0.1,2.2@-1,3.1"
    assert states(view)[2, 2] == KEPT  # until it is scored
    answer(view, "0.1,2.2@-1,3.1")
    assert states(view)[2, 2] == PARTLY
    press(view, "Everywhere")
    assert asked()[0] == "0.1,2.2,3.1"


def test_the_strip_by_keys_moves_and_switches(view, asked, selection, qtbot):
    selection.select_head(1, 1)
    assert "at 0 of 8 positions" in view.read_out()["places"]
    strip = find(view, PlacesStrip)
    qtbot.keyClick(strip, Qt.Key.Key_Home)
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    assert asked() is None
    assert selection.position == 1
    qtbot.keyClick(strip, Qt.Key.Key_Space)
    assert asked()[0] == "0.1,1.1@1,2.2,3.1"


def test_what_was_stopped_or_failed_leaves_the_scored_circuit(view):
    click(view, (2, 2))
    view.show_busy(True)
    assert not view.read_out()["veiled"]
    view.show_busy(False)
    assert view.read_out()["asked"] == ""
    assert view.read_out()["list"] == "0.1, 2.2, 3.1"
    click(view, (2, 2))
    view.show_failure("Out of memory.")
    assert view.read_out()["asked"] == ""
    assert "3 of 12" in view.read_out()["headline"]


def test_a_result_that_comes_late_leaves_what_was_asked_since(view):
    click(view, (2, 2))
    click(view, (1, 0))
    view.show_result(circuits.result("0.1,3.1"))
    out = view.read_out()
    assert out["asked"] == "0.1,1.0,3.1"
    assert out["list"] == "0.1, 1.0, 3.1"


@pytest.fixture
def running(view):
    """What is asked for begins, as in a window."""

    def begin(params):
        view.expect_run(params)
        view.show_busy(True)

    view.run_requested.connect(begin)


def test_a_run_of_the_circuit_on_screen_takes_back_what_was_clicked(make_view, heard):
    view = make_view("circuit", 1200, 800)
    view.show_result(circuits.result("0.1,2.2,3.1"))
    told = heard(view.run_requested)
    click(view, (2, 2))
    view.expect_run(told[-1][0])
    view.show_busy(True)
    out = view.read_out()
    assert (out["asked"], out["veiled"]) == ("0.1,3.1", False)
    assert "Scoring 2 of 12" in out["headline"]
    press(view, "Minus one")
    assert told[-1][0].keep == "0.1,2.2,3.1"
    view.expect_run(told[-1][0])
    view.show_busy(True)
    out = view.read_out()
    assert (out["asked"], out["veiled"]) == ("", True)
    assert out["headline"].startswith("3 of 12 heads keep")
    view.show_result(circuits.result("0.1,2.2,3.1", minus=True))
    assert view.read_out()["headline"].startswith("3 of 12 heads keep")
    click(view, (1, 0))
    assert told[-1][0].keep == "0.1,1.0,2.2,3.1"


@pytest.mark.usefixtures("running")
def test_a_pruning_takes_back_what_was_clicked(view, asked):
    click(view, (2, 2))
    press(view, "Pruning")
    press(view, "Prune heads at 20 %")
    assert view.read_out()["asked"] == ""
    view.show_result(circuits.pruned())
    assert view.read_out()["headline"].startswith("2 of 12 heads keep")
    click(view, (1, 0))
    assert asked() == ("0.1,1.0,2.2", False, None)


@pytest.mark.usefixtures("running")
def test_a_set_with_mlps_stays_asked_for_until_it_is_scored(view):
    for cell in ((1, M), (2, M)):
        click(view, cell)
        assert view.read_out()["headline"].startswith("Scoring")
    assert view.read_out()["asked"] == "0.1,m0,2.2,3.1,m3"
    view.show_result(circuits.result("0.1,m0,2.2,3.1,m3", params={"mlps": True}))
    assert view.read_out()["asked"] == ""


def test_where_the_form_holds_a_bad_value_a_click_opens_it(view, asked, heard):
    told = heard(view.message_requested)
    press(view, "Settings of Circuit")
    (line,) = in_sight(view, QLineEdit, "Keep")
    line.selectAll()
    QTest.keyClicks(line, "nonsense!")
    press(view, "Settings of Circuit")
    assert not view.read_out()["form"]
    click(view, (2, 2))
    assert asked() is None
    assert told[-1] == ("A setting of Circuit needs attention.",)
    out = view.read_out()
    assert out["form"]
    assert (out["asked"], out["list"]) == ("", "0.1, 2.2, 3.1")
    assert out["headline"].startswith("3 of 12 heads keep")


def test_without_a_model_a_click_says_why(view, asked, heard):
    told = heard(view.message_requested)
    view.forbid_running("torch is not here")
    click(view, (2, 2))
    assert told[-1] == ("torch is not here",)
    assert asked() is None
    assert view.read_out()["asked"] == ""


# Pruning.


def test_a_pruning_shrinks_while_it_runs(make_view, heard):
    view = make_view("circuit", 1200, 800)
    params = view.params().model_copy(update={"prune": 20.0})
    view.expect_run(params)
    view.show_busy(True)
    for stop in (0, 4, 9):
        data = circuits.trail(20.0, stop)
        view.show_partial(data)
        out = view.read_out()
        assert (out["states"] == DROPPED).sum() == sum(not k for k in data["trail_kept"])
        assert out["page"] == "pruning"
    assert out["states"].shape == (4, 4)  # which no first pass says, but all that are kept at first
    assert "left" in out["headline"]
    assert len(out["log"]) == 9
    assert out["log"][0][0] == "9"  # the newest first
    assert out["marks"][0] == "kept to 80.0 %"
    told = heard(view.message_requested)
    click(view, (0, 0))
    assert "ended or stopped" in told[-1][0]
    view.show_result(circuits.pruned())
    assert view.read_out()["go_on"] is False


def test_the_log_and_the_curve_of_a_pruning(view, selection):
    view.show_result(circuits.pruned())
    press(view, "Pruning")
    out = view.read_out()
    assert out["log"][-1] == ("1", "1", "L3H0", "100.0 %", "0.00", "100.0 %", "dropped")
    assert out["log"][0][-1] == "kept"
    assert out["curve"][-1] == pytest.approx(80.33, abs=0.01)
    assert out["marks"] == ["kept to 80.0 %", "pass 2"]
    assert out["steps"].endswith("until a pass changed nothing.")
    log = find(view, RankingList, "Log of the pruning")
    log.selectRow(0)
    assert (selection.layer, selection.head) == (2, 2)


def test_a_stopped_pruning_goes_on_from_its_trail(view, heard):
    told = heard(view.run_requested)
    stopped = circuits.pruned(stop=5)
    view.show_result(stopped)
    press(view, "Pruning")
    assert view.read_out()["go_on"]
    press(view, "Go on")
    params = told[-1][0]
    assert (params.keep, params.prune) == ("all", 20.0)
    assert json.loads(params.resume) == [list(row) for row in stopped.data["trail"]]
    # The form holds that trail now; a plain run begins anew.
    press(view, "Run")
    assert told[-1][0].resume == ""


def test_minus_one_of_a_pruned_circuit_keeps_its_trail(view, heard):
    told = heard(view.run_requested)
    view.show_result(circuits.pruned())
    press(view, "Parts")
    press(view, "Minus one")
    params = told[-1][0]
    assert params.minus
    assert len(json.loads(params.resume)) == len(circuits.pruned().data["trail"])


def test_a_switch_after_a_pruning_scores_the_set_alone(view, asked):
    view.show_result(circuits.pruned())
    assert view.now().text == "0.1,2.2"
    click(view, (1, 0))
    assert asked() == ("0.1,1.0,2.2", False, None)


def test_what_was_removed_and_why(view):
    view.show_result(circuits.pruned())
    press(view, "Removed")
    rows = view.read_out()["parts"]
    assert len(rows) == 10
    assert rows[0] == ("L0H2", "step 12: 80.3 % → 80.3 %")
    view.show_result(circuits.result("2.2"))
    assert view.read_out()["parts"][0] == ("L0H0", "outside from the start")


def test_nothing_is_switched_before_a_pruning_has_begun_to_tell(view, asked, heard):
    view.expect_run(view.params().model_copy(update={"prune": 20.0}))
    view.show_busy(True)
    told = heard(view.message_requested)
    click(view, (2, 2))
    typed(view, "2.2")
    find(view, keep_row.KeepRow).undo.click()
    assert asked() is None
    assert {words for (words,) in told} == {
        "Parts can be switched once the pruning has ended or stopped."
    }


def test_a_circuit_of_a_model_that_is_closed_is_not_scored_on_another(view, asked, heard):
    told = heard(view.message_requested)
    view.mark_source(Difference("smollm2", (), prompts=False))
    click(view, (2, 2))
    assert asked() is None
    assert "is of smollm2" in told[-1][0]


def test_nothing_more_is_computed_of_a_circuit_of_a_model_that_is_closed(view, asked, heard):
    told = heard(view.message_requested)
    view.show_result(circuits.pruned(stop=5))
    view.mark_source(Difference("another model, toy", (), prompts=False))
    for page, button in OFFERS:
        told.clear()
        press(view, page)
        press(view, button)
        assert asked() is None, button
        assert "is of smollm2" in told[-1][0], button


@pytest.mark.parametrize("begun", [False, True])
def test_during_a_pruning_the_other_pages_say_that_they_wait(view, asked, heard, begun):
    told = heard(view.message_requested)
    view.show_result(circuits.pruned(stop=5))
    view.expect_run(view.params().model_copy(update={"prune": 20.0}))
    view.show_busy(True)
    if begun:
        view.show_partial(circuits.trail(20.0, 4))
    for page, button in OFFERS:
        press(view, page)
        if in_sight(view, QAbstractButton, button):
            told.clear()
            press(view, button)
            assert "ended or stopped" in told[-1][0], button
    assert told
    assert asked() is None


def test_during_a_pruning_no_page_lists_the_parts_of_the_result_before(view):
    view.expect_run(view.params().model_copy(update={"prune": 20.0}))
    view.show_busy(True)
    view.show_partial(circuits.trail(20.0, 4))
    press(view, "Parts")
    for which in ("Removed", "Kept"):
        press(view, which)
        out = view.read_out()
        assert (out["parts"], out["minus_offered"]) == ([], False), which
        assert out["part_note"].endswith("left so far"), which
    view.show_busy(False)  # it was stopped
    assert [row[0] for row in view.read_out()["parts"]] == ["L2H2", "L0H1", "L3H1"]


def test_steps_among_another_models_parts_are_let_go(view):
    click(view, (2, 2))
    view.show_result(gpt2("9.9"))
    out = view.read_out()
    assert (out["asked"], out["undo"], out["list"]) == ("", False, "9.9")


def test_silly_lists_are_refused_in_a_few_words(view, asked):
    for text in ("x" * 5_000, "", "5.3@", "1.1.1", "all,none"):
        typed(view, text)
        assert 0 < len(view.read_out()["said"]) <= 240, text
    assert asked() is None


def test_presets_turn_to_their_page(view):
    view.expect_preset("pruning")
    assert view.read_out()["page"] == "pruning"
    view.expect_preset("nothing of ours")
    assert view.read_out()["page"] == "pruning"


def test_pages_ask_for_what_they_lack(view, heard):
    told = heard(view.run_requested)
    view.show_result(circuits.result("2.2"))
    for page, button, setting, value in (
        ("Parts", "Minus one", "minus", True),
        ("Text", "Generate 20 tokens", "generate", 20),
        ("Checks", "Check with 20 random sets", "completeness", 20),
        ("Pruning", "Prune heads at 20 %", "prune", 20.0),
        ("Pruning", "Prune heads and MLPs at 20 %", "mlps", True),
    ):
        press(view, page)
        press(view, button)
        assert getattr(told[-1][0], setting) == value, button
    assert told[-1][0].keep == "all"


# Texts, checks, prompts.


def test_generated_text_beside_the_untouched_one(view):
    data = {
        "generated_full": [circuits.texts("5", " ", "6"), circuits.texts("5")],
        "generated": [circuits.texts("5", " ", "4"), circuits.texts("5")],
        "generation_rule": "Greedy.",
    }
    view.show_result(circuits.result("2.2", data=data))
    press(view, "Text")
    texts = view.read_out()["texts"]
    assert texts["words"].startswith("They part at token 3.")
    assert texts["full"] == "Untouched: 5␠6"
    assert texts["circuit"] == "Circuit: 5␠4"
    assert texts["rule"] == "Greedy."
    view.selection.select_prompt(1)
    assert view.read_out()["texts"]["words"].startswith("The same 1 tokens.")


def test_completeness_and_minimality(view):
    data = {
        "complete_model": np.array([[3.0, 2.0], [1.0, 1.0]]),
        "complete_circuit": np.array([[3.0, 2.0], [0.0, 1.0]]),
        "complete_sets": ["", "2.2"],
        "minimality": np.array([1.5, 0.2]),
        "minimality_set": ["2.2", ""],
    }
    view.show_result(circuits.result("0.1,2.2", data=data))
    press(view, "Checks")
    out = view.read_out()
    assert out["complete"] == [2.5, 0.5]
    assert "differ by 0.25 on average and 0.50 at most" in out["checks"]
    assert out["minimal"][0] == ("L0H1", "1.50", "1.500", "2.2")
    assert out["minimal"][1][-1] == "alone"
    assert "matters least anywhere: L2H2" in out["checks"]


def test_a_row_per_prompt_selects_it(view, selection):
    press(view, "Prompts")
    rows = view.read_out()["prompts"]
    assert rows[0][1:] == ("4.00", "0.20", "3.60", "90.0 %", "0.89")
    table = find(view, RankingList, "Prompts of the circuit")
    table.selectRow(1)
    assert selection.prompt == 1


def test_withheld_percentages_are_never_made_up(view):
    view.show_result(circuits.withheld())
    out = view.read_out()
    assert "percentages are withheld" in out["headline"]
    assert "does not do this task on any of these prompts" in out["gate"]
    assert "%" not in out["headline"].replace("percentages", "")


# Other results, published circuits.


def swept(**changes):
    effect = np.zeros((4, 3))
    effect[2, 2], effect[0, 1], effect[1, 1], effect[3, 0] = -2.0, -0.95, -0.2, 1.5
    data = {"effect_mean": effect, "layers": np.arange(4)}
    params = {"component": "head", "metric": "logit_diff"}
    return drawn.result_of("ablate", data, params=params, **{"model": circuits.model(), **changes})


def test_a_circuit_is_taken_from_an_ablation(view, asked, qtbot):
    view.take_lent([("Ablation", swept())])
    press(view, "Take the set from another result: an ablation, a circuit")
    dialog = find(view, TakeDialog)
    assert dialog.said() == "3 of 12 parts: L2H2, L0H1, L1H1."
    dialog.least.setValue(0.9)
    assert dialog.said() == "2 of 12 parts: L2H2, L0H1."
    dialog.least.setValue(5)
    assert dialog.said() == "0 of 12 parts costs so much."
    assert not dialog.ok().isEnabled()
    dialog.least.setValue(0.9)
    qtbot.mouseClick(dialog.ok(), LEFT)
    assert asked() == ("0.1,2.2", False, None)


def test_a_circuit_is_taken_from_another_circuit_as_it_is(view, asked, qtbot):
    view.take_lent([("Circuit", circuits.result("1.0,2.2@-1"))])
    dialog = view.ask_source()
    assert dialog.said() == "A circuit of 2 parts."
    qtbot.mouseClick(dialog.ok(), LEFT)
    assert asked()[0] == "1.0,2.2@-1"


def test_results_of_other_models_are_not_offered(view, heard):
    told = heard(view.message_requested)
    view.take_lent([("Ablation", swept(model=circuits.model(fingerprint="ff")))])
    assert view.ask_source() is None
    assert "No result of this session" in told[-1][0]


def test_without_any_other_result_that_is_said(view, heard):
    told = heard(view.message_requested)
    press(view, "From…")
    assert "No result of this session" in told[-1][0]


def test_parts_asked_for_elsewhere_are_kept(view, asked):
    view.answer(Intent("keep_parts", {"parts": "3.1,2.2"}))
    assert asked() == ("2.2,3.1", False, None)
    view.answer(Intent("keep_parts", {"parts": "2.2,m1"}))
    assert asked() == ("m1,2.2", True, None)


def test_parts_asked_for_before_anything_ran(make_view, heard):
    view = make_view("circuit")
    told = heard(view.run_requested)
    view.answer(Intent("keep_parts", {"parts": "2.2,m1"}))
    assert (told[-1][0].keep, told[-1][0].mlps) == ("m1,2.2", True)


def gpt2(keep):
    model = drawn.model(name="gpt2", n_layers=12, n_heads=12, d_model=768, d_vocab=50257)
    data = {
        "kept": tuple(keep.split(",")),
        "full": np.array([3.0, 2.0]),
        "score": np.array([2.5, 1.5]),
        "empty": np.zeros(2),
        "percent_of_means": 80.0,
        "faithfulness": np.array([0.8, 0.75]),
        "task_done": np.array([True, True]),
    }
    return drawn.result_of("circuit", data, params={"keep": keep}, model=model)


def test_a_published_circuit_is_laid_over_its_own_model(view, asked):
    view.show_result(gpt2("9.9,9.6,0.0"))
    press(view, "Known")
    out = view.read_out()
    assert out["published"] == "GPT-2 small · Indirect objects"
    assert out["overlap"].startswith("2 of 26 heads shared: precision 66.7 %, recall 7.7 %")
    assert out["ringed"] == frozenset()
    press(view, "Lay over the map")
    assert len(view.read_out()["ringed"]) == 26
    assert "Indirect objects" in view.read_out()["legend"]
    press(view, "Keep these")
    assert len(asked()[0].split(",")) == 26
    assert asked()[1] is False
    press(view, "Parts")
    assert view.read_out()["parts"][1][-1] == "name mover"


def test_a_published_circuit_of_another_model_is_refused_in_words(view):
    press(view, "Known")
    out = view.read_out()
    assert "heads of different models have nothing in common" in out["overlap"]
    assert (out["ringed"], out["laid"]) == (frozenset(), False)
    (lay,) = in_sight(view, QAbstractButton, "Lay over the map")
    (keep,) = in_sight(view, QAbstractButton, "Keep these")
    assert not lay.isEnabled()
    assert not keep.isEnabled()


def test_roles_between_models_with_the_users_own(view):
    induction = np.zeros((4, 3))
    induction[2, 2], induction[1, 0] = 0.9, 0.5
    detected = drawn.result_of("detect", {"induction": induction}, model=circuits.model())
    view.take_lent([("Heads", detected)])
    press(view, "Known")
    press(view, "Roles between models")
    out = view.read_out()
    assert out["models"] == ["GPT-2 small", "Llama-2-7b-chat", "smollm2"]
    rows = {row[0]: row[1:] for row in out["roles"]}
    assert rows["induction"] == ("L5H5, L5H8, L5H9, L6H9", "", "L2H2, L1H0")
    press(view, "Parts")
    assert view.read_out()["parts"][0][-1] == "induction"


def test_hovering_tells_a_cell(view):
    QTest.mouseMove(canvas(view), canvas(view).cell_center(0, 1).toPoint())
    assert view.read_out()["readout"] == "L0H1  kept · −24.6 points without it"
    QTest.mouseMove(canvas(view), QPoint(1, 1))


def test_the_picture_can_be_saved(view):
    assert not view.picture().isNull()


def test_png_svg_and_csv_leave_without_a_window(qapp, tmp_path):
    result = circuits.pruned()
    for ending in ("png", "svg"):
        path = tmp_path / f"circuit.{ending}"
        draw_result(result, path)
        assert path.stat().st_size > 2_000
    assert "dropped by pruning" in (tmp_path / "circuit.svg").read_text(encoding="utf-8")
    headings, rows = table_of(result)
    assert headings[3] == "state"
    assert [row[0] for row in rows if row[3] == "kept"] == ["L0H1", "L2H2"]
