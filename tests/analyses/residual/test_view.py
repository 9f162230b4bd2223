"""The residual stream's view by real events: pages, switch, clicks, keys, and what came first."""

from __future__ import annotations

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QGraphicsView, QPushButton

from desktop_app.views.making import create_view
from desktop_app.widgets.basics.segmented import Toggle
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from tests.analyses.residual.sample import FIRST, LAYERS, fields, result
from tests.finding import find, in_sight

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def view(make_view):
    view = make_view("residual")
    view.show_result(result())
    return view


def turn(view, title):
    button = find(view, QPushButton, title)
    QTest.mouseClick(button, LEFT)
    QApplication.processEvents()


def switch(view, shown):
    toggle = find(view, Toggle, "Position 0")
    if toggle.isChecked() != shown:
        QTest.mouseClick(toggle, LEFT)


def click_point(view, name, index):
    plot = find(view, Plot, name)
    viewport = find(plot, QGraphicsView).viewport()
    place = viewport.mapFrom(plot, plot.point(index).toPoint())
    QTest.mouseClick(viewport, LEFT, pos=place)


def click_cell(view, name, row, column, *, twice=False):
    canvas = find(view, Heatmap, name).canvas
    place = canvas.cell_center(row, column).toPoint()
    (QTest.mouseDClick if twice else QTest.mouseClick)(canvas, LEFT, pos=place)


def test_the_first_page_says_how_the_stream_grows(view):
    told = view.read_out()
    assert told["page"] == "norms"
    assert told["headline"] == "The stream grows 2.000 × per layer, from layer 1 to 2"
    assert "Before the final norm" in told["said"]
    assert "position 0: 2,000" in told["said"]
    assert told["norms"]["legend"] == [
        "stream", "attention adds", "MLP adds", "position 0", "2.000 × per layer",
    ]  # fmt: skip


def test_the_switch_takes_position_0_away_from_curves_and_colours(view):
    switch(view, False)
    told = view.read_out()
    assert "position 0" not in told["norms"]["legend"]
    assert told["cosine"]["legend"] == []
    turn(view, "Map")
    (shown,) = view.read_out()["maps"]
    assert shown.values.shape == (LAYERS + 1, 7)
    assert shown.limits == (0.0, 120.0)
    switch(view, True)
    (shown,) = view.read_out()["maps"]
    np.testing.assert_allclose(shown.values[:, 0], FIRST)
    assert shown.limits == (0.0, 2000.0)


def test_a_click_on_a_curve_selects_the_layer_everywhere(view, selection):
    click_point(view, "Norm of the stream over layers", 2)
    assert (selection.layer, selection.head) == (2, None)
    told = view.read_out()
    assert (told["norms"]["row"], told["growth"]["row"], told["cosine"]["row"]) == (2, 2, 2)
    click_point(view, "Growth over blocks", 1)
    assert selection.layer == 1
    assert view.read_out()["norms"]["row"] == 1


def test_the_end_is_marked_and_selects_no_layer(view, selection):
    selection.select_head(1, 2)
    click_point(view, "Norm of the stream over layers", LAYERS)
    told = view.read_out()
    assert (selection.layer, selection.head) == (1, 2)
    assert told["norms"]["row"] == LAYERS
    assert told["growth"]["row"] == -1


def test_a_selected_head_marks_its_layer(view, selection):
    selection.select_head(3, 1)
    assert view.read_out()["norms"]["row"] == 3
    selection.select_head(99, 0)  # of a larger model
    assert view.read_out()["norms"]["row"] == -1


def test_a_selected_token_has_a_line_and_a_table(view, selection):
    selection.select_position(2)
    assert "position 2 “2”" in view.read_out()["norms"]["legend"]
    turn(view, "Map")
    assert view.read_out()["title"] == "Position 2 “2”"
    selection.select_position(None)
    assert view.read_out()["title"].startswith("Positions ≥ 1")
    selection.select_position(99)
    assert view.read_out()["title"].startswith("Positions ≥ 1")


def test_a_click_on_the_map_selects_layer_and_token(view, selection):
    turn(view, "Map")
    click_cell(view, "Norms, layer by position", 2, 3)
    assert (selection.layer, selection.position) == (2, 3)
    told = view.read_out()
    assert told["selected"] == (2, 3)
    assert told["row"] == 2
    switch(view, False)
    assert view.read_out()["selected"] == (2, 2)
    click_cell(view, "Norms, layer by position", 1, 0)
    assert (selection.layer, selection.position) == (1, 1)


