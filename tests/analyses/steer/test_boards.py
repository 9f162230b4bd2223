"""The further pages of steering, used as a researcher does: with mouse and keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QFileDialog,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
)
from safetensors.numpy import save_file

from desktop_app.analyses.steer.acts import OPS
from desktop_app.analyses.steer.acts_page import ActsPage
from desktop_app.analyses.steer.feature_dialog import FeatureDialog
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.analyses.steer.sweep_page import SweepPage
from desktop_app.contract.steering import Intervention
from desktop_app.support import vector_files
from desktop_app.views.reflow import Room
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import TokenStrip
from tests.finding import choose, find, in_sight, press
from tests.patience import turn_the_loop
from tests.samples import boards, drawn

pytestmark = [
    pytest.mark.gui,
    pytest.mark.qt_log_ignore("propagateSizeHints", "raise", "grabbing the keyboard"),
]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def view(make_view):
    view = make_view("steer", 1000, 1000)
    view.set_params(
        SteerParams.model_validate(boards.SETTINGS | {"sweep_layers": "", "sweep_coefs": []})
    )
    return view


@pytest.fixture
def runs(view, heard):
    """Return the settings of the runs that the view asks for."""
    return heard(view.run_requested)


def page_of(view):
    return view.findChild(ActsPage)


def room_of(view):
    """Return the room in which the pages scroll."""
    return next(room for room in view.findChildren(Room) if room.isVisible())


def at(maps, row, column, place=0):
    canvas = maps.panes[place].canvas
    return canvas, canvas.cell_center(row, column).toPoint()


def maps_of(view):
    return (
        find(view, Heatmap, "Effect per layer and coefficient"),
        find(view, Heatmap, "Loss per layer and coefficient"),
    )


# The sweep.


def test_the_same_cell_is_lit_in_both_maps(view):
    view.show_result(boards.sweep_result())
    assert view.read_out()["page"] == "sweep"  # what came is shown
    effect, loss = maps_of(view)
    QTest.mouseClick(at(loss, 1, 3)[0], LEFT, pos=at(loss, 1, 3)[1])
    told = view.read_out()
    assert told["sweep_selected"] == ((1, 3), (1, 3))
    assert told["sweep_cell"] == "Layer 1 · coefficient 1"
    assert [row[1] for row in told["sweep_texts"]] == ["text␠1␠3␠0", "text␠1␠3␠1"]
    canvas, place = at(effect, 0, 1)
    QTest.mouseMove(canvas, place)
    assert [pane.canvas.hover for pane in loss.panes] == [(0, 1), (0, 1)]
    QTest.mouseMove(canvas, canvas.rect().bottomRight())
    assert {pane.canvas.hover for pane in loss.panes} == {None}


def test_the_keys_walk_over_the_cells_and_enter_steers_there(view, runs):
    view.show_result(boards.sweep_result())
    effect, _loss = maps_of(view)
    canvas = effect.panes[0].canvas
    QTest.mouseClick(*at(effect, 0, 0)[:1], LEFT, pos=at(effect, 0, 0)[1])
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert view.read_out()["sweep_cell"] == "Layer 1 · coefficient −4"
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    (((params),),) = runs
    assert (params.layer, params.coef) == (1, (-4.0,))


def test_a_double_click_runs_that_cell_with_the_sweeps_own_settings(view, runs):
    view.show_result(boards.sweep_result())
    view.set_params(SteerParams(zero=True, layer=0))  # the form says something else by now
    effect, _loss = maps_of(view)
    QTest.mouseDClick(at(effect, 2, 4)[0], LEFT, pos=at(effect, 2, 4)[1])
    ((params,),) = runs
    (only,) = params.interventions()
    assert (only.op, only.layer, only.coef) == ("difference", 2, 4.0)
    assert (params.sweep_layers, params.sweep_coefs, params.scan) == ("", (), False)
    assert view.read_out()["page"] == "texts"


@pytest.mark.parametrize("width", [700, 900])
def test_the_maps_of_a_sweep_have_room_for_their_words(view, width):
    view.resize(width, 900)
    view.show_result(boards.sweep_result())
    turn_the_loop()
    for maps in maps_of(view):
        assert maps.width() > 0.8 * width  # below each other where the cells would be slivers
        for pane in maps.panes[:2]:
            assert pane.canvas.frame.cell_width() > 30
            assert pane.line.text() == pane.canvas.matrix.sentence
            assert pane.readout.text() == pane.canvas.matrix.cell_text(*maps.selected())


def test_a_sweep_stays_in_reach_when_one_of_its_cells_is_run(view, runs):
    swept = boards.sweep_result()
    view.set_params(SteerParams.model_validate(boards.SETTINGS))
    view.show_result(swept)
    before = view.read_out()
    fields = [find(view, QLineEdit, name).text() for name in ("Layers", "Coefficients")]
    effect, _loss = maps_of(view)
    QTest.mouseDClick(at(effect, 2, 4)[0], LEFT, pos=at(effect, 2, 4)[1])
    ((params,),) = runs
    view.set_params(params)
    view.show_partial({"plain": swept.data["plain"]})
    view.show_result(boards.result({"plain": swept.data["plain"]}, sweep_layers="", sweep_coefs=[]))
    press(view, "Sweep")
    told = view.read_out()
    assert told["sweep_maps"] == before["sweep_maps"]
    assert told["sweep"] == f"Kept from the sweep before this run. {before['sweep']}"
    assert told["sweep_selected"] == ((2, 4), (2, 4))
    assert view.findChild(SweepPage).figure() is None  # it would lack that line
    assert [find(view, QLineEdit, name).text() for name in ("Layers", "Coefficients")] == fields
    press(view, "Steer here")
    assert runs[1][0] == params


def test_a_sweep_of_other_prompts_is_not_kept(view):
    swept = boards.sweep_result()
    view.show_result(swept)
    other = boards.result({"plain": swept.data["plain"]}, sweep_layers="", sweep_coefs=[])
    first, *rest = other.prompts
    other = replace(other, prompts=(replace(first, text="another"), *rest))
    view.show_result(other)
    press(view, "Sweep")
    assert view.read_out()["sweep_maps"] == []


def test_the_list_and_the_button_lead_to_the_same_cell(view, runs):
    view.show_result(boards.sweep_result())
    cells = find(view, RankingList, "Cells by effect")
    cells.setCurrentIndex(cells.model().index(4, 0))
    cell = cells.selected_key()
    assert view.read_out()["sweep_selected"] == (cell, cell)
    press(view, "Steer here")
    ((params,),) = runs
    assert params.layer == cell[0]


def test_a_sweep_is_asked_for_in_its_own_fields(view, runs):
    view.show_result(boards.scan_result())
    press(view, "Sweep")
    told = view.read_out()
    assert told["sweep_maps"] == []
    assert told["sweep_offer"]["can"]
    line = find(view, QLineEdit, "Coefficients")
    line.selectAll()
    QTest.keyClicks(line, "-2; two")
    press(view, "Run the sweep")
    assert not runs  # what is no number is said beside the field
    line.selectAll()
    QTest.keyClicks(line, "-2, 0,  2.5")
    press(view, "Run the sweep")
    ((params,),) = runs
    assert params.sweep_coefs == (-2.0, 0.0, 2.5)
    assert params.sweep_layers == ":"
    # Run does what the page in sight is for; elsewhere the sweep is not made again.
    press(view, "Run steering")
    assert runs[1][0].sweep_coefs == (-2.0, 0.0, 2.5)
    press(view, "Texts")
    press(view, "Run steering")
    assert runs[2][0].sweep_coefs == ()


def test_without_a_vector_a_sweep_says_what_it_needs(view):
    view.set_params(SteerParams(zero=True, layer=1))
    view.show_result(boards.scan_result())
    press(view, "Sweep")
    told = view.read_out()["sweep_offer"]
    assert not told["can"]
    assert "under Interventions" in told["said"]


def test_a_sweep_fills_in_while_it_is_computed(view, runs):
    data = boards.sweep_data()
    for name in ("sweep_metric", "sweep_loss", "sweep_control_metric", "sweep_control_loss"):
        data[name] = data[name].copy()
        data[name][1:] = np.nan
    view.expect_run(SteerParams.model_validate(boards.SETTINGS))
    view.show_partial(data)
    press(view, "Sweep")
    told = view.read_out()
    assert "5 of 15 cells so far" in told["sweep"]
    effect, _loss = maps_of(view)
    QTest.mouseDClick(at(effect, 0, 0)[0], LEFT, pos=at(effect, 0, 0)[1])
    assert not runs
    view.show_result(boards.sweep_result())
    assert "so far" not in view.read_out()["sweep"]


def test_a_sweep_of_the_wrong_form_is_refused_in_a_sentence(view):
    view.show_result(boards.sweep_result(sweep_layer=np.arange(9)))
    assert view.read_out()["state"] == "failure"


# Findings and positions.


def test_a_page_opens_at_its_top(view):
    view.resize(700, 500)
    view.show_result(boards.findings_result())
    turn_the_loop()
    bar = room_of(view).verticalScrollBar()
    bar.setValue(bar.maximum())
    assert bar.value() > 0
    view.show_result(boards.findings_result())  # another one on the same page stays where it is
    assert bar.value() > 0
    press(view, "Interventions")
    assert bar.value() == 0
    turn_the_loop()
    bar.setValue(bar.maximum())
    view.show_result(boards.sweep_result())  # turns to its own page
    assert view.read_out()["page"] == "sweep"
    assert bar.value() == 0


def test_the_experiments_stand_with_their_verdicts(view, runs):
    view.show_result(boards.findings_result())
    told = view.read_out()
    assert told["page"] == "findings"
    assert [verdict for _title, verdict, _words in told["findings"]] == [
        "holds",
        "does not hold",
        "not tried",
    ]
    assert "1 of 3" in told["findings_headline"]
    press(view, "Run the five experiments")
    ((params,),) = runs
    assert params.preset == "equivalence"
    view.clear()
    view.show_result(boards.scan_result())
    assert view.read_out()["findings"] == []


def test_a_position_says_what_steering_it_does_and_where_it_lives(view, runs):
    view.show_result(boards.scan_result())
    told = view.read_out()
    assert (told["page"], told["scan_position"]) == ("scan", 7)
    assert "persists" in told["scan_lives"]
    strip = find(view, TokenStrip, "Prompt positions by what steering them changes")
    QTest.mouseClick(strip.viewport(), LEFT, pos=strip.box_center(1))
    assert "logits but no token" in view.read_out()["scan_sentence"]
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert view.read_out()["scan_position"] == 0
    rows = find(view, RankingList, "Positions and what steering them changes")
    rows.setCurrentIndex(rows.model().index(7, 0))
    assert view.read_out()["scan_said"] == ("untouched  2␠4", "steered    x␠x")
    press(view, "Scan positions")
    ((params,),) = runs
    assert params.scan


def test_a_scan_needs_something_to_move(view):
    view.set_params(SteerParams())
    view.show_result(boards.scan_result())
    assert not view.read_out()["scan_offer"]["can"]


# Interventions.


def open_menu(view, button):
    press(view, button)
    turn_the_loop()
    (menu,) = [m for m in view.findChildren(QMenu) if m.isVisible()]
    return menu


def pick(view, button, entry):
    menu = open_menu(view, button)
    (action,) = [a for a in menu.actions() if a.text() == entry]
    assert action.isEnabled()
    QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    turn_the_loop()


@pytest.fixture
def bare(make_view):
    """A view without any result, its interventions in sight."""
    view = make_view("steer", 1000, 1000)
    press(view, "Choose interventions…")
    return view


def test_interventions_are_added_changed_and_removed(bare):
    assert bare.read_out()["acts"].startswith("No intervention")
    pick(bare, "Add", "Zero")
    pick(bare, "Add", "Scale")
    told = bare.read_out()
    assert [row[1] for row in told["acts_rows"]] == ["Zero", "Scale"]
    assert (told["acts_chosen"], told["act_op"]) == (1, "Scale")
    factor = in_sight(page_of(bare), QLineEdit, "Position")[0]
    factor.selectAll()
    QTest.keyClicks(factor, "all")
    assert "all positions" in bare.read_out()["acts"]
    params = bare.params()
    assert params.zero
    assert [(one.op, one.position) for one in params.also] == [("scale", "all")]
    press(bare, "Move the chosen intervention up")
    assert [one.op for one in bare.params().interventions()] == ["scale", "zero"]
    press(bare, "Add another like the chosen one")
    press(bare, "Remove the chosen intervention")
    assert [one.op for one in bare.params().interventions()] == ["scale", "zero"]
    for _each in range(2):
        press(bare, "Remove the chosen intervention")
    assert bare.params().interventions() == ()
    assert bare.read_out()["act_op"] == ""


def test_what_is_removed_can_be_brought_back_with_all_that_was_typed(bare):
    pick(bare, "Add", "Difference of means")
    edit = find(page_of(bare), QPlainTextEdit, "From")
    edit.setFocus()
    QTest.keyClicks(edit, "I hate it")
    pick(bare, "Add", "Zero")
    before = bare.params().interventions()
    assert not in_sight(bare, QPushButton, "Bring back")
    for _each in range(2):
        press(bare, "Remove the chosen intervention")
    assert bare.params().interventions() == ()
    for _each in range(2):
        press(bare, "Bring back")
    assert bare.params().interventions() == before
    assert before[0].from_texts == ("I hate it",)
    assert not in_sight(bare, QPushButton, "Bring back")
    # Of settings that came from elsewhere nothing was removed.
    press(bare, "Remove the chosen intervention")
    bare.set_params(SteerParams(zero=True, layer=1))
    assert not in_sight(bare, QPushButton, "Bring back")


def test_a_run_that_fails_leaves_the_interventions_in_sight(bare):
    pick(bare, "Add", "Zero")
    bare.expect_run(bare.params())
    bare.show_busy(True)
    bare.show_failure("Layer 99 does not exist.")
    assert bare.read_out()["drawn"]
    assert bare.read_out()["acts_rows"]
    bare.clear()
    assert not bare.read_out()["drawn"]
    # What is wrong stays above the page that is turned to.
    bare.show_failure("Layer 99 does not exist.")
    press(bare, "Choose interventions…")
    (banner,) = [one for one in bare.findChildren(Banner) if one.isVisible()]
    beside = [one for one in banner.parent().children() if getattr(one, "isVisible", bool)()]
    assert beside[-1] is banner


def test_what_came_of_interventions_is_turned_to(bare):
    pick(bare, "Add", "Zero")
    bare.draw_new(boards.scan_result())
    assert bare.read_out()["page"] == "scan"
    press(bare, "Interventions")
    press(bare, "Run steering")
    plain = boards.result({"plain": [boards.said("2 4")] * 2}, sweep_layers="", sweep_coefs=[])
    bare.draw_new(plain)
    assert bare.read_out()["page"] == "texts"


def test_menus_of_buttons_offer_what_the_button_says_alone(bare):
    menu = open_menu(bare, "Add")
    assert {a.text() for a in menu.actions()} == set(OPS.values())
    menu.close()


def test_what_is_typed_stays_while_it_is_typed(bare):
    pick(bare, "Add", "Zero")
    line = in_sight(page_of(bare), QLineEdit, "When")[0]
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, "1:3")
    assert line.text() == "1:3"
    assert bare.params().when == "1:3"
    QTest.keyClicks(line, ":")
    assert bare.params().when == "1:3"  # what names no steps changes nothing, and is said
    assert "attention" in bare.read_out()["act_trouble"]


def test_nothing_runs_before_what_was_begun_is_whole(bare, heard):
    runs, said = heard(bare.run_requested), heard(bare.message_requested)
    pick(bare, "Add", "Add a vector")
    press(bare, "Run steering")
    assert not runs
    assert "Choose a vector" in bare.read_out()["act_trouble"]
    assert "choose a vector" in said[-1][0]
    assert bare.read_out()["acts_rows"][0][-1] == "to do"


def test_two_sets_of_texts_typed_or_from_the_tables_labels(bare, heard):
    runs = heard(bare.run_requested)
    pick(bare, "Add", "Add a vector")
    press(bare, "Make the vector from texts instead of a file")
    bare.take_labelled({"good": ("It is fine", "So nice"), "bad & <b>": ("Oh no",)})
    edit = find(page_of(bare), QPlainTextEdit, "From")
    edit.setFocus()
    QTest.keyClicks(edit, "I hate it, truly")
    pick(bare, "Take the texts of To from the prompt table or a file", "label “good”: 2 prompts")
    (only,) = bare.params().interventions()
    assert only.from_texts == ("I hate it, truly",)  # a comma parts nothing
    assert only.to_texts == ("It is fine", "So nice")
    press(bare, "Exchange From and To: the vector turns round")
    (only,) = bare.params().interventions()
    assert only.to_texts == ("I hate it, truly",)
    menu = open_menu(bare, "Take the texts of From from the prompt table or a file")
    assert [a.text() for a in menu.actions()][1] == "label “bad && <b>”: 1 prompt"
    menu.close()
    press(bare, "Run steering")
    assert runs[0][0].to_texts == ("I hate it, truly",)


def test_a_set_of_texts_comes_from_a_file(bare, tmp_path, monkeypatch, heard):
    pick(bare, "Add", "Difference of means")
    said = heard(bare.message_requested)
    path = tmp_path / "texts.txt"
    path.write_text("one\ntwo\n", encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a: (str(path), ""))
    pick(bare, "Take the texts of To from the prompt table or a file", "Prompts of a file…")
    assert find(page_of(bare), QPlainTextEdit, "To").toPlainText() == "one\ntwo"
    path.write_bytes(b"\xff\xfe\xff")
    pick(bare, "Take the texts of From from the prompt table or a file", "Prompts of a file…")
    assert "texts.txt" in said[-1][0]


def test_a_vector_that_does_not_fit_is_said_before_any_run(view, tmp_path):
    view.show_result(boards.scan_result())
    path, model = tmp_path / "v.safetensors", drawn.model()
    vector_files.write(path, np.ones(model.d_model), model, (2, "mlp_out"), "by hand")
    view.set_params(SteerParams(add=(str(path),), layer=1))
    press(view, "Interventions")
    told = view.read_out()["act_trouble"]
    assert "made at layer 2" in told
    assert "or Vector elsewhere to use it" in told  # as the switch is called
    view.set_params(SteerParams(add=(str(path.with_suffix(".pt")),), layer=1))
    assert "make one with From, To and Save vector" in view.read_out()["act_trouble"]
    view.set_params(SteerParams(add=(str(path),), layer=1))
    press(view, "Vector elsewhere")
    assert view.read_out()["act_trouble"] == ""
    assert view.params().elsewhere


def test_a_vector_that_does_not_fit_is_marked_in_the_list_and_no_run_is_begun(
    view, tmp_path, runs, heard
):
    """Also one that is not the chosen one, and one whose numbers are none."""
    view.show_result(boards.scan_result())
    model, said = drawn.model(), heard(view.message_requested)
    fits, broken = tmp_path / "fits.safetensors", tmp_path / "broken.safetensors"
    vector_files.write(fits, np.ones(model.d_model), model, (1, "resid_post"), "by hand")
    save_file({"vector": np.full(model.d_model, np.nan, dtype=np.float32)}, broken)
    also = Intervention(op="add", file=str(broken), layer=1)
    view.set_params(SteerParams(add=(str(fits),), layer=1, also=(also,)))
    press(view, "Interventions")
    assert [row[-1] for row in view.read_out()["acts_rows"]] == ["", "misfit"]
    view.request_run()
    assert not runs
    assert said[-1][0].startswith("Intervention 2: ")
    assert "finite" in said[-1][0]
    assert view.read_out()["acts_chosen"] == 1


def test_enter_runs_from_every_line_of_an_intervention(view, runs):
    view.show_result(boards.scan_result())
    press(view, "Interventions")
    fields = in_sight(find(view, ActsPage).form, QLineEdit)
    assert fields
    for count, line in enumerate(fields, 1):
        holder = line.parentWidget()  # a number's field has the keys, and not the line within
        QTest.keyClick(holder if isinstance(holder, QAbstractSpinBox) else line, Qt.Key.Key_Return)
        assert len(runs) == count


def test_kept_vectors_are_one_click_away_and_act_where_they_were_made(view, tmp_path, monkeypatch):
    monkeypatch.setattr(vector_files, "folder", lambda: tmp_path)
    view.set_params(SteerParams())
    view.show_result(boards.scan_result())
    press(view, "Interventions")
    pick(view, "Add", "Add a vector")
    menu = open_menu(view, "Vectors that were saved here, of this model")
    assert [a.isEnabled() for a in menu.actions()] == [False]
    menu.close()
    turn_the_loop()
    path, model = tmp_path / "v.safetensors", drawn.model()
    vector_files.write(path, np.ones(model.d_model), model, (2, "mlp_out"), "by hand")
    pick(view, "Vectors that were saved here, of this model", "L2 · v · by hand")
    (only,) = view.params().interventions()
    assert (only.file, only.layer, only.site) == (str(path), 2, "mlp_out")
    assert view.read_out()["act_trouble"] == ""


def test_the_vector_of_a_result_is_saved(view, tmp_path, monkeypatch, heard, runs):
    monkeypatch.setattr(vector_files, "folder", lambda: tmp_path)
    path = tmp_path / "mine.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(path), ""))
    said = heard(view.message_requested)
    done = {"acts": ({"op": "difference"},), "vector": np.ones((1, 8))}
    view.show_result(boards.result({**boards.scan_data(), **done}))
    press(view, "Interventions")
    press(view, "Save the vector of the result on screen as a file")
    assert "mine.safetensors" in said[-1][0]
    assert vector_files.read_head(str(path)).layer == 1
    # Of a result that holds no such vector, a run makes it.
    view.show_result(boards.scan_result())
    press(view, "Interventions")
    press(view, "Save the vector of the result on screen as a file")
    ((params,),) = runs
    assert params.out_vector == str(path)


@pytest.mark.parametrize("there", [True, False])
def test_the_name_that_is_proposed_for_a_vector_can_be_taken(
    view, tmp_path, monkeypatch, heard, runs, there
):
    folder = tmp_path / "home" / "vectors"  # as on a machine where nothing was saved yet
    monkeypatch.setattr(vector_files, "folder", lambda: folder)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda _w, _title, path: (path, ""))
    said = heard(view.message_requested)
    done = {"acts": ({"op": "difference"},), "vector": np.ones((1, 8))}
    vectors = done if there else {}
    view.show_result(boards.result({**boards.scan_data(), **vectors}))
    press(view, "Interventions")
    press(view, "Save the vector of the result on screen as a file")
    if there:
        (file,) = folder.iterdir()
        assert vector_files.read_head(str(file)).layer == 1
        assert said[-1][0] == f"The vector is saved in “{file.name}”."
    else:
        ((params,),) = runs
        vector_files.check_target(params.out_vector)


def test_a_feature_is_named_by_its_folder_and_number(bare, tmp_path):
    pick(bare, "Add", "Project out")
    press(bare, "A feature of a sparse autoencoder, by its folder and number")
    (dialog,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, FeatureDialog)]
    find(dialog, QLineEdit, "Folder of the sparse autoencoder").setText(str(tmp_path))
    assert "cfg.json" in dialog.said()
    (tmp_path / "cfg.json").write_text("{}", encoding="utf-8")
    find(dialog, QLineEdit, "Folder of the sparse autoencoder").setText(f"{tmp_path}/")
    find(dialog, QSpinBox, "Number of the feature").setValue(12)
    press(dialog, "Use this feature")
    (only,) = bare.params().interventions()
    assert only.file == f"{tmp_path}/:12"


def test_what_is_done_can_be_another(bare):
    pick(bare, "Add", "Zero")
    choose(page_of(bare).form.op, "Ablate heads")
    assert "Name the heads" in bare.read_out()["act_trouble"]
    line = find(page_of(bare), QLineEdit, "Heads")
    QTest.keyClicks(line, "L1H0")
    (only,) = bare.params().interventions()
    assert (only.op, only.heads, only.site) == ("ablate_heads", "1.0", "head_z")


@pytest.mark.parametrize("strength", [2e10, -3e38])
def test_a_large_strength_is_not_cut_by_another_edit(bare, strength):
    given = ({"op": "difference", "from": ["a"], "to": ["b"], "coef": strength},)
    bare.set_params(SteerParams(layer=1, also=given))
    choose_first = find(page_of(bare), RankingList, "Interventions")
    choose_first.setCurrentIndex(choose_first.model().index(0, 0))
    line = in_sight(page_of(bare), QLineEdit, "Position")[0]
    line.selectAll()
    QTest.keyClicks(line, "all")
    (only,) = bare.params().interventions()
    assert (only.position, only.coef) == ("all", strength)


def test_settings_from_elsewhere_show_in_the_list(bare):
    one = Intervention(op="zero", layer=2, position="0")
    bare.set_params(SteerParams(zero=True, layer=1, also=(one, one)))
    told = bare.read_out()
    assert len(told["acts_rows"]) == 3
    assert "3 interventions" in told["acts"]
    bare.set_params(SteerParams())
    assert bare.read_out()["acts_rows"] == []


def test_the_most_interventions_are_the_most(bare):
    one = Intervention(op="zero", layer=0)
    bare.set_params(SteerParams(zero=True, layer=0, also=(one,) * 63))
    (add,) = in_sight(bare, type(page_of(bare).add), "Add")
    assert not add.isEnabled()
    assert "64" in add.toolTip()
