"""The probe's view by real events: curves, map, prompts, steering along, and what came first."""

from __future__ import annotations

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsView, QPushButton
from safetensors import safe_open

from desktop_app.support import paths
from desktop_app.views.making import create_view
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from tests.analyses.probe.sample import LAYERS, fields, result
from tests.finding import find, in_sight

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

LEFT = Qt.MouseButton.LeftButton
MAP, CURVES = "Accuracy, layer by position", "Accuracy over layers"
PROMPTS = "Held-out prompts, the wrong ones first"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def view(make_view):
    view = make_view("probe")
    view.show_result(result())
    return view


@pytest.fixture
def positions(make_view):
    view = make_view("probe")
    view.show_result(result(each=True))
    return view


def click_point(view, index):
    plot = find(view, Plot, CURVES)
    viewport = find(plot, QGraphicsView).viewport()
    QTest.mouseClick(viewport, LEFT, pos=viewport.mapFrom(plot, plot.point(index).toPoint()))


def click_cell(view, row, column):
    canvas = find(view, Heatmap, MAP).canvas
    QTest.mouseClick(canvas, LEFT, pos=canvas.cell_center(row, column).toPoint())


def steer(view):
    QTest.mouseClick(find(view, QPushButton, "Steer along it"), LEFT)


def test_the_best_probe_is_shown_first_and_no_map_of_one_position(view):
    told = view.read_out()
    assert told["headline"] == "Best: 100.0 % (4 of 4) held out, after block 1"
    assert told["cell"] == (2, 0)
    assert told["row"] == 2
    assert told["chosen"] == "After block 1: 100.0 % (4 of 4)"
    assert told["legend"] == [
        "held out, 95 % interval", "shuffled labels", "highest shuffle", "commonest label",
    ]  # fmt: skip
    assert in_sight(view, Heatmap, MAP) == []
    assert len(told["prompts"]) == 4


def test_a_layer_that_is_selected_from_then_on_is_shown_instead(make_view, selection):
    selection.select_head(2, 1)
    view = make_view("probe")
    view.show_result(result())
    told = view.read_out()
    assert told["chosen"] == "After block 1: 100.0 % (4 of 4)"  # what the headline calls the best
    assert told["cell"] == (2, 0)
    selection.select_head(2, 0)
    assert view.read_out()["cell"] == (3, 0)
    selection.select_head(0, None)
    told = view.read_out()
    assert (told["cell"], told["row"]) == ((1, 0), 1)
    selection.select_head(99, None)  # of a larger model
    assert view.read_out()["cell"] == (1, 0)


def test_a_click_on_the_curve_selects_the_block_everywhere(view, selection):
    click_point(view, 3)
    assert (selection.layer, selection.head) == (2, None)
    told = view.read_out()
    assert told["chosen"] == "After block 2: 75.0 % (3 of 4)"
    (shown,) = told["confusion"]
    assert shown.values.tolist() == [[2, 0], [1, 1]]
    assert told["prompts"][0] == ("9", "3 3", "dog", "cat")


def test_what_enters_block_0_belongs_to_no_block(view, selection):
    selection.select_head(1, 0)
    click_point(view, 0)
    assert (selection.layer, selection.head) == (1, 0)
    told = view.read_out()
    assert told["cell"] == (0, 0)
    assert not told["can_steer"]
    assert "no direction" in told["direction"]


def test_keys_go_from_row_to_row(view, selection):
    plot = find(view, Plot, CURVES)
    plot.setFocus()
    click_point(view, 2)
    QTest.keyClick(plot, Qt.Key.Key_Right)
    QTest.keyClick(plot, Qt.Key.Key_Return)
    assert view.read_out()["cell"] == (3, 0)
    assert selection.layer == 2


def test_the_map_chooses_layer_and_position(positions, selection):
    assert positions.read_out()["cell"] == (2, 1)
    click_cell(positions, 3, 2)
    assert (selection.layer, selection.position) == (2, 2)
    told = positions.read_out()
    assert told["cell"] == (3, 2)
    assert told["title"] == "Accuracy over layers at position 2"
    QTest.keyClick(find(positions, Heatmap, MAP).canvas, Qt.Key.Key_Left)
    assert positions.read_out()["cell"] == (3, 1)
    selection.select_position(0)
    assert positions.read_out()["cell"] == (3, 0)
    selection.select_position(99)
    assert positions.read_out()["cell"] == (3, 0)