def test_the_map_follows_keys_and_its_table_does_as_well(view, selection):
    turn(view, "Map")
    click_cell(view, "Norms, layer by position", 2, 3)
    QTest.keyClick(find(view, Heatmap, "Norms, layer by position").canvas, Qt.Key.Key_Down)
    assert (selection.layer, selection.position) == (3, 3)
    QTest.keyClick(find(view, Heatmap, "Norms, layer by position").canvas, Qt.Key.Key_Down)
    assert view.read_out()["row"] == LAYERS  # the end
    assert selection.layer == 3
    table = find(view, RankingList, "Stream layer by layer")
    place = table.visualRect(table.model().index(1, 0)).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=place)
    assert selection.layer == 1
    assert view.read_out()["selected"] == (1, 3)


def test_the_map_shows_what_blocks_add(view):
    turn(view, "Map")
    turn(view, "MLP adds")
    (shown,) = view.read_out()["maps"]
    assert shown.values.shape == (LAYERS, 8)
    assert (shown.values == 3).all()


def test_a_double_click_asks_what_contributes_there(view, heads_opened):
    told = heads_opened(view)
    turn(view, "Map")
    click_cell(view, "Norms, layer by position", 2, 3, twice=True)
    click_cell(view, "Norms, layer by position", LAYERS, 3, twice=True)
    assert told == [("attribution", 0, 2, 3), ("attribution", 0, None, 3)]


def test_another_prompt_is_shown_with_its_own_length(view, selection):
    turn(view, "Map")
    box = find(view, QComboBox, "Prompt")
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert selection.prompt == 1
    (shown,) = view.read_out()["maps"]
    assert shown.values.shape == (LAYERS + 1, 6)


def test_shares_are_stacked_by_kind_or_age_and_of_either_kind_of_position(view):
    turn(view, "Shares")
    told = view.read_out()
    assert told["stack"]["legend"] == ["Embeddings", "Attention", "MLPs"]
    assert told["caption"].endswith("a share is no cause.")
    assert in_sight(view, Toggle, "Position 0") == []
    turn(view, "By age")
    assert view.read_out()["stack"]["legend"][:2] == ["Embeddings", "Layer 0"]
    assert view.read_out()["maps"][0].values[4, 2] == pytest.approx(-0.2)
    turn(view, "Position 0")
    assert view.read_out()["maps"][0].values[4, 2] == 0
    click_cell(view, "Share of each part, layer by part", 1, 0)
    assert view.read_out()["row"] == 1


def test_a_result_without_shares_says_why_in_their_place(view):
    view.show_result(result(shares=False))
    turn(view, "Shares")
    assert view.read_out()["why"] == "The stream is not the sum: layer 1 does more to it."
    assert in_sight(view, QPushButton, "By age") == []
    view.show_result(result())
    assert view.read_out()["by"] == "kind"


def test_first_fields_are_drawn_and_given_back(view):
    view.show_busy(True)
    data = fields((8, 6), shares=False)
    unread = np.full_like(data["norm"][1], np.nan)
    data["norm"] = (data["norm"][0], unread)
    data["growth_rate"] = 3.0
    view.show_partial(data)
    assert view.read_out()["headline"].startswith("The stream grows 3.000 ×")
    turn(view, "Map")
    turn(view, "Shares")
    assert "Choose norms and shares" in view.read_out()["why"]
    view.show_busy(False)
    assert view.read_out()["headline"].startswith("The stream grows 2.000 ×")
    assert view.read_out()["by"] == "kind"


def test_what_is_not_enough_draws_nothing(make_view):
    view = make_view("residual")
    view.show_partial({"norm": np.zeros((2, 1, 1))})
    assert not view.read_out()["drawn"]
    for title in ("Map", "Shares", "Norms"):
        turn(view, title)
    assert view.read_out()["state"] == "empty"


def test_a_prompt_of_one_token_shows_position_0_alone(make_view):
    view = make_view("residual")
    data = {
        **fields((1,)),
        "growth": np.full(LAYERS, np.nan),
        "growth_rate": float("nan"),
        "cosine": np.full(LAYERS, np.nan),
        "share": np.full((LAYERS + 1, 1 + 2 * LAYERS), np.nan),
    }
    view.show_result(dataclasses.replace(result((1,)), data=data))
    told = view.read_out()
    assert told["headline"].startswith("No growth rate")
    switch(view, False)
    turn(view, "Map")
    assert view.read_out()["maps"][0].values.shape == (LAYERS + 1, 1)
    turn(view, "Shares")
    assert view.read_out()["stack"]["curves"] is not None


@pytest.mark.parametrize("size", [(620, 420), (1400, 860)])
def test_every_page_stands_in_small_and_large_rooms(make_view, size):
    view = make_view("residual", *size)
    view.show_result(result())
    for title in ("Norms", "Map", "Shares"):
        turn(view, title)
        assert not view.picture().isNull()
        for plot in view.findChildren(Plot):
            assert not plot.isVisible() or plot.height() >= 80


def test_a_view_is_freed(themed):
    view = create_view("residual", Selection())
    view.show_result(result())
    gone = weakref.ref(view)
    view.deleteLater()
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    del view
    gc.collect()
    assert gone() is None