def test_the_map_of_shuffled_labels_is_one_click_away(positions):
    QTest.mouseClick(find(positions, QPushButton, "Shuffled labels"), LEFT)
    (shown,) = positions.read_out()["maps"]
    np.testing.assert_allclose(shown.values, 0.5)
    QTest.mouseClick(find(positions, QPushButton, "Held out"), LEFT)
    (shown,) = positions.read_out()["maps"]
    assert shown.values.max() == 1


def test_a_prompt_of_the_list_is_selected_everywhere_and_the_probe_stays(view, selection):
    click_point(view, 3)
    table = find(view, RankingList, PROMPTS)
    place = table.visualRect(table.model().index(0, 1)).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=place)
    assert selection.prompt == 8
    assert view.read_out()["cell"] == (3, 0)
    selection.select_prompt(3)
    assert table.selected_key() == 3
    selection.select_prompt(0)  # fitted on: it is not in the list
    assert table.selected_key() is None


def test_steering_along_it_writes_a_vector_of_this_model_and_asks(view, heard, home):
    asked = heard(view.intent_raised)
    click_point(view, 3)
    steer(view)
    steer(view)
    ((intent,), (again,)) = asked
    assert intent.name == "steer_with"
    assert intent.data["read"] is True
    assert intent.data["coef"] == 2.5
    assert again.data["file"] == intent.data["file"]  # one direction, one file
    assert len(list(home.rglob("*.safetensors"))) == 1
    with safe_open(intent.data["file"], "np") as stored:
        facts, vector = stored.metadata(), stored.get_tensor("vector")
    np.testing.assert_array_equal(vector, fields()["direction"][3].astype(np.float32))
    assert (facts["layer"], facts["site"]) == ("2", "resid_post")
    assert facts["fingerprint"] == result().model.fingerprint
    assert "“cat” to “dog”" in facts["made"]


def test_a_direction_that_cannot_be_written_is_said_in_a_sentence(view, heard, home):
    home.write_text("no folder", "utf-8")
    said, asked = heard(view.message_requested), heard(view.intent_raised)
    steer(view)
    assert asked == []
    ((message,),) = said
    assert "\n" not in message


def test_the_first_probes_are_drawn_while_the_run_goes_on(view):
    data = fields()
    for name in ("accuracy", "accuracy_control_each", "accuracy_train", "gap", "direction"):
        data[name] = data[name].copy()
        data[name][2:] = np.nan
    view.show_busy(True)
    view.show_partial(data)
    told = view.read_out()
    assert told["cell"] == (0, 0)
    assert not told["can_steer"]
    click_point(view, 1)
    assert view.read_out()["cell"] == (1, 0)
    view.show_busy(False)
    assert view.read_out()["cell"] == (1, 0)
    assert view.read_out()["can_steer"]
    view.show_partial({"accuracy": data["accuracy"]})  # too little to draw
    assert view.read_out()["headline"].startswith("Best")


def test_another_result_begins_with_its_own_best(view):
    click_point(view, 4)
    assert view.read_out()["cell"] == (4, 0)
    view.show_result(result(each=True))
    assert view.read_out()["cell"] == (2, 1)
    view.show_result(result())
    assert view.read_out()["cell"] == (2, 0)
    assert in_sight(view, Heatmap, MAP) == []


@pytest.mark.parametrize("lacking", ["confusion", "held_out", "labels", "predicted", "accuracy"])
def test_a_damaged_result_is_refused_in_a_sentence(view, lacking):
    data = {name: value for name, value in fields().items() if name != lacking}
    view.show_result(dataclasses.replace(result(), data=data))
    told = view.read_out()
    assert told["failure"]
    assert "\n" not in told["failure"]
    click = find(view, QPushButton, "Run")
    assert click.isEnabled()
    view.show_result(result())
    assert view.read_out()["headline"].startswith("Best")


def test_no_table_no_result_and_a_hundred_labels(make_view):
    view = make_view("probe", 700, 460)
    assert view.read_out()["state"] == "empty"
    names = tuple(f"a rather long label number {n}" for n in range(100))
    data = fields() | {
        "labels": names,
        "confusion": np.zeros((LAYERS + 1, 100, 100), dtype=int),
    }
    view.show_result(dataclasses.replace(result(), data=data))
    assert "and 97 more" in view.read_out()["made"]
    QApplication.processEvents()


def test_a_view_that_is_gone_leaves_nothing(themed):
    chosen = Selection()
    view = create_view("probe", chosen)
    view.show_result(result())
    gone = weakref.ref(view)
    view.deleteLater()
    del view
    QApplication.sendPostedEvents(None, 52)
    gc.collect()
    assert gone() is None
    chosen.select_head(1, None)
    chosen.deleteLater()
